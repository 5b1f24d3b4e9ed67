//! The form of one assumption's row.

use serde::Serialize;

use crate::phases::Phase;

/// One assumption of the paper and how it fares along a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assumption {
    /// A name that does not change between versions.
    pub key: &'static str,
    /// The assumption, as the paper notes put it.
    pub assumption: &'static str,
    /// The formula of what is reported.
    pub quantity: &'static str,
    /// Over all steps.
    pub overall: Measurement,
    /// The same for the steps of each phase that occurs; empty when it was not measured.
    pub by_phase: Vec<PhaseMeasurement>,
    /// What decides the verdict.
    pub threshold: Threshold,
    /// The verdict.
    pub verdict: Verdict,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Measurement {
    /// It was measured.
    Measured {
        /// The figures.
        figures: Vec<Figure>,
        /// The recorded steps that they come from.
        steps: usize,
    },
    /// It was not.
    Missing {
        /// What to switch on, or which column is needed.
        needs: String,
    },
}

impl Measurement {
    /// A figure by its name; none when it is not there or nothing was measured.
    pub fn figure(&self, name: &str) -> Option<f64> {
        match self {
            Self::Measured { figures, .. } => {
                let found = figures.iter().find(|figure| figure.name == name);
                found.map(|figure| figure.value)
            }
            Self::Missing { .. } => None,
        }
    }
}

/// One number of a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What it is: `median`, `max`, …
    pub name: &'static str,
    /// Its value, finite.
    pub value: f64,
    /// The step where it stands, for an extremum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
}

impl Figure {
    pub(super) const fn new(name: &'static str, value: f64) -> Self {
        Self {
            name,
            value,
            step: None,
        }
    }
}

/// The figures for the steps of one phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseMeasurement {
    /// The phase.
    pub phase: Phase,
    /// What was found there; missing when no step of the phase was measured.
    pub measurement: Measurement,
}

/// What a verdict is taken by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The number the quantity is held against.
    pub value: f64,
    /// How, in words.
    pub text: &'static str,
}

/// Whether an assumption holds along a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does.
    Holds,
    /// In part: the threshold's text says when.
    Partly,
    /// It does not.
    Fails,
    /// It was not measured.
    Missing,
}
