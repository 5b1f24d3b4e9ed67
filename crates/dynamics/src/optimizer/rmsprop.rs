//! RMSProp.

use brink_linearize::LinearizeError;
use brink_state::{Memory, Part};
use burn::tensor::Tensor;

use super::{Coming, GradientAt, Optimizer};

/// ν ← β₂ν + (1 − β₂)g², θ ← θ − η g/(√ν̂ + ε), with ν̂ = ν/(1 − β₂^{t+1}) or ν̂ = ν.
///
/// Stable while the top eigenvalue of P^(−½)HP^(−½), P = diag(√ν̂ + ε), is below 2/η.
#[derive(Debug, Clone)]
pub struct RmsProp {
    beta2: f64,
    epsilon: f64,
    bias_correction: bool,
    squares: SecondMoment,
}

impl RmsProp {
    /// β₂ from 0 to 1, 1 excluded; ε ≥ 0.
    pub fn new(beta2: f64, epsilon: f64, bias_correction: bool) -> Self {
        Self {
            beta2,
            epsilon,
            bias_correction,
            squares: SecondMoment::default(),
        }
    }

    /// √ν̂ + ε of given moments.
    fn denominator(&self, moments: &SecondMoment) -> Option<Tensor<1>> {
        let beta2 = self.bias_correction.then_some(self.beta2);
        moments.root(beta2).map(|root| root + self.epsilon)
    }
}

impl Memory for RmsProp {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("squares", &mut self.squares)]
    }
}

impl Optimizer for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn fresh(&self) -> Box<dyn Optimizer> {
        Box::new(Self::new(self.beta2, self.epsilon, self.bias_correction))
    }

    fn threshold_formula(&self) -> &'static str {
        "2/η"
    }

    fn threshold(&self, coming: &Coming) -> f64 {
        2.0 / coming.step_size
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
        let direction = match self.denominator(&self.squares) {
            Some(denominator) => gradient / denominator,
            None => gradient,
        };
        Ok(theta - direction.mul_scalar(coming.step_size))
    }
}

/// The moving average of g² and how many gradients are in it.
#[derive(Debug, Clone, Default)]
pub(super) struct SecondMoment {
    mean: Option<Tensor<1>>,
    pub steps: u64,
}

impl SecondMoment {
    /// With one gradient more: β₂ν + (1 − β₂)g².
    pub fn with(&self, gradient: &Tensor<1>, beta2: f64) -> Self {
        let square = (gradient.clone() * gradient.clone()).mul_scalar(1.0 - beta2);
        Self {
            mean: Some(match &self.mean {
                Some(mean) => mean.clone().mul_scalar(beta2) + square,
                None => square,
            }),
            steps: self.steps + 1,
        }
    }

    /// √ν̂, with its bias corrected if `beta2` is given; `None` before the first gradient.
    pub fn root(&self, beta2: Option<f64>) -> Option<Tensor<1>> {
        let root = self.mean.clone()?.sqrt();
        Some(match beta2 {
            Some(beta2) => root.div_scalar(correction(beta2, self.steps).sqrt()),
            None => root,
        })
    }
}

impl Memory for SecondMoment {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("mean", &mut self.mean), ("steps", &mut self.steps)]
    }
}

/// 1 − β^steps: what a moving average from zero lacks.
pub(super) fn correction(beta: f64, steps: u64) -> f64 {
    1.0 - beta.powf(steps as f64)
}
