//! The `[model]` section of a configuration.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cnn::IMAGE_CHANNELS;
use crate::layer::{LayerKind, LayerSpec};
use crate::{Activation, ConfigError, Init};

/// The widest hidden layer, or most channels, that a configuration may ask for.
pub const MAX_WIDTH: usize = 1 << 16;

/// The most parameters a network may have: one gibibyte of float32 a vector. A slip in a width
/// should be refused, not exhaust the machine.
pub const MAX_PARAMETERS: usize = 1 << 28;

const MAX_KERNEL: usize = 31;
const DEFAULT_HIDDEN: [usize; 2] = [200, 200];
const DEFAULT_CHANNELS: [usize; 2] = [32, 32];
const DEFAULT_KERNEL: usize = 3;

/// The family of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Fully connected.
    #[default]
    Mlp,
    /// Convolutional.
    Cnn,
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mlp => "mlp",
            Self::Cnn => "cnn",
        })
    }
}

/// How a 2×2 window becomes one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean of the window: smooth.
    #[default]
    Average,
    /// The largest value of the window: its Hessian ignores which one that is.
    Max,
}

/// The `[model]` section, key by key. A key that is left out takes the default given here.
///
/// `hidden` belongs to `kind = "mlp"`; `channels`, `kernel` and `pooling` to `kind = "cnn"`.
/// A key of the other kind is refused by [`validate`](Self::validate), never ignored. The one
/// precedence: with `weights`, `init` and `seed` are not consulted, so that a configuration can
/// be repeated from a file by setting that key alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Family of the network; `"mlp"`.
    pub kind: ModelKind,
    /// Widths of the hidden layers of an MLP, first to last; `[200, 200]`. The empty list is
    /// linear regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<usize>>,
    /// Output channels of the convolutions of a CNN, first to last; `[32, 32]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<usize>>,
    /// Side of the convolution kernels of a CNN, in pixels; 3. Odd, at most 31.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<usize>,
    /// 2×2 pooling after each convolution of a CNN; `"average"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Function between layers; `"tanh"`.
    pub activation: Activation,
    /// Whether every layer adds a bias; `true`.
    pub bias: bool,
    /// Multiplies the last layer's values; 1. A two-layer network of width m with 1/√m here and
    /// `init = "standard-normal"` is that of the neural-tangent-kernel theory.
    pub output_factor: f64,
    /// Distribution of the initial weights; `"uniform-fan-in"`.
    pub init: Init,
    /// Seed of the initial weights; 0.
    pub seed: u64,
    /// A `.safetensors` file to take the initial weights from, instead of `init` and `seed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            kind: ModelKind::default(),
            hidden: None,
            channels: None,
            kernel: None,
            pooling: None,
            activation: Activation::default(),
            bias: true,
            output_factor: 1.0,
            init: Init::default(),
            seed: 0,
            weights: None,
        }
    }
}

/// A network's shape: the keys of its kind, with defaults filled in and values checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Fully connected.
    Mlp {
        /// Widths of the hidden layers.
        hidden: Vec<usize>,
    },
    /// Convolutional.
    Cnn {
        /// Output channels of the convolutions; at least one.
        channels: Vec<usize>,
        /// Side of the kernels; odd.
        kernel: usize,
        /// Pooling after each convolution.
        pooling: Pooling,
    },
}

