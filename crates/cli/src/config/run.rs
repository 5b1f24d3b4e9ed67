//! `[run]`: how the arithmetic is done.

use brink_model::Precision;
use serde::{Deserialize, Serialize};

use crate::backend::MatmulPrecision;

/// The table `[run]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Precision of parameters, data and arithmetic.
    #[serde(default)]
    pub dtype: Dtype,
    /// Whether inputs are replaced by their coordinates in the space that they span.
    #[serde(default)]
    pub compression: Compression,
    /// Whether elementwise operations that follow from each other take one pass over memory, and
    /// convolutions and average pooling go through Brink's own code.
    #[serde(default)]
    pub fusion: Fusion,
    /// The least precision of matrix products that is accepted of a device.
    #[serde(default)]
    pub matmul_precision: MatmulPrecision,
    /// Samples that are computed on at a time, which bounds memory; all at once if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microbatch: Option<usize>,
    /// When the run's state is saved.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
}

/// The table `[run.checkpoint]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Every so many steps; 0 for the first step, the end and an interruption only.
    #[serde(default)]
    pub every: u64,
    /// How many are kept, the newest ones; 0 for all.
    #[serde(default = "two")]
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every: 0,
            keep: two(),
        }
    }
}

fn two() -> usize {
    2
}

/// Whether elementwise operations that follow from each other are computed in one pass over memory,
/// each element by the same operations in the same precision, and convolutions and average pooling
/// by Brink's own code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// Where the backend allows it: flex.
    #[default]
    Auto,
    /// Never: each is one call of the backend.
    Off,
}

/// Whether inputs are replaced by their coordinates in the space that they span, which changes
/// neither loss nor steps nor eigenvalues, only the cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Where it holds and pays.
    #[default]
    Auto,
    /// Where it holds; an error where it does not.
    On,
    /// Never.
    Off,
}

/// Precision of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// IEEE single precision: every backend.
    #[default]
    Float32,
    /// IEEE double precision: the CPU backends only.
    Float64,
}

impl Dtype {
    /// The name that configs and manifests use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    /// The precision that weights are read for and written in.
    pub fn precision(self) -> Precision {
        match self {
            Self::Float32 => Precision::F32,
            Self::Float64 => Precision::F64,
        }
    }
}
