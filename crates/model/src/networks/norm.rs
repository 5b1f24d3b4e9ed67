//! Normalisations, by the statistics of what they are given.

use burn::module::Param;
use burn::tensor::Tensor;

use crate::{BuildError, Keys, ModelKey, Params, Role};

/// Added to variances, as in PyTorch.
const EPSILON: f64 = 1e-5;

/// What images are normalised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Batch,
    /// Of so many groups of channels.
    Group(usize),
}

/// A normalisation of images `[n, channels, h, w]`, or none.
///
/// With `batch` the statistics are those of all samples that are given at once, as in PyTorch's
/// training mode; there are no running ones. `layer` is one group of all channels.
#[derive(Debug)]
pub struct Norm {
    kind: Kind,
    scale: Param<Tensor<1>>,
    shift: Param<Tensor<1>>,
}

/// The key that [`Norm::new`] reads.
pub const NORM: ModelKey = ModelKey::choice(
    "norm",
    "group",
    &["none", "batch", "group", "layer"],
    "what normalises feature maps: the statistics of all samples together, or of each sample's \
     groups of channels, or of all its channels",
);

/// How many groups `norm = "group"` has.
pub const GROUPS: ModelKey = ModelKey::count(
    "groups",
    4,
    1..=1024,
    "groups of channels of norm = \"group\"; a divisor of every width",
);

impl Norm {
    /// The normalisation of so many channels that the keys ask for: `weight` and `bias`.
    ///
    /// # Errors
    /// Channels that cannot be grouped.
    pub fn new(
        keys: &Keys,
        channels: usize,
        params: &Params<'_>,
    ) -> Result<Option<Self>, BuildError> {
        let kind = match keys.choice("norm")? {
            "none" => return Ok(None),
            "batch" => Kind::Batch,
            "group" => Kind::Group(keys.count("groups")?),
            _ => Kind::Group(1),
        };
        if let Kind::Group(groups) = kind
            && !channels.is_multiple_of(groups)
        {
            return Err(crate::ConfigError::Together {
                key: "model.groups".to_owned(),
                reason: format!("is {groups}, which does not divide {channels} channels"),
            }
            .into());
        }
        Ok(Some(Self {
            kind,
            scale: params.tensor("weight", [channels], Role::Scale)?,
            shift: params.tensor("bias", [channels], Role::Shift)?,
        }))
    }

    /// Normalises `[n, channels, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [samples, channels, height, width] = x.dims();
        let planes = [1, channels, 1, 1];
        let normalised = match self.kind {
            Kind::Batch => {
                let by_channel = x.swap_dims(0, 1);
                let rows = by_channel.reshape([channels, samples * height * width]);
                let rows = standardised(rows);
                rows.reshape([channels, samples, height, width])
                    .swap_dims(0, 1)
            }
            Kind::Group(groups) => {
                let size = channels / groups * height * width;
                let rows = standardised(x.reshape([samples * groups, size]));
                rows.reshape([samples, channels, height, width])
            }
        };
        let (scale, shift) = (self.scale.val(), self.shift.val());
        normalised * scale.reshape(planes) + shift.reshape(planes)
    }
}

/// Applies a normalisation if there is one.
pub fn normalised(norm: Option<&Norm>, x: Tensor<4>) -> Tensor<4> {
    match norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}

/// The normalisation of each vector of width d, as transformers have it: `weight` and `bias`.
#[derive(Debug)]
pub struct LayerNorm {
    scale: Param<Tensor<1>>,
    shift: Param<Tensor<1>>,
}

impl LayerNorm {
    /// Of vectors of this width.
    ///
    /// # Errors
    /// What [`Params::tensor`] refuses.
    pub fn new(width: usize, params: &Params<'_>) -> Result<Self, BuildError> {
        Ok(Self {
            scale: params.tensor("weight", [width], Role::Scale)?,
            shift: params.tensor("bias", [width], Role::Shift)?,
        })
    }

    /// Normalises each of `[n, t, width]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [samples, length, width] = x.dims();
        let rows = standardised(x.reshape([samples * length, width]));
        let row = [1, width];
        let rows = rows * self.scale.val().reshape(row) + self.shift.val().reshape(row);
        rows.reshape([samples, length, width])
    }
}

/// Each row less its mean, over the root of its variance (÷ length, not length − 1) and [`EPSILON`].
fn standardised(rows: Tensor<2>) -> Tensor<2> {
    let centred = rows.clone() - rows.mean_dim(1);
    let variance = (centred.clone() * centred.clone()).mean_dim(1);
    centred / variance.add_scalar(EPSILON).sqrt()
}
