//! Devices and host-side references that the tests share.

#![allow(dead_code)] // Each test binary uses a part of this.

use brink_model::{ModelConfig, Network, Parameter, Precision, Task, Weights};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

/// Every CPU backend compiled in.
pub fn devices() -> Vec<(&'static str, Device)> {
    let devices = vec![
        #[cfg(feature = "flex")]
        ("flex", Device::flex()),
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)] // Burn means to drop ndarray; users may still choose it.
        ("ndarray", Device::ndarray()),
    ];
    assert!(!devices.is_empty(), "run the tests with a CPU backend");
    devices
}

/// A model section, from TOML.
pub fn config(text: &str) -> ModelConfig {
    toml::from_str(text).expect("a valid model section")
}

/// The network of a model section with its own initial weights, in float64.
pub fn network(
    config: &ModelConfig,
    inputs: usize,
    outputs: usize,
    device: &Device,
) -> (Network, Vec<Parameter>, Weights) {
    let task = Task::values(inputs, outputs);
    let parameters = config
        .declare(&task)
        .expect("a possible network")
        .parameters;
    let weights = Weights::initial(config, &task, Precision::F64).expect("initial weights");
    let network =
        Network::new(config, &task, &weights, device, FloatDType::F64).expect("a network");
    (network, parameters, weights)
}

/// A float64 tensor `[rows, columns]`.
pub fn matrix(values: &[f64], columns: usize, device: &Device) -> Tensor<2> {
    let shape = [values.len() / columns, columns];
    Tensor::from_data(
        TensorData::new(values.to_vec(), shape),
        (device, DType::F64),
    )
}

/// The values of a tensor.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as::<f64>().expect("readable values")
}

/// Numbers in (−2, 2) without any pattern that a wrong index could hide in.
pub fn irregular(count: usize) -> Vec<f64> {
    (0..count)
        .map(|i| 2.0 * (1.7 * i as f64 + 0.3 * (i * i % 101) as f64).sin())
        .collect()
}

/// Asserts that values agree to a tolerance relative to the larger of 1 and their size.
#[track_caller]
pub fn assert_close(got: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}: number of values");
    for (index, (g, e)) in got.iter().zip(expected).enumerate() {
        let error = (g - e).abs() / e.abs().max(1.0);
        assert!(
            error <= tolerance,
            "{what}: value {index} is {g:e}, expected {e:e}"
        );
    }
}

/// The error function by a series of positive terms: exact to rounding, slow for large x.
pub fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, x, 1.0);
    while term.abs() > 1e-18 * sum.abs() {
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
        n += 1.0;
    }
    sum * (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI
}
