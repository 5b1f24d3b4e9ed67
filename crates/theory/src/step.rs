//! One step of gradient descent on the state.

use serde::{Deserialize, Serialize};

use crate::error::positive;
use crate::linalg::{add_scaled, norm};
use crate::{Model, Products, State, TheoryError};

/// Which terms of the recursion are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// All: gradient descent exactly.
    #[default]
    All,
    /// Without the terms in η²σ², which the paper's analysis leaves out (σ² = 1/m).
    WithoutSecondOrder,
}

/// What a step adds to ‖A‖² and ‖W‖²; the first is the paper's identity for ‖A‖².
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormChanges {
    /// −2ηc DᵀF + η²c²σ² DᵀGD.
    pub(crate) output: f64,
    /// −2ηc DᵀF + η²c²σ² S DᵀKD.
    pub(crate) hidden: f64,
}

impl NormChanges {
    pub(crate) fn new(
        model: &Model,
        state: &State,
        products: &Products,
        step_size: f64,
        terms: Terms,
    ) -> Self {
        let rate = step_size * model.curvature_factor();
        let first = -2.0 * rate * products.residual_dot_output;
        let second = second_order(model, rate, terms);
        Self {
            output: first + second * products.gram_energy,
            hidden: first + second * state.output_norm_sq * products.kernel_energy,
        }
    }
}

/// η²c²σ², or 0.
fn second_order(model: &Model, rate: f64, terms: Terms) -> f64 {
    match terms {
        Terms::All => rate * rate * model.scale_sq(),
        Terms::WithoutSecondOrder => 0.0,
    }
}

/// ‖D⁺ − (I − ηcM)D‖/‖D‖ of the next step, which is the norm of the term in η²; `None` at D = 0.
pub(crate) fn first_order_error(
    model: &Model,
    products: &Products,
    step_size: f64,
    terms: Terms,
) -> Option<f64> {
    let second = second_order(model, step_size * model.curvature_factor(), terms);
    let error = second * products.residual_dot_output.abs() * norm(&products.kernel_residual);
    (products.residual_norm_sq > 0.0).then(|| error / products.residual_norm_sq.sqrt())
}

/// Takes one step of size η: O(n²), whatever the width. Non-finite numbers pass through.
///
/// # Errors
/// η that is not positive and finite, or a state of another number of samples than the model.
pub fn step(
    model: &Model,
    state: &mut State,
    step_size: f64,
    terms: Terms,
) -> Result<(), TheoryError> {
    positive("the step size η", step_size)?;
    let products = Products::new(model, state)?;
    advance(model, state, &products, step_size, terms);
    Ok(())
}

pub(crate) fn advance(
    model: &Model,
    state: &mut State,
    products: &Products,
    step_size: f64,
    terms: Terms,
) {
    let rate = step_size * model.curvature_factor();
    let second = second_order(model, rate, terms);
    let (scale, s) = (model.scale_sq(), state.output_norm_sq);
    let (f, h) = (&state.outputs, &products.kernel_residual);
    for j in 0..f.len() {
        let (f_j, h_j) = (f[j], h[j]);
        let column = state.gram_features.col_as_slice_mut(j);
        for ((g, &f_i), &h_i) in column.iter_mut().zip(f).zip(h) {
            *g += second * s * (h_i * h_j) - rate * (f_i * h_j + h_i * f_j);
        }
    }
    state.output_norm_sq += NormChanges::new(model, state, products, step_size, terms).output;
    // M·D is σ²(S·h + GD) with the old S and G, both of which the products hold.
    let along_h = second * products.residual_dot_output - rate * scale * s;
    add_scaled(&mut state.outputs, along_h, h);
    add_scaled(&mut state.outputs, -rate * scale, &products.gram_residual);
}
