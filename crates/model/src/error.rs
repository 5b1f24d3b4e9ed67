//! What can be wrong with a configuration, or between it and its weights.

use std::ops::RangeInclusive;

use burn::tensor::FloatDType;

use crate::{WeightFileError, WeightsError};

/// An impossible value in the `[model]` or `[loss]` section.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A kind of network that there is not.
    #[error("`model.kind` is \"{kind}\": choose one of {}", kinds.join(", "))]
    Kind {
        /// The name found.
        kind: String,
        /// The names there are.
        kinds: Vec<&'static str>,
    },
    /// A key that only other kinds of network have.
    #[error(
        "`{key}` means nothing for model.kind = \"{kind}\": remove it, or change the kind, which \
         has {}", keys.join(", ")
    )]
    ForeignKey {
        /// The key, with its section.
        key: String,
        /// The kind that the configuration asks for.
        kind: &'static str,
        /// The keys that it has.
        keys: Vec<&'static str>,
    },
    /// A number outside its range.
    #[error("`{key}` is {count}: it must be from {} to {}", range.start(), range.end())]
    Count {
        /// The key, with its section.
        key: String,
        /// The value found.
        count: usize,
        /// The values accepted.
        range: RangeInclusive<usize>,
    },
    /// An item of a list outside its range: a layer without units, or with absurdly many.
    #[error("`{key}[{index}]` is {value}: it must be from {} to {}", range.start(), range.end())]
    Item {
        /// The key, with its section.
        key: String,
        /// Position in the list, from 0.
        index: usize,
        /// The value found.
        value: usize,
        /// The values accepted.
        range: RangeInclusive<usize>,
    },
    /// A list that is too short.
    #[error("`{key}` is too short: give at least {at_least}, such as [32, 32]")]
    TooFew {
        /// The key, with its section.
        key: String,
        /// Fewest items.
        at_least: usize,
    },
    /// A name that this kind does not know.
    #[error("`{key}` is \"{name}\": choose one of {}", of.join(", "))]
    Choice {
        /// The key, with its section.
        key: String,
        /// The name found.
        name: String,
        /// The names accepted.
        of: Vec<&'static str>,
    },
    /// A value of another type, or a network that reads a key that it does not list.
    #[error("`{key}` has another type than the kind of network lists, or is not listed")]
    KeyType {
        /// The key, with its section.
        key: String,
    },
    /// Keys that are possible one by one and not together.
    #[error("`{key}` {reason}")]
    Together {
        /// The key to change, with its section.
        key: String,
        /// Why, and what to do.
        reason: String,
    },
    /// Real values, where tokens are needed.
    #[error(
        "`model.kind` = \"{kind}\" takes tokens: use data.source = \"sequence\", or a file of tokens with data.vocabulary"
    )]
    NoTokens {
        /// The kind of network.
        kind: &'static str,
    },
    /// Values that are no sequence, or a short one.
    #[error(
        "`model.kind` = \"{kind}\" takes sequences: tokens, or values of shape [length, features], \
         and at most one target a step"
    )]
    NoSequence {
        /// The kind of network.
        kind: &'static str,
    },
    /// Tokens, where real values are needed.
    #[error(
        "`model.kind` = \"{kind}\" takes real values, and the data are tokens: use \"gpt\", \
         \"lstm\" or \"mlp\""
    )]
    Tokens {
        /// The kind of network.
        kind: &'static str,
    },
    /// A kernel that cannot be centred on a pixel, or is absurdly large.
    #[error("`model.kernel` is {kernel}: it must be odd, from 1 to {max}")]
    Kernel {
        /// The value found.
        kernel: usize,
        /// The largest value accepted.
        max: usize,
    },
    /// Samples or targets without values.
    #[error("a network from {inputs} inputs to {outputs} outputs: both must be at least 1")]
    NoUnits {
        /// Values a sample.
        inputs: usize,
        /// Values a target.
        outputs: usize,
    },
    /// Inputs that are not a square image of three channels.
    #[error(
        "`model.kind` = \"{kind}\" needs images (for values without a shape, square ones of three \
         channels, such as CIFAR-10's 3072), not {inputs} values: use kind = \"mlp\""
    )]
    NotAnImage {
        /// The kind of network.
        kind: &'static str,
        /// Values a sample.
        inputs: usize,
    },
    /// Each convolution is followed by a pooling that halves the image, until nothing is left.
    #[error(
        "`model.channels` has {poolings} entries, and each halves the {side}×{side} image: \
         give at most {most}"
    )]
    TooManyPoolings {
        /// Poolings asked for.
        poolings: usize,
        /// Side of the input image, in pixels.
        side: usize,
        /// The most poolings that leave a pixel.
        most: usize,
    },
    /// More parameters than a vector of them should hold.
    #[error("the network has more than {max} parameters: make its layers narrower")]
    TooLarge {
        /// The most parameters accepted.
        max: usize,
    },
    /// Outputs that would all be zero, or not numbers.
    #[error("`model.output_factor` is {factor}: it must be a finite number other than 0")]
    OutputFactor {
        /// The value found.
        factor: f64,
    },
    /// A key that only another loss has.
    #[error("`{key}` means nothing for loss.kind = \"{kind}\": remove it")]
    KeyOfAnotherLoss {
        /// The key, with its section.
        key: &'static str,
        /// The loss.
        kind: &'static str,
    },
    /// A label smoothing that leaves no label.
    #[error("`loss.label_smoothing` is {smoothing}: it must be from 0 to below 1")]
    LabelSmoothing {
        /// The value found.
        smoothing: f64,
    },
    /// A factor that makes no loss.
    #[error("`loss.factor` is {factor}: it must be a positive number")]
    Factor {
        /// The value found.
        factor: f64,
    },
}

impl ConfigError {
    /// The key at fault, with its section (`model.hidden`), or the section alone where the fault
    /// is not one key's.
    pub fn key(&self) -> &str {
        match self {
            Self::ForeignKey { key, .. }
            | Self::Count { key, .. }
            | Self::Item { key, .. }
            | Self::TooFew { key, .. }
            | Self::Choice { key, .. }
            | Self::KeyType { key }
            | Self::Together { key, .. } => key,
            Self::TooManyPoolings { .. } => "model.channels",
            Self::Kernel { .. } => "model.kernel",
            Self::Kind { .. }
            | Self::NotAnImage { .. }
            | Self::Tokens { .. }
            | Self::NoTokens { .. }
            | Self::NoSequence { .. } => "model.kind",
            Self::OutputFactor { .. } => "model.output_factor",
            Self::NoUnits { .. } | Self::TooLarge { .. } => "model",
            Self::KeyOfAnotherLoss { key, .. } => key,
            Self::LabelSmoothing { .. } => "loss.label_smoothing",
            Self::Factor { .. } => "loss.factor",
        }
    }
}

/// A network that cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The configuration is impossible.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights are not those of this network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The weight file that the configuration names cannot be used.
    #[error(transparent)]
    File(#[from] WeightFileError),
    /// A network that asked for its parameters outside of its declaration.
    #[error("the network did not declare its parameters: this is a fault of its kind's code")]
    NotDeclared,
    /// The device cannot compute in this precision.
    #[error("this device does not compute in {dtype:?}: use float32, or a CPU backend")]
    Dtype {
        /// The dtype asked for.
        dtype: FloatDType,
    },
}
