//! Steps of the central flow.

use brink_linearize::Objective;
use burn::tensor::Tensor;

use super::complementarity::ComplementarityError;
use super::critical::Point;
use crate::eigen::{EigenError, Params};
use crate::flow::runge_kutta_4;
use crate::measurement::{MeasureError, read};
use crate::norms::Reading;
use crate::scaled::ScaledSolver;

/// How the flow is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CentralFlowParams {
    /// Substeps of a step, an even number.
    pub substeps: usize,
    /// Eigenvalues that are followed at least, and reported.
    pub count: usize,
    /// The most that are followed.
    pub largest_count: usize,
    /// Bound on an eigenvalue's error, relative to it, at which the solver stops.
    pub relative_tolerance: f64,
}

impl Default for CentralFlowParams {
    fn default() -> Self {
        Self {
            substeps: 4,
            count: 2,
            largest_count: 16,
            // λ₁'s distance from 2/η says how large Σ is, and changes little in a substep.
            relative_tolerance: 1e-5,
        }
    }
}

/// Why the flow cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CentralFlowError {
    /// Σ is not found.
    #[error(transparent)]
    Complementarity(#[from] ComplementarityError),
    /// There may be critical eigenvalues that are not followed.
    #[error(
        "all {limit} eigenvalues that are followed are near 2/η: set \
         measure.central_flow.largest_count to more"
    )]
    TooManyCritical {
        /// The most that are followed.
        limit: usize,
    },
}

/// Takes steps of η along the flow.
#[derive(Debug)]
pub struct Integrator {
    params: CentralFlowParams,
    pub solver: ScaledSolver,
}

/// Where a step leads.
pub struct Stepped {
    /// w after it.
    pub w: Tensor<1>,
    /// tr Σ of its first substep.
    pub trace: f64,
    /// How far half as many substeps lead from there.
    pub error: f64,
}

impl Integrator {
    /// An integrator that knows no eigenvector yet.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`].
    pub fn new(params: CentralFlowParams) -> Result<Self, EigenError> {
        if params.substeps == 0 || !params.substeps.is_multiple_of(2) {
            return Err(EigenError::InvalidParameter {
                name: "substeps",
                value: params.substeps as f64,
                requirement: "even and at least 2",
            });
        }
        let solver = ScaledSolver::new(Params {
            count: params.count,
            largest_count: params.largest_count,
            relative_tolerance: params.relative_tolerance,
            ..Params::default()
        })?;
        Ok(Self { params, solver })
    }

    /// What the flow needs to know at `w`.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn point<const D: usize>(
        &mut self,
        objective: &Objective<D>,
        w: &Tensor<1>,
        step_size: f64,
    ) -> Result<Point, MeasureError> {
        let point = Point::at(objective, &mut self.solver, w, 2.0 / step_size)?;
        let limit = self.params.largest_count.max(self.params.count);
        match point.critical_count() >= limit.min(objective.parameters()) {
            // All there are may be critical.
            true if limit < objective.parameters() => {
                Err(CentralFlowError::TooManyCritical { limit }.into())
            }
            _ => Ok(point),
        }
    }

    /// A step from `w`, where `first` is known.
    ///
    /// Half as many substeps, twice as long, lead elsewhere. As the error of a substep where Σ is not
    /// 0 is of the second order, that of the step is of the size of the distance.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn step<const D: usize>(
        &mut self,
        objective: &Objective<D>,
        w: &Tensor<1>,
        first: &Point,
        step_size: f64,
    ) -> Result<Stepped, MeasureError> {
        let substeps = self.params.substeps;
        let (fine, coarse) = (
            step_size / substeps as f64,
            2.0 * step_size / substeps as f64,
        );
        let cap = 2.0 / step_size;
        let (mut at, trace) = substep(objective, w, first, cap, fine)?;
        let (mut beside, _) = substep(objective, w, first, cap, coarse)?;
        for done in 1..substeps {
            let point = self.point(objective, &at, step_size)?;
            (at, _) = substep(objective, &at, &point, cap, fine)?;
            // The coarse steps are taken in between: the solver's vectors are close to theirs then.
            if done % 2 == 0 {
                let point = self.point(objective, &beside, step_size)?;
                (beside, _) = substep(objective, &beside, &point, cap, coarse)?;
            }
        }
        let mut apart = Reading::default();
        apart.norm(at.clone() - beside);
        let error = read(apart)?[0];
        if !error.is_finite() {
            return Err(MeasureError::NonFinite("the central flow"));
        }
        Ok(Stepped {
            w: at,
            trace,
            error,
        })
    }
}

/// w after a substep, and tr Σ. Where Σ is 0 it is one of Runge and Kutta's along gradient flow, else
/// one of Euler's.
fn substep<const D: usize>(
    objective: &Objective<D>,
    w: &Tensor<1>,
    point: &Point,
    cap: f64,
    step: f64,
) -> Result<(Tensor<1>, f64), MeasureError> {
    if let Some(critical) = &point.critical {
        let x = critical.sigma(cap, step)?;
        let trace: f64 = (0..x.nrows()).map(|i| x[(i, i)]).sum();
        if trace > 0.0 {
            let slope = point.gradient.clone() + critical.force(&x).mul_scalar(0.5);
            return Ok((w.clone() - slope.mul_scalar(step), trace));
        }
    }
    let field = |w: &Tensor<1>| -> Result<Tensor<1>, MeasureError> {
        Ok(objective.gradient(w)?.gradient.neg())
    };
    let first = point.gradient.clone().neg();
    Ok((runge_kutta_4(field, w, &first, step)?, 0.0))
}
