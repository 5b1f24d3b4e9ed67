//! How the sharpness moves along the trajectory, and what its oscillation does to it.

use brink_state::{Memory, Part};
use burn::tensor::Tensor;

use super::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::column::Column;
use crate::norms::Reading;
use crate::record::Eigenvalue;

/// The sine of the angle between the vector that was solved for and the eigenvector above which
/// nothing is reported: ∇S would be off by up to twice that share of ‖∇³L[u, ·]‖.
const WIDEST: f64 = 0.1;

/// The quantities of Damian, Nichani and Lee, *Self-Stabilization* (ICLR 2023), at an iterate θ.
///
/// S = λ₁ is the sharpness, u its unit eigenvector and ∇S = ∇³L[u, u]. With the oscillation x along
/// u and y = S − 2/η the paper's model of gradient descent at the edge is
/// x ← −(1 + ηy)·x, y ← y + η·(α − βx²/2), with the fixed point |x| = √(2α/β), y = 0.
///
/// - `sharpness_gradient_norm`: ‖∇S‖.
/// - `progressive_sharpening`: −⟨∇L, ∇S⟩, dS/dt of gradient flow from θ. At the edge the oscillation
///   has a share in it of the size of α, and it is often negative.
/// - `stabilization`: β = ‖∇S − ⟨u, ∇S⟩u‖².
/// - `oscillation`: x = ⟨u, ∇L⟩/λ₁, the distance along u from the point θ_ref = θ − xu at which the
///   slope along u vanishes to first order, as it does on the paper's constrained trajectory. The
///   sign of u is continued from one measured step to the next.
/// - `progressive_sharpening_reference`: α, which the paper takes where x = 0: to second order in x,
///   ∇L(θ_ref) is ∇L − xλ₁u + ½x²∇S, and without its part along u, which is zero there,
///   α = −⟨∇L, ∇S⟩ + xλ₁⟨u, ∇S⟩ − ½x²β.
/// - `predicted_deviation`: √(2α/β), the |x| at which sharpening and stabilization are in balance.
/// - `top_eigenvector_error`: a bound on the sine of the angle between u and the eigenvector,
///   ‖Hu − λ₁u‖/(λ₁ − λ₂), λ₂ as large as its error bound allows (Davis and Kahan).
///
/// ∇S is not defined where λ₁ is not simple. All is empty where λ₁ and λ₂ were not both solved for,
/// where they lie within their error bounds of each other, and where the angle may be above 0.1; the
/// deviation also where α or β is not positive, and what needs x where λ₁ is not.
///
/// The model is of gradient descent over all samples with one eigenvalue at the edge; elsewhere the
/// columns hold the same formulas. A rotation of the parameters changes none of them. A penalty of
/// weight decay is in L and S, and not in ∇S: the penalty has no third derivative.
#[derive(Debug)]
pub struct SelfStabilization {
    schedule: Schedule,
    /// The last measured eigenvector, its sign continued.
    previous: Option<Tensor<1>>,
}

impl SelfStabilization {
    /// Measured by `schedule`, at those of its steps at which eigenvalues are solved for.
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            previous: None,
        }
    }
}

impl Memory for SelfStabilization {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("previous", &mut self.previous)]
    }
}

/// Its columns.
pub fn columns() -> Vec<Column> {
    [
        (
            "sharpness_gradient_norm",
            "‖∇S‖ of the sharpness S = λ₁, ∇S = ∇³L[u, u] for its unit eigenvector u; this and \
             the next six are empty where λ₁ is not known to be simple or u not to be within \
             0.1 of it",
        ),
        (
            "progressive_sharpening",
            "−⟨∇L, ∇S⟩, dS/dt of gradient flow from θₜ",
        ),
        ("stabilization", "β = ‖∇S − ⟨u, ∇S⟩u‖²"),
        (
            "oscillation",
            "x = ⟨u, ∇L⟩/λ₁, distance along u from θ_ref = θₜ − xu, where the slope along u \
             vanishes to first order; the sign of u is continued from step to step; empty \
             where λ₁ ≤ 0",
        ),
        (
            "progressive_sharpening_reference",
            "α = −⟨∇L, ∇S⟩ + xλ₁⟨u, ∇S⟩ − ½x²β: progressive sharpening at θ_ref to second \
             order in x; empty where x is",
        ),
        (
            "predicted_deviation",
            "√(2α/β), the |x| at which Damian, Nichani and Lee (2023) have gradient descent in \
             balance; empty where α or β is not positive",
        ),
        (
            "top_eigenvector_error",
            "bound on the sine of the angle between u and the eigenvector: ‖Hu − λ₁u‖/(λ₁ − λ₂), \
             λ₂ as large as its error bound allows",
        ),
    ]
    .map(|(name, meaning)| Column::new(name, meaning))
    .into()
}

