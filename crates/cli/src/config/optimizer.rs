//! `[optimizer]`: how the parameters move, and when a run stops.

use serde::{Deserialize, Serialize};

/// The table `[optimizer]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The rule.
    pub kind: OptimizerKind,
    /// Step size η.
    pub step_size: f64,
    /// Steps to take unless a goal is reached first.
    pub steps: u64,
    /// Stop once the loss is at or below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<f64>,
    /// Stop once the share of samples classified right is at or above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_accuracy: Option<f64>,
}

/// How the parameters move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OptimizerKind {
    /// Full-batch gradient descent, θ ← θ − η∇L(θ).
    #[serde(rename = "gd")]
    GradientDescent,
}
