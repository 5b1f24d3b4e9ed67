//! `[measure]`: what is measured along a run, and how often.

use brink_analysis::phases::PhaseParams;
use serde::{Deserialize, Serialize};

/// The table `[measure]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureConfig {
    /// Eigenvalues of the Hessian; none are measured without this table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eigenvalues: Option<EigenvaluesConfig>,
    /// Eigenvalues of P^(−½)HP^(−½) for a rule with a preconditioner P.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preconditioned: Option<EigenvaluesConfig>,
    /// The rule that labels steps with the paper's phases.
    #[serde(default)]
    pub phases: PhaseParams,
    /// The residual D = F − Y and what it predicts for the output layer; mse only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<ScheduleConfig>,
    /// The Gram matrix M = JJᵀ; mse only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gram: Option<GramConfig>,
    /// The Gauss–Newton and residual parts of the Hessian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gauss_newton: Option<SolvedConfig>,
    /// The error of the first-order step in function space; mse only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_order: Option<ScheduleConfig>,
    /// The layers that the Hessian's top eigenvector lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<ScheduleConfig>,
    /// The gradient of the sharpness, and what self-stabilization follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_stabilization: Option<ScheduleConfig>,
    /// λ₁ of each layer's block of the Hessian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_sharpness: Option<SolvedConfig>,
    /// Gradient flow from the same start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowConfig>,
}

/// A table that says no more than when something is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Measure at every so many steps.
    #[serde(default = "defaults::every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
}

/// A table of something that an eigensolver finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolvedConfig {
    /// Measure at every so many steps.
    #[serde(default = "defaults::every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
    /// Bound on an eigenvalue's error, relative to it.
    #[serde(default = "defaults::relative_tolerance")]
    pub relative_tolerance: f64,
}

/// The table `[measure.gram]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GramConfig {
    /// How many of the largest eigenvalues.
    #[serde(default = "defaults::gram_count")]
    pub count: usize,
    /// How they are found.
    #[serde(default)]
    pub method: GramMethodConfig,
    /// Measure at every so many steps.
    #[serde(default = "defaults::every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
    /// Bound on an eigenvalue's error, relative to it; matrix-free only.
    #[serde(default = "defaults::relative_tolerance")]
    pub relative_tolerance: f64,
}

/// How the Gram matrix's eigenvalues are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GramMethodConfig {
    /// By products J·(Jᵀu) alone.
    #[default]
    MatrixFree,
    /// By forming and decomposing the matrix.
    Dense,
}

/// The table `[measure.flow]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// How the flow is integrated.
    #[serde(default)]
    pub method: FlowMethodConfig,
    /// Runge–Kutta's step in units of 1/Λ.
    #[serde(default = "defaults::alpha")]
    pub alpha: f64,
    /// Runge–Kutta's longest step, in units of time; η if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// The adaptive pair's error of one step, relative to 1 + ‖θ‖.
    #[serde(default = "defaults::flow_tolerance")]
    pub tolerance: f64,
    /// The last step at which the flow is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Measure at every so many steps.
    #[serde(default = "defaults::every")]
    pub every: u64,
    /// Bound on an eigenvalue's error, relative to it.
    #[serde(default = "defaults::relative_tolerance")]
    pub relative_tolerance: f64,
}

/// How gradient flow is integrated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowMethodConfig {
    /// Runge–Kutta of order four with steps min(alpha/Λ, cap).
    #[default]
    Rk4,
    /// Dormand–Prince of orders five and four with error control.
    Adaptive,
}

/// The tables `[measure.eigenvalues]` and `[measure.preconditioned]`.
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
    /// Every so many solves one column starts at random, to find what a warm start hides; 0 for
    /// never.
    #[serde(default = "defaults::probe_every")]
    pub probe_every: usize,
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

    pub fn every() -> u64 {
        1
    }

    pub fn gram_count() -> usize {
        2
    }

    /// Well within the method's stability, 2.785, and accurate to better than 1e-3 a step.
    pub fn alpha() -> f64 {
        0.5
    }

    pub fn flow_tolerance() -> f64 {
        1e-6
    }

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

    pub fn max_iterations() -> usize {
        Params::default().max_iterations
    }
}
