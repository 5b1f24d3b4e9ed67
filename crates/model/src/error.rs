//! What can be wrong with a configuration, or between it and its weights.

use burn::tensor::FloatDType;

use crate::{ModelKind, WeightFileError, WeightsError};

/// An impossible value in the `[model]` or `[loss]` section.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key that only the other kind of network has.
    #[error("`{key}` means nothing for model.kind = \"{kind}\": remove it, or change the kind")]
    ForeignKey {
        /// The key, with its section.
        key: &'static str,
        /// The kind that the configuration asks for.
        kind: ModelKind,
    },
    /// A layer without units, or with absurdly many.
    #[error("`{key}[{index}]` is {width}: a width must be from 1 to {max}")]
    Width {
        /// The key, with its section.
        key: &'static str,
        /// Position in the list, from 0.
        index: usize,
        /// The value found.
        width: usize,
        /// The largest value accepted.
        max: usize,
    },
    /// A convolutional network without convolutions.
    #[error("`model.channels` is empty: give one number a convolution, such as [32, 32]")]
    NoChannels,
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
        "`model.kind` = \"cnn\" needs square images of three channels (3·s·s values a sample, \
         3072 for CIFAR-10), not {inputs} values: use kind = \"mlp\""
    )]
    NotAnImage {
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
    /// Cross-entropy has no factor.
    #[error("`loss.factor` means nothing for loss.kind = \"cross-entropy\": remove it")]
    FactorOfCrossEntropy,
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
    pub fn key(&self) -> &'static str {
        match self {
            Self::ForeignKey { key, .. } | Self::Width { key, .. } => key,
            Self::NoChannels | Self::TooManyPoolings { .. } => "model.channels",
            Self::Kernel { .. } => "model.kernel",
            Self::NotAnImage { .. } => "model.kind",
            Self::OutputFactor { .. } => "model.output_factor",
            Self::NoUnits { .. } | Self::TooLarge { .. } => "model",
            Self::FactorOfCrossEntropy | Self::Factor { .. } => "loss.factor",
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
    /// The device cannot compute in this precision.
    #[error("this device does not compute in {dtype:?}: use float32, or a CPU backend")]
    Dtype {
        /// The dtype asked for.
        dtype: FloatDType,
    },
}
