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
//!
//! It serves any module and loss made of the operations listed at [`LinearizeError`]'s
//! `UnsupportedOperation`, on any device that Burn dispatches to, in float32 and, on the CPU, in
//! float64.

mod batch;
mod counters;
mod error;
mod execute;
mod forward;
mod graph;
mod import;
mod layout;
mod linearization;
mod objective;
mod programs;
mod trace;

pub use batch::Batch;
pub use counters::Counters;
pub use error::LinearizeError;
pub use layout::{Layout, Parameter};
pub use linearization::Linearization;
pub use objective::{Evaluation, Gradient, Objective};
