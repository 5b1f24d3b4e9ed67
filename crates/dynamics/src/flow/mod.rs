//! Gradient flow dθ/dτ = −∇L(θ), the curve that gradient descent follows while it is stable.
//!
//! Integrated by the classical Runge–Kutta method with steps below a multiple of 1/Λ, or by an
//! embedded pair with error control; gradient descent at step t is compared with it at τ = η·t.

mod dormand_prince;
mod measurement;
mod runge_kutta;

pub use dormand_prince::{DormandPrince, StepTooSmall};
pub use measurement::{FlowMethod, GradientFlow, columns};
pub use runge_kutta::runge_kutta_4;

use burn::tensor::Tensor;

/// θ + h·Σ cᵢ·kᵢ, leaving out terms whose coefficient is zero.
fn advanced(theta: &Tensor<1>, step: f64, terms: &[(f64, &Tensor<1>)]) -> Tensor<1> {
    terms
        .iter()
        .filter(|(coefficient, _)| *coefficient != 0.0)
        .fold(theta.clone(), |sum, (coefficient, slope)| {
            sum + (*slope).clone().mul_scalar(step * coefficient)
        })
}
