//! The central flow beside a run of gradient descent or RMSProp.

use brink_state::{Loader, Memory, Part, StateError};
use burn::tensor::Tensor;

use super::critical::{Covariance, Point, ends_the_flow, parameters};
use super::integrator::{CentralFlowError, CentralFlowParams, Integrator, Step, Stepped};
use super::metric::Euclidean;
use super::second_moment::SecondMoment;
use crate::begun::{Begins, Begun};
use crate::column::Column;
use crate::eigen::EigenError;
use crate::interrupt::Interruptible;
use crate::measurement::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::norms::Reading;

/// Columns besides the eigenvalues.
const OTHERS: usize = 7;

/// The central flow of Cohen, Damian, Talwalkar, Kolter and Lee (ICLR 2025), and what it predicts of
/// the run over time: with the covariance Σ of the oscillation, supported where H = (2/η)P, the loss is
/// L(w) + ⟨P, Σ⟩/η on average, and the squared norm of the gradient ‖∇L(w)‖² + 4⟨P², Σ⟩/η². P is 1 for
/// gradient descent and diag(√ν̂ + ε) for RMSProp, where ν̂ moves with the flow.
///
/// It begins at w = θ_t at the first measured step. From there it is followed step by step, whatever
/// steps are measured. Each step of length η is taken in `substeps` substeps; where Σ is not 0 these are
/// Euler's, with Σ from the complementarity problem over the critical eigenvalues, as in the paper.
///
/// With an eigenvalue of P^(−½)HP^(−½) above 2/η the flow is not defined. From such a beginning w is led down by Σ, at
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
    /// w, and what the metric keeps behind it.
    place: Tensor<1>,
    /// The sum of the steps' errors.
    error: f64,
}

impl CentralFlow {
    /// That of gradient descent, reported by `schedule`.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`].
    pub fn new(schedule: Schedule, params: CentralFlowParams) -> Result<Self, EigenError> {
        Ok(Self {
            schedule,
            params,
            integrator: Integrator::new(params, Box::new(Euclidean))?,
            place: Begun::default(),
            ended: false,
            flat: 0,
        })
    }

    /// That of RMSProp, with its metric.
    pub fn of_rmsprop(mut self, metric: SecondMoment) -> Self {
        self.integrator.metric = Box::new(metric);
        self
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
        let loss = Interruptible {
            objective: at.linearization.objective(),
            interrupt: at.interrupt,
        };
        let mut state = match self.place.0.take() {
            Some(state) => state,
            None => {
                let place = self.integrator.metric.begin(at.theta, at.preconditioner);
                State {
                    step: at.step,
                    place: place.ok_or(CentralFlowError::NoPreconditioner)?,
                    error: 0.0,
                }
            }
        };
        // What was followed before at fewer steps may be ahead.
        if state.step > at.step {
            self.place.0 = Some(state);
            return Ok(None);
        }
        while state.step < at.step {
            let step = state.step(at.step_size);
            let point = self.integrator.point(&loss, &step)?;
            let stepped = self.integrator.step(&loss, &step, &point)?;
            state = state.after(stepped);
        }
        let step = state.step(at.step_size);
        let point = self.integrator.point(&loss, &step)?;
        let mut apart = Reading::default();
        apart.norm(at.theta.clone() - parameters(loss.objective, &state.place));
        let distance = read(apart)?[0];
        let stepped = self.integrator.step(&loss, &step, &point)?;
        let cells = self.cells(
            &point,
            stepped.covariance,
            at.step_size,
            [distance, state.error],
        );
        self.place.0 = Some(state.after(stepped));
        Ok(Some(cells))
    }

    fn cells(
        &self,
        point: &Point,
        covariance: Covariance,
        step_size: f64,
        [distance, error]: [f64; 2],
    ) -> Vec<Option<f64>> {
        let norm_sq = point.gradient_norm * point.gradient_norm;
        // Σ only leads down while there are eigenvalues above 2/η.
        let known = point.is_stable(2.0 / step_size).then_some(covariance);
        let predicted = |of: fn(Covariance) -> f64, value: f64, rate: f64| {
            known.map(|covariance| value + rate * of(covariance))
        };
        let before = [
            Some(point.loss),
            predicted(|c| c.of_metric, point.loss, 1.0 / step_size),
            predicted(|c| c.of_square, norm_sq, 4.0 / step_size / step_size),
        ];
        let eigenvalues = (0..self.params.count).map(|at| self.eigenvalue(point, at));
        let after = [point.critical_count() as f64, distance, error].map(Some);
        let trace = known.map(|covariance| covariance.trace);
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
    /// The step from here.
    fn step(&self, size: f64) -> Step<'_> {
        Step {
            number: self.step,
            size,
            place: &self.place,
        }
    }

    fn after(self, stepped: Stepped) -> Self {
        Self {
            step: self.step + 1,
            place: stepped.place,
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
        let place = from.part("place");
        Ok(Self {
            step: 0,
            place: place.tensor()?.ok_or_else(|| place.missing())?,
            error: 0.0,
        })
    }
}

impl Memory for State {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("step", &mut self.step),
            ("place", &mut self.place),
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
            "L(w) + ⟨P, Σ⟩/η, the loss of the run averaged over time, with P = 1 for gd and \
             diag(√ν̂ + ε) for rmsprop; this, the next and tr Σ are empty while the first eigenvalue is \
             above 1.05 of 2/η, as it may be at the beginning",
        ),
        (
            "central_predicted_gradient_norm_sq",
            "‖∇L(w)‖² + 4·⟨P², Σ⟩/η², its ‖∇L‖² averaged over time",
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
            "an eigenvalue of the Hessian at w, of P^(−½)HP^(−½) for rmsprop, largest first",
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

    fn may_be_interrupted(&self) -> bool {
        true
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let empty = vec![None; OTHERS + self.params.count];
        match self.followed(at) {
            Ok(cells) => Ok(cells.unwrap_or(empty)),
            Err(_) if at.is_interrupted() => Err(MeasureError::Interrupted),
            Err(error) if ends_the_flow(&error) => {
                self.ended = true;
                Ok(empty)
            }
            Err(error) => Err(error),
        }
    }
}
