//! The products of a state that a step and its record share.

use crate::linalg::{apply, dot};
use crate::{Model, State, TheoryError};

/// Products of the residual D = F − Y at one state; O(n²) to form.
#[derive(Clone, Debug)]
pub struct Products {
    /// D = F − Y `[n]`.
    pub residual: Vec<f64>,
    /// h = KD `[n]`.
    pub kernel_residual: Vec<f64>,
    /// GD `[n]`.
    pub gram_residual: Vec<f64>,
    /// ‖D‖².
    pub residual_norm_sq: f64,
    /// DᵀF.
    pub residual_dot_output: f64,
    /// DᵀY.
    pub residual_dot_target: f64,
    /// q = DᵀKD = ‖XD‖².
    pub kernel_energy: f64,
    /// DᵀGD = ‖WXD‖².
    pub gram_energy: f64,
}

impl Products {
    /// The products at `state`.
    ///
    /// # Errors
    /// A state of another number of samples than the model.
    pub fn new(model: &Model, state: &State) -> Result<Self, TheoryError> {
        state.check(model)?;
        Ok(Self::unchecked(model, state))
    }

    pub(crate) fn unchecked(model: &Model, state: &State) -> Self {
        let (outputs, targets) = (&state.outputs, model.targets());
        let residual: Vec<f64> = outputs.iter().zip(targets).map(|(f, y)| f - y).collect();
        let kernel_residual = apply(model.kernel(), &residual);
        let gram_residual = apply(&state.gram_features, &residual);
        Self {
            residual_norm_sq: dot(&residual, &residual),
            residual_dot_output: dot(&residual, outputs),
            residual_dot_target: dot(&residual, targets),
            kernel_energy: dot(&residual, &kernel_residual).max(0.0),
            gram_energy: dot(&residual, &gram_residual).max(0.0),
            residual,
            kernel_residual,
            gram_residual,
        }
    }

    /// L = (κ/n)‖D‖².
    pub fn loss(&self, model: &Model) -> f64 {
        0.5 * model.curvature_factor() * self.residual_norm_sq
    }

    /// ‖∇L‖² = c² DᵀMD = c²σ²(S·q + DᵀGD), over A and W together.
    pub fn gradient_norm_sq(&self, model: &Model, state: &State) -> f64 {
        let energy = state.output_norm_sq * self.kernel_energy + self.gram_energy;
        model.curvature_factor().powi(2) * model.scale_sq() * energy
    }

    /// The radius ρ = cσ‖XD‖ of the residual's part of the Hessian: see [`crate::hessian`].
    pub fn residual_radius(&self, model: &Model) -> f64 {
        model.curvature_factor() * (model.scale_sq() * self.kernel_energy).sqrt()
    }
}
