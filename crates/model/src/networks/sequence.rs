//! Inputs as sequences of vectors.

use burn::tensor::Tensor;

use crate::{ConfigError, Input, Task};

/// The shape of a sample that is read step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Steps.
    pub length: usize,
    /// Numbers of a step: 1 at a token's place among the vocabulary, or a row of a matrix.
    pub features: usize,
}

impl Sequence {
    /// Tokens, or the rows of a matrix `[length, features]`.
    ///
    /// # Errors
    /// Values of another shape, or fewer steps than targets.
    pub fn of(task: &Task, kind: &'static str) -> Result<Self, ConfigError> {
        let sequence = match &task.input {
            Input::Tokens { length, vocabulary } => Self {
                length: *length,
                features: *vocabulary,
            },
            Input::Values(shape) => match shape[..] {
                [length, features] => Self { length, features },
                _ => return Err(ConfigError::NoSequence { kind }),
            },
        };
        if task.positions > sequence.length {
            return Err(ConfigError::NoSequence { kind });
        }
        Ok(sequence)
    }
}

/// The last of the steps `[n, length, width]`.
pub fn last(x: Tensor<3>, steps: usize) -> Tensor<3> {
    let [_, length, _] = x.dims();
    match steps == length {
        true => x,
        false => x.narrow(1, length - steps, steps),
    }
}
