//! Gradient descent.

use brink_linearize::LinearizeError;
use brink_state::Memory;
use burn::tensor::Tensor;

use super::{Coming, GradientAt, Optimizer};

/// θ ← θ − ηg, stable below 2/η.
#[derive(Debug, Clone, Copy, Default)]
pub struct GradientDescent;

impl Memory for GradientDescent {}

impl Optimizer for GradientDescent {
    fn name(&self) -> &'static str {
        "gd"
    }

    fn fresh(&self) -> Box<dyn Optimizer> {
        Box::new(Self)
    }

    fn threshold_formula(&self) -> &'static str {
        "2/η"
    }

    fn threshold(&self, coming: &Coming) -> f64 {
        2.0 / coming.step_size
    }

    fn advance(
        &mut self,
        coming: &Coming,
        theta: Tensor<1>,
        gradient: Tensor<1>,
        _: GradientAt<'_>,
    ) -> Result<Tensor<1>, LinearizeError> {
        Ok(theta - gradient.mul_scalar(coming.step_size))
    }
}
