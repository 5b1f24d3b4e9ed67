//! Hooks that a run calls; the loop knows nothing of what hangs on them.

use serde::Serialize;

use crate::record::{RunHeader, StepRecord};

/// An observer's failure: it ends the run cleanly and names who failed.
pub type ObserverError = Box<dyn std::error::Error + Send + Sync>;

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// All steps were taken.
    Completed,
    /// The loss goal was reached.
    LossGoal {
        /// The goal.
        goal: f64,
    },
    /// The accuracy goal was reached.
    AccuracyGoal {
        /// The goal.
        goal: f64,
    },
    /// The loss, the gradient or a parameter is no longer finite.
    Diverged {
        /// What was found not to be finite.
        what: String,
    },
    /// Someone asked it to stop.
    Interrupted,
    /// An error ended it; what was recorded before stands.
    Failed {
        /// The error and its causes.
        message: String,
    },
}

/// What a run amounts to once it has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// Why it ended.
    pub outcome: Outcome,
    /// Steps recorded.
    pub steps_recorded: u64,
    /// The last record, if there is one.
    pub last: Option<StepRecord>,
    /// The first step at which the eigenvalue that decides on stability exceeded the rule's
    /// threshold after having been below it.
    pub first_crossing: Option<u64>,
    /// The formula of the rule's stability threshold, such as `2/η`.
    pub threshold_formula: String,
    /// Calls by name: gradients, linearisations, hessian_vector_products, eigensolver_iterations, …
    pub counters: Vec<(String, u64)>,
    /// Seconds of wall time by stage: gradient, eigenvalues, update, observers, …
    pub seconds: Vec<(String, f64)>,
}

/// Something that follows a run: a trace, a progress bar, a plot, a manifest.
pub trait Observer {
    /// A name for errors.
    fn name(&self) -> &'static str;

    /// Called once before the first step, and again where the run is resumed: what is there of steps
    /// from [`RunHeader::next_step`] on will be told anew.
    fn start(&mut self, _header: &RunHeader) -> Result<(), ObserverError> {
        Ok(())
    }

    /// Called for every recorded step.
    fn step(&mut self, _record: &StepRecord) -> Result<(), ObserverError> {
        Ok(())
    }

    /// Called once, however the run ended.
    fn finish(&mut self, _summary: &RunSummary) -> Result<(), ObserverError> {
        Ok(())
    }
}
