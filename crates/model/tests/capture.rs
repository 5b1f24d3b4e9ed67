//! Losses of networks as captured graphs: plain tensor code, and no inexact primitive in it.

mod common;

use brink_model::{Loss, Network, Precision, Task, Weights};
use burn::tensor::{Device, FloatDType};
use common::{config, matrix};

const INPUTS: usize = 3 * 4 * 4;

/// The operations of a graph, as Burn prints them.
fn captured(section: &str, loss: Loss) -> Vec<String> {
    let config = config(section);
    let task = Task::values(INPUTS, 2);
    let weights = Weights::initial(&config, &task, Precision::F64).expect("weights");
    let device = Device::capture();
    let graph = device.capture_scope(|scope| {
        let network =
            Network::new(&config, &task, &weights, &device, FloatDType::F64).expect("a network");
        let x = matrix(&vec![0.5; 3 * INPUTS], INPUTS, &device);
        let y = matrix(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0], 2, &device);
        let value = loss.forward(network.forward(x), y);
        assert_eq!(value.dims(), [1]);
        scope.complete([], [])
    });
    let graph = graph.expect("a graph").graph;
    graph
        .operations
        .iter()
        .map(|op| format!("{op:?}"))
        .collect()
}

#[test]
fn every_network_and_loss_can_be_captured() {
    for activation in [
        "linear", "tanh", "relu", "elu", "gelu", "softplus", "sigmoid",
    ] {
        for model in [
            "hidden = [4, 4]",
            "kind = 'cnn'\nchannels = [4]\npooling = 'average'",
            "kind = 'cnn'\nchannels = [4]\npooling = 'max'",
        ] {
            for loss in [Loss::Mse { factor: 0.5 }, Loss::CROSS_ENTROPY] {
                let section = format!("{model}\nactivation = '{activation}'");
                let operations = captured(&section, loss);
                let named = |name: &str| operations.iter().any(|op| op.contains(name));
                assert_eq!(named("Erf"), activation == "gelu", "{section}");
                assert_eq!(
                    named("LogSoftmax"),
                    loss == Loss::CROSS_ENTROPY,
                    "{section}"
                );
                for operation in &operations {
                    // Burn's own GELU can have the derivative of another function, its sigmoid
                    // can be float32 in disguise, and randomness cannot be differentiated.
                    for inexact in ["Gelu", "Sigmoid", "Cast", "Random"] {
                        assert!(!operation.contains(inexact), "{section}: {operation}");
                    }
                }
            }
        }
    }
}
