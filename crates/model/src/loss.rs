//! Losses, averaged over samples.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// A loss L of outputs F and targets Y, both `[n, c]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Squared error, L = (κ/n) · Σᵢ Σ_c (F_ic − Y_ic)²: summed over outputs, averaged over
    /// samples.
    Mse {
        /// κ: 1 in Wang, Li & Li (2022), ½ in Cohen et al. (2021).
        factor: f64,
    },
    /// Softmax cross-entropy, L = −(1/n) · Σᵢ Σ_c Y_ic · log softmax(F_i)_c, with the natural
    /// logarithm. Y holds probabilities (one-hot rows) as floats.
    CrossEntropy,
}

impl Loss {
    /// The loss, of shape `[1]`. Outputs and targets are both `[n, c]`.
    pub fn forward(&self, outputs: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        // A target of another shape would broadcast, silently.
        debug_assert_eq!(outputs.dims(), targets.dims());
        let samples = outputs.dims()[0] as f64;
        match *self {
            Self::Mse { factor } => {
                let residual = outputs - targets;
                (residual.clone() * residual)
                    .sum()
                    .mul_scalar(factor / samples)
            }
            Self::CrossEntropy => (activation::log_softmax(outputs, 1) * targets)
                .sum()
                .mul_scalar(-1.0 / samples),
        }
    }

    /// ∂L/∂F, `[n, c]`.
    pub fn slope(&self, outputs: Tensor<2>, targets: Tensor<2>) -> Tensor<2> {
        debug_assert_eq!(outputs.dims(), targets.dims());
        let samples = outputs.dims()[0] as f64;
        match *self {
            Self::Mse { factor } => (outputs - targets).mul_scalar(2.0 * factor / samples),
            Self::CrossEntropy => {
                let total = targets.clone().sum_dim(1);
                (activation::softmax(outputs, 1) * total - targets).mul_scalar(1.0 / samples)
            }
        }
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
}

/// The `[loss]` section. A key that is left out takes the default given here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Which loss; `"mse"`.
    pub kind: LossKind,
    /// κ of the squared error; 1. Refused with cross-entropy, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
}

impl LossConfig {
    /// The loss that the section describes.
    ///
    /// # Errors
    /// A factor that is not a positive number, or one for cross-entropy.
    pub fn loss(&self) -> Result<Loss, ConfigError> {
        match (self.kind, self.factor) {
            (LossKind::CrossEntropy, Some(_)) => Err(ConfigError::FactorOfCrossEntropy),
            (LossKind::CrossEntropy, None) => Ok(Loss::CrossEntropy),
            (LossKind::Mse, factor) => {
                let factor = factor.unwrap_or(1.0);
                if !(factor.is_finite() && factor > 0.0) {
                    return Err(ConfigError::Factor { factor });
                }
                Ok(Loss::Mse { factor })
            }
        }
    }

    /// The same section with its default factor written out, for a manifest.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let factor = match self.loss()? {
            Loss::Mse { factor } => Some(factor),
            Loss::CrossEntropy => None,
        };
        Ok(Self {
            kind: self.kind,
            factor,
        })
    }
}
