//! The central flow beside a run of gradient descent.

use brink_state::{Loader, Memory, Part, StateError};
use burn::tensor::Tensor;

use super::critical::{Point, ends_the_flow};
use super::integrator::{CentralFlowParams, Integrator, Stepped};
use crate::begun::{Begins, Begun};
use crate::column::Column;
use crate::eigen::EigenError;
use crate::measurement::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::norms::Reading;

/// Columns besides the eigenvalues.
const OTHERS: usize = 7;

/// The central flow of Cohen, Damian, Talwalkar, Kolter and Lee (ICLR 2025), and what it predicts of
/// gradient descent over time: with the covariance Σ of the oscillation, supported where H = 2/η,
/// the loss is L(w) + tr Σ/η on average, and the squared norm of the gradient ‖∇L(w)‖² + 4 tr Σ/η².
///
/// It begins at w = θ_t at the first measured step. From there it is followed step by step, whatever
/// steps are measured. Each step of length η is taken in `substeps` substeps; where Σ is not 0 these are
/// Euler's, with Σ from the complementarity problem over the critical eigenvalues, as in the paper.
///
/// With an eigenvalue above 2/η the flow is not defined. From such a beginning w is led down by Σ, at
/// most 1/20 of 2/η a substep; what Σ predicts is empty meanwhile.
///
/// The flow ends, and its cells are empty from then on, where the loss on it is not finite, where no
/// Σ keeps the eigenvalues below 2/η, and where there are more critical ones than are followed. The
/// run goes on.
#[derive(Debug)]
pub struct CentralFlow {
    schedule: Schedule,
    params: CentralFlowParams,
    integrator: Integrator,
    place: Begun<State>,
    ended: bool,
    /// Directions outside θ in which the loss does not change.
    flat: usize,
}

/// w at a step of the run.
#[derive(Debug, Clone)]
struct State {
    step: u64,
    w: Tensor<1>,
    /// The sum of the steps' errors.
    error: f64,
}

impl CentralFlow {
    /// Reported by `schedule`.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`].
    pub fn new(schedule: Schedule, params: CentralFlowParams) -> Result<Self, EigenError> {
        Ok(Self {
            schedule,
            params,
            integrator: Integrator::new(params)?,
            place: Begun::default(),
            ended: false,
            flat: 0,
        })
    }

    /// The same where the loss has `flat` parameters more, none of which it changes with.
    pub fn with_flat_directions(self, flat: usize) -> Self {
        Self { flat, ..self }
    }

    /// The cells of a step; none where the flow is ahead of it.
    fn followed<const D: usize>(
        &mut self,
        at: &Iterate<'_, '_, D>,
    ) -> Result<Option<Vec<Option<f64>>>, MeasureError> {
        let (objective, step_size) = (at.linearization.objective(), at.step_size);
        let mut state = self.place.0.take().unwrap_or_else(|| State {
            step: at.step,
            w: at.theta.clone(),
            error: 0.0,
        });
        // What was followed before at fewer steps may be ahead.
        if state.step > at.step {
            self.place.0 = Some(state);
            return Ok(None);
        }
        while state.step < at.step {
            let point = self.integrator.point(objective, &state.w, step_size)?;
            let stepped = (self.integrator).step(objective, &state.w, &point, step_size)?;
            state = state.after(stepped);
        }
        let point = self.integrator.point(objective, &state.w, step_size)?;
        let mut apart = Reading::default();
        apart.norm(at.theta.clone() - state.w.clone());
        let distance = read(apart)?[0];
        let stepped = (self.integrator).step(objective, &state.w, &point, step_size)?;
        let cells = self.cells(&point, stepped.trace, step_size, [distance, state.error]);
        self.place.0 = Some(state.after(stepped));
        Ok(Some(cells))
    }

