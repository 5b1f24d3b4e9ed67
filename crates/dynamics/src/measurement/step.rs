//! The coming step along the gradient, against the longest one that does not raise the loss.

use brink_state::Memory;
use burn::tensor::{DType, Tensor};

use super::critical::{Probe, critical};
use super::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::column::Column;
use crate::curvature::curvature;
use crate::norms::Reading;

/// By how many roundings, relative to the loss, the difference of two losses may be off.
const ROUNDINGS: f64 = 4.0;

/// The relative error from that above which nothing is reported.
const WORST: f64 = 0.01;

/// Quantities of the step θ_t − η_t·g along the gradient g = ∇L(θ_t) over all samples, with H the
/// Hessian there and all of them with the penalty of weight decay.
///
/// - `directional_sharpness`: gᵀHg/‖g‖², at most λ₁ and in its units.
/// - `relative_progress`: (L(θ_t − η_t·g) − L(θ_t))/(η_t‖g‖²), without unit, by a forward pass; −1 of
///   a short step, near 0 at the edge of stability (Ahn, Zhang and Sra, *Understanding the unstable
///   convergence of gradient descent*, ICML 2022). On a quadratic it is
///   −1 + η_t/2 · `directional_sharpness`. Empty where η_t is 0, and where L(θ_t − η_t·g) is not
///   finite.
/// - `critical_sharpness`: 2/η_c, in units of λ₁; the step θ_t − ηg would raise the loss above L(θ_t)
///   from η = η_c on. On a quadratic it is `directional_sharpness`. By forward passes alone: η_c is
///   bracketed by doubling or halving η_t up to 40 times and bisected to one part in a thousand.
///   Where the loss along the line rises and falls more than once, it is one of its crossings, and
///   another may lie between the probes below. Empty where no bracket is found.
/// - `critical_evaluations`: the forward passes that both took.
///
/// Both are of differences of losses. They are empty where four roundings of L(θ_t) are more than a
/// hundredth of η‖g‖², η being η_t or η_c: those could be of rounding alone. All are empty where g is
/// zero. Where η_t is 0, the search begins at 2/`directional_sharpness`, if that is positive.
#[derive(Debug)]
pub struct Step {
    schedule: Schedule,
}

impl Step {
    /// Measured by `schedule`, of gradient descent over all samples.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule }
    }
}

impl Memory for Step {}

/// Its columns.
pub fn columns() -> Vec<Column> {
    [
        (
            "directional_sharpness",
            "gᵀHg/‖g‖² for g = ∇L(θₜ), in units of λ; empty where g is 0, as are the next \
             three",
        ),
        (
            "relative_progress",
            "(L(θₜ − η_t·g) − L(θₜ))/(η_t‖g‖²), of the step taken from here; empty where \
             η_t is 0, the loss there is not finite, or rounding of the loss could be a \
             hundredth of it",
        ),
        (
            "critical_sharpness",
            "2/η_c, η_c the step size from which on the step θₜ − ηg would raise the loss, \
             to one part in a thousand, in units of λ; empty where none is found from \
             η_t·2⁻⁴⁰ to η_t·2⁴⁰, or where rounding of the loss could move η_c by a \
             hundredth",
        ),
        ("critical_evaluations", "forward passes that both took"),
    ]
    .map(|(name, meaning)| Column::new(name, meaning))
    .into()
}

impl<const D: usize> Measurement<D> for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let gradient = &at.gradient.gradient;
        let image = at.linearization.hvp(gradient.clone().unsqueeze())?;
        let mut reading = Reading::default();
        reading.norm(gradient.clone());
        reading.inner(image.squeeze_dim(0), gradient.clone());
        let values = read(reading)?;
        let (norm, inner) = (values[0], values[1]);
        if norm == 0.0 {
            return Ok(vec![None; 4]);
        }
        let along = |block| at.linearization.hvp(block);
        let directional = curvature(gradient, [norm, inner], along)? + at.weight_decay;
        if !directional.is_finite() {
            return Err(MeasureError::NonFinite("the directional sharpness"));
        }
        let at = &*at;
        let rise = |step_size: f64| -> Result<f64, MeasureError> {
            let moved = at.theta.clone() - gradient.clone().mul_scalar(step_size);
            Ok(at.loss_at(moved)? - at.loss)
        };
        let noise = ROUNDINGS * rounding(gradient) * at.loss.abs();
        let told = |step_size: f64| noise <= WORST * step_size * norm * norm;

        let taken = at.step_size > 0.0;
        let start = if taken {
            at.step_size
        } else {
            2.0 / directional
        };
        if !(start > 0.0 && start.is_finite()) {
            return Ok(vec![Some(directional), None, None, Some(0.0)]);
        }
        let first = Probe {
            step_size: start,
            rise: rise(start)?,
        };
        let known = taken && first.rise.is_finite() && told(start);
        let progress = known.then(|| first.rise / start / norm / norm);
        let found = critical(first, rise)?;
        let step_size = found.step_size.filter(|step_size| told(*step_size));
        Ok(vec![
            Some(directional),
            progress,
            step_size.map(|step_size| 2.0 / step_size),
            Some((1 + found.probes) as f64),
        ])
    }
}

/// The distance from 1 to the next number of a tensor's type.
fn rounding(tensor: &Tensor<1>) -> f64 {
    match tensor.dtype() {
        DType::F64 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    }
}
