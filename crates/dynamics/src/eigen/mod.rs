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
//!    [`Params::largest_guard`] at most, and shrinks when its last row is not needed.
//!    While little changes the guards are spared, at [`Params::guard_every`] − 1 solves in a row at
//!    most (see `rest.rs`): a solve then costs `count` products.
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
//! A Rayleigh quotient is off by the square of the vector's error. The bound takes the leading Ritz
//! pairs as one, so that clusters do no harm, and assumes that what lies outside them does not
//! exceed the last one's Ritz value plus its residual; the worst operator that agrees with
//! everything known gives the bound (see `bounds.rs` for the derivation). That last one is the
//! guard that puts the rest lowest, among those whose residual is at most a quarter of their
//! distance from the wanted values. A solve that spares its guards takes what they said when they
//! were last applied, plus twice the fastest change of the Ritz values that are followed in each
//! solve since. A term (4 + √a)·ε·‖A‖, a being the combinations since the images were products,
//! stands for rounding.
//!
//! # What could be missed
//!
//! The assumption fails when an eigenvector is invisible to the block. Guard rows see crossings
//! coming. A cold block is wide, and its Krylov sequence is followed until it stops climbing. Every
//! [`Params::probe_every`] solves a random row joins a warm block and is followed likewise; if it
//! climbs into the wanted set, the solve goes on until that is right and says so in
//! [`Info::missed`]. So does a solve that applies its guards again when the wanted rows alone would
//! have answered less.
//!
//! # Example
//!
//! ```
//! use brink_dynamics::eigen::{OperatorError, Params, Solver, SymmetricOperator};
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
mod operator;
mod orthonormal;
mod params;
mod probe;
mod rayleigh_ritz;
mod rest;
mod search;
mod solution;
mod solver;
mod subspace;
mod width;

pub use error::{EigenError, OperatorError};
pub use operator::SymmetricOperator;
pub use params::{End, Params, VALUE_FLOOR};
pub use solution::{Eigenpair, Info, Missed, Solution, Stop};
pub use solver::Solver;
