//! Options of the eigensolver.

use super::EigenError;

/// Which end of the spectrum is sought. Algebraic order: −1000 is smaller than 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// The largest eigenvalues, in descending order.
    #[default]
    Largest,
    /// The smallest eigenvalues, in ascending order.
    Smallest,
}

/// Options of a [`Solver`](super::Solver).
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// Eigenpairs wanted, at least 1. Default 1.
    pub count: usize,
    /// Eigenpairs at the most where all above a floor are wanted (see
    /// [`Solver::solve_above`](super::Solver::solve_above)). No more than `count` for no others.
    /// Default 0.
    pub largest_count: usize,
    /// The end of the spectrum. Default [`End::Largest`].
    pub end: End,
    /// Error allowed on an eigenvalue, relative to it: a pair is converged when its error bound
    /// is at most `relative_tolerance` · max(|λ|, [`VALUE_FLOOR`] · the block's largest |λ|).
    /// Between 0 and 1, both excluded. Default 1e-3.
    pub relative_tolerance: f64,
    /// Residual ‖Av − λv‖ that a pair may keep besides, relative to the block's largest |λ|: for those
    /// who need the unit vectors v themselves, which are off by about the residual over the gap where
    /// the eigenvalue is off by the square. Default none.
    pub residual_tolerance: Option<f64>,
    /// Iterations after the first Rayleigh–Ritz step before the solve gives up. Default 1000.
    pub max_iterations: usize,
    /// Extra rows carried below the wanted ones. They bound the rest of the spectrum, so that a
    /// gap is known, and see a crossing coming. Each costs one product in a solve that applies
    /// it. With 0 the last wanted value has no gap below it and is bounded by its residual alone.
    /// Default 1.
    pub guard: usize,
    /// Extra rows that a cold block begins with, and to which a warm one may grow, one a solve,
    /// while searching costs more products than the block does: it then ends in the gap below a
    /// cluster instead of inside it. Unneeded rows leave again. No more than `guard` for a
    /// block that never grows; of no effect when `guard` is 0. Default 8.
    pub largest_guard: usize,
    /// The guards are applied at one of so many solves at least; 1 for all. They are spared while
    /// the next eigenvalue, taken to rise twice as fast as the Ritz values that are followed,
    /// stays far enough below the wanted ones (see `policy/outside.rs`). Default 8.
    pub guard_every: usize,
    /// One of so many solves that apply their guards also looks for what the block cannot see; 0 for
    /// none. A block that never held a random row (one given by
    /// [`set_warm_start`](super::Solver::set_warm_start)) is probed at once. Default 1: every bound
    /// rests on a look outside the block, in this solve or in one that spared guards lean on.
    pub probe_every: usize,
    /// A look outside costs one product, of a probe that is carried from solve to solve, or follows a
    /// fresh random row, which costs four or more and sees at once what is new: at the first look, in
    /// one of so many solves at the least, and where much changed. At least 1, for every look. Default 6.
    pub follow_every: usize,
    /// Up to so many dimensions the operator is applied to the identity and decomposed whole, where
    /// that takes no longer than a solve by blocks: nothing can be overlooked then. Default 0, for those
    /// only that are too small for a block and its directions.
    pub dense: usize,
    /// Seed of the random rows. Default 0.
    pub seed: u64,
    /// Whether blocks on burn-flex are computed on with faer, a piece at a time on each core; off, by Burn's
    /// operations, as elsewhere. Default on.
    pub fusion: bool,
    /// Machine epsilon of the operator's products where it is above that of the element type, as on
    /// a GPU that multiplies in TF32: error bounds grow with it. Default none.
    pub product_epsilon: Option<f64>,
}

/// Fraction of the block's largest |λ| below which an eigenvalue counts as near zero: its
/// tolerance is then relative to that fraction, not to the value itself.
pub const VALUE_FLOOR: f64 = 1e-3;

impl Default for Params {
    fn default() -> Self {
        Self {
            count: 1,
            largest_count: 0,
            end: End::Largest,
            relative_tolerance: 1e-3,
            residual_tolerance: None,
            max_iterations: 1000,
            guard: 1,
            largest_guard: 8,
            guard_every: 8,
            probe_every: 1,
            follow_every: 6,
            dense: 0,
            seed: 0,
            fusion: true,
            product_epsilon: None,
        }
    }
}

impl Params {
    /// Refuses values that no solve could serve.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`], naming the field.
    pub fn validate(&self) -> Result<(), EigenError> {
        if self.count == 0 {
            return Err(EigenError::InvalidParameter {
                name: "count",
                value: 0.0,
                requirement: "at least 1",
            });
        }
        if self.follow_every == 0 {
            return Err(EigenError::InvalidParameter {
                name: "follow_every",
                value: 0.0,
                requirement: "at least 1",
            });
        }
        let tolerances = [
            ("relative_tolerance", Some(self.relative_tolerance)),
            ("residual_tolerance", self.residual_tolerance),
        ];
        for (name, tolerance) in tolerances {
            // Written so that NaN is refused too.
            if let Some(value) = tolerance.filter(|&value| !(value > 0.0 && value < 1.0)) {
                return Err(EigenError::InvalidParameter {
                    name,
                    value,
                    requirement: "between 0 and 1, both excluded",
                });
            }
        }
        Ok(())
    }

    /// The residual allowed on a wanted pair of these Ritz values.
    pub(super) fn longest_residual(&self, values: &[f64]) -> f64 {
        let largest = values.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        self.residual_tolerance
            .map_or(f64::INFINITY, |tolerance| tolerance * largest)
    }

    /// The absolute error allowed on each of the first `count` Ritz values.
    pub(super) fn tolerances(&self, values: &[f64]) -> Vec<f64> {
        let largest = values.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        values
            .iter()
            .take(self.count)
            .map(|value| self.relative_tolerance * value.abs().max(VALUE_FLOOR * largest))
            .collect()
    }
}
