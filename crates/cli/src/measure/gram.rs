//! `[measure.gram]`: the Gram matrix M = JJᵀ.

use brink_dynamics::measurement::{Gram, GramMethod, Schedule, columns};
use serde::{Deserialize, Serialize};

use super::schedule::{below_one, every, not_zero, relative_tolerance};
use super::table::{Fault, Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<GramConfig> = Table {
    keys: &keys! {
        "measure.gram.count", "2", "how many eigenvalues of the Gram matrix JJᵀ, as (2κ/n)·λ; mse only";
        "measure.gram.method", "\"matrix-free\"", "matrix-free | dense (all of JJᵀ, up to 5000 rows)";
        "measure.gram.every", "1", "measure at every so many steps";
        "measure.gram.from", "0", "the first step to measure at";
        "measure.gram.relative_tolerance", "1e-3", "bound on an eigenvalue's error, relative to it, as in measure.eigenvalues; matrix-free only";
    },
    needs: &[Need::SquaredError, Need::NoWeightDecay],
    faults: GramConfig::faults,
    columns: || columns::gram(2),
    arrays: Vec::new,
    measurement: |table, run| {
        let Some(squared) = run.squared_error() else {
            return Ok(None);
        };
        let method = match table.method {
            GramMethodConfig::MatrixFree => GramMethod::MatrixFree,
            GramMethodConfig::Dense => GramMethod::Dense,
        };
        let schedule = Schedule {
            every: table.every,
            from: table.from,
        };
        let tolerance = table.relative_tolerance;
        let gram = Gram::new(schedule, squared, method, table.count, tolerance)?;
        Ok(Some(Box::new(gram)))
    },
};

/// What the table says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GramConfig {
    /// How many of the largest eigenvalues.
    #[serde(default = "two")]
    pub count: usize,
    /// How they are found.
    #[serde(default)]
    pub method: GramMethodConfig,
    /// Measure at every so many steps.
    #[serde(default = "every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
    /// Bound on an eigenvalue's error, relative to it; matrix-free only.
    #[serde(default = "relative_tolerance")]
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

impl GramConfig {
    fn faults(&self) -> Vec<Fault> {
        let count = (1..=256).contains(&self.count);
        let count = (!count).then(|| ("count", "must be from 1 to 256".into()));
        let faults = [
            not_zero(self.every),
            below_one(self.relative_tolerance),
            count,
        ];
        faults.into_iter().flatten().collect()
    }
}

fn two() -> usize {
    2
}
