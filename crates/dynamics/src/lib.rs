//! Gradient descent at the edge of stability: the run, its measurements and what observes it.

mod caught;
mod clock;

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
pub use caught::{Panicked, caught};
pub use error::RunError;
pub use hessian::Hessian;
pub use preconditioned::Preconditioned;
pub use problem::{Accuracy, LayerWeight, Problem};
pub use recording::{Goals, Recording, with_causes};
pub use run::{Finished, run};
pub use settings::{Above, Between, EigenvalueSettings, Settings};
pub use weight_decay::Shifted;
