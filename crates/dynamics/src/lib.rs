//! Gradient descent at the edge of stability: the run, its measurements and what observes it.

mod caught;
mod checkpoints;
mod clock;
mod descent;
mod error;
mod flat;
pub mod flow;
mod hessian;
pub mod measurement;
pub mod minibatch;
mod norms;
pub mod observer;
pub mod optimizer;
mod preconditioned;
mod problem;
pub mod record;
mod recording;
mod run;
mod scaled;
mod settings;
mod spectrum;
mod weight_decay;

pub use brink_eigen as eigen;
pub use brink_state as state;
pub use caught::{Panicked, caught};
pub use checkpoints::Checkpoints;
pub use descent::{Descent, Inherited};
pub use error::RunError;
pub use hessian::Hessian;
pub use preconditioned::Preconditioned;
pub use problem::{Accuracy, LayerWeight, Problem};
pub use recording::{Goals, Recording, with_causes};
pub use run::{Finished, Run, run};
pub use settings::{Above, Between, EigenvalueSettings, Settings};
pub use weight_decay::Shifted;
