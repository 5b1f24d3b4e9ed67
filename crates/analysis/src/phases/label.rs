//! The names of the phases.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A phase of the cycle around 2/η.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// The sharpness has not yet crossed 2/η upward.
    #[serde(rename = "before")]
    Before,
    /// Below 2/η and rising: progressive sharpening.
    I,
    /// Above 2/η and rising: the residual grows along v₁.
    II,
    /// Above 2/η and falling: the residual's own energy pulls the sharpness down.
    III,
    /// Below 2/η and falling until it turns: the residual contracts.
    IV,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Before, Self::I, Self::II, Self::III, Self::IV];

    /// The name in a trace: `before`, `I`, `II`, `III` or `IV`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::I => "I",
            Self::II => "II",
            Self::III => "III",
            Self::IV => "IV",
        }
    }

    pub(super) const fn of(above: bool, rising: bool) -> Self {
        match (above, rising) {
            (false, true) => Self::I,
            (true, true) => Self::II,
            (true, false) => Self::III,
            (false, false) => Self::IV,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{given}\" is no phase; use before, I, II, III or IV")]
pub struct UnknownPhase {
    /// The text.
    pub given: String,
}

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        let found = Self::ALL.into_iter().find(|phase| phase.name() == text);
        found.ok_or_else(|| UnknownPhase {
            given: text.to_owned(),
        })
    }
}

/// What a step is labelled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The phase.
    pub phase: Phase,
    /// The number of upward crossings so far: 0 before the first, then 1, 2, …
    pub cycle: u64,
}
