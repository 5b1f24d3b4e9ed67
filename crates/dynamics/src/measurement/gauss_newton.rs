//! The Hessian's two parts: Gauss–Newton, and what the residual's curvature adds.

use super::{Iterate, MeasureError, Measurement, Schedule, solve, solver};
use crate::column::Column;
use crate::eigen::EigenError;
use crate::flat::largest_of;
use crate::interrupt::Never;
use crate::scaled::ScaledSolver;
use brink_state::{Memory, Part};

/// λ₁ of the Gauss–Newton part G = Jᵀ·∇²_F L·J and of the residual part H − G, both algebraically
/// largest. With squared error G = (2κ/n)·JᵀJ, whose non-zero spectrum is that of (2κ/n)·M.
#[derive(Debug)]
pub struct GaussNewton {
    schedule: Schedule,
    part: ScaledSolver,
    rest: ScaledSolver,
    /// Directions outside θ in which the loss does not change.
    flat: usize,
}

impl GaussNewton {
    /// Measured by `schedule` to a relative tolerance.
    ///
    /// # Errors
    /// A tolerance out of range.
    pub fn new(schedule: Schedule, relative_tolerance: f64) -> Result<Self, EigenError> {
        Ok(Self {
            schedule,
            part: solver(1, relative_tolerance)?,
            rest: solver(1, relative_tolerance)?,
            flat: 0,
        })
    }

    /// The same where the loss has `flat` parameters more, none of which it changes with.
    pub fn with_flat_directions(self, flat: usize) -> Self {
        Self { flat, ..self }
    }
}

impl Memory for GaussNewton {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("part", &mut self.part), ("rest", &mut self.rest)]
    }
}

/// Its columns.
pub fn columns() -> Vec<Column> {
    [
        (
            "gauss_newton_lambda_1",
            "λ₁ of the Hessian's Gauss–Newton part",
        ),
        ("gauss_newton_error_bound", "bound on its error"),
        (
            "residual_hessian_lambda_1",
            "λ₁ (largest algebraic) of the rest of the Hessian",
        ),
        ("residual_hessian_error_bound", "bound on its error"),
    ]
    .map(|(name, meaning)| Column::new(name, meaning))
    .into()
}

impl<const D: usize> Measurement<D> for GaussNewton {
    fn name(&self) -> &'static str {
        "gauss_newton"
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let size = at.objective().parameters();
        let part = solve(
            &mut self.part,
            at.linearization,
            size,
            |at, block| at.gauss_newton(block),
            &Never,
        )?;
        let rest = solve(
            &mut self.rest,
            at.linearization,
            size,
            |at, block| Ok(at.hvp(block.clone())? - at.gauss_newton(block)?),
            &Never,
        )?;
        Ok([&part, &rest]
            .into_iter()
            .flat_map(|solution| {
                let (value, bound) = largest_of(solution, self.flat).unzip();
                [value, bound]
            })
            .collect())
    }
}
