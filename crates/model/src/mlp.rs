//! Fully connected networks.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;

use crate::Activation;

/// A fully connected network: linear layers with an activation between them.
///
/// With one layer it is linear regression (or, under cross-entropy, softmax regression).
#[derive(Module, Debug)]
pub struct Mlp {
    /// The layers, first to last. Weights are `[inputs, outputs]`.
    pub layers: Vec<Linear>,
    /// Applied after every layer but the last.
    #[module(skip)]
    pub activation: Activation,
    /// Multiplies the last layer's values: 1, or 1/√width in the parametrisation of the neural
    /// tangent kernel.
    #[module(skip)]
    pub output_factor: f64,
}

impl Mlp {
    /// Outputs `[n, c]` of inputs `[n, d]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len().saturating_sub(1);
        let layers = self.layers.iter().enumerate();
        let outputs = layers.fold(x, |x, (index, layer)| {
            let z = layer.forward(x);
            if index < last {
                self.activation.forward(z)
            } else {
                z
            }
        });
        outputs.mul_scalar(self.output_factor)
    }
}
