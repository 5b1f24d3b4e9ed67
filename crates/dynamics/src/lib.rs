//! Gradient descent at the edge of stability: the run, its measurements and what observes it.
//!
//! # A run of your own module and loss
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use brink_dynamics::{EigenvalueSettings, Problem, Settings, run};
//! use brink_linearize::{Batch, Objective};
//! use brink_traces::TraceCsv;
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Tensor};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let device = Device::flex();
//! let module = LinearConfig::new(4, 2).init(&device);
//! let batch = Batch::new()
//!     .with(Tensor::<2>::ones([8, 4], &device)) // inputs
//!     .with(Tensor::<2>::zeros([8, 2], &device)); // targets
//! let objective = Objective::trace(
//!     &module,
//!     &batch,
//!     |module: &Linear, batch| module.forward(batch.float::<2>(0)),
//!     |outputs, batch| (outputs - batch.float::<2>(1)).square().mean(),
//! )?;
//! let theta = objective.layout().flatten(&module);
//! let settings = Settings {
//!     eigenvalues: Some(EigenvalueSettings::largest(2)),
//!     ..Settings::gradient_descent(0.1, 50)
//! };
//! let mut csv = TraceCsv::new(folder.path().join("trace.csv"), Default::default());
//! let never = AtomicBool::new(false);
//! let problem = Problem::new(objective);
//! let finished = run(&problem, theta, &settings, &mut [], &mut [&mut csv], &never)?;
//! assert_eq!(finished.summary.steps_recorded, 50);
//! # let trace = std::fs::read_to_string(folder.path().join("trace.csv"))?;
//! # assert_eq!(trace.lines().count(), 51);
//! # let cells: Vec<&str> = trace.lines().nth(1).unwrap().split(',').collect();
//! # assert!(trace.starts_with("step,time,loss,train_accuracy,gradient_norm,step_size,threshold,lambda_1,lambda_2,"));
//! # assert!((cells[7].parse::<f64>()? - 5.0).abs() < 1e-3, "{trace}");
//! # Ok(())
//! # }
//! ```

mod begun;
mod caught;
pub mod central_flow;
mod checkpoints;
mod clock;
mod column;
mod curvature;
mod descent;
mod error;
mod flat;
pub mod flow;
mod hessian;
mod interrupt;
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
mod scaled_spectrum;
mod settings;
mod spectrum;
mod table;
mod weight_decay;

pub use brink_eigen as eigen;
pub use brink_state as state;
pub use caught::{Panicked, caught};
pub use checkpoints::Checkpoints;
pub use column::Column;
pub use descent::{Descent, Inherited};
pub use error::RunError;
pub use hessian::Hessian;
pub use interrupt::{Interrupt, Never};
pub use preconditioned::Preconditioned;
pub use problem::{Accuracy, LayerWeight, Problem};
pub use recording::{Goals, Recording, with_causes};
pub use run::{Finished, Run, run};
pub use settings::{Above, Between, DENSE, EigenvalueSettings, Settings};
pub use table::{Cell, Rows, Table};
pub use weight_decay::Shifted;
