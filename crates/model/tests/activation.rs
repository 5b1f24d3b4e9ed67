//! Activations where formulas usually break: at their kinks and far from the origin.
#![cfg(any(feature = "flex", feature = "ndarray"))]

mod common;

use brink_model::Activation;
use burn::tensor::{DType, Device, Tensor, TensorData};
use common::{assert_close, devices, erf, values};

const ALL: [Activation; 7] = [
    Activation::Linear,
    Activation::Tanh,
    Activation::Relu,
    Activation::Elu,
    Activation::Gelu,
    Activation::Softplus,
    Activation::Sigmoid,
];

/// Kinks (0, and softplus's change of form at 40), tails, and overflow of eˣ in float32 (89).
const POINTS: [f64; 19] = [
    -1e4, -800.0, -100.0, -40.0, -20.0, -6.0, -1.5, -1e-3, 0.0, 1e-3, 0.7, 2.0, 19.9, 20.1, 39.9,
    40.0, 40.1, 100.0, 1e4,
];

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// f(x) and f'(x) in closed form.
fn exact(activation: Activation, x: f64) -> (f64, f64) {
    match activation {
        Activation::Linear => (x, 1.0),
        Activation::Tanh => (x.tanh(), 1.0 - x.tanh().powi(2)),
        Activation::Relu => (x.max(0.0), if x > 0.0 { 1.0 } else { 0.0 }),
        Activation::Elu if x > 0.0 => (x, 1.0),
        Activation::Elu => (x.exp_m1(), x.exp()),
        Activation::Gelu => {
            let cdf = 0.5 * (1.0 + erf(x / 2f64.sqrt()));
            let pdf = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
            (x * cdf, cdf + x * pdf)
        }
        Activation::Softplus => (x.max(0.0) + (-x.abs()).exp().ln_1p(), sigmoid(x)),
        Activation::Sigmoid => (sigmoid(x), sigmoid(x) * sigmoid(-x)),
    }
}

/// f and f' as Burn computes them.
fn computed(activation: Activation, device: &Device, dtype: DType) -> (Vec<f64>, Vec<f64>) {
    let device = device.clone().autodiff();
    let data = TensorData::new(POINTS.to_vec(), [POINTS.len()]);
    let x = Tensor::<1>::from_data(data, (&device, dtype)).require_grad();
    let y = activation.forward(x.clone());
    assert_eq!(y.dtype(), dtype);
    let gradients = y.clone().sum().backward();
    let slope = x.grad(&gradients).expect("a gradient");
    (values(y), values(slope))
}

#[test]
fn values_and_slopes_are_exact_everywhere() {
    for (backend, device) in devices() {
        for activation in ALL {
            for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 3e-7)] {
                let (y, slope) = computed(activation, &device, dtype);
                let exact = POINTS.map(|x| exact(activation, x));
                let what = format!("{backend}, {activation:?}, {dtype:?}");
                assert_close(&y, &exact.map(|(y, _)| y), tolerance, &what);
                let what = format!("{what}, slope");
                assert_close(&slope, &exact.map(|(_, d)| d), tolerance, &what);
            }
        }
    }
}

#[test]
fn a_value_that_is_not_a_number_is_passed_on() {
    for (backend, device) in devices() {
        for activation in ALL {
            let data = TensorData::new(vec![f64::NAN], [1]);
            let x = Tensor::<1>::from_data(data, (&device, DType::F64));
            let y = values(activation.forward(x));
            assert!(y[0].is_nan(), "{backend}, {activation:?}: {}", y[0]);
        }
    }
}
