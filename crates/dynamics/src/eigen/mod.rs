//! The block eigensolver: the largest (or smallest) eigenvalues of a symmetric operator known by
//! its products, followed through a sequence of slowly changing operators.
//!
//! # Method
//!
//! Block LOBPCG (Knyazev, SIAM J. Sci. Comput. 23, 2001; Duersch et al., SIAM J. Sci. Comput. 40,
//! 2018) without a preconditioner. A block X of `count + guard` rows lives on the device; the host
//! sees only matrices of the size of the search basis.
//!
//! 1. The operator A is applied to the carried block, *then* Rayleigh–Ritz. If the error bounds
//!    meet the tolerance that is the whole solve: `count + guard` products.
//! 2. Otherwise the basis grows by the residuals of the pairs that are not converged, a product
//!    each, and by their conjugate directions, whose images follow by combination. Rayleigh–Ritz
//!    on iterates, directions and residuals gives the next block. Converged pairs stay in the
//!    basis (soft locking).
//! 3. At the end every row makes the step along its residual that Rayleigh–Ritz would choose,
//!    x + r/(θ − ω), at no product: the next solve begins there.
//! 4. Along gradient descent the eigenvectors drift, or at the edge of stability swing with period
//!    two. The blocks X₁, X₂ of the last two solves, aligned by orthogonal Procrustes, show which:
//!    X₁ − X₂ came again α-fold as X − X₁, so the start is X + α(X − X₁), |α| ≤ 1, at no product
//!    (see `drift.rs`).
//!
//! Bases are made orthonormal by SVQB on Gram matrices, which are summed in float64. Images
//! carried by combination drift by rounding; they are computed afresh after 32 iterations, or when
//! their age alone keeps a bound from its tolerance.
//!
//! *Largest* means algebraically: −A is iterated for the smallest end, by the same code.
//!
//! # Error bounds
//!
//! A Rayleigh quotient is off by the square of the vector's error. The bound
//! takes the block as one, so that clusters do no harm, and assumes that what lies outside the
//! block does not exceed its last Ritz value plus that one's residual; the worst operator that
//! agrees with everything known gives the bound (see `bounds.rs` for the derivation). A term
//! (4 + √a)·ε·‖A‖, a being the iterations since the images were products, stands for rounding.
//!
//! # What could be missed
//!
//! The assumption fails when an eigenvector is invisible to the block. Guard rows see crossings
//! coming. Every [`Params::probe_every`] solves a random row joins the block and is followed until
//! it stops climbing; if it climbs into the wanted set, the solve goes on until that is right and
//! says so in [`Info::missed`].
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
mod block;
mod bounds;
mod dense;
mod drift;
mod error;
mod host;
mod lobpcg;
mod operator;
mod orthonormal;
mod params;
mod probe;
mod rayleigh_ritz;
mod solution;
mod solver;
mod subspace;

pub use error::{EigenError, OperatorError};
pub use operator::SymmetricOperator;
pub use params::{End, Params, VALUE_FLOOR};
pub use solution::{Eigenpair, Info, Missed, Solution, Stop};
pub use solver::Solver;
