//! Losses, averaged over samples.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::{Activation, ConfigError};

/// A loss L of outputs F and targets Y, both `[n, c]`.
///
/// Of sequences a row holds the outputs at each of `positions` positions, one after the other; the
/// loss is then averaged over samples and positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Squared error, L = (κ/n) · Σᵢ Σ_c (F_ic − Y_ic)²: summed over outputs, averaged over
    /// samples.
    Mse {
        /// κ: 1 in Wang, Li & Li (2022), ½ in Cohen et al. (2021).
        factor: f64,
    },
    /// Softmax cross-entropy, L = −(1/n) · Σᵢ Σ_c Y'_ic · log softmax(F_i)_c, with the natural
    /// logarithm. Y holds probabilities (one-hot rows) as floats, and Y' = (1 − a)Y + a/c.
    CrossEntropy {
        /// a, the label smoothing (Szegedy et al. 2016).
        smoothing: f64,
        /// How many positions a row has.
        positions: usize,
    },
    /// L = (1/n) · Σᵢ ln(1 + e^(−Yᵢ·Fᵢ)) for one output and targets of −1 and +1, with the natural
    /// logarithm.
    Logistic,
}

impl Loss {
    /// Cross-entropy without label smoothing, of one position a sample.
    pub const CROSS_ENTROPY: Self = Self::CrossEntropy {
        smoothing: 0.0,
        positions: 1,
    };

    /// The same loss of rows that hold so many positions.
    #[must_use]
    pub fn over(self, positions: usize) -> Self {
        match self {
            Self::Mse { factor } => Self::Mse {
                factor: factor / positions as f64,
            },
            Self::CrossEntropy { smoothing, .. } => Self::CrossEntropy {
                smoothing,
                positions,
            },
            Self::Logistic => Self::Logistic,
        }
    }

    /// The loss, of shape `[1]`. Outputs and targets are both `[n, c]`.
    pub fn forward(&self, outputs: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        // A target of another shape would broadcast, silently.
        debug_assert_eq!(outputs.dims(), targets.dims());
        let [samples, columns] = outputs.dims();
        match *self {
            Self::Mse { factor } => {
                let residual = outputs - targets;
                (residual.clone() * residual)
                    .sum()
                    .mul_scalar(factor / samples as f64)
            }
            Self::CrossEntropy {
                smoothing,
                positions,
            } => {
                let rows = [samples * positions, columns / positions];
                let targets = smoothed(targets.reshape(rows), smoothing);
                (activation::log_softmax(outputs.reshape(rows), 1) * targets)
                    .sum()
                    .mul_scalar(-1.0 / rows[0] as f64)
            }
            Self::Logistic => Activation::Softplus
                .forward((outputs * targets).neg())
                .sum()
                .mul_scalar(1.0 / samples as f64),
        }
    }

    /// ∂L/∂F, `[n, c]`.
    pub fn slope(&self, outputs: Tensor<2>, targets: Tensor<2>) -> Tensor<2> {
        debug_assert_eq!(outputs.dims(), targets.dims());
        let [samples, columns] = outputs.dims();
        match *self {
            Self::Mse { factor } => (outputs - targets).mul_scalar(2.0 * factor / samples as f64),
            Self::CrossEntropy {
                smoothing,
                positions,
            } => {
                let rows = [samples * positions, columns / positions];
                let targets = smoothed(targets.reshape(rows), smoothing);
                let total = targets.clone().sum_dim(1);
                let slope = activation::softmax(outputs.reshape(rows), 1) * total - targets;
                let slope = slope.mul_scalar(1.0 / rows[0] as f64);
                slope.reshape([samples, columns])
            }
            Self::Logistic => {
                let margin = outputs * targets.clone();
                let slope = Activation::Sigmoid.forward(margin.neg()) * targets;
                slope.mul_scalar(-1.0 / samples as f64)
            }
        }
    }
}

/// (1 − a)Y + a/c.
fn smoothed(targets: Tensor<2>, smoothing: f64) -> Tensor<2> {
    let [_, classes] = targets.dims();
    match smoothing {
        0.0 => targets,
        _ => targets
            .mul_scalar(1.0 - smoothing)
            .add_scalar(smoothing / classes as f64),
    }
}

/// The name of a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Squared error.
    #[default]
    Mse,
    /// Softmax cross-entropy.
    CrossEntropy,
    /// The logistic loss of binary targets.
    Logistic,
}

impl LossKind {
    /// The name in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mse => "mse",
            Self::CrossEntropy => "cross-entropy",
            Self::Logistic => "logistic",
        }
    }
}

/// The `[loss]` section. A key that is left out takes the default given here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Which loss; `"mse"`.
    pub kind: LossKind,
    /// κ of the squared error; 1. Refused with other losses, which have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// a of the cross-entropy; 0. Refused with other losses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
}

impl LossConfig {
    /// The loss that the section describes, of one position a sample.
    ///
    /// # Errors
    /// A factor that is not a positive number, a label smoothing outside of 0 to 1, or a key of
    /// another loss.
    pub fn loss(&self) -> Result<Loss, ConfigError> {
        let kind = self.kind.name();
        let foreign = |key, given: Option<f64>| match given {
            Some(_) => Err(ConfigError::KeyOfAnotherLoss { key, kind }),
            None => Ok(()),
        };
        if self.kind != LossKind::Mse {
            foreign("loss.factor", self.factor)?;
        }
        if self.kind != LossKind::CrossEntropy {
            foreign("loss.label_smoothing", self.label_smoothing)?;
        }
        match self.kind {
            LossKind::Mse => {
                let factor = self.factor.unwrap_or(1.0);
                if !(factor.is_finite() && factor > 0.0) {
                    return Err(ConfigError::Factor { factor });
                }
                Ok(Loss::Mse { factor })
            }
            LossKind::CrossEntropy => {
                let smoothing = self.label_smoothing.unwrap_or(0.0);
                if !(0.0..1.0).contains(&smoothing) {
                    return Err(ConfigError::LabelSmoothing { smoothing });
                }
                Ok(Loss::CrossEntropy {
                    smoothing,
                    positions: 1,
                })
            }
            LossKind::Logistic => Ok(Loss::Logistic),
        }
    }

    /// The same section with its defaults written out, for a manifest.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let (factor, label_smoothing) = match self.loss()? {
            Loss::Mse { factor } => (Some(factor), None),
            Loss::CrossEntropy { smoothing, .. } => (None, Some(smoothing)),
            Loss::Logistic => (None, None),
        };
        Ok(Self {
            kind: self.kind,
            factor,
            label_smoothing,
        })
    }
}
