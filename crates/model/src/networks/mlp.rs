//! Fully connected networks.

use burn::nn::Linear;
use burn::tensor::Tensor;

use crate::config::MAX_WIDTH;
use crate::{
    Activation, BuildError, ConfigError, Forward, Keys, ModelKey, NetworkKind, Params, Task,
};

/// `model.kind = "mlp"`. With no hidden layer it is linear regression, or softmax regression.
pub const KIND: NetworkKind = NetworkKind {
    name: "mlp",
    keys: &[
        ModelKey::counts(
            "hidden",
            &[200, 200],
            1..=MAX_WIDTH,
            0,
            "widths of the hidden layers; [] is linear regression",
        ),
        ModelKey::activation("tanh"),
        ModelKey::bias(),
    ],
    starts_linear: true,
    describe: |keys, task| {
        let widths: Vec<String> = widths(keys, task)?.iter().map(usize::to_string).collect();
        let activation = keys.choice("activation")?;
        Ok(format!("{activation} {}", widths.join("-")))
    },
    build: |keys, task, params| Ok(Box::new(Mlp::new(keys, task, params)?)),
};

/// Linear layers `layers.<i>` with an activation between them.
struct Mlp {
    layers: Vec<Linear>,
    activation: Activation,
}

/// Of the inputs, the hidden layers and the outputs.
fn widths(keys: &Keys, task: &Task) -> Result<Vec<usize>, ConfigError> {
    let (inputs, outputs) = (task.features(), task.row());
    let too_large = ConfigError::TooLarge {
        max: crate::MAX_PARAMETERS,
    };
    let (Some(inputs), Some(outputs)) = (inputs, outputs) else {
        return Err(too_large);
    };
    Ok([&[inputs], keys.counts("hidden")?, &[outputs]].concat())
}

impl Mlp {
    fn new(keys: &Keys, task: &Task, params: &Params<'_>) -> Result<Self, BuildError> {
        let (widths, bias) = (widths(keys, task)?, keys.flag("bias")?);
        let params = params.at("layers");
        let layers = widths.windows(2).enumerate();
        let layers = layers.map(|(i, width)| params.at(i).linear(width[0], width[1], bias));
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
            activation: keys.activation()?,
        })
    }
}

impl Forward for Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len().saturating_sub(1);
        let layers = self.layers.iter().enumerate();
        layers.fold(x, |x, (index, layer)| {
            let z = layer.forward(x);
            if index < last {
                self.activation.forward(z)
            } else {
                z
            }
        })
    }
}
