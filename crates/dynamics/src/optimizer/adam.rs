//! Adam.

use brink_linearize::LinearizeError;
use brink_state::{Memory, Part};
use burn::tensor::Tensor;

use super::rmsprop::{SecondMoment, correction};
use super::{Coming, GradientAt, Optimizer};

/// m ← β₁m + (1 − β₁)g, ν ← β₂ν + (1 − β₂)g², θ ← θ − η m̂/(√ν̂ + ε), both bias-corrected.
///
/// Stable while the top eigenvalue of P^(−½)HP^(−½), P = (1 − β₁^{t+1})·diag(√ν̂ + ε), is below
/// (2 + 2β₁)/((1 − β₁)η) (Cohen et al., "Adaptive gradient methods at the edge of stability", 2022).
#[derive(Debug, Clone)]
pub struct Adam {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    mean: Option<Tensor<1>>,
    squares: SecondMoment,
}

impl Adam {
    /// β₁, β₂ from 0 to 1, 1 excluded; ε ≥ 0.
    pub fn new(beta1: f64, beta2: f64, epsilon: f64) -> Self {
        Self {
            beta1,
            beta2,
            epsilon,
            mean: None,
            squares: SecondMoment::default(),
        }
    }

    /// (1 − β₁^{t+1})·(√ν̂ + ε) of given moments.
    fn denominator(&self, squares: &SecondMoment) -> Option<Tensor<1>> {
        let root = squares.root(Some(self.beta2))?;
        Some((root + self.epsilon).mul_scalar(correction(self.beta1, squares.steps)))
    }
}

impl Memory for Adam {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("mean", &mut self.mean), ("squares", &mut self.squares)]
    }
}

impl Optimizer for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn fresh(&self) -> Box<dyn Optimizer> {
        Box::new(Self::new(self.beta1, self.beta2, self.epsilon))
    }

    fn threshold_formula(&self) -> &'static str {
        "(2+2β₁)/((1−β₁)η)"
    }

    fn threshold(&self, coming: &Coming) -> f64 {
        (2.0 + 2.0 * self.beta1) / ((1.0 - self.beta1) * coming.step_size)
    }

    fn is_preconditioned(&self) -> bool {
        true
    }

    fn preconditioner(&self, gradient: &Tensor<1>) -> Option<Tensor<1>> {
        self.denominator(&self.squares.with(gradient, self.beta2))
    }

    fn advance(
        &mut self,
        coming: &Coming,
        theta: Tensor<1>,
        gradient: Tensor<1>,
        _: GradientAt<'_>,
    ) -> Result<Tensor<1>, LinearizeError> {
        self.squares = self.squares.with(&gradient, self.beta2);
        let fresh = gradient.mul_scalar(1.0 - self.beta1);
        let mean = match self.mean.take() {
            Some(mean) => mean.mul_scalar(self.beta1) + fresh,
            None => fresh,
        };
        self.mean = Some(mean.clone());
        let direction = match self.denominator(&self.squares) {
            Some(denominator) => mean / denominator,
            None => mean,
        };
        Ok(theta - direction.mul_scalar(coming.step_size))
    }
}
