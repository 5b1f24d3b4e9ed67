//! How a run ends.

use serde::Serialize;

use crate::{State, TheoryRecord};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// All steps were taken.
    Completed,
    /// Numbers ceased to be finite; the records before stand.
    Diverged {
        /// The first step without a record.
        step: u64,
    },
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// One a step, from step 0.
    pub records: Vec<TheoryRecord>,
    /// How it ended.
    pub outcome: Outcome,
    /// The state after the last step taken.
    pub state: State,
}
