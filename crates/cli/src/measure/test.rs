//! `[measure.test]`: loss and accuracy on samples that are not trained on.

use brink_dynamics::measurement::{Schedule, TestSet, columns};
use serde::{Deserialize, Serialize};

use super::schedule::{every, not_zero};
use super::table::{Fault, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<TestConfig> = Table {
    keys: &keys! {
        "measure.test.samples", "none", "how many of the test set's samples, the first ones; all if left out: their loss and accuracy, by a forward pass";
        "measure.test.every", "1", "measure at every so many steps";
        "measure.test.from", "0", "the first step to measure at";
    },
    needs: &[],
    faults: TestConfig::faults,
    columns: columns::test,
    arrays: Vec::new,
    measurement: |table, run| {
        let schedule = Schedule {
            every: table.every,
            from: table.from,
        };
        let (objective, accuracy) = (run.test_set)(table.samples)?;
        Ok(Some(Box::new(TestSet::new(schedule, objective, accuracy))))
    },
};

/// What the table says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestConfig {
    /// How many samples; all if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// Measure at every so many steps.
    #[serde(default = "every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
}

impl TestConfig {
    fn faults(&self) -> Vec<Fault> {
        let none = self.samples == Some(0);
        let samples = none.then(|| ("samples", "must be at least 1".into()));
        not_zero(self.every).into_iter().chain(samples).collect()
    }
}
