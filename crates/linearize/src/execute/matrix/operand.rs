//! The matrices of an argument, where they lie in memory.

use std::marker::PhantomData;

use burn::backend::flex::FlexTensor;
use faer::MatRef;

use crate::execute::real::Real;

/// A matrix, or a batch of them with the block's vectors outermost.
#[derive(Debug)]
pub(super) struct Operand<T> {
    tensor: FlexTensor,
    /// Where the matrix starts that belongs to each of the result's.
    starts: Vec<usize>,
    rows: usize,
    pub columns: usize,
    order: Order,
    element: PhantomData<T>,
}

/// How a matrix lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Row after row, at this distance.
    Rows(usize),
    /// Column after column, at this distance.
    Columns(usize),
}

/// The matrices of an argument in float32.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrices<'a> {
    pub values: &'a [f32],
    /// Where the matrix starts that belongs to each of the result's.
    pub starts: &'a [usize],
    pub rows: usize,
    pub columns: usize,
    /// Whether the elements of rows follow each other, else those of columns do.
    pub by_rows: bool,
    /// Distance of these rows or columns.
    pub distance: usize,
}

impl<T: Real> Operand<T> {
    /// Of an argument whose leading dimensions are those of `batch` or of length 1, save that the
    /// first of `batch` is the block's where the result is one, which the argument may lack.
    pub fn new(tensor: FlexTensor, batched: bool, of_block: bool, batch: &[usize]) -> Self {
        let (tensor, order) = match order(&tensor) {
            Some(order) => (tensor, order),
            None => {
                let tensor = tensor.to_contiguous();
                let columns = *tensor.layout().shape().last().unwrap_or(&1);
                (tensor, Order::Rows(columns))
            }
        };
        let layout = tensor.layout();
        let (lengths, strides) = (layout.shape().to_vec(), layout.strides());
        let leading = lengths.len() - 2;
        // An argument that is no block meets every vector of it.
        let missing = usize::from(of_block && !batched);
        let mut starts = vec![layout.start_offset()];
        for (at, &length) in batch.iter().enumerate() {
            let stride = match at.checked_sub(missing) {
                Some(at) if lengths[at] > 1 => strides[at].unsigned_abs(),
                _ => 0,
            };
            starts = starts
                .iter()
                .flat_map(|start| (0..length).map(move |index| start + index * stride))
                .collect();
        }
        Self {
            starts,
            rows: lengths[leading],
            columns: lengths[leading + 1],
            order,
            element: PhantomData,
            tensor,
        }
    }

    /// The same if it is in float32.
    pub fn single(&self) -> Option<Matrices<'_>> {
        let (by_rows, distance) = match self.order {
            Order::Rows(distance) => (true, distance),
            Order::Columns(distance) => (false, distance),
        };
        Some(Matrices {
            values: T::single(T::storage(&self.tensor))?,
            starts: &self.starts,
            rows: self.rows,
            columns: self.columns,
            by_rows,
            distance,
        })
    }

    /// The matrix that belongs to the result's matrix `index`.
    pub fn matrix(&self, index: usize) -> MatRef<'_, T> {
        let values = &T::storage(&self.tensor)[self.starts[index]..];
        let (rows, columns) = (self.rows, self.columns);
        match self.order {
            Order::Rows(distance) => {
                MatRef::from_row_major_slice_with_stride(values, rows, columns, distance)
            }
            Order::Columns(distance) => {
                MatRef::from_column_major_slice_with_stride(values, rows, columns, distance)
            }
        }
    }
}

/// The order of a tensor's matrices, if rows or columns follow each other element by element.
fn order(tensor: &FlexTensor) -> Option<Order> {
    let layout = tensor.layout();
    let (lengths, strides) = (layout.shape().to_vec(), layout.strides());
    if strides.iter().any(|stride| *stride < 0) {
        return None;
    }
    let [.., rows, columns] = lengths[..] else {
        return None;
    };
    let [.., down, across] = strides[..] else {
        return None;
    };
    // The distance to a second row or column that there is not does not matter.
    let distance = |stride: isize, others: usize, length: usize| match others {
        0 | 1 => Some(length),
        _ => Some(stride.unsigned_abs()).filter(|stride| *stride >= length),
    };
    if across == 1 || columns == 1 {
        distance(down, rows, columns).map(Order::Rows)
    } else if down == 1 || rows == 1 {
        distance(across, columns, rows).map(Order::Columns)
    } else {
        None
    }
}
