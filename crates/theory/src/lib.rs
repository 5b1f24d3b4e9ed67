//! Gradient descent on a two-layer linear network, without its weights.
//!
//! The network is F = σ·Aᵀ W X with one output a sample: X `[d, n]`, W `[m, d]`, A `[m]`, and
//! σ = 1/√m as in Wang, Li & Li 2022 (NeurIPS, arXiv 2207.12678), or 1. Under full-batch gradient
//! descent on L = (κ/n)‖F − Y‖² the outputs F, the norm ‖A‖² and the Gram matrix G = XᵀWᵀWX of the
//! hidden features evolve by themselves, given K = XᵀX: a step costs O(n²) whatever the width.
//!
//! Here c = 2κ/n, D = F − Y, S = ‖A‖² and h = KD. One step of size η, exactly ([`step()`]):
//!
//! ```text
//! M  = σ²(S·K + G)                                             the Gram matrix JJᵀ
//! F⁺ = F − ηc·M·D               + η²c²σ² (DᵀF)·h
//! S⁺ = S − 2ηc·DᵀF              + η²c²σ² DᵀGD
//! G⁺ = G − ηc·(F hᵀ + h Fᵀ)     + η²c²σ² S·h hᵀ
//! ```
//!
//! The eigenvalues of the Hessian are exact too, and need no matrix larger than n × n:
//! see [`hessian`].

pub mod eigen;
mod error;
pub mod hessian;
mod initial;
mod linalg;
mod model;
mod outcome;
mod products;
mod record;
mod run;
mod settings;
mod state;
mod step;
mod width;

pub use error::TheoryError;
pub use faer;
pub use initial::InitialScale;
pub use model::{Model, Network, Parametrisation};
pub use outcome::{Finished, Outcome};
pub use products::Products;
pub use record::TheoryRecord;
pub use run::{Run, run};
pub use settings::{Schedule, Settings};
pub use state::State;
pub use step::{Terms, step};
pub use width::{WidthRow, WidthSweep, width_sweep};
