//! Gradient descent with Polyak's momentum.

use brink_linearize::LinearizeError;
use brink_state::{Memory, Part};
use burn::tensor::Tensor;

use super::{Coming, GradientAt, Optimizer};

/// v ← βv + g, θ ← θ − ηv, stable below 2(1 + β)/η.
///
/// In an eigendirection θ_{t+1} = (1 + β − ηλ)θ_t − βθ_{t−1}; a root reaches −1 there.
#[derive(Debug, Clone)]
pub struct HeavyBall {
    momentum: f64,
    velocity: Option<Tensor<1>>,
}

impl HeavyBall {
    /// β from 0 to 1, 1 excluded.
    pub fn new(momentum: f64) -> Self {
        Self {
            momentum,
            velocity: None,
        }
    }
}

impl Memory for HeavyBall {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("velocity", &mut self.velocity)]
    }
}

impl Optimizer for HeavyBall {
    fn name(&self) -> &'static str {
        "heavy-ball"
    }

    fn fresh(&self) -> Box<dyn Optimizer> {
        Box::new(Self::new(self.momentum))
    }

    fn threshold_formula(&self) -> &'static str {
        "2(1+β)/η"
    }

    fn threshold(&self, coming: &Coming) -> f64 {
        2.0 * (1.0 + self.momentum) / coming.step_size
    }

    fn advance(
        &mut self,
        coming: &Coming,
        theta: Tensor<1>,
        gradient: Tensor<1>,
        _: GradientAt<'_>,
    ) -> Result<Tensor<1>, LinearizeError> {
        let velocity = with_momentum(self.velocity.take(), self.momentum, gradient);
        self.velocity = Some(velocity.clone());
        Ok(theta - velocity.mul_scalar(coming.step_size))
    }
}

/// βv + g; g at the first step.
pub(super) fn with_momentum(
    velocity: Option<Tensor<1>>,
    momentum: f64,
    gradient: Tensor<1>,
) -> Tensor<1> {
    match velocity {
        Some(velocity) => velocity.mul_scalar(momentum) + gradient,
        None => gradient,
    }
}
