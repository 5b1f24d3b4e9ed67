//! What a network is given, and what is asked of it.

use serde::{Deserialize, Serialize};

/// The shape of a problem: one sample's inputs, and the outputs that its targets ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What a sample is.
    pub input: Input,
    /// Outputs at each position: classes, or columns of the targets.
    pub outputs: usize,
    /// How many of a sequence's last positions have a target; 1 for anything else.
    pub positions: usize,
}

/// One sample, as a network sees it: a row of a matrix `[n, d]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Real values of this shape, row-major: `[3, 32, 32]` for a colour image, `[d]` for features.
    Values(Vec<usize>),
    /// A sequence of tokens, each given as a row that is 1 at the token and 0 elsewhere, so that
    /// d = length·vocabulary. An embedding is then a matrix product, whose sums have a fixed order
    /// on every device.
    Tokens {
        /// Tokens in a sample.
        length: usize,
        /// How many different tokens there are.
        vocabulary: usize,
    },
}

impl Task {
    /// From `inputs` real values a sample to `outputs`.
    pub fn values(inputs: usize, outputs: usize) -> Self {
        Self {
            input: Input::Values(vec![inputs]),
            outputs,
            positions: 1,
        }
    }

    /// The same task with inputs that are `features` values without a shape, as for coordinates in
    /// the span of the inputs.
    #[must_use]
    pub fn with_features(&self, features: usize) -> Self {
        Self {
            input: Input::Values(vec![features]),
            ..self.clone()
        }
    }

    /// d: values in a row of inputs; `None` if they do not fit in a `usize`.
    pub fn features(&self) -> Option<usize> {
        match &self.input {
            Input::Values(shape) => shape.iter().try_fold(1usize, |d, &n| d.checked_mul(n)),
            Input::Tokens { length, vocabulary } => length.checked_mul(*vocabulary),
        }
    }

    /// Values in a row of outputs, and of targets: those of all positions, one after the other.
    pub fn row(&self) -> Option<usize> {
        self.outputs.checked_mul(self.positions)
    }
}
