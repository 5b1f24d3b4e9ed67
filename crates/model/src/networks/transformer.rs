//! Blocks of attention and a two-layer network, each behind a normalisation and beside a shortcut
//! (Vaswani et al. 2017; before the layers as in Radford et al. 2019).

use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData, activation::softmax};

use super::norm::LayerNorm;
use crate::config::MAX_WIDTH;
use crate::{Activation, BuildError, ConfigError, Keys, ModelKey, Params};

/// Added to what must not be attended to: its share is then 0 exactly, in either precision.
const MASKED: f64 = -1e9;

/// Numbers of a token.
pub const WIDTH: ModelKey = ModelKey::count("width", 32, 1..=MAX_WIDTH, "numbers of a token");

/// Blocks.
pub const DEPTH: ModelKey = ModelKey::count("depth", 2, 1..=256, "blocks");

/// Heads of the attention.
pub const HEADS: ModelKey = ModelKey::count(
    "heads",
    4,
    1..=1024,
    "attention heads; a divisor of the width",
);

/// Width of the two-layer network.
pub const MLP_RATIO: ModelKey = ModelKey::count(
    "mlp_ratio",
    4,
    1..=64,
    "hidden units of a block's two-layer network, in widths",
);

/// How a kind of network calls the parts of a block.
pub struct Names {
    /// The two normalisations.
    pub norms: [&'static str; 2],
    /// Queries, keys and values together, and the map that follows.
    pub attention: [&'static str; 2],
    /// The two layers.
    pub mlp: [&'static str; 2],
}

/// A block.
pub struct Block {
    norms: [LayerNorm; 2],
    attention: [Linear; 2],
    mlp: [Linear; 2],
    heads: usize,
    activation: Activation,
    causal: bool,
}

impl Block {
    /// A block of the keys' width; `causal` if a position attends to itself and those before it only.
    ///
    /// # Errors
    /// A width that the heads cannot share.
    pub fn new(
        keys: &Keys,
        causal: bool,
        names: &Names,
        params: &Params<'_>,
    ) -> Result<Self, BuildError> {
        let (width, heads) = (keys.count("width")?, keys.count("heads")?);
        if !width.is_multiple_of(heads) {
            return Err(ConfigError::Together {
                key: "model.heads".to_owned(),
                reason: format!("is {heads}, which does not divide the width, {width}"),
            }
            .into());
        }
        let bias = keys.flag("bias")?;
        let inner = width.saturating_mul(keys.count("mlp_ratio")?);
        // `attn.qkv` is a part of a part.
        let at = |path: &str| path.split('.').fold(params.clone(), |at, part| at.at(part));
        let linear = |path, inputs, outputs| at(path).linear(inputs, outputs, bias);
        let first_norm = LayerNorm::new(width, &at(names.norms[0]))?;
        let attention = [
            linear(names.attention[0], width, width.saturating_mul(3))?,
            linear(names.attention[1], width, width)?,
        ];
        let second_norm = LayerNorm::new(width, &at(names.norms[1]))?;
        let mlp = [
            linear(names.mlp[0], width, inner)?,
            linear(names.mlp[1], inner, width)?,
        ];
        Ok(Self {
            norms: [first_norm, second_norm],
            attention,
            mlp,
            heads,
            activation: keys.activation()?,
            causal,
        })
    }

    /// `[n, t, width]` to the same shape.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = x.clone() + self.attend(self.norms[0].forward(x));
        let [first, second] = &self.mlp;
        let inner = self
            .activation
            .forward(first.forward(self.norms[1].forward(x.clone())));
        x + second.forward(inner)
    }

    fn attend(&self, x: Tensor<3>) -> Tensor<3> {
        let [samples, length, width] = x.dims();
        let (heads, size) = (self.heads, width / self.heads);
        let all = self.attention[0].forward(x);
        let part = |which: usize| {
            let part = all.clone().narrow(2, which * width, width);
            part.reshape([samples, length, heads, size]).swap_dims(1, 2)
        };
        let (query, key, value) = (part(0), part(1), part(2));
        let query = query.mul_scalar((size as f64).sqrt().recip());
        let mut scores = query.matmul(key.swap_dims(2, 3));
        if self.causal {
            let later = |row: usize, column: usize| if column > row { MASKED } else { 0.0 };
            let mask =
                (0..length).flat_map(|row| (0..length).map(move |column| later(row, column)));
            let mask = TensorData::new(mask.collect::<Vec<f64>>(), [1, 1, length, length]);
            let options = (&scores.device(), scores.dtype());
            scores = scores.clone() + Tensor::<4>::from_data(mask, options);
        }
        let mixed = softmax(scores, 3).matmul(value);
        let mixed = mixed.swap_dims(1, 2).reshape([samples, length, width]);
        self.attention[1].forward(mixed)
    }
}
