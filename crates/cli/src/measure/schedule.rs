//! The keys that most tables have: when something is measured, and how exactly.

use brink_dynamics::eigen::Params;
use brink_dynamics::measurement::Schedule;
use serde::{Deserialize, Serialize};

use super::table::Fault;

/// A table that says no more than when something is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Measure at every so many steps.
    #[serde(default = "every")]
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
    #[serde(default = "every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
    /// Bound on an eigenvalue's error, relative to it.
    #[serde(default = "relative_tolerance")]
    pub relative_tolerance: f64,
}

impl ScheduleConfig {
    /// The steps.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            every: self.every,
            from: self.from,
        }
    }

    /// What is impossible.
    pub fn faults(&self) -> Vec<Fault> {
        not_zero(self.every).into_iter().collect()
    }
}

impl SolvedConfig {
    /// The steps.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            every: self.every,
            from: self.from,
        }
    }

    /// What is impossible.
    pub fn faults(&self) -> Vec<Fault> {
        let faults = [not_zero(self.every), below_one(self.relative_tolerance)];
        faults.into_iter().flatten().collect()
    }
}

/// The fault of an `every`, if it has one.
pub fn not_zero(every: u64) -> Option<Fault> {
    (every == 0).then(|| ("every", "must be at least 1".into()))
}

/// The fault of a `relative_tolerance`, if it has one.
pub fn below_one(tolerance: f64) -> Option<Fault> {
    let possible = tolerance > 0.0 && tolerance < 1.0;
    (!possible).then(|| ("relative_tolerance", "must be between 0 and 1".into()))
}

/// Every step.
pub fn every() -> u64 {
    1
}

/// The eigensolver's own.
pub fn relative_tolerance() -> f64 {
    Params::default().relative_tolerance
}
