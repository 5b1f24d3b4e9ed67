//! The block eigensolver: the largest (or smallest) eigenvalues of a symmetric operator known by
//! its products, followed through a sequence of slowly changing operators.
//!
//! # Method
//!
//! Block Krylov with Rayleigh–Ritz on the whole search space (block Davidson without a
//! preconditioner), restarted as LOBPCG (Knyazev, SIAM J. Sci. Comput. 23, 2001; Duersch et al.,
//! SIAM J. Sci. Comput. 40, 2018). Rows live on the device; the host sees only matrices of the size
//! of the search basis.
//!
//! 1. The operator A is applied to the carried block X, *then* Rayleigh–Ritz. If the error bounds
//!    meet the tolerance that is the whole solve: a product a row.
//! 2. Otherwise the basis grows by the residuals of the pairs that are not converged, or of the
//!    guards that hold their bounds back, a product each, and Rayleigh–Ritz is repeated. When the
//!    basis is full its Ritz vectors and their conjugate directions replace it.
//! 3. The block has `count + guard` rows where that does. Where eigenvalues cluster, as the c − 1
//!    largest of c classes do at the edge of stability, rows inside the cluster turn from solve to
//!    solve, but their span does not: the block grows until it ends in the gap below, by
//!    [`Params::largest_guard`] at most, and shrinks when its last row is not needed. Where rows are
//!    dear ([`SymmetricOperator::row_cost`]) it has the fewest, and a wide block is tried now and
//!    then.
//!    While little changes the guards are spared, at [`Params::guard_every`] − 1 solves in a row at
//!    most (see `policy/outside.rs`): a solve then costs `count` products.
//! 4. At the end every row makes the step along its residual that Rayleigh–Ritz would choose,
//!    x + r/(θ − ω), at no product: the next solve begins there.
//! 5. Along gradient descent the eigenvectors drift, or at the edge of stability swing with period
//!    two. The blocks X₁, X₂ of the last two solves, aligned by orthogonal Procrustes, show which:
//!    X₁ − X₂ came again α-fold as X − X₁, so the start is X + α(X − X₁), |α| ≤ 1, at no product
//!    (see `drift.rs`).
//!
//! Bases are made orthonormal by SVQB on Gram matrices, which are summed in float64. Images
//! carried by combination drift by rounding; they are computed afresh after 32 combinations, or when
//! their age alone keeps a bound from its tolerance.
//!
//! *Largest* means algebraically: −A is iterated for the smallest end, by the same code.
//!
//! # Error bounds
//!
//! A Rayleigh quotient is off by the square of the vector's error. What [`Eigenpair::error_bound`]
//! promises:
//!
//! > **Theorem.** Let θ₁ ≥ … ≥ θ_b be the Ritz values of A on an orthonormal block X, R the residuals
//! > A·X − Θ·X, and C the compression of A to the orthogonal complement of X. If C ⪯ ρ·I, then
//! > 0 ≤ λᵢ − θᵢ ≤ μᵢ − θᵢ, where μ₁ ≥ … are the eigenvalues of the 2b × 2b matrix
//! > `[[Θ, (R·Rᵀ)^½], [(R·Rᵀ)^½, ρ·I]]`. The bound is attained.
//!
//! The proof is in `bounds.rs`. A cluster of Ritz values does no harm: only its distance from ρ
//! enters. A term (4 + √a)·ε·‖A‖, a being the combinations since the images were products, is added
//! for rounding.
//!
//! The assumption C ⪯ ρ·I cannot be proved by products alone. [`Eigenpair::certainty`] says what it
//! rests on:
//!
//! - [`Certainty::Bounded`]: the guard vectors had products in this solve, and so had a random vector
//!   and its Krylov sequence, for as long as that rose towards the wanted values. ρ is the Ritz value
//!   plus the residual of the *first* guard, if that is sharp (a residual of at most a quarter of its
//!   distance from the wanted values); of a deeper one only if all guards above it are converged;
//!   else of the last wanted value, or the bound on what the guards and the rest make together, if that is
//!   higher: part of an eigenvector may be in a guard that is not sharp, and more of it outside. A guard
//!   that lost its eigenvector sinks into the bulk and looks sharp there; it must not lower ρ, so a guard
//!   that is not sharp ends the search.
//! - [`Certainty::Supposed`]: part of that was taken from earlier solves. Either the guards had
//!   products, and the probe in the place of a random vector (see `probe.rs`): ρ is then no less than
//!   the probe's Rayleigh quotient plus its residual. Or the solve spared the guards (see
//!   `policy/outside.rs`) and took ρ from the last one that did not, plus twice the fastest change of
//!   the Ritz values followed since; or it looked outside by nothing ([`Params::probe_every`] above 1).
//! - [`Certainty::Rigorous`]: only the residual. Some eigenvalue lies within it of the value.
//!
//! An operator small enough to be decomposed whole ([`Params::dense`]) has nothing outside: its values
//! are `Bounded`.
//!
//! # What could be overlooked
//!
//! An eigenvector that is orthogonal to the block and almost orthogonal to the random vector. A
//! random vector has a share of about 1/√P of each eigenvector, and each product raises the share of
//! one above the rest by the ratio of their distances from the bulk. The sequence is followed for
//! three products at least, and on while a product still raises the block's Ritz values by a tenth of
//! the distance to the wanted ones. A cold block, all of whose rows are random, is wide and followed
//! likewise.
//!
//! In most solves the probe looks outside instead, which is carried from solve to solve and raises
//! these shares by one product each. A random vector is followed again where the probe reaches further
//! than before by a tenth of that distance or too far for the bounds to meet their tolerance, where the
//! wanted values changed by more than a twentieth, for a while after an eigenvalue was found that the
//! block had hidden, and in one of [`Params::follow_every`] solves. What comes from nowhere between
//! two of these can be overlooked until the second.
//!
//! [`Info::exceeded`] is set where the starting rows alone would have given a bound that turned out
//! too small.
//!
//! # Example
//!
//! ```
//! use brink_eigen::{OperatorError, Params, Solver, SymmetricOperator};
//! use burn::tensor::{DType, Device, Tensor};
//!
//! struct Diagonal(Tensor<2>, Device);
//!
//! impl SymmetricOperator for Diagonal {
//!     fn dim(&self) -> usize { self.0.dims()[1] }
//!     fn device(&self) -> &Device { &self.1 }
//!     fn dtype(&self) -> DType { self.0.dtype() }
//!     fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
//!         Ok(block * self.0.clone())
//!     }
//! }
//!
//! fn top_two(device: Device) -> Result<[f64; 2], Box<dyn std::error::Error>> {
//!     let spectrum: Vec<f32> = (0..100).map(|i| 10.0 * 0.9_f32.powi(i)).collect();
//!     let diagonal = Tensor::<1>::from_data(spectrum.as_slice(), (&device, DType::F32));
//!     let mut operator = Diagonal(diagonal.unsqueeze(), device);
//!     let mut solver = Solver::new(Params { count: 2, ..Params::default() })?;
//!     let solution = solver.solve(&mut operator)?;
//!     Ok([solution.pairs[0].value, solution.pairs[1].value]) // 10 and 9, to a thousandth
//! }
//! ```

mod assessment;
mod basis;
mod block;
mod bounds;
mod dense;
mod drift;
mod error;
mod host;
mod lanczos;
mod operator;
mod orthonormal;
mod params;
mod policy;
mod probe;
mod random;
mod rayleigh_ritz;
mod reading;
mod request;
mod search;
mod solution;
mod solver;
mod subspace;

pub use error::{EigenError, OperatorError};
pub use lanczos::{Broadening, Density, Estimate, Rule, Spectrum, SpectrumParams, spectrum};
pub use operator::SymmetricOperator;
pub use params::{End, Params, VALUE_FLOOR};
pub use reading::{Numbers, read, read_backs};
pub use request::Request;
pub use solution::{Certainty, Eigenpair, Exceeded, Info, Solution, Stop};
pub use solver::Solver;
