//! Blocks of row vectors on the device: combinations, Gram matrices, projections.
//!
//! On burn-flex they are computed with faer's kernels, a piece of all rows at a time on each core;
//! Burn's operations are the plain way beside it, and the only one elsewhere.

#[cfg(feature = "flex")]
mod flex;
mod krylov;
mod plain;
#[cfg(test)]
mod tests;

use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::Mat;

use super::EigenError;
use super::reading::Numbers;

pub(super) use krylov::Orthogonalised;

/// Columns summed in one partial product of a Gram matrix; the partial sums are added in float64.
/// The roundings of the pieces average out, and on a CPU the matrix products are faster on them than
/// on one product as long as the parameter vector: a batched product over the pieces, of strided
/// views, is slower still.
const PIECE: usize = 16_384;

/// Parts of a stack that Burn's operations go through one by one.
const MOST_PARTS: usize = 4;

/// A host matrix as a tensor.
pub(super) fn upload(matrix: &Mat<f64>, device: &Device, dtype: DType) -> Tensor<2> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let values: Vec<f64> = (0..rows)
        .flat_map(|i| (0..columns).map(move |j| matrix[(i, j)]))
        .collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), (device, dtype))
}

/// Rows that may lie in several tensors, one under the other, `[n, P]` in all.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    parts: Vec<Tensor<2>>,
}

impl From<Tensor<2>> for Stack {
    fn from(rows: Tensor<2>) -> Self {
        Self { parts: vec![rows] }
    }
}

impl From<Vec<Tensor<2>>> for Stack {
    /// At least one tensor.
    fn from(parts: Vec<Tensor<2>>) -> Self {
        Self { parts }
    }
}

impl Stack {
    /// n.
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.dims()[0]).sum()
    }

    /// A tensor on the right device with the right element type.
    pub fn sample(&self) -> &Tensor<2> {
        &self.parts[0]
    }

    /// All rows in one tensor.
    pub fn whole(&self) -> Tensor<2> {
        match &self.parts[..] {
            [all] => all.clone(),
            parts => Tensor::cat(parts.to_vec(), 0),
        }
    }
}

/// How blocks are computed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arithmetic {
    /// Whether by Brink's own code where there are any.
    own: bool,
}

impl Arithmetic {
    /// By Brink's own code where `own` and the device allow it, else by Burn's operations.
    pub fn new(own: bool) -> Self {
        Self { own }
    }

    /// Whether Brink's own code serves the device of `rows`.
    fn is_own(self, rows: &Tensor<2>) -> bool {
        #[cfg(feature = "flex")]
        return self.own && flex::holds(rows);
        #[cfg(not(feature = "flex"))]
        {
            let _ = (self.own, rows);
            false
        }
    }

    /// `rows` under a stack.
    pub fn extend(self, stack: &Stack, rows: Tensor<2>) -> Stack {
        let mut parts = stack.parts.clone();
        parts.push(rows);
        let stack = Stack::from(parts);
        // A part costs Burn's operations a launch each time, and joining them a copy of all.
        match stack.parts.len() > MOST_PARTS && !self.is_own(stack.sample()) {
            true => stack.whole().into(),
            false => stack,
        }
    }

    /// Sum of combinations of rows: `Σ [q, n] · [n, P] → [q, P]`, of at least one term.
    pub fn combine(self, terms: &[(&Mat<f64>, &Stack)]) -> Tensor<2> {
        #[cfg(feature = "flex")]
        if self.own
            && let Some(sum) = flex::combine(terms)
        {
            return sum;
        }
        plain::combine(terms)
    }

    /// What the images of some rows have beyond their Rayleigh quotients times the rows, and these
    /// quotients, where that is worth its passes over memory: A·s − σ·s is short for a row that is near an
    /// eigenvector, and its inner products then show a residual that those of A·s hide by their rounding.
    /// In Brink's own code residuals themselves are as cheap, and float64 hides none that matters: there the
    /// images stay as they are.
    pub fn shifted(self, rows: &Tensor<2>, images: Tensor<2>) -> (Tensor<2>, Option<Tensor<1>>) {
        if self.is_own(rows) || rows.dtype() != DType::F32 {
            return (images, None);
        }
        let (images, quotients) = plain::shifted(rows, images);
        (images, Some(quotients))
    }

    /// The products a·bᵀ of several pairs, `[i, P], [j, P] → [i, j]`, and some numbers, in one
    /// read-back.
    pub fn grams(
        self,
        pairs: &[(&Stack, &Stack)],
        numbers: &mut [&mut Numbers],
    ) -> Result<Vec<Mat<f64>>, EigenError> {
        #[cfg(feature = "flex")]
        if pairs.iter().all(|(left, _)| self.is_own(left.sample())) {
            for numbers in numbers {
                numbers.values()?;
            }
            let gram = |&(left, right): &(&Stack, &Stack)| flex::gram(left, right);
            return Ok(pairs.iter().map(gram).collect());
        }
        plain::grams(pairs, numbers)
    }
}
