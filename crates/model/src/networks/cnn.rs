//! A small convolutional network.

use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use super::image::Image;
use crate::config::MAX_WIDTH;
use crate::{
    Activation, BuildError, ConfigError, Convolution, Forward, Keys, ModelKey, NetworkKind, Params,
    Task,
};

/// Side and stride of the pooling windows, in pixels.
const WINDOW: [usize; 2] = [2, 2];

/// The largest kernel that a configuration may ask for.
const MAX_KERNEL: usize = 31;

/// `model.kind = "cnn"`: (convolution, activation, 2×2 pooling) repeated, then a linear head.
pub const KIND: NetworkKind = NetworkKind {
    name: "cnn",
    keys: &[
        ModelKey::counts(
            "channels",
            &[32, 32],
            1..=MAX_WIDTH,
            1,
            "output channels of the convolutions, each followed by 2x2 pooling",
        ),
        ModelKey::count(
            "kernel",
            3,
            1..=MAX_KERNEL,
            "side of the kernels in pixels, odd",
        ),
        ModelKey::choice(
            "pooling",
            "average",
            &["average", "max"],
            "how 2x2 values become one",
        ),
        ModelKey::activation("tanh"),
        ModelKey::bias(),
    ],
    starts_linear: false,
    describe: |keys, task| {
        let image = Image::of(task, "cnn")?;
        let (activation, kernel) = (keys.choice("activation")?, keys.count("kernel")?);
        let channels = keys.counts("channels")?.iter();
        let channels: String = channels
            .map(|c| format!("{c} ({kernel}×{kernel})-"))
            .collect();
        let (inputs, outputs) = (image.channels, task.outputs);
        Ok(format!("{activation} {inputs}-{channels}{outputs}"))
    },
    build: |keys, task, params| Ok(Box::new(Cnn::new(keys, task, params)?)),
};

/// Convolutions `layers.<i>` of stride 1 with zero padding that keeps the image's size, each with
/// an activation and a pooling that halves it (dropping the last row and column of an odd one),
/// then a linear layer on the last feature maps, flattened as `[channel, row, column]`.
struct Cnn {
    image: Image,
    convolutions: Vec<Conv2d>,
    head: Linear,
    activation: Activation,
    average: bool,
}

impl Cnn {
    fn new(keys: &Keys, task: &Task, params: &Params<'_>) -> Result<Self, BuildError> {
        let (channels, kernel) = (keys.counts("channels")?, keys.count("kernel")?);
        let bias = keys.flag("bias")?;
        if kernel.is_multiple_of(2) {
            let max = MAX_KERNEL;
            return Err(ConfigError::Kernel { kernel, max }.into());
        }
        let image = Image::of(task, "cnn")?;
        let (poolings, most) = (channels.len(), image.side().max(1).ilog2() as usize);
        if poolings > most {
            return Err(ConfigError::TooManyPoolings {
                poolings,
                side: image.side(),
                most,
            }
            .into());
        }
        let params = params.at("layers");
        let mut maps = image;
        let mut convolutions = Vec::with_capacity(poolings);
        for (index, &outputs) in channels.iter().enumerate() {
            let convolution = Convolution {
                channels: [maps.channels, outputs],
                kernel,
                stride: 1,
                padding: kernel / 2,
                bias,
            };
            convolutions.push(params.at(index).conv2d(convolution)?);
            maps = Image {
                channels: outputs,
                ..maps.halved()
            };
        }
        let features = maps.channels.saturating_mul(maps.pixels());
        Ok(Self {
            image,
            convolutions,
            head: params.at(poolings).linear(features, task.outputs, bias)?,
            activation: keys.activation()?,
            average: keys.choice("pooling")? == "average",
        })
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<4> {
        if self.average {
            avg_pool2d(x, AvgPoolOptions::new(WINDOW))
        } else {
            max_pool2d(x, MaxPoolOptions::new(WINDOW))
        }
    }
}

impl Forward for Cnn {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let convolutions = self.convolutions.iter();
        let maps = convolutions.fold(self.image.view(x), |x, convolution| {
            self.pool(self.activation.forward(convolution.forward(x)))
        });
        self.head.forward(maps.flatten::<2>(1, 3))
    }
}
