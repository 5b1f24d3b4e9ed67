//! The residual D = F − Y, and what it predicts for the output layer's norm.

use std::ops::Range;

use brink_state::Memory;
use burn::tensor::Tensor;

use super::{Iterate, MeasureError, Measurement, Schedule, SquaredError, read};
use crate::column::Column;
use crate::norms::Reading;

/// ‖D‖², DᵀF, DᵀY and ‖Y‖²; the change of ‖A‖² by the step taken from here, its prediction, and the
/// difference of the two:
///
/// ‖A⁺‖² − ‖A‖² = −(4κη/n)·DᵀF + 2η·⟨b, ∂L/∂b⟩ + η²·‖∂L/∂A‖²,
///
/// exact for a linear output layer A with bias b (Wang, Li and Li 2022, with b = 0, where
/// ‖∂L/∂A‖² = (4κ²/n²)·‖ΦᵀD‖² for last-hidden features Φ), whose weight no other layer has: where it
/// is that of an embedding too, DᵀF has only part of ⟨A, ∂L/∂A⟩. It makes ‖A‖² grow while DᵀF < 0.
#[derive(Debug)]
pub struct Residual {
    schedule: Schedule,
    loss: SquaredError,
    output_weight: Range<usize>,
    output_bias: Option<Range<usize>>,
}

impl Residual {
    /// Measured by `schedule`; the ranges are those of the output layer in θ.
    pub fn new(
        schedule: Schedule,
        loss: SquaredError,
        output_weight: Range<usize>,
        output_bias: Option<Range<usize>>,
    ) -> Self {
        Self {
            schedule,
            loss,
            output_weight,
            output_bias,
        }
    }
}

impl Memory for Residual {}

/// Its columns.
pub fn columns() -> Vec<Column> {
    [
        ("residual_norm_sq", "‖D‖², D = F − Y"),
        ("residual_dot_output", "DᵀF"),
        ("residual_dot_target", "DᵀY"),
        ("target_norm_sq", "‖Y‖²"),
        (
            "output_norm_sq_change",
            "‖A‖² after the step taken from here, less ‖A‖² before it",
        ),
        (
            "output_norm_sq_predicted",
            "the same, from DᵀF and the gradient: −(4κη/n)·DᵀF + 2η⟨b, ∂L/∂b⟩ + η²‖∂L/∂A‖²",
        ),
        ("output_norm_sq_error", "the change less its prediction"),
    ]
    .map(|(name, meaning)| Column::new(name, meaning))
    .into()
}

impl<const D: usize> Measurement<D> for Residual {
    fn name(&self) -> &'static str {
        "residual"
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let outputs = self.loss.outputs(&at.gradient.outputs)?;
        let targets = self.loss.targets();
        let residual = outputs.clone() - targets.clone();
        let part = |of: &Tensor<1>, range: &Range<usize>| of.clone().slice(range.clone());
        let weight = part(at.theta, &self.output_weight);
        let slope = part(&at.gradient.gradient, &self.output_weight);
        // The step as it is taken, rounding included; a difference of squares would cancel.
        let next = weight.clone() - slope.clone().mul_scalar(at.step_size);
        let (step, sum) = (next.clone() - weight.clone(), next + weight);
        let mut scalars = Reading::default();
        scalars.squared(residual.clone());
        scalars.inner(residual.clone(), outputs);
        scalars.inner(residual, targets.clone());
        scalars.squared(targets);
        scalars.inner(step, sum);
        scalars.squared(slope);
        if let Some(bias) = &self.output_bias {
            scalars.inner(part(at.theta, bias), part(&at.gradient.gradient, bias));
        }
        let values = read(scalars)?;
        let bias = values.get(6).copied().unwrap_or(0.0);
        let step_size = at.step_size;
        let predicted = -2.0 * step_size * self.loss.scale() * values[1]
            + 2.0 * step_size * bias
            + step_size * step_size * values[5];
        Ok(values[..5]
            .iter()
            .copied()
            .chain([predicted, values[4] - predicted])
            .map(Some)
            .collect())
    }
}
