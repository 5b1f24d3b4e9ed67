//! Sharpness-aware minimisation.

use brink_linearize::LinearizeError;
use brink_state::Memory;
use burn::tensor::Tensor;

use super::{Coming, GradientAt, Optimizer};

/// θ ← θ − η∇L(θ + ρ g/‖g‖), g = ∇L(θ) (Foret et al., ICLR 2021); with batches, both gradients are of
/// the step's batch.
///
/// Where g is an eigenvector of a quadratic the step is θ − ηλ(1 + ρλ/‖g‖)(θ − θ*). It is stable while
/// λ is below (‖g‖/2ρ)(√(1 + 8ρ/(η‖g‖)) − 1), the SAM edge of Long and Bartlett (JMLR 25, 2024),
/// which moves with ‖g‖: [`StepRecord::gradient_norm`](crate::record::StepRecord::gradient_norm) is
/// recorded beside it. With batches ‖g‖ is that of the step's batch, by which its ascent is divided, and
/// not the one recorded, of all samples: in the mean over batches the same ‖g‖ the step is still
/// θ − ηλ(1 + ρλ/‖g‖)(θ − θ*), and a noisier gradient has a higher edge.
#[derive(Debug, Clone, Copy)]
pub struct Sam {
    radius: f64,
}

impl Sam {
    /// ρ ≥ 0.
    pub fn new(radius: f64) -> Self {
        Self { radius }
    }
}

impl Memory for Sam {}

impl Optimizer for Sam {
    fn name(&self) -> &'static str {
        "sam"
    }

    fn fresh(&self) -> Box<dyn Optimizer> {
        Box::new(*self)
    }

    fn threshold_formula(&self) -> &'static str {
        "(‖g‖/2ρ)(√(1+8ρ/(η‖g‖))−1)"
    }

    fn threshold(&self, coming: &Coming) -> f64 {
        // The same without cancellation, and 2/η at ρ = 0.
        let reach = 8.0 * self.radius / (coming.step_size * coming.gradient_norm);
        if reach.is_nan() {
            return 2.0 / coming.step_size;
        }
        4.0 / (coming.step_size * (1.0 + (1.0 + reach).sqrt()))
    }

    fn advance(
        &mut self,
        coming: &Coming,
        theta: Tensor<1>,
        gradient: Tensor<1>,
        gradient_at: GradientAt<'_>,
    ) -> Result<Tensor<1>, LinearizeError> {
        let direction = match coming.gradient_norm > 0.0 {
            true => {
                let ascent = gradient.mul_scalar(self.radius / coming.gradient_norm);
                gradient_at(&(theta.clone() + ascent))?
            }
            // A stationary point has no direction of ascent.
            false => gradient,
        };
        Ok(theta - direction.mul_scalar(coming.step_size))
    }
}
