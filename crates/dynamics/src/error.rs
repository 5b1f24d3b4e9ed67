//! Why a run could not begin or go on.

use brink_linearize::LinearizeError;
use brink_state::StateError;

use crate::caught::Panicked;
use crate::eigen::EigenError;
use crate::measurement::MeasureError;
use crate::observer::ObserverError;

impl RunError {
    /// Whether it says that someone asked for an end, rather than that something is wrong.
    pub(crate) fn is_interruption(&self) -> bool {
        let Self::Measure { source, .. } = self else {
            return false;
        };
        matches!(source.as_ref(), MeasureError::Interrupted)
    }
}

/// A failed run; what its observers had recorded stands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Preconditioned eigenvalues were asked for of a rule that has no preconditioner.
    #[error(
        "the optimizer {optimizer} has no preconditioner: its eigenvalues are the Hessian's own"
    )]
    NoPreconditioner {
        /// The rule.
        optimizer: &'static str,
    },
    /// A layer to follow is not a parameter.
    #[error("there is no parameter `{parameter}` to follow; there are: {known}")]
    UnknownLayer {
        /// What was asked for.
        parameter: String,
        /// The parameters there are.
        known: String,
    },
    /// Evaluating the loss or its derivatives failed.
    #[error("at step {step}: the loss or its derivatives could not be evaluated")]
    Linearize {
        /// The step.
        step: u64,
        /// Why.
        #[source]
        source: LinearizeError,
    },
    /// The eigensolver failed.
    #[error("at step {step}: the eigensolver failed")]
    Eigen {
        /// The step.
        step: u64,
        /// Why.
        #[source]
        source: EigenError,
    },
    /// Something that was to be measured could not be.
    #[error("at step {step}: cannot measure {measurement}")]
    Measure {
        /// What.
        measurement: &'static str,
        /// The step.
        step: u64,
        /// Why.
        #[source]
        source: Box<MeasureError>,
    },
    /// Results could not be read from the device.
    #[error("at step {step}: results could not be read from the device: {message}")]
    ReadBack {
        /// The step.
        step: u64,
        /// The backend's message.
        message: String,
    },
    /// The loss, the gradient, the Hessian or a parameter is no longer finite.
    #[error("{what} at step {step}")]
    Diverged {
        /// What is not.
        what: String,
        /// The step.
        step: u64,
    },
    /// The run's state cannot be saved or restored.
    #[error("at step {step}: the run's state cannot be saved or restored")]
    State {
        /// The step.
        step: u64,
        /// Why.
        #[source]
        source: StateError,
    },
    /// A checkpoint could not be written.
    #[error("the checkpoint of step {step} could not be written")]
    Checkpoint {
        /// The step.
        step: u64,
        /// Why.
        #[source]
        source: ObserverError,
    },
    /// Something below panicked, for instance because the device is out of memory or lost.
    #[error("at step {step}: {panic}")]
    Panicked {
        /// The step.
        step: u64,
        /// What it said.
        panic: Panicked,
    },
    /// An observer failed, for instance because the disk is full.
    #[error("{observer} failed at step {step}")]
    Observer {
        /// Which.
        observer: &'static str,
        /// The step.
        step: u64,
        /// Why.
        #[source]
        source: ObserverError,
    },
}
