//! `[measure.subspace]`: the span of the Hessian's top eigenvectors.

use brink_dynamics::measurement::{Schedule, Subspace, columns};
use serde::{Deserialize, Serialize};

use super::schedule::{every, not_zero};
use super::table::{Fault, Need, Table};
use crate::config::Config;
use crate::config::keys::keys;
use crate::error::Error;

/// The table.
pub const TABLE: Table<SubspaceConfig> = Table {
    keys: &keys! {
        "measure.subspace.count", "none", "share of the gradient and of the last update in the span of so many of the Hessian's top eigenvectors, and how far the span has turned; measure.eigenvalues.count, if left out, is the most, and one less leaves an error bound";
        "measure.subspace.lag", "1", "the span is compared with that of so many measured steps ago; as many are kept";
        "measure.subspace.class_gradients", "false", "whether the share is measured too of the gradient of each class's mean loss, averaged over the classes; the targets must be classes, each of which costs a product with the transposed Jacobian";
        "measure.subspace.every", "1", "measure at every so many steps";
        "measure.subspace.from", "0", "the first step to measure at";
    },
    needs: &[Need::TopEigenvector, Need::SubspaceWithinEigenvalues],
    faults: SubspaceConfig::faults,
    columns: || columns::subspace(true),
    arrays: Vec::new,
    measurement: |table, run| {
        let Some(count) = table.dimensions(run.config) else {
            return Ok(None);
        };
        let schedule = Schedule {
            every: table.every,
            from: table.from,
        };
        let subspace = Subspace::new(schedule, count, table.lag);
        let subspace = subspace.with_flat_directions(run.flat_directions());
        Ok(Some(Box::new(match table.class_gradients {
            true => subspace.with_classes(run.classes().ok_or(Error::NoClasses)?),
            false => subspace,
        })))
    },
};

/// What the table says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubspaceConfig {
    /// How many eigenvectors; all that are measured if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// How many measured steps ago the span was that it is compared with.
    #[serde(default = "lag")]
    pub lag: usize,
    /// Whether the classes' gradients are measured.
    #[serde(default)]
    pub class_gradients: bool,
    /// Measure at every so many steps.
    #[serde(default = "every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
}

impl SubspaceConfig {
    /// How many eigenvectors, if any are measured.
    fn dimensions(&self, config: &Config) -> Option<usize> {
        let measured = config.measure.eigenvalues.as_ref();
        self.count.or(measured.map(|measured| measured.count))
    }

    fn faults(&self) -> Vec<Fault> {
        let at_least_one = |zero: bool, key| zero.then(|| (key, "must be at least 1".into()));
        let faults = [
            not_zero(self.every),
            at_least_one(self.count == Some(0), "count"),
            at_least_one(self.lag == 0, "lag"),
        ];
        faults.into_iter().flatten().collect()
    }
}

fn lag() -> usize {
    1
}
