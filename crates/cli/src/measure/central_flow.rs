//! `[measure.central_flow]`: what gradient descent or RMSProp at the edge follows on average.

use brink_dynamics::central_flow::{CentralFlow, CentralFlowParams, SecondMoment};
use brink_dynamics::measurement::{Schedule, columns};
use serde::{Deserialize, Serialize};

use super::schedule::{below_one, every, not_zero};
use super::table::{Fault, Need, Table};
use crate::config::keys::keys;
use crate::config::{OptimizerConfig, OptimizerKind};

/// The table.
pub const TABLE: Table<CentralFlowConfig> = Table {
    keys: &keys! {
        "measure.central_flow.substeps", "4", "the central flow of Cohen et al. (2025), gd or rmsprop averaged over time, from the first measured step on, where the first eigenvalue should be below 2/η: so many substeps a step, an even number; half as many are taken besides, for an error";
        "measure.central_flow.count", "2", "its largest eigenvalues that are reported; all above 0.75 of 2/η are followed";
        "measure.central_flow.largest_count", "16", "the most eigenvalues followed; with more near 2/η the flow ends";
        "measure.central_flow.relative_tolerance", "1e-5", "bound on an eigenvalue's error, relative to it, at which the solver stops";
        "measure.central_flow.every", "1", "report at every so many steps; every step is taken";
        "measure.central_flow.from", "0", "the first step to report, where it begins";
    },
    needs: &[
        Need::RuleWithCentralFlow,
        Need::SlowMoment,
        Need::ConstantStepSize,
        Need::NoWeightDecay,
    ],
    faults: CentralFlowConfig::faults,
    columns: || columns::central_flow(CentralFlowParams::default().count),
    arrays: Vec::new,
    measurement: |table, run| {
        let schedule = Schedule {
            every: table.every,
            from: table.from,
        };
        let parameters = run.problem.objective.parameters();
        let params = CentralFlowParams {
            substeps: table.substeps,
            count: table.count.min(parameters),
            largest_count: table.largest_count.min(parameters),
            relative_tolerance: table.relative_tolerance,
        };
        let mut flow = CentralFlow::new(schedule, params)?;
        if let Some(metric) = moment(&run.config.optimizer) {
            flow = flow.of_rmsprop(metric);
        }
        Ok(Some(Box::new(
            flow.with_flat_directions(run.flat_directions()),
        )))
    },
};

/// The metric of a rule that has one; its table is resolved, and has all keys.
fn moment(optimizer: &OptimizerConfig) -> Option<SecondMoment> {
    if optimizer.kind != OptimizerKind::RmsProp {
        return None;
    }
    Some(SecondMoment {
        beta2: optimizer.beta2?,
        epsilon: optimizer.epsilon?,
        bias_correction: optimizer.bias_correction?,
    })
}

/// What the table says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentralFlowConfig {
    /// Substeps of a step.
    #[serde(default = "defaults::substeps")]
    pub substeps: usize,
    /// How many of the largest eigenvalues are reported.
    #[serde(default = "defaults::count")]
    pub count: usize,
    /// The most eigenvalues that are followed.
    #[serde(default = "defaults::largest_count")]
    pub largest_count: usize,
    /// Bound on an eigenvalue's error, relative to it.
    #[serde(default = "defaults::relative_tolerance")]
    pub relative_tolerance: f64,
    /// Report at every so many steps.
    #[serde(default = "every")]
    pub every: u64,
    /// The first step to report.
    #[serde(default)]
    pub from: u64,
}

impl CentralFlowConfig {
    fn faults(&self) -> Vec<Fault> {
        let unless = |possible: bool, key, fault: &str| (!possible).then(|| (key, fault.into()));
        let faults = [
            not_zero(self.every),
            below_one(self.relative_tolerance),
            unless(
                (2..=1024).contains(&self.substeps) && self.substeps.is_multiple_of(2),
                "substeps",
                "must be an even number from 2 to 1024",
            ),
            unless(
                (1..=32).contains(&self.count),
                "count",
                "must be from 1 to 32",
            ),
            unless(
                (1..=32).contains(&self.largest_count),
                "largest_count",
                "must be from 1 to 32: Σ has half as many unknowns as its square",
            ),
        ];
        faults.into_iter().flatten().collect()
    }
}

/// The measurement's own defaults, so that there is one set of them.
mod defaults {
    use brink_dynamics::central_flow::CentralFlowParams;

    pub fn substeps() -> usize {
        CentralFlowParams::default().substeps
    }

    pub fn count() -> usize {
        CentralFlowParams::default().count
    }

    pub fn largest_count() -> usize {
        CentralFlowParams::default().largest_count
    }

    pub fn relative_tolerance() -> f64 {
        CentralFlowParams::default().relative_tolerance
    }
}
