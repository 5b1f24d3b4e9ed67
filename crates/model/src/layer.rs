//! Networks that are a plain sequence of layers, whose weight files may use names of their own.

use crate::parameter::{Parameter, Role};

/// A layer that bears weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// A fully connected layer.
    Linear {
        /// Input features.
        inputs: usize,
        /// Output features.
        outputs: usize,
    },
    /// A convolution with a square kernel, stride 1 and zero padding that keeps the image's size.
    Conv2d {
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
        /// Side of the kernel, in pixels; odd.
        kernel: usize,
    },
}

/// The parameters that one layer has, by shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSpec {
    /// Kind and sizes.
    pub kind: LayerKind,
    /// Whether the layer adds a bias, of shape `[outputs]`.
    pub bias: bool,
}

impl LayerSpec {
    /// The weight's shape in the Burn module: `[inputs, outputs]` for a linear layer,
    /// `[outputs, inputs, kernel, kernel]` for a convolution.
    pub fn weight_shape(&self) -> Vec<usize> {
        match self.kind {
            LayerKind::Linear { inputs, outputs } => vec![inputs, outputs],
            LayerKind::Conv2d {
                inputs,
                outputs,
                kernel,
            } => vec![outputs, inputs, kernel, kernel],
        }
    }

    /// Output features or channels: also the length of the bias.
    pub fn outputs(&self) -> usize {
        match self.kind {
            LayerKind::Linear { outputs, .. } | LayerKind::Conv2d { outputs, .. } => outputs,
        }
    }

    /// How many inputs one output is summed over.
    pub fn fan_in(&self) -> usize {
        match self.kind {
            LayerKind::Linear { inputs, .. } => inputs,
            LayerKind::Conv2d { inputs, kernel, .. } => inputs * kernel * kernel,
        }
    }

    /// How many outputs one input takes part in.
    pub fn fan_out(&self) -> usize {
        match self.kind {
            LayerKind::Linear { outputs, .. } => outputs,
            LayerKind::Conv2d {
                outputs, kernel, ..
            } => outputs * kernel * kernel,
        }
    }

    /// The layers that these parameters are, if they are `layers.<i>.weight` and `layers.<i>.bias`
    /// one after the other and nothing else.
    pub(crate) fn sequence(parameters: &[Parameter]) -> Option<Vec<Self>> {
        let mut layers: Vec<Self> = Vec::new();
        let mut rest = parameters.iter().peekable();
        while let Some(weight) = rest.next() {
            let index = layers.len();
            let kind = match (weight.transposed, &weight.shape[..]) {
                (true, &[inputs, outputs]) => LayerKind::Linear { inputs, outputs },
                (false, &[outputs, inputs, kernel, _]) => LayerKind::Conv2d {
                    inputs,
                    outputs,
                    kernel,
                },
                _ => return None,
            };
            if weight.name != weight_name(index) {
                return None;
            }
            let bias = rest.next_if(|bias| bias.name == bias_name(index)).is_some();
            layers.push(Self { kind, bias });
        }
        Some(layers)
    }

    /// The parameters of a sequence of layers.
    pub fn parameters(layers: &[Self]) -> Vec<Parameter> {
        let layers = layers.iter().enumerate();
        let parameters = layers.flat_map(|(index, layer)| {
            let (fan_in, fan_out) = (layer.fan_in(), layer.fan_out());
            let weight = Parameter {
                name: weight_name(index),
                shape: layer.weight_shape(),
                role: Role::Weight { fan_in, fan_out },
                transposed: matches!(layer.kind, LayerKind::Linear { .. }),
                alias: None,
            };
            let bias = layer.bias.then(|| Parameter {
                name: bias_name(index),
                shape: vec![layer.outputs()],
                role: Role::Bias { fan_in },
                transposed: false,
                alias: None,
            });
            std::iter::once(weight).chain(bias)
        });
        parameters.collect()
    }
}

/// Name of the weight of layer number `layer`.
pub fn weight_name(layer: usize) -> String {
    format!("layers.{layer}.weight")
}

/// Name of the bias of layer number `layer`.
pub fn bias_name(layer: usize) -> String {
    format!("layers.{layer}.bias")
}
