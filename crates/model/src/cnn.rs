//! A small convolutional network.

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor};

use crate::{Activation, Pooling};

/// Channels of an input image: red, green, blue.
pub(crate) const IMAGE_CHANNELS: usize = 3;

/// Side and stride of the pooling windows, in pixels.
const WINDOW: [usize; 2] = [2, 2];

/// A convolutional network: (convolution, activation, 2×2 pooling) repeated, then a linear head.
///
/// Convolutions have stride 1 and zero padding that keeps the image's size; a pooling halves it,
/// dropping the last row and column of an odd one.
#[derive(Clone, Debug)]
pub struct Cnn {
    /// Side of the square input image, in pixels.
    pub side: usize,
    /// The convolutions, first to last. Weights are `[out, in, kernel, kernel]`.
    pub convs: Vec<Conv2d>,
    /// Maps the last feature maps, flattened as `[channel, row, column]`, to the outputs.
    pub head: Linear,
    /// Applied after every convolution.
    pub activation: Activation,
    /// Applied after every activation.
    pub pooling: Pooling,
    /// Multiplies the head's values.
    pub output_factor: f64,
}

impl Cnn {
    /// Outputs `[n, c]` of inputs `[n, 3·side·side]`: each row is an image, one channel after the
    /// other, each row by row.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [samples, _] = x.dims();
        let images = x.reshape([samples, IMAGE_CHANNELS, self.side, self.side]);
        let maps = self.convs.iter().fold(images, |x, conv| {
            self.pool(self.activation.forward(conv.forward(x)))
        });
        let outputs = self.head.forward(maps.flatten::<2>(1, 3));
        outputs.mul_scalar(self.output_factor)
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<4> {
        match self.pooling {
            Pooling::Average => avg_pool2d(x, AvgPoolOptions::new(WINDOW)),
            Pooling::Max => max_pool2d(x, MaxPoolOptions::new(WINDOW)),
        }
    }
}

/// Written by hand rather than derived so that convolutions and head share one numbering, and
/// parameters have the paths `layers.<i>.weight` and `layers.<i>.bias` that weight files use.
impl Module for Cnn {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        let index = self.convs.len().to_string();
        visitor.enter_module("layers", "Struct:Cnn");
        self.convs.visit(visitor);
        visitor.enter_module(&index, "Vec");
        self.head.visit(visitor);
        visitor.exit_module(&index, "Vec");
        visitor.exit_module("layers", "Struct:Cnn");
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let index = self.convs.len().to_string();
        mapper.enter_module("layers", "Struct:Cnn");
        let convs = self.convs.map(mapper);
        mapper.enter_module(&index, "Vec");
        let head = self.head.map(mapper);
        mapper.exit_module(&index, "Vec");
        mapper.exit_module("layers", "Struct:Cnn");
        Self {
            convs,
            head,
            ..self
        }
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        self.head
            .collect_devices(self.convs.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        Self {
            convs: self.convs.fork(device),
            head: self.head.fork(device),
            ..self
        }
    }

    fn to_device(self, device: &Device) -> Self {
        Self {
            convs: self.convs.to_device(device),
            head: self.head.to_device(device),
            ..self
        }
    }

    fn train(self) -> Self {
        Self {
            convs: self.convs.train(),
            head: self.head.train(),
            ..self
        }
    }

    fn valid(&self) -> Self {
        Self {
            convs: self.convs.valid(),
            head: self.head.valid(),
            ..*self
        }
    }

    fn materialize(self) -> Self {
        Self {
            convs: self.convs.materialize(),
            head: self.head.materialize(),
            ..self
        }
    }
}

impl ModuleDisplayDefault for Cnn {
    fn content(&self, content: Content) -> Option<Content> {
        content
            .set_top_level_type("Cnn")
            .add("convs", &self.convs)
            .add("head", &self.head)
            .add_debug_attribute("activation", &self.activation)
            .add_debug_attribute("pooling", &self.pooling)
            .optional()
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl ModuleDisplay for Cnn {}
