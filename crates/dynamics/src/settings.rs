//! What a run does: steps, stop rules, and the schedule of its eigenvalues.

use crate::eigen;
use crate::measurement::Schedule;
use crate::optimizer::{GradientDescent, Optimizer, StepSizes};

/// What to record at steps where eigenvalues are not due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Between {
    /// Nothing.
    #[default]
    Skip,
    /// The Rayleigh quotients of the last solved vectors, at one product each.
    RayleighQuotient,
}

/// Parameters up to which a network's Hessian is decomposed whole: its products are so short then that
/// 128 of them at once take no longer than a few of a block one after the other.
pub const DENSE: usize = 128;

/// Which eigenvalues are followed besides the largest ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Above {
    /// All those above this share of the stability threshold, between 0 (excluded) and 1.
    pub share: f64,
    /// Up to so many, the largest ones among them.
    pub largest_count: usize,
}

/// When and how Hessian eigenvalues are measured.
#[derive(Debug, Clone, PartialEq)]
pub struct EigenvalueSettings {
    /// The eigensolver's parameters; its count is k at the largest algebraic end.
    pub solver: eigen::Params,
    /// Those above a share of the threshold besides, if any.
    pub above: Option<Above>,
    /// How many at the smallest algebraic end besides.
    pub smallest: usize,
    /// At which steps.
    pub schedule: Schedule,
    /// What to record in between.
    pub between: Between,
}

impl EigenvalueSettings {
    /// The `count` largest at every step, with the solver's defaults.
    pub fn largest(count: usize) -> Self {
        Self {
            solver: eigen::Params {
                count,
                dense: DENSE,
                ..eigen::Params::default()
            },
            above: None,
            smallest: 0,
            schedule: Schedule::default(),
            between: Between::default(),
        }
    }

    /// The most eigenvalues that a step may record at the largest end.
    pub fn largest_count(&self) -> usize {
        let above = self.above.map_or(0, |above| above.largest_count);
        above.max(self.solver.count)
    }
}

/// A run: how the parameters move, when it stops, and what is measured along it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The step rule; its memory is not used.
    pub optimizer: Box<dyn Optimizer>,
    /// Step size η.
    pub step_size: f64,
    /// How η_t follows from η.
    pub step_sizes: StepSizes,
    /// w ≥ 0 of the penalty (w/2)‖θ‖², which loss, gradient and Hessian then include.
    pub weight_decay: f64,
    /// Number of steps; one record each, taken before the step.
    pub steps: u64,
    /// Stop once the loss is at most this.
    pub stop_loss: Option<f64>,
    /// Stop once the training accuracy is at least this.
    pub stop_accuracy: Option<f64>,
    /// Hessian eigenvalues, if any.
    pub eigenvalues: Option<EigenvalueSettings>,
    /// Eigenvalues of P^(−½)HP^(−½), if any; the rule must have a preconditioner P.
    pub preconditioned: Option<EigenvalueSettings>,
}

impl Settings {
    /// Gradient descent with nothing measured.
    pub fn gradient_descent(step_size: f64, steps: u64) -> Self {
        Self {
            optimizer: Box::new(GradientDescent),
            step_size,
            step_sizes: StepSizes::Constant,
            weight_decay: 0.0,
            steps,
            stop_loss: None,
            stop_accuracy: None,
            eigenvalues: None,
            preconditioned: None,
        }
    }

    /// η_t.
    pub fn step_size(&self, step: u64) -> f64 {
        self.step_sizes.at(self.step_size, step, self.steps)
    }
}
