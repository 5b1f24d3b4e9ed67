//! Gradient descent with Nesterov's momentum.

use brink_linearize::LinearizeError;
use brink_state::{Memory, Part};
use burn::tensor::Tensor;

use super::heavy_ball::with_momentum;
use super::{Coming, GradientAt, Optimizer};

/// v ← βv + g, θ ← θ − η(g + βv), stable below 2(1 + β)/(η(1 + 2β)).
///
/// In an eigendirection, with φ = θ − ηβv, φ_{t+1} = (1 − ηλ)((1 + β)φ_t − βφ_{t−1}); a root reaches
/// −1 there.
#[derive(Debug, Clone)]
pub struct Nesterov {
    momentum: f64,
    velocity: Option<Tensor<1>>,
}

impl Nesterov {
    /// β from 0 to 1, 1 excluded.
    pub fn new(momentum: f64) -> Self {
        Self {
            momentum,
            velocity: None,
        }
    }
}

impl Memory for Nesterov {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("velocity", &mut self.velocity)]
    }
}

impl Optimizer for Nesterov {
    fn name(&self) -> &'static str {
        "nesterov"
    }

    fn fresh(&self) -> Box<dyn Optimizer> {
        Box::new(Self::new(self.momentum))
    }

    fn threshold_formula(&self) -> &'static str {
        "2(1+β)/(η(1+2β))"
    }

    fn threshold(&self, coming: &Coming) -> f64 {
        2.0 * (1.0 + self.momentum) / (coming.step_size * (1.0 + 2.0 * self.momentum))
    }

    fn advance(
        &mut self,
        coming: &Coming,
        theta: Tensor<1>,
        gradient: Tensor<1>,
        _: GradientAt<'_>,
    ) -> Result<Tensor<1>, LinearizeError> {
        let velocity = with_momentum(self.velocity.take(), self.momentum, gradient.clone());
        self.velocity = Some(velocity.clone());
        let direction = gradient + velocity.mul_scalar(self.momentum);
        Ok(theta - direction.mul_scalar(coming.step_size))
    }
}
