//! The loss L = (κ/n)·‖F − Y‖², which the quantities in function space belong to.

use burn::tensor::Tensor;

use super::MeasureError;

/// Targets and factor of a mean squared error.
#[derive(Debug, Clone)]
pub struct SquaredError {
    targets: Tensor<1>,
    factor: f64,
    samples: usize,
}

impl SquaredError {
    /// Targets Y of shape [n, c], and κ.
    pub fn new(targets: Tensor<2>, factor: f64) -> Self {
        let [samples, outputs] = targets.dims();
        Self {
            targets: targets.reshape([samples * outputs]),
            factor,
            samples,
        }
    }

    /// 2κ/n, the factor between the Gram matrix M = JJᵀ and the Gauss–Newton part's spectrum.
    pub fn scale(&self) -> f64 {
        2.0 * self.factor / self.samples as f64
    }

    /// N = n·c.
    pub fn len(&self) -> usize {
        self.targets.dims()[0]
    }

    /// Whether there are no targets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Y, shape `[N]`.
    pub fn targets(&self) -> Tensor<1> {
        self.targets.clone()
    }

    /// F as a vector [N], which must have as many values as there are targets.
    pub(super) fn outputs<const D: usize>(
        &self,
        outputs: &Tensor<D>,
    ) -> Result<Tensor<1>, MeasureError> {
        let count = outputs.dims().iter().product();
        if count != self.len() {
            return Err(MeasureError::Targets {
                targets: self.len(),
                outputs: count,
            });
        }
        Ok(outputs.clone().reshape([count]))
    }

    /// D = F − Y, shape [N].
    pub(super) fn residual<const D: usize>(
        &self,
        outputs: &Tensor<D>,
    ) -> Result<Tensor<1>, MeasureError> {
        Ok(self.outputs(outputs)? - self.targets())
    }
}
