//! The largest eigenvalues of the Hessian ∇²L, exactly, from matrices of order n.
//!
//! On a direction (α, Ω) of (A, W), with J the Jacobian of F and p = XD, the Hessian is
//!
//! ```text
//! H = c·JᵀJ + ρE,   J(α, Ω) = σ·Xᵀ(Wᵀα + ΩᵀA),   E(α, Ω) = (Ωp, αpᵀ)/‖p‖,   ρ = cσ‖p‖
//! ```
//!
//! because F is bilinear. E has the eigenvalues ±1, each m times, and 0. So:
//!
//! * The residual's part cΣᵢDᵢ∇²Fᵢ = ρE has largest eigenvalue ρ and smallest −ρ.
//! * JᵀJ is positive semidefinite, so the m largest eigenvalues of H are at least ρ (Weyl).
//! * μ > ρ is an eigenvalue of H exactly when 1 is one of N(μ) = cJ(μ − ρE)⁻¹Jᵀ `[n, n]`. The
//!   eigenvalues of N fall with μ, and as many exceed 1 as H has eigenvalues above μ. So the i-th
//!   eigenvalue of H is the root of λᵢ(N(μ)) = 1, or ρ if there is none above ρ.
//! * With m > n, J vanishes somewhere on the eigenspace of −ρ, so the smallest is −ρ.
//!
//! E is simple enough for N in closed form. With Δ = μ² − ρ² and h = KD,
//!
//! ```text
//! N(μ) = cσ² [ μ/Δ·G + S/μ·K + c²σ²S/(μΔ)·h hᵀ + c/Δ·(F hᵀ + h Fᵀ) ]
//! ```
//!
//! which is cM/μ at ρ = 0. No factor of K or G is needed, so K may be singular. For a unit
//! eigenvector v of N(μ), the eigenvector of H is u = c(μ − ρE)⁻¹Jᵀv with ‖u‖² = −c·vᵀN′(μ)v.

mod reduced;
mod secular;
mod top;

pub use reduced::reduced_hessian;
pub use top::{HessianTop, top_eigenvalues};
pub(crate) use top::{check_count, from_gram};
