//! Plain deep convolutional networks (Simonyan and Zisserman, "Very Deep Convolutional Networks for
//! Large-Scale Image Recognition", ICLR 2015), with the parameter names of torchvision's features.

use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use super::image::Image;
use super::norm::{GROUPS, NORM, Norm, normalised};
use crate::config::MAX_WIDTH;
use crate::{
    Activation, BuildError, ConfigError, Convolution, Forward, Keys, ModelKey, NetworkKind, Params,
    Task,
};

/// Side and stride of the pooling windows, in pixels.
const WINDOW: [usize; 2] = [2, 2];

/// `model.kind = "vgg"`: stages of 3×3 convolutions that each end in a 2×2 pooling, then a linear
/// layer.
pub const KIND: NetworkKind = NetworkKind {
    name: "vgg",
    keys: &[
        ModelKey::counts(
            "channels",
            &[16, 32, 64],
            1..=MAX_WIDTH,
            1,
            "channels of each stage, which ends in a 2x2 pooling",
        ),
        ModelKey::count(
            "convolutions",
            2,
            1..=16,
            "convolutions of each stage, all of its number of channels",
        ),
        NORM,
        GROUPS,
        ModelKey::choice(
            "pooling",
            "max",
            &["average", "max"],
            "how 2x2 values become one",
        ),
        ModelKey::activation("relu"),
        ModelKey::bias(),
    ],
    starts_linear: false,
    describe: |keys, _| {
        let channels = keys.counts("channels")?.iter();
        let channels: Vec<String> = channels.map(usize::to_string).collect();
        let (activation, norm) = (keys.choice("activation")?, keys.choice("norm")?);
        let stages = format!("{}×({})", keys.count("convolutions")?, channels.join("-"));
        Ok(format!("{activation} VGG {stages}, norm {norm}"))
    },
    build: |keys, task, params| Ok(Box::new(Vgg::new(keys, task, params)?)),
};

struct Vgg {
    image: Image,
    stages: Vec<Vec<(Conv2d, Option<Norm>)>>,
    head: Linear,
    activation: Activation,
    average: bool,
}

impl Vgg {
    fn new(keys: &Keys, task: &Task, params: &Params<'_>) -> Result<Self, BuildError> {
        let image = Image::of(task, "vgg")?;
        let channels = keys.counts("channels")?;
        let (poolings, most) = (channels.len(), image.side().max(1).ilog2() as usize);
        if poolings > most {
            let side = image.side();
            return Err(ConfigError::TooManyPoolings {
                poolings,
                side,
                most,
            }
            .into());
        }
        let with_norm = keys.choice("norm")? != "none";
        let features = params.at("features");
        let mut place = 0;
        let mut maps = image;
        let mut stages = Vec::with_capacity(poolings);
        for &outputs in channels {
            let mut stage = Vec::new();
            for _ in 0..keys.count("convolutions")? {
                let convolution = features.at(place).conv2d(Convolution {
                    channels: [maps.channels, outputs],
                    kernel: 3,
                    stride: 1,
                    padding: 1,
                    bias: keys.flag("bias")?,
                })?;
                let norm = Norm::new(keys, outputs, &features.at(place + 1))?;
                // In torchvision's list: the convolution, its normalisation, its activation.
                place += if with_norm { 3 } else { 2 };
                maps.channels = outputs;
                stage.push((convolution, norm));
            }
            place += 1;
            maps = maps.halved();
            stages.push(stage);
        }
        let width = maps.channels.saturating_mul(maps.pixels());
        let head = params.at("classifier");
        Ok(Self {
            image,
            stages,
            head: head.linear(width, task.outputs, keys.flag("bias")?)?,
            activation: keys.activation()?,
            average: keys.choice("pooling")? == "average",
        })
    }
}

impl Forward for Vgg {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let stages = self.stages.iter();
        let maps = stages.fold(self.image.view(x), |maps, stage| {
            let maps = stage.iter().fold(maps, |maps, (convolution, norm)| {
                let maps = normalised(norm.as_ref(), convolution.forward(maps));
                self.activation.forward(maps)
            });
            if self.average {
                avg_pool2d(maps, AvgPoolOptions::new(WINDOW))
            } else {
                max_pool2d(maps, MaxPoolOptions::new(WINDOW))
            }
        });
        self.head.forward(maps.flatten::<2>(1, 3))
    }
}