impl<const D: usize> Measurement<D> for SelfStabilization {
    fn name(&self) -> &'static str {
        "self_stabilization"
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let columns = columns().len();
        let (Some(u), Some(error)) = (at.top, eigenvector_error(at.eigenvalues)) else {
            return Ok(vec![None; columns]);
        };
        let slope = &at.gradient.gradient;
        let sharpness_gradient = at.linearization.third_twice(u.clone())?;
        let mut reading = Reading::default();
        reading.norm(sharpness_gradient.clone());
        reading.inner(slope.clone(), sharpness_gradient.clone());
        reading.inner(u.clone(), sharpness_gradient);
        reading.inner(u.clone(), slope.clone());
        let previous = self.previous.as_ref().unwrap_or(u);
        reading.inner(u.clone(), previous.clone());
        let values = read(reading)?;
        let [norm, with_slope, along, slope_along, turned] = values[..] else {
            return Err(MeasureError::ReadBack(format!("{} numbers", values.len())));
        };
        if !(norm.is_finite() && with_slope.is_finite()) {
            return Err(MeasureError::NonFinite("the gradient of the sharpness"));
        }
        let sign = if turned < 0.0 { -1.0 } else { 1.0 };
        self.previous = Some(u.clone().mul_scalar(sign));

        let sharpening = -with_slope;
        let stabilization = (norm * norm - along * along).max(0.0);
        let sharpness = at.sharpness.filter(|sharpness| *sharpness > 0.0);
        let oscillation = sharpness.map(|sharpness| sign * slope_along / sharpness);
        let reference =
            oscillation.map(|x| sharpening + slope_along * along - 0.5 * x * x * stabilization);
        let deviation = reference
            .filter(|alpha| *alpha > 0.0 && stabilization > 0.0)
            .map(|alpha| (2.0 * alpha / stabilization).sqrt());
        Ok(vec![
            Some(norm),
            Some(sharpening),
            Some(stabilization),
            oscillation,
            reference,
            deviation,
            Some(error),
        ])
    }
}

/// A bound on the sine of the angle between the top vector and its eigenvector; none if λ₁ may not
/// be simple or the angle may be too wide.
fn eigenvector_error(eigenvalues: &[Eigenvalue]) -> Option<f64> {
    let [first, second, ..] = eigenvalues else {
        return None;
    };
    let gap = first.value - second.value;
    if gap <= first.error_bound + second.error_bound {
        return None;
    }
    let error = first.residual / (gap - second.error_bound);
    (error <= WIDEST).then_some(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eigen::Certainty;
    use crate::record::EigenvalueKind;

    fn eigenvalue(index: i64, value: f64, error_bound: f64, residual: f64) -> Eigenvalue {
        Eigenvalue {
            index,
            value,
            residual,
            error_bound,
            certainty: Certainty::Bounded,
            converged: true,
            kind: EigenvalueKind::Solved,
            products: 1,
        }
    }

    #[test]
    fn the_gradient_is_of_a_simple_eigenvalue() {
        let second = eigenvalue(2, 8.0, 0.5, 0.1);
        let error = |value, bound, residual| {
            eigenvector_error(&[eigenvalue(1, value, bound, residual), second])
        };
        assert_eq!(error(10.5, 0.1, 0.2), Some(0.1));
        // Bounds that meet, and an angle that may be too wide.
        assert_eq!(error(9.0, 0.5, 0.0), None);
        assert_eq!(error(10.5, 0.1, 0.3), None);
        // Nothing is known of a second one.
        assert_eq!(eigenvector_error(&[second]), None);
        assert_eq!(eigenvector_error(&[]), None);
    }
}
