//! One traced loss on every device compiled in: same loss, gradient and products.

mod common;

use brink_linearize::{Batch, Objective};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation as act;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{DType, Device, Tensor};
use common::*;

/// Every device, the software GPU included.
fn devices() -> Vec<(&'static str, Device)> {
    let gpus: Vec<(&'static str, Device)> = vec![
        #[cfg(feature = "wgpu")]
        (
            "wgpu",
            Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        ),
    ];
    cpus().into_iter().chain(gpus).collect()
}

#[derive(Module, Debug)]
struct Mlp {
    first: Linear,
    second: Linear,
    output: Linear,
}

#[derive(Module, Debug)]
struct Cnn {
    conv: Conv2d,
    output: Linear,
}

fn agree<M: Module>(
    features: usize,
    make: impl Fn(&Device) -> M,
    forward: impl Fn(&M, &Batch) -> Tensor<2> + Copy,
    loss: impl Fn(Tensor<2>, &Batch) -> Tensor<1> + Copy,
) {
    let mut reference: Option<[Vec<f64>; 7]> = None;
    // float64 first: it is what the float32 devices are held against.
    let mut settings = vec![("float64", cpu(), DType::F64)];
    settings.extend(
        devices()
            .into_iter()
            .map(|(name, device)| (name, device, DType::F32)),
    );
    for (name, device, dtype) in settings {
        let batch = classified(20, features, 4, &device, dtype);
        let objective = Objective::trace(&make(&device), &batch, forward, loss).unwrap();
        let p = objective.parameters();
        let theta: Vec<f64> = numbers(p, 3).iter().map(|x| 0.4 * x).collect();
        let theta = tensor(&theta, [p], &device, dtype);
        let block = tensor(&numbers(3 * p, 4), [3, p], &device, dtype);
        let cotangents = tensor(&numbers(2 * 80, 5), [2, 80], &device, dtype);
        let along = tensor(&numbers(p, 6), [p], &device, dtype);
        let mut at = objective.linearize(&theta).unwrap();
        let found = [
            values(at.loss().clone()),
            values(at.gradient().clone()),
            values(at.hvp(block.clone()).unwrap()),
            values(at.gauss_newton(block.clone()).unwrap()),
            values(at.vjp(cotangents).unwrap()),
            values(at.third(along.clone(), block).unwrap()),
            values(at.third_twice(along).unwrap()),
        ];
        match &reference {
            None => reference = Some(found),
            Some(reference) => {
                let names = [
                    "loss",
                    "gradient",
                    "hvp",
                    "gauss-newton",
                    "vjp",
                    "third",
                    "third, twice",
                ];
                for (what, (a, b)) in names.iter().zip(found.iter().zip(reference)) {
                    let error = relative(a, b);
                    assert!(error < 5e-6, "{what} on {name} is off by {error:.1e}");
                }
            }
        }
    }
}

#[test]
fn a_fully_connected_network() {
    agree(
        30,
        |device| Mlp {
            first: LinearConfig::new(30, 24).init(device),
            second: LinearConfig::new(24, 16).init(device),
            output: LinearConfig::new(16, 4).init(device),
        },
        |m: &Mlp, b: &Batch| {
            let x = m.first.forward(b.float::<2>(0)).tanh();
            m.output.forward(act::gelu(m.second.forward(x)))
        },
        mse,
    );
}

#[test]
fn a_convolutional_network() {
    agree(
        3 * 64,
        |device| Cnn {
            conv: Conv2dConfig::new([3, 5], [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device),
            output: LinearConfig::new(5 * 16, 4).init(device),
        },
        |m: &Cnn, b: &Batch| {
            let x = b.float::<2>(0).reshape([20, 3, 8, 8]);
            let x = act::softplus(m.conv.forward(x), 1.0);
            let x = max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
            m.output.forward(x.flatten(1, 3))
        },
        cross_entropy,
    );
}
