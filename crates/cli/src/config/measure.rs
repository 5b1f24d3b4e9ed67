//! `[measure]`: what is measured along a run, and how often.

use serde::{Deserialize, Serialize};

/// The table `[measure]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureConfig {
    /// Eigenvalues of the Hessian; none are measured without this table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eigenvalues: Option<EigenvaluesConfig>,
}

/// The table `[measure.eigenvalues]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EigenvaluesConfig {
    /// How many at the largest algebraic end.
    pub count: usize,
    /// Measure at every so many steps.
    #[serde(default = "defaults::every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
    /// Stop solving when the bound on an eigenvalue's error, relative to it, is below this.
    #[serde(default = "defaults::relative_tolerance")]
    pub relative_tolerance: f64,
    /// How many at the smallest algebraic end.
    #[serde(default)]
    pub smallest: usize,
    /// What a step between two measured ones records.
    #[serde(default)]
    pub stale: Stale,
    /// Extra columns of the block that guard against missed eigenvalues.
    #[serde(default = "defaults::guard")]
    pub guard: usize,
    /// Every so many solves one column starts at random, to find what a warm start hides; 0 for
    /// never.
    #[serde(default = "defaults::probe_every")]
    pub probe_every: usize,
    /// Iterations of the eigensolver after which it reports what it has, as not converged.
    #[serde(default = "defaults::max_iterations")]
    pub max_iterations: usize,
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

    pub fn every() -> u64 {
        1
    }

    pub fn relative_tolerance() -> f64 {
        Params::default().relative_tolerance
    }

    pub fn guard() -> usize {
        Params::default().guard
    }

    pub fn probe_every() -> usize {
        Params::default().probe_every
    }

    pub fn max_iterations() -> usize {
        Params::default().max_iterations
    }
}
