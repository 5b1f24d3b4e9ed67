//! The central flow, which gradient descent at the edge of stability follows on average.
//!
//! Cohen, Damian, Talwalkar, Kolter and Lee, "Understanding Optimization in Deep Learning with Central
//! Flows" (ICLR 2025, arXiv 2410.24206). Gradient descent oscillates about w(t) with a covariance Σ,
//! and the oscillation lowers the sharpness:
//!
//! dw/dτ = −∇L(w) − ½∇⟨H(w), Σ⟩, with Σ ⪰ 0, H ⪯ 2/η and ⟨Σ, 2/η − H⟩ = 0,
//!
//! one step of gradient descent being η units of τ. Σ lies in the span of the eigenvectors whose
//! eigenvalues are 2/η; where there are none the flow is gradient flow.

mod complementarity;
mod critical;
mod integrator;
mod measurement;
mod symmetric;

pub use complementarity::{ComplementarityError, solve as solve_complementarity};
pub use integrator::{CentralFlowError, CentralFlowParams};
pub use measurement::{CentralFlow, columns};
