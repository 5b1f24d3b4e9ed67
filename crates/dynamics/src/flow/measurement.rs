//! Gradient flow beside a run of gradient descent, from the same start.

use brink_linearize::LinearizeError;
use brink_state::{Loader, Memory, Part, StateError};
use burn::tensor::Tensor;

use super::{DormandPrince, StepTooSmall, runge_kutta_4};
use crate::begun::{Begins, Begun};
use crate::column::Column;
use crate::eigen::{EigenError, Params};
use crate::flat::largest_of;
use crate::interrupt::Interruptible;
use crate::measurement::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::norms::Reading;
use crate::scaled::ScaledSolver;

/// How gradient flow is integrated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FlowMethod {
    /// The classical Runge–Kutta method with steps min(α/Λ, cap), Λ being the flow's own sharpness.
    RungeKutta4 {
        /// α, in units of 1/Λ.
        alpha: f64,
        /// The longest step, in units of τ.
        cap: f64,
    },
    /// The embedded pair of Dormand and Prince.
    DormandPrince {
        /// Error of one step relative to 1 + ‖θ‖.
        tolerance: f64,
    },
}

/// The flow's loss and sharpness at τ = η·t, and how far gradient descent has gone from it.
#[derive(Debug)]
pub struct GradientFlow {
    schedule: Schedule,
    until: Option<u64>,
    method: FlowMethod,
    adaptive: DormandPrince,
    solver: ScaledSolver,
    place: Begun<State>,
    gradients: u64,
    /// Directions outside θ in which the loss does not change.
    flat: usize,
}

/// θ on the flow at a time, and the sharpness last known.
#[derive(Debug, Clone)]
struct State {
    time: f64,
    theta: Tensor<1>,
    sharpness: f64,
    /// When the sharpness was found.
    found: f64,
}

impl GradientFlow {
    /// Followed by `schedule`, up to step `until` if that is given: along the flow the sharpness
    /// goes on rising, and the steps shrink with it.
    ///
    /// # Errors
    /// A tolerance of the eigenvalues that is out of range.
    pub fn new(
        schedule: Schedule,
        until: Option<u64>,
        method: FlowMethod,
        relative_tolerance: f64,
    ) -> Result<Self, EigenError> {
        let tolerance = match method {
            FlowMethod::DormandPrince { tolerance } => tolerance,
            FlowMethod::RungeKutta4 { .. } => 0.0,
        };
        Ok(Self {
            schedule,
            until,
            method,
            adaptive: DormandPrince::new(tolerance),
            solver: ScaledSolver::new(Params {
                relative_tolerance,
                // Solves may be many steps apart: each follows a random vector.
                follow_every: 1,
                ..Params::default()
            })?,
            place: Begun::default(),
            gradients: 0,
            flat: 0,
        })
    }

    /// The same where the loss has `flat` parameters more, none of which it changes with.
    pub fn with_flat_directions(self, flat: usize) -> Self {
        Self { flat, ..self }
    }

    fn advance<const D: usize>(
        &mut self,
        loss: &Interruptible<'_, D>,
        state: State,
        to: f64,
    ) -> Result<State, MeasureError> {
        let gradients = &mut self.gradients;
        let norms = |vectors: Vec<Tensor<1>>| {
            let mut norms = Reading::default();
            vectors.into_iter().for_each(|vector| norms.norm(vector));
            read(norms)
        };
        let mut field = |theta: &Tensor<1>| -> Result<Tensor<1>, MeasureError> {
            *gradients += 1;
            Ok(loss.gradient(theta)?.neg())
        };
        match self.method {
            FlowMethod::DormandPrince { .. } => {
                let interval = (state.time, to);
                let theta = self
                    .adaptive
                    .integrate(field, norms, state.theta, interval)?;
                Ok(State {
                    time: to,
                    theta,
                    ..state
                })
            }
            FlowMethod::RungeKutta4 { alpha, cap } => {
                let mut state = state;
                while state.time < to {
                    if state.time - state.found >= cap {
                        (_, state.sharpness, _) =
                            sharpness(&mut self.solver, loss, &state.theta, self.flat)?;
                        state.found = state.time;
                    }
                    let longest = cap.min(alpha / state.sharpness.max(f64::MIN_POSITIVE));
                    let left = to - state.time;
                    // Equal parts rather than a last one of any length.
                    let step = left / (left / longest).ceil().max(1.0);
                    let first = field(&state.theta)?;
                    state.theta = runge_kutta_4(&mut field, &state.theta, &first, step)?;
                    let arrived = left - step <= 1e-9 * left;
                    state.time = if arrived { to } else { state.time + step };
                }
                Ok(state)
            }
        }
    }
}

