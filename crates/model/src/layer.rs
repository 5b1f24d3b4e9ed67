//! What a layer's parameters look like, before there are any tensors.

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

    /// Number of parameters, or `None` if it does not fit in a `usize`.
    pub fn parameter_count(&self) -> Option<usize> {
        let weight = (self.weight_shape().into_iter()).try_fold(1, usize::checked_mul)?;
        weight.checked_add(if self.bias { self.outputs() } else { 0 })
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
