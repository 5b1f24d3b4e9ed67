//! Blocks in the memory of burn-flex.

use burn::backend::flex::FlexTensor;
use burn::backend::{BackendTensor, DispatchTensorKind};
use burn::tensor::{DType, Element, Tensor, TensorData};
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::{PIECE, Stack};

/// Columns of a combination that are computed at a time: all their rows fit the cache.
const COLUMNS: usize = 8192;

/// Whether a tensor lies in burn-flex's memory.
pub(super) fn holds(rows: &Tensor<2>) -> bool {
    matches!(
        rows.device().as_dispatch(),
        burn::backend::DispatchDevice::Flex(_)
    )
}

/// An element type that blocks have.
trait Real: ComplexField + Element {
    fn of(value: f64) -> Self;
    /// The elements of a contiguous tensor.
    fn elements(tensor: &FlexTensor) -> Option<&[Self]>;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }

    fn elements(tensor: &FlexTensor) -> Option<&[Self]> {
        tensor.as_slice()
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn elements(tensor: &FlexTensor) -> Option<&[Self]> {
        tensor.as_slice()
    }
}

/// The parts of a stack as matrices, each contiguous, row by row.
struct Rows {
    parts: Vec<(FlexTensor, usize)>,
    length: usize,
}

impl Rows {
    fn of(stack: &Stack) -> Self {
        let length = stack.sample().dims()[1];
        let parts = stack.parts.iter().map(|part| {
            let rows = part.dims()[0];
            match part.clone().into_dispatch().kind {
                DispatchTensorKind::Flex(BackendTensor::Float(tensor)) => {
                    let contiguous = tensor.is_contiguous();
                    let tensor = if contiguous {
                        tensor
                    } else {
                        tensor.to_contiguous()
                    };
                    (tensor, rows)
                }
                // A stack is on one device, which `holds` has looked at.
                other => unreachable!("a block of burn-flex in {other:?}"),
            }
        });
        Self {
            parts: parts.collect(),
            length,
        }
    }

    /// Each part, with the index of its first row.
    fn matrices<T: Real>(&self) -> Vec<(usize, MatRef<'_, T>)> {
        let mut from = 0;
        let matrices = self.parts.iter().map(|(tensor, rows)| {
            let elements = T::elements(tensor).unwrap_or_default();
            let part = (
                from,
                MatRef::from_row_major_slice(elements, *rows, self.length),
            );
            from += rows;
            part
        });
        matrices.collect()
    }
}

pub(super) fn combine(terms: &[(&Mat<f64>, &Stack)]) -> Tensor<2> {
    let sample = terms[0].1.sample();
    let values = match sample.dtype() {
        DType::F64 => data(terms, combine_typed::<f64>),
        _ => data(terms, combine_typed::<f32>),
    };
    Tensor::from_data(values, (&sample.device(), sample.dtype()))
}

fn data<T: Real>(
    terms: &[(&Mat<f64>, &Stack)],
    combine: impl Fn(&[(&Mat<f64>, &Stack)]) -> Vec<T>,
) -> TensorData {
    let shape = [terms[0].0.nrows(), terms[0].1.sample().dims()[1]];
    TensorData::new(combine(terms), shape)
}

fn combine_typed<T: Real>(terms: &[(&Mat<f64>, &Stack)]) -> Vec<T> {
    let rows = terms[0].0.nrows();
    let stacks: Vec<Rows> = terms.iter().map(|(_, stack)| Rows::of(stack)).collect();
    let length = stacks[0].length;
    let mut summands: Vec<(Mat<T>, MatRef<'_, T>)> = Vec::new();
    for ((coefficients, _), stack) in terms.iter().zip(&stacks) {
        for (from, part) in stack.matrices() {
            let own = coefficients.subcols(from, part.nrows());
            summands.push((
                Mat::from_fn(rows, part.nrows(), |i, j| T::of(own[(i, j)])),
                part,
            ));
        }
    }
    let mut sum = vec![T::zero_impl(); rows * length];
    let mut rest = MatMut::from_row_major_slice_mut(&mut sum, rows, length);
    let mut pieces = Vec::with_capacity(length.div_ceil(COLUMNS));
    while rest.ncols() > 0 {
        let size = COLUMNS.min(rest.ncols());
        let (piece, others) = rest.split_at_col_mut(size);
        pieces.push((length - others.ncols() - size, piece));
        rest = others;
    }
    pieces.into_par_iter().for_each(|(from, mut piece)| {
        let mut how = Accum::Replace;
        for (coefficients, part) in &summands {
            let part = part.subcols(from, piece.ncols());
            matmul(
                piece.as_mut(),
                how,
                coefficients,
                part,
                T::one_impl(),
                Par::Seq,
            );
            how = Accum::Add;
        }
    });
    sum
}

/// The product of a pair, by Burn's matrix product, whose kernel suits few rows and many columns
/// better than faer's.
pub(super) fn gram(left: &Stack, right: &Stack) -> Mat<f64> {
    let length = left.sample().dims()[1];
    let pieces: Vec<usize> = (0..length).step_by(PIECE).collect();
    let partial = |&from: &usize| {
        let size = PIECE.min(length - from);
        let mut partial = Mat::<f64>::zeros(left.rows(), right.rows());
        let mut i = 0;
        for left in &left.parts {
            let mut j = 0;
            for right in &right.parts {
                let (rows, columns) = (left.dims()[0], right.dims()[0]);
                let left = left.clone().narrow(1, from, size);
                let right = right.clone().narrow(1, from, size);
                let product = left.matmul(right.transpose()).into_data();
                for (at, value) in product.iter::<f64>().enumerate() {
                    partial[(i + at / columns, j + at % columns)] = value;
                }
                debug_assert_eq!(product.num_elements(), rows * columns);
                j += columns;
            }
            i += left.dims()[0];
        }
        partial
    };
    let partials: Vec<Mat<f64>> = pieces.par_iter().map(partial).collect();
    Mat::from_fn(left.rows(), right.rows(), |i, j| {
        partials.iter().map(|partial| partial[(i, j)]).sum()
    })
}

pub(super) fn project_out(block: Tensor<2>, basis: &Tensor<2>, epsilon: f64) -> Tensor<2> {
    let basis = Stack::from(basis.clone());
    let remainder = |block: &Stack, lengths: &dyn Fn(usize) -> f64, overlap: &Mat<f64>| {
        let n = block.rows();
        let kept = Mat::from_fn(n, n, |i, j| if i == j { lengths(i).recip() } else { 0.0 });
        let taken = Mat::from_fn(n, overlap.ncols(), |i, j| -overlap[(i, j)] / lengths(i));
        Stack::from(combine(&[(&kept, block), (&taken, &basis)]))
    };
    let block = Stack::from(block);
    let block = remainder(&block, &|_| 1.0, &gram(&block, &basis));
    let (overlap, own) = (gram(&block, &basis), gram(&block, &block));
    // The second projection shortens a row by its overlap, which is rounding.
    let length = |i: usize| {
        let taken: f64 = (0..overlap.ncols()).map(|j| overlap[(i, j)].powi(2)).sum();
        (own[(i, i)] - taken).max(epsilon).sqrt()
    };
    remainder(&block, &length, &overlap).whole()
}
