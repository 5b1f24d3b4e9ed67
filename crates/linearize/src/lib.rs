//! Exact Hessian-vector products for any Burn module, forward over reverse, in blocks.
//!
//! ```text
//! module + loss ──trace──▶ recorded program ──burn-autodiff──▶ θ ↦ (L, F, ∇L)
//!                                             ──forward mode──▶ v ↦ ∇²L(θ)·v,  v ↦ J·v,  u ↦ Jᵀ·u
//! ```
//!
//! [`Objective::trace`] runs a module's plain code once on Burn's capture device, through
//! burn-autodiff, which records the forward and the backward pass as a list of operations. Each
//! operation has a forward-mode rule, so the recorded gradient can be differentiated along a
//! tangent: forward over reverse (Pearlmutter 1994, "Fast exact multiplication by the Hessian").
//! [`Objective::linearize`] evaluates at an iterate what does not depend on the tangent, gradient
//! included; each product then costs its linear part alone, for a block of k vectors at a time.
//! Tangents are made of operations that have a rule, too: [`Linearization::third`] differentiates
//! once more, for ∇³L(θ)[u, v].
//!
//! ```
//! # #[cfg(feature = "flex")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use brink_linearize::{Batch, Objective};
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Tensor};
//!
//! let device = Device::flex();
//! let module = LinearConfig::new(4, 2).init(&device);
//! let batch = Batch::new()
//!     .with(Tensor::<2>::ones([8, 4], &device))      // inputs
//!     .with(Tensor::<2>::zeros([8, 2], &device));    // targets
//! let objective = Objective::trace(
//!     &module,
//!     &batch,
//!     |module: &Linear, batch| module.forward(batch.float::<2>(0)),
//!     |outputs, batch| (outputs - batch.float::<2>(1)).square().mean(),
//! )?;
//! let theta = objective.layout().flatten(&module);   // [P]
//! let mut at = objective.linearize(&theta)?;         // loss, outputs, gradient; reused below
//! let block = Tensor::<2>::ones([3, objective.parameters()], &device);
//! let products = at.hvp(block)?;                     // [3, P]; also jvp, vjp, gauss_newton, third
//! assert_eq!(products.dims(), [3, 10]);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "flex"))]
//! # fn main() {}
//! ```
//!
//! [`Objective::trace_in_chunks`] takes the batch in chunks of samples: loss, gradient and products
//! are those of the whole batch, and memory is bounded by the chunk. Products then evaluate the
//! chunks anew, about one gradient more for each block.
//!
//! It serves any module and loss made of operations that have a rule (an operation without one is
//! [`LinearizeError::UnsupportedOperation`], which names it and its place), on any device that Burn
//! dispatches to, in float32 and, on the CPU, in float64.

mod batch;
mod counters;
mod error;
mod evaluate;
mod execute;
mod forward;
mod graph;
mod import;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod launches;
mod layout;
mod linearization;
mod mixing;
mod objective;
mod part;
mod primal;
mod product;
mod programs;
mod samples;
mod sum;
mod third;
mod trace;

pub use batch::Batch;
pub use counters::Counters;
pub use error::LinearizeError;
pub use evaluate::{Evaluation, Gradient};
#[cfg(feature = "flex")]
pub use graph::Passes;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub use launches::Launches;
pub use layout::{Layout, Parameter};
pub use linearization::Linearization;
pub use objective::Objective;
