//! What the parts of a batch come to.

use burn::tensor::Tensor;

use crate::error::LinearizeError;

/// A weighted sum, its terms added in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct Sum<const D: usize>(Option<Tensor<D>>);

impl<const D: usize> Sum<D> {
    pub fn add(&mut self, weight: f64, term: Tensor<D>) {
        // A batch of one part is its own mean, at no cost.
        let term = if weight == 1.0 {
            term
        } else {
            term.mul_scalar(weight)
        };
        self.0 = Some(match self.0.take() {
            Some(sum) => sum + term,
            None => term,
        });
    }

    pub fn total(self) -> Result<Tensor<D>, LinearizeError> {
        self.0
            .ok_or_else(|| LinearizeError::Internal("a sum of no parts".into()))
    }
}

/// The parts one behind the other along a dimension.
pub(crate) fn joined<const D: usize>(parts: Vec<Tensor<D>>, dim: usize) -> Tensor<D> {
    match <[Tensor<D>; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => Tensor::cat(parts, dim),
    }
}