impl ModelConfig {
    /// Checks everything that can be checked without knowing the data.
    ///
    /// # Errors
    /// See [`ConfigError`]; each names its key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.architecture().map(drop)
    }

    /// The keys of this kind of network, with defaults in place of those left out.
    ///
    /// # Errors
    /// An output factor that is zero or not finite, a key of the other kind, a width of 0 or above [`MAX_WIDTH`], no channels, a kernel that
    /// is even or too large.
    pub fn architecture(&self) -> Result<Architecture, ConfigError> {
        if !(self.output_factor.is_finite() && self.output_factor != 0.0) {
            return Err(ConfigError::OutputFactor {
                factor: self.output_factor,
            });
        }
        match self.kind {
            ModelKind::Mlp => {
                self.refuse_foreign("model.channels", self.channels.is_some())?;
                self.refuse_foreign("model.kernel", self.kernel.is_some())?;
                self.refuse_foreign("model.pooling", self.pooling.is_some())?;
                let hidden = (self.hidden.clone()).unwrap_or_else(|| DEFAULT_HIDDEN.to_vec());
                check_widths("model.hidden", &hidden)?;
                Ok(Architecture::Mlp { hidden })
            }
            ModelKind::Cnn => {
                self.refuse_foreign("model.hidden", self.hidden.is_some())?;
                let channels = (self.channels.clone()).unwrap_or_else(|| DEFAULT_CHANNELS.to_vec());
                if channels.is_empty() {
                    return Err(ConfigError::NoChannels);
                }
                check_widths("model.channels", &channels)?;
                let kernel = self.kernel.unwrap_or(DEFAULT_KERNEL);
                if kernel.is_multiple_of(2) || kernel > MAX_KERNEL {
                    return Err(ConfigError::Kernel {
                        kernel,
                        max: MAX_KERNEL,
                    });
                }
                Ok(Architecture::Cnn {
                    channels,
                    kernel,
                    pooling: self.pooling.unwrap_or_default(),
                })
            }
        }
    }

    /// The same configuration with the defaults of its kind written out, for a manifest.
    ///
    /// # Errors
    /// As [`architecture`](Self::architecture).
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let mut resolved = self.clone();
        match self.architecture()? {
            Architecture::Mlp { hidden } => resolved.hidden = Some(hidden),
            Architecture::Cnn {
                channels,
                kernel,
                pooling,
            } => {
                resolved.channels = Some(channels);
                resolved.kernel = Some(kernel);
                resolved.pooling = Some(pooling);
            }
        }
        Ok(resolved)
    }

    /// The layers that bear weights, first to last, of a network from `inputs` values a sample to
    /// `outputs`. A CNN reads its inputs as a three-channel square image, one channel after the
    /// other, each row by row.
    ///
    /// # Errors
    /// As [`architecture`](Self::architecture); besides, no inputs or outputs, an image that is
    /// not square or too small for its poolings, more than [`MAX_PARAMETERS`] parameters.
    pub fn layers(&self, inputs: usize, outputs: usize) -> Result<Vec<LayerSpec>, ConfigError> {
        if inputs == 0 || outputs == 0 {
            return Err(ConfigError::NoUnits { inputs, outputs });
        }
        let mut kinds = Vec::new();
        let features = match self.architecture()? {
            Architecture::Mlp { hidden } => hidden.into_iter().fold(inputs, |inputs, outputs| {
                kinds.push(LayerKind::Linear { inputs, outputs });
                outputs
            }),
            Architecture::Cnn {
                channels, kernel, ..
            } => {
                let mut side = image_side(inputs)?;
                let poolings = channels.len();
                let most = side.ilog2() as usize;
                if poolings > most {
                    return Err(ConfigError::TooManyPoolings {
                        poolings,
                        side,
                        most,
                    });
                }
                let last = channels
                    .into_iter()
                    .fold(IMAGE_CHANNELS, |inputs, outputs| {
                        side /= 2;
                        kinds.push(LayerKind::Conv2d {
                            inputs,
                            outputs,
                            kernel,
                        });
                        outputs
                    });
                last * side * side
            }
        };
        kinds.push(LayerKind::Linear {
            inputs: features,
            outputs,
        });
        let bias = self.bias;
        let layers: Vec<_> = (kinds.into_iter().map(|kind| LayerSpec { kind, bias })).collect();
        check_size(&layers)?;
        Ok(layers)
    }

    fn refuse_foreign(&self, key: &'static str, present: bool) -> Result<(), ConfigError> {
        if present {
            let kind = self.kind;
            return Err(ConfigError::ForeignKey { key, kind });
        }
        Ok(())
    }
}

/// Side, in pixels, of the square image that `inputs` values make.
pub(crate) fn image_side(inputs: usize) -> Result<usize, ConfigError> {
    let side = (inputs / IMAGE_CHANNELS).isqrt();
    if side == 0 || side * side * IMAGE_CHANNELS != inputs {
        return Err(ConfigError::NotAnImage { inputs });
    }
    Ok(side)
}

fn check_widths(key: &'static str, widths: &[usize]) -> Result<(), ConfigError> {
    for (index, &width) in widths.iter().enumerate() {
        if width == 0 || width > MAX_WIDTH {
            return Err(ConfigError::Width {
                key,
                index,
                width,
                max: MAX_WIDTH,
            });
        }
    }
    Ok(())
}

fn check_size(layers: &[LayerSpec]) -> Result<(), ConfigError> {
    let count = layers.iter().try_fold(0usize, |sum, layer| {
        sum.checked_add(layer.parameter_count()?)
    });
    match count {
        Some(count) if count <= MAX_PARAMETERS => Ok(()),
        _ => Err(ConfigError::TooLarge {
            max: MAX_PARAMETERS,
        }),
    }
}
