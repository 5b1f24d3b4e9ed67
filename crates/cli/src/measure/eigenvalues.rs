//! The tables `[measure.eigenvalues]` and `[measure.preconditioned]`.

use serde::{Deserialize, Serialize};

use super::schedule::every;

/// The tables `[measure.eigenvalues]` and `[measure.preconditioned]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EigenvaluesConfig {
    /// How many at the largest algebraic end.
    pub count: usize,
    /// Measure at every so many steps.
    #[serde(default = "every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
    /// Stop solving when the bound on an eigenvalue's error, relative to it, is below this.
    #[serde(default = "defaults::relative_tolerance")]
    pub relative_tolerance: f64,
    /// Follow all those above this share of the stability threshold besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// How many `above` may follow, the first `count` among them.
    #[serde(default = "defaults::largest_count")]
    pub largest_count: usize,
    /// How many at the smallest algebraic end.
    #[serde(default)]
    pub smallest: usize,
    /// What a step between two measured ones records.
    #[serde(default)]
    pub stale: Stale,
    /// Extra columns of the block that guard against missed eigenvalues.
    #[serde(default = "defaults::guard")]
    pub guard: usize,
    /// Extra columns to which the block may grow where eigenvalues cluster.
    #[serde(default = "defaults::largest_guard")]
    pub largest_guard: usize,
    /// Where little changes, the extra columns cost products at one of so many solves only; 1 for
    /// at all.
    #[serde(default = "defaults::guard_every")]
    pub guard_every: usize,
    /// One of so many solves that apply their extra columns looks for what the block cannot see; 0 for
    /// never.
    #[serde(default = "defaults::probe_every")]
    pub probe_every: usize,
    /// One of so many solves at least does so by following a random vector; 1 for all.
    #[serde(default = "defaults::follow_every")]
    pub follow_every: usize,
    /// Up to so many parameters the Hessian is decomposed whole.
    #[serde(default = "defaults::dense")]
    pub dense: usize,
    /// Iterations of the eigensolver after which it reports what it has, as not converged.
    #[serde(default = "defaults::max_iterations")]
    pub max_iterations: usize,
}

impl EigenvaluesConfig {
    /// The most eigenvalues that a step records at the largest end.
    pub fn most(&self) -> usize {
        let above = self.above.map_or(0, |_| self.largest_count);
        above.max(self.count)
    }
}

/// What a step between two measured ones records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stale {
    /// Nothing.
    #[default]
    Skip,
    /// The Rayleigh quotient of the last vectors that were solved for: one product each.
    RayleighQuotient,
}

/// The solver's own defaults, so that there is one set of them.
mod defaults {
    use brink_dynamics::eigen::Params;

    pub fn relative_tolerance() -> f64 {
        Params::default().relative_tolerance
    }

    /// Ten classes have a cluster of nine at the edge.
    pub fn largest_count() -> usize {
        16
    }

    pub fn guard() -> usize {
        Params::default().guard
    }

    pub fn largest_guard() -> usize {
        Params::default().largest_guard
    }

    pub fn guard_every() -> usize {
        Params::default().guard_every
    }

    pub fn probe_every() -> usize {
        Params::default().probe_every
    }

    pub fn follow_every() -> usize {
        Params::default().follow_every
    }

    pub fn dense() -> usize {
        brink_dynamics::DENSE
    }

    pub fn max_iterations() -> usize {
        Params::default().max_iterations
    }
}
