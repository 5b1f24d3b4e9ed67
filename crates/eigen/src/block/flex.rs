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
pub(super) trait Real: ComplexField + Element {
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
pub(super) struct Rows {
    parts: Vec<(FlexTensor, usize)>,
    length: usize,
}

impl Rows {
    /// `None` for a stack that is not all in burn-flex's memory.
    pub fn of(stack: &Stack) -> Option<Self> {
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
                    Some((tensor, rows))
                }
                _ => None,
            }
        });
        Some(Self {
            parts: parts.collect::<Option<_>>()?,
            length: stack.sample().dims()[1],
        })
    }

    /// The elements of each part; `None` if one has others.
    pub fn elements<T: Real>(&self) -> Option<Vec<&[T]>> {
        let parts = self.parts.iter();
        parts.map(|(tensor, _)| T::elements(tensor)).collect()
    }

    /// Each part, with the index of its first row; `None` if one has other elements.
    fn matrices<T: Real>(&self) -> Option<Vec<(usize, MatRef<'_, T>)>> {
        let mut from = 0;
        let matrices = self.parts.iter().map(|(tensor, rows)| {
            let matrix = MatRef::from_row_major_slice(T::elements(tensor)?, *rows, self.length);
            let part = (from, matrix);
            from += rows;
            Some(part)
        });
        matrices.collect()
    }
}

/// `None` where the plain way is the only one.
pub(super) fn combine(terms: &[(&Mat<f64>, &Stack)]) -> Option<Tensor<2>> {
    match terms[0].1.sample().dtype() {
        DType::F32 => combine_typed::<f32>(terms),
        DType::F64 => combine_typed::<f64>(terms),
        _ => None,
    }
}

fn combine_typed<T: Real>(terms: &[(&Mat<f64>, &Stack)]) -> Option<Tensor<2>> {
    let stacks = terms.iter().map(|(_, stack)| Rows::of(stack));
    let stacks: Vec<Rows> = stacks.collect::<Option<_>>()?;
    let (rows, length) = (terms[0].0.nrows(), stacks[0].length);
    let mut summands: Vec<(Mat<T>, MatRef<'_, T>)> = Vec::new();
    for ((coefficients, _), stack) in terms.iter().zip(&stacks) {
        for (from, part) in stack.matrices()? {
            let own = Mat::from_fn(rows, part.nrows(), |i, j| {
                T::of(coefficients[(i, from + j)])
            });
            summands.push((own, part));
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
    let sample = terms[0].1.sample();
    let sum = TensorData::new(sum, [rows, length]);
    Some(Tensor::from_data(sum, (&sample.device(), sample.dtype())))
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
                let columns = right.dims()[0];
                let left = left.clone().narrow(1, from, size);
                let right = right.clone().narrow(1, from, size);
                let product = left.matmul(right.transpose()).into_data();
                for (at, value) in product.iter::<f64>().enumerate() {
                    partial[(i + at / columns, j + at % columns)] = value;
                }
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
