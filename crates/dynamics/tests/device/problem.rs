//! A small run on a device.

use brink_dynamics::{EigenvalueSettings, Problem, Settings};
use brink_linearize::{Batch, Objective};
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};

#[derive(Module, Debug)]
struct Mlp {
    hidden: Linear,
    output: Linear,
}

/// A tanh network on a few numbers.
pub fn problem(device: &Device) -> (Problem<2>, Tensor<1>) {
    let module = Mlp {
        hidden: LinearConfig::new(6, 8).init(device),
        output: LinearConfig::new(8, 2).init(device),
    };
    let numbers = |rows: usize, columns: usize| {
        let values: Vec<f32> = (0..rows * columns)
            .map(|at| (1.7 * at as f32).sin())
            .collect();
        Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), device)
    };
    let batch = Batch::new().with(numbers(10, 6)).with(numbers(10, 2));
    let objective = Objective::trace(
        &module,
        &batch,
        |module: &Mlp, batch| {
            let hidden = module.hidden.forward(batch.float::<2>(0)).tanh();
            module.output.forward(hidden)
        },
        |outputs, batch| (outputs - batch.float::<2>(1)).square().mean(),
    )
    .unwrap();
    // The same weights each time.
    let parameters = objective.parameters();
    let theta: Vec<f32> = (0..parameters)
        .map(|at| 0.5 * (0.9 * at as f32).cos())
        .collect();
    let theta = Tensor::<1>::from_data(theta.as_slice(), device);
    (Problem::new(objective), theta)
}

/// Gradient descent with two eigenvalues at every step.
pub fn settings(steps: u64) -> Settings {
    Settings {
        eigenvalues: Some(EigenvalueSettings::largest(2)),
        ..Settings::gradient_descent(0.02, steps)
    }
}