    fn cells(
        &self,
        point: &Point,
        trace: f64,
        step_size: f64,
        [distance, error]: [f64; 2],
    ) -> Vec<Option<f64>> {
        let norm_sq = point.gradient_norm * point.gradient_norm;
        // Σ only leads down while there are eigenvalues above 2/η.
        let trace = point.is_stable(2.0 / step_size).then_some(trace);
        let predicted = |value: f64, rate: f64| trace.map(|trace| value + rate * trace);
        let before = [
            Some(point.loss),
            predicted(point.loss, 1.0 / step_size),
            predicted(norm_sq, 4.0 / step_size / step_size),
        ];
        let eigenvalues = (0..self.params.count).map(|at| self.eigenvalue(point, at));
        let after = [point.critical_count() as f64, distance, error].map(Some);
        let after = [trace].into_iter().chain(after);
        before.into_iter().chain(eigenvalues).chain(after).collect()
    }
}

impl CentralFlow {
    /// The eigenvalue at a place, those 0 of flat directions among them.
    fn eigenvalue(&self, point: &Point, at: usize) -> Option<f64> {
        let solved = &point.eigenvalues;
        let above = solved.iter().take_while(|value| **value >= 0.0).count();
        match at {
            _ if at < above => solved.get(at).copied(),
            _ if at < above + self.flat => Some(0.0),
            _ => solved.get(at - self.flat).copied(),
        }
    }
}

impl State {
    fn after(self, stepped: Stepped) -> Self {
        Self {
            step: self.step + 1,
            w: stepped.w,
            error: self.error + stepped.error,
        }
    }
}

impl Memory for CentralFlow {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("solver", &mut self.integrator.solver),
            ("place", &mut self.place),
            ("ended", &mut self.ended),
        ]
    }
}

impl Begins for State {
    fn begin(from: &Loader<'_>) -> Result<Self, StateError> {
        let w = from.part("w");
        Ok(Self {
            step: 0,
            w: w.tensor()?.ok_or_else(|| w.missing())?,
            error: 0.0,
        })
    }
}

impl Memory for State {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("step", &mut self.step),
            ("w", &mut self.w),
            ("error", &mut self.error),
        ]
    }
}

/// Its columns, for so many eigenvalues.
pub fn columns(count: usize) -> Vec<Column> {
    let before = [
        (
            "central_loss",
            "L(w) on the central flow (Cohen et al. 2025) at this step, from w = θ at the first \
             measured step; this and the others are empty once the flow has ended: the loss is not \
             finite, no Σ keeps the eigenvalues below 2/η, or more are near it than are followed",
        ),
        (
            "central_predicted_loss",
            "L(w) + tr Σ/η, the loss of gradient descent averaged over time; this, the next and \
             tr Σ are empty while λ₁ is above 1.05 of 2/η, as it may be at the beginning",
        ),
        (
            "central_predicted_gradient_norm_sq",
            "‖∇L(w)‖² + 4·tr Σ/η², its ‖∇L‖² averaged over time",
        ),
    ];
    let after = [
        (
            "central_trace_sigma",
            "tr Σ of the covariance of the oscillation about w, the mean of ‖θ − w‖² over time, of \
             the substep from w",
        ),
        (
            "central_critical",
            "how many eigenvalues are above 0.95 of 2/η and in the problem that Σ solves",
        ),
        ("central_distance", "‖θₜ − w‖"),
        (
            "central_error",
            "the sum over the steps of how far half as many substeps lead from w: of the size of \
             the error of integration, or above it where the flow draws neighbours together",
        ),
    ];
    let pair = |(name, meaning): (&str, &str)| Column::new(name, meaning);
    let eigenvalues = (1..=count).map(|index| {
        Column::new(
            format!("central_lambda_{index}"),
            "an eigenvalue of the Hessian at w, largest first",
        )
    });
    let before = before.into_iter().map(pair);
    before
        .chain(eigenvalues)
        .chain(after.into_iter().map(pair))
        .collect()
}

impl<const D: usize> Measurement<D> for CentralFlow {
    fn name(&self) -> &'static str {
        "central_flow"
    }

    fn columns(&self) -> Vec<Column> {
        columns(self.params.count)
    }

    fn wants(&self, step: u64) -> bool {
        !self.ended && self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let empty = vec![None; OTHERS + self.params.count];
        match self.followed(at) {
            Ok(cells) => Ok(cells.unwrap_or(empty)),
            Err(error) if ends_the_flow(&error) => {
                self.ended = true;
                Ok(empty)
            }
            Err(error) => Err(error),
        }
    }
}
