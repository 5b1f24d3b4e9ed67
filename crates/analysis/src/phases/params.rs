//! How much it takes to change a label.

use serde::{Deserialize, Serialize};

/// The hysteresis of the labels; every key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhaseParams {
    /// Steps that a new side of 2/η, or a new trend, is held before it counts; 3. Inside a spike
    /// Λ turns for a step or two. Counted in steps, however many of them are measured.
    pub hysteresis: u64,
    /// Half width of the band around 2/η, relative to it, within which a crossing does not count
    /// yet; 0.01. It exceeds the error of a measured eigenvalue.
    pub margin: f64,
    /// The rise or fall of Λ (the mean of two successive ones) from its last extremum, relative to
    /// the extremum, that confirms a turn; 0.02.
    pub turn: f64,
}

impl Default for PhaseParams {
    fn default() -> Self {
        Self {
            hysteresis: 3,
            margin: 0.01,
            turn: 0.02,
        }
    }
}

/// Parameters that cannot label anything.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PhaseParamsError {
    /// A share outside 0 ≤ x < 1.
    #[error("`{key}` is {given}; use a number from 0 up to, but not including, 1")]
    Share {
        /// `margin` or `turn`.
        key: &'static str,
        /// The number given.
        given: f64,
    },
}

impl PhaseParamsError {
    /// The key at fault.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Share { key, .. } => key,
        }
    }
}

impl PhaseParams {
    /// Checks the values; a config is checked before its run.
    ///
    /// # Errors
    ///
    /// [`PhaseParamsError::Share`] for a `margin` or `turn` outside 0 ≤ x < 1.
    pub fn validate(&self) -> Result<(), PhaseParamsError> {
        for (key, given) in [("margin", self.margin), ("turn", self.turn)] {
            if !(0.0..1.0).contains(&given) {
                return Err(PhaseParamsError::Share { key, given });
            }
        }
        Ok(())
    }
}
