//! Steps of the central flow.

use burn::tensor::Tensor;
use faer::Mat;

use super::complementarity::ComplementarityError;
use super::critical::{Covariance, Point, parameters, trace};
use super::metric::{At, Metric, Squares};
use crate::eigen::{EigenError, Params};
use crate::flow::runge_kutta_4;
use crate::interrupt::Interruptible;
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
    /// The rule has no preconditioner, and the flow is that of one that has.
    #[error("the flow is that of a rule with a preconditioner, and the run's rule has none")]
    NoPreconditioner,
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
    pub metric: Box<dyn Metric>,
    pub solver: ScaledSolver,
}

/// A step of the run from a place of the flow.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// Which step.
    pub number: u64,
    /// η.
    pub size: f64,
    /// The place: w and what the metric keeps behind it.
    pub place: &'a Tensor<1>,
}

/// Where a step leads.
pub struct Stepped {
    /// The place after it.
    pub place: Tensor<1>,
    /// Σ of its first substep.
    pub covariance: Covariance,
    /// How far half as many substeps lead from its w.
    pub error: f64,
}

impl Integrator {
    /// An integrator that knows no eigenvector yet.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`].
    pub fn new(params: CentralFlowParams, metric: Box<dyn Metric>) -> Result<Self, EigenError> {
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
        Ok(Self {
            params,
            metric,
            solver,
        })
    }

    /// What the flow needs to know where a step begins.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn point<const D: usize>(
        &mut self,
        loss: &Interruptible<'_, D>,
        step: &Step<'_>,
    ) -> Result<Point, MeasureError> {
        self.point_at(loss, &step.substep(step.place, 0, self.fine()))
    }

    fn point_at<const D: usize>(
        &mut self,
        loss: &Interruptible<'_, D>,
        at: &At<'_>,
    ) -> Result<Point, MeasureError> {
        let point = Point::at(loss, &mut self.solver, &*self.metric, at)?;
        let limit = self.params.largest_count.max(self.params.count);
        match point.critical_count() >= limit.min(loss.objective.parameters()) {
            // All there are may be critical.
            true if limit < loss.objective.parameters() => {
                Err(CentralFlowError::TooManyCritical { limit }.into())
            }
            _ => Ok(point),
        }
    }

    /// The part of a step that a substep is.
    fn fine(&self) -> f64 {
        1.0 / self.params.substeps as f64
    }

    /// A step, where its beginning, `first`, is known.
    ///
    /// Half as many substeps, twice as long, lead elsewhere. As the error of a substep where Σ is not
    /// 0 is of the second order, that of the step is of the size of the distance.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn step<const D: usize>(
        &mut self,
        loss: &Interruptible<'_, D>,
        step: &Step<'_>,
        first: &Point,
    ) -> Result<Stepped, MeasureError> {
        let (fine, coarse) = (self.fine(), 2.0 * self.fine());
        let length = |part: f64| part * step.size;
        let at = step.substep(step.place, 0, fine);
        let (mut place, x) = self.substep(loss, &at, first, length(fine))?;
        let covariance = match (&first.critical, x) {
            (Some(critical), Some(x)) => critical.covariance(&x)?,
            _ => Covariance::default(),
        };
        let at = step.substep(step.place, 0, coarse);
        let (mut beside, _) = self.substep(loss, &at, first, length(coarse))?;
        for done in 1..self.params.substeps {
            let at = step.substep(&place, done, fine);
            let point = self.point_at(loss, &at)?;
            (place, _) = self.substep(loss, &at, &point, length(fine))?;
            // The coarse steps are taken in between: the solver's vectors are close to theirs then.
            if done % 2 == 0 {
                let at = step.substep(&beside, done / 2, coarse);
                let point = self.point_at(loss, &at)?;
                (beside, _) = self.substep(loss, &at, &point, length(coarse))?;
            }
        }
        let mut apart = Reading::default();
        apart.norm(parameters(loss.objective, &place) - parameters(loss.objective, &beside));
        let error = read(apart)?[0];
        if !error.is_finite() {
            return Err(MeasureError::NonFinite("the central flow"));
        }
        Ok(Stepped {
            place,
            covariance,
            error,
        })
    }

    /// The place after a substep, and X where it is not 0. Where it is, the substep is one of Runge and
    /// Kutta's along the stable flow, else one of Euler's.
    fn substep<const D: usize>(
        &self,
        loss: &Interruptible<'_, D>,
        at: &At<'_>,
        point: &Point,
        length: f64,
    ) -> Result<(Tensor<1>, Option<Mat<f64>>), MeasureError> {
        let metric = &self.metric;
        if let Some(critical) = &point.critical {
            let x = critical.sigma(at.cap, length)?;
            if trace(&x) > 0.0 {
                let slope = point.gradient.clone() + critical.force(&x).mul_scalar(0.5);
                let variance = critical.variance(&x);
                let squares = Squares {
                    gradient: &point.gradient,
                    variance: variance.as_ref(),
                };
                let velocity = metric.velocity(at, slope, squares);
                return Ok((at.place.clone() + velocity.mul_scalar(length), Some(x)));
            }
        }
        let stable = |place: &Tensor<1>, gradient: &Tensor<1>| {
            let squares = Squares {
                gradient,
                variance: None,
            };
            metric.velocity(&At { place, ..*at }, gradient.clone(), squares)
        };
        let field = |place: &Tensor<1>| -> Result<Tensor<1>, MeasureError> {
            let gradient = loss.gradient(&parameters(loss.objective, place))?;
            Ok(stable(place, &gradient))
        };
        let first = stable(at.place, &point.gradient);
        Ok((runge_kutta_4(field, at.place, &first, length)?, None))
    }
}

impl Step<'_> {
    /// The substep of a place that is the `done`-th of those which are so large a `part` of a step.
    fn substep<'p>(&self, place: &'p Tensor<1>, done: usize, part: f64) -> At<'p> {
        At {
            place,
            cap: 2.0 / self.size,
            time: self.number as f64 + (done as f64 + 0.5) * part,
        }
    }
}
