//! The central flow, which gradient descent and RMSProp at the edge of stability follow on average.
//!
//! Cohen, Damian, Talwalkar, Kolter and Lee, "Understanding Optimization in Deep Learning with Central
//! Flows" (ICLR 2025, arXiv 2410.24206). Gradient descent oscillates about w(t) with a covariance Σ,
//! and the oscillation lowers the sharpness:
//!
//! dw/dτ = −∇L(w) − ½∇⟨H(w), Σ⟩, with Σ ⪰ 0, H ⪯ 2/η and ⟨Σ, 2/η − H⟩ = 0,
//!
//! one step of gradient descent being η units of τ. Σ lies in the span of the eigenvectors whose
//! eigenvalues are 2/η; where there are none the flow is gradient flow.
//!
//! RMSProp's is the same with P = diag(√ν̂ + ε): dw/dτ = −P⁻¹(∇L + ½∇⟨H, Σ⟩), with H ⪯ (2/η)P and
//! ⟨Σ, (2/η)P − H⟩ = 0. P moves as well, and what the oscillation adds to the squares of the gradient
//! moves it: dν̂/dτ = (1 − β₂)/(β₂η)·((∇L)² + diag(HΣH) − ν̂). There HΣ is taken as (2/η)PΣ, as it is
//! where Σ is not 0. The paper has it without ε and without the correction of the bias, both of which
//! are included here. Where Σ is 0 it is the stable flow, that of w and ν̂ without oscillation.

mod complementarity;
mod critical;
mod integrator;
mod measurement;
mod metric;
mod second_moment;
mod symmetric;

pub use complementarity::{ComplementarityError, solve as solve_complementarity};
pub use integrator::{CentralFlowError, CentralFlowParams};
pub use measurement::{CentralFlow, columns};
pub use second_moment::SecondMoment;
