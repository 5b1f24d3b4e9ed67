//! The two-layer linear network of a config, as the theory's model and its first state.

use brink_data::Subset;
use brink_dynamics::optimizer::StepSizes;
use brink_model::{Activation, Loss, Weights, weight_name};
use brink_theory::faer::{Mat, MatRef};
use brink_theory::{Model, Network, Parametrisation, State, TheoryError};

use crate::config::{Config, OptimizerKind};

/// A config that the recursion does not describe.
#[derive(Debug, thiserror::Error)]
#[error(
    "the recursion is that of a two-layer linear network with one output, without biases, under \
     squared error and gradient descent: `{key}` must be {expected}"
)]
pub struct Unsupported {
    /// The key at fault.
    pub key: &'static str,
    /// What it must be.
    pub expected: &'static str,
}

/// How far `model.output_factor` may be from 1/√m, written as a decimal, to count as it.
const FACTOR_TOLERANCE: f64 = 1e-6;

/// The network that a config describes, and its κ.
pub fn network(config: &Config, loss: Loss) -> Result<(Network, f64), Unsupported> {
    let refuse = |key, expected| Err(Unsupported { key, expected });
    let model = &config.model;
    let Loss::Mse { factor } = loss else {
        return refuse("loss.kind", "\"mse\"");
    };
    if model.kind != "mlp" {
        return refuse("model.kind", "\"mlp\"");
    }
    if model.activation() != Some(Activation::Linear) {
        return refuse("model.activation", "\"linear\"");
    }
    let keys = model.keys();
    let keys = keys.as_ref();
    if keys.is_ok_and(|keys| keys.flag("bias") != Ok(false)) {
        return refuse("model.bias", "false");
    }
    let hidden = keys.ok().and_then(|keys| keys.counts("hidden").ok());
    let Some([width]) = hidden else {
        return refuse("model.hidden", "one width, such as [200]");
    };
    let optimizer = &config.optimizer;
    if optimizer.kind != OptimizerKind::GradientDescent {
        return refuse("optimizer.kind", "\"gd\"");
    }
    if optimizer.weight_decay != 0.0 {
        return refuse("optimizer.weight_decay", "0");
    }
    if optimizer.minibatch.is_some() {
        return refuse("optimizer.minibatch", "left out");
    }
    if optimizer.step_sizes() != StepSizes::Constant {
        return refuse("optimizer.schedule", "left out");
    }
    let scaled = (*width as f64).sqrt().recip();
    let parametrisation = if model.output_factor == 1.0 {
        Parametrisation::Plain
    } else if (model.output_factor / scaled - 1.0).abs() < FACTOR_TOLERANCE {
        Parametrisation::Scaled
    } else {
        return refuse("model.output_factor", "1, or 1/√m for the hidden width m");
    };
    let network = Network {
        width: *width,
        parametrisation,
    };
    Ok((network, factor))
}

/// The model and the state of `weights` on a subset.
///
/// # Errors
/// [`TheoryError`] for numbers that make no model.
pub fn model(
    (network, factor): (Network, f64),
    train: &Subset,
    weights: &Weights,
) -> Result<(Model, State), TheoryError> {
    let (samples, features) = (train.samples(), train.features());
    // Samples by rows are Xᵀ by columns.
    let values = train.inputs_f64();
    let inputs = MatRef::from_column_major_slice(&values, features, samples);
    let model = Model::from_inputs(inputs, train.targets(), network, factor)?;
    let empty: &[f64] = &[];
    let tensor = |layer| {
        weights
            .get(&weight_name(layer))
            .map_or(empty, |tensor| &tensor.values)
    };
    let (hidden, output) = (tensor(0), tensor(1));
    // Stored [d, m] row by row, which is W [m, d] column by column.
    let hidden: Mat<f64> = Mat::from_fn(network.width, features, |unit, feature| {
        hidden
            .get(feature * network.width + unit)
            .copied()
            .unwrap_or(f64::NAN)
    });
    let state = State::from_weights(output, hidden.as_ref(), inputs, network)?;
    Ok((model, state))
}