impl From<StepTooSmall> for MeasureError {
    fn from(error: StepTooSmall) -> Self {
        Self::Flow(error)
    }
}

/// Loss, λ₁ and its error bound at θ.
fn sharpness<const D: usize>(
    solver: &mut ScaledSolver,
    loss: &Interruptible<'_, D>,
    theta: &Tensor<1>,
    flat: usize,
) -> Result<(f64, f64, f64), MeasureError> {
    let mut linearization = loss.linearize(theta)?;
    let mut value = Reading::default();
    value.scalar(linearization.loss().clone());
    let read = read(value)?;
    let solution = solver.solve(&mut loss.hessian(&mut linearization))?;
    let (value, bound) = largest_of(&solution, flat)
        .ok_or_else(|| LinearizeError::Internal("no eigenpair".into()))?;
    Ok((read[0], value, bound))
}

impl Memory for GradientFlow {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("adaptive", &mut self.adaptive),
            ("solver", &mut self.solver),
            ("place", &mut self.place),
            ("gradients", &mut self.gradients),
        ]
    }
}

impl Begins for State {
    fn begin(from: &Loader<'_>) -> Result<Self, StateError> {
        let theta = from.part("theta");
        Ok(Self {
            time: 0.0,
            theta: theta.tensor()?.ok_or_else(|| theta.missing())?,
            sharpness: 0.0,
            found: 0.0,
        })
    }
}

impl Memory for State {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("time", &mut self.time),
            ("theta", &mut self.theta),
            ("sharpness", &mut self.sharpness),
            ("found", &mut self.found),
        ]
    }
}

/// Its columns.
pub fn columns() -> Vec<Column> {
    [
        (
            "flow_loss",
            "loss of gradient flow at the time of this step",
        ),
        ("flow_lambda_1", "its sharpness there"),
        ("flow_error_bound", "bound on that sharpness' error"),
        ("flow_distance", "‖θₜ − θ_flow‖ at that time"),
        ("flow_gradients", "gradients that the flow took so far"),
    ]
    .map(|(name, meaning)| Column::new(name, meaning))
    .into()
}

impl<const D: usize> Measurement<D> for GradientFlow {
    fn name(&self) -> &'static str {
        "flow"
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn wants(&self, step: u64) -> bool {
        let before_end = self.until.is_none_or(|until| step <= until);
        before_end && self.schedule.due(step)
    }

    fn may_be_interrupted(&self) -> bool {
        true
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let loss = Interruptible {
            objective: at.linearization.objective(),
            interrupt: at.interrupt,
        };
        let to = at.time;
        let mut state = match self.place.0.take() {
            Some(state) => self.advance(&loss, state, to)?,
            // The flow starts where it is first asked for.
            None => State {
                time: to,
                theta: at.theta.clone(),
                sharpness: 0.0,
                found: to,
            },
        };
        let (loss, sharpness, bound) = sharpness(&mut self.solver, &loss, &state.theta, self.flat)?;
        (state.sharpness, state.found) = (sharpness, to);
        let mut apart = Reading::default();
        apart.norm(at.theta.clone() - state.theta.clone());
        let distance = read(apart)?[0];
        self.place.0 = Some(state);
        Ok([loss, sharpness, bound, distance, self.gradients as f64]
            .map(Some)
            .into())
    }
}
