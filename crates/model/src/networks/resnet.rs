//! Residual networks for small images (He et al., "Deep Residual Learning for Image Recognition",
//! CVPR 2016, section 4.2), with the parameter names of torchvision's.

use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::ops::PadMode;
use burn::tensor::{Tensor, s};

use super::image::Image;
use super::norm::{GROUPS, NORM, Norm, normalised};
use crate::config::MAX_WIDTH;
use crate::{
    Activation, BuildError, ConfigError, Convolution, Forward, Keys, ModelKey, NetworkKind, Params,
    Task,
};

/// Stages, each with twice the channels and half the side of the one before.
const STAGES: usize = 3;

/// `model.kind = "resnet"`: a convolution, three stages of residual blocks, the mean of each feature
/// map, a linear layer.
pub const KIND: NetworkKind = NetworkKind {
    name: "resnet",
    keys: &[
        ModelKey::count("depth", 8, 1..=1202, "layers, 6n + 2 such as 8, 20 or 56"),
        ModelKey::count(
            "width",
            16,
            1..=MAX_WIDTH,
            "channels of the first stage, twice as many in each of the next two",
        ),
        ModelKey::choice(
            "shortcut",
            "projection",
            &["projection", "padding"],
            "what leads past a block with twice the channels and half the side: a 1×1 convolution \
             of stride 2, or every other pixel with half of the new channels' zeros before and \
             half behind, which has no parameters",
        ),
        NORM,
        GROUPS,
        ModelKey::activation("relu"),
        ModelKey::bias(),
    ],
    starts_linear: false,
    describe: |keys, _| {
        let (depth, width) = (keys.count("depth")?, keys.count("width")?);
        let (activation, norm) = (keys.choice("activation")?, keys.choice("norm")?);
        let padded = match keys.choice("shortcut")? {
            "padding" => ", padded shortcuts",
            _ => "",
        };
        Ok(format!(
            "{activation} ResNet-{depth}, width {width}, norm {norm}{padded}"
        ))
    },
    build: |keys, task, params| Ok(Box::new(ResNet::new(keys, task, params)?)),
};

struct ResNet {
    image: Image,
    first: Conv2d,
    norm: Option<Norm>,
    blocks: Vec<Block>,
    head: Linear,
    activation: Activation,
}

/// x ↦ φ(norm(conv(φ(norm(conv(x))))) + shortcut(x)).
struct Block {
    convolutions: [Conv2d; 2],
    norms: [Option<Norm>; 2],
    shortcut: Shortcut,
}

/// What leads past a block's convolutions.
enum Shortcut {
    Identity,
    /// Option B of the paper.
    Projection(Box<Conv2d>, Option<Norm>),
    /// Option A of the paper: every `stride`-th pixel, in so many channels.
    Padding {
        stride: usize,
        channels: usize,
    },
}

impl Shortcut {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Identity => x,
            Self::Projection(projection, norm) => normalised(norm.as_ref(), projection.forward(x)),
            &Self::Padding { stride, channels } => {
                let [_, inputs, _, _] = x.dims();
                let new = channels - inputs;
                let x = x.slice(s![.., .., ..;stride as isize, ..;stride as isize]);
                // The widespread PyTorch code of this network splits them so, and weights that were
                // trained with it need them there.
                let zeros = (new / 2, new - new / 2);
                x.pad([(0, 0), zeros, (0, 0), (0, 0)], PadMode::Constant(0.0))
            }
        }
    }
}

/// Where the parameters of blocks come from, and whether their convolutions have biases.
struct Layers<'a> {
    keys: &'a Keys,
    bias: bool,
}

impl Layers<'_> {
    fn convolution(
        &self,
        channels: [usize; 2],
        [kernel, stride]: [usize; 2],
        params: &Params<'_>,
    ) -> Result<Conv2d, BuildError> {
        params.conv2d(Convolution {
            channels,
            kernel,
            stride,
            padding: kernel / 2,
            bias: self.bias,
        })
    }

    fn block(
        &self,
        [inputs, outputs]: [usize; 2],
        stride: usize,
        params: &Params<'_>,
    ) -> Result<Block, BuildError> {
        let norm = |name| Norm::new(self.keys, outputs, &params.at(name));
        let first = self.convolution([inputs, outputs], [3, stride], &params.at("conv1"))?;
        let first_norm = norm("bn1")?;
        let second = self.convolution([outputs, outputs], [3, 1], &params.at("conv2"))?;
        let second_norm = norm("bn2")?;
        let shortcut = if stride == 1 && inputs == outputs {
            Shortcut::Identity
        } else if self.keys.choice("shortcut")? == "padding" {
            Shortcut::Padding {
                stride,
                channels: outputs,
            }
        } else {
            let params = params.at("downsample");
            let projection = self.convolution([inputs, outputs], [1, stride], &params.at(0))?;
            let norm = Norm::new(self.keys, outputs, &params.at(1))?;
            Shortcut::Projection(Box::new(projection), norm)
        };
        Ok(Block {
            convolutions: [first, second],
            norms: [first_norm, second_norm],
            shortcut,
        })
    }
}

impl ResNet {
    fn new(keys: &Keys, task: &Task, params: &Params<'_>) -> Result<Self, BuildError> {
        let (depth, width) = (keys.count("depth")?, keys.count("width")?);
        if depth < 8 || !(depth - 2).is_multiple_of(2 * STAGES) {
            return Err(ConfigError::Together {
                key: "model.depth".to_owned(),
                reason: format!("is {depth}, and a resnet has 6n + 2 layers: 8, 14, 20, …"),
            }
            .into());
        }
        let image = Image::of(task, "resnet")?;
        let layers = Layers {
            keys,
            // Behind a normalisation, which subtracts the mean, they would do nothing.
            bias: keys.flag("bias")? && keys.choice("norm")? == "none",
        };
        let first = layers.convolution([image.channels, width], [3, 1], &params.at("conv1"))?;
        let norm = Norm::new(keys, width, &params.at("bn1"))?;
        let mut blocks = Vec::new();
        let mut inputs = width;
        for stage in 0..STAGES {
            let outputs = width.saturating_mul(1 << stage);
            let params = params.at(format!("layer{}", stage + 1));
            for index in 0..(depth - 2) / (2 * STAGES) {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                blocks.push(layers.block([inputs, outputs], stride, &params.at(index))?);
                inputs = outputs;
            }
        }
        Ok(Self {
            image,
            first,
            norm,
            blocks,
            head: params
                .at("fc")
                .linear(inputs, task.outputs, keys.flag("bias")?)?,
            activation: keys.activation()?,
        })
    }

    fn block(&self, block: &Block, x: Tensor<4>) -> Tensor<4> {
        let [first, second] = &block.convolutions;
        let [first_norm, second_norm] = &block.norms;
        let inner = normalised(first_norm.as_ref(), first.forward(x.clone()));
        let inner = second.forward(self.activation.forward(inner));
        let inner = normalised(second_norm.as_ref(), inner);
        self.activation.forward(inner + block.shortcut.forward(x))
    }
}

impl Forward for ResNet {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let maps = self.first.forward(self.image.view(x));
        let maps = self
            .activation
            .forward(normalised(self.norm.as_ref(), maps));
        let blocks = self.blocks.iter();
        let maps = blocks.fold(maps, |maps, block| self.block(block, maps));
        let [samples, channels, height, width] = maps.dims();
        let means = maps
            .reshape([samples * channels, height * width])
            .mean_dim(1);
        self.head.forward(means.reshape([samples, channels]))
    }
}
