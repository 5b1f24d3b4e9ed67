//! How many kernels a GPU is given for a gradient and for a product, on software Vulkan.

#![cfg(all(feature = "flex", feature = "wgpu"))]

mod common;

use brink_linearize::{Batch, Launches, Objective};
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, DeviceKind};
use common::*;

#[derive(Module, Debug)]
struct Mlp {
    first: Linear,
    second: Linear,
    output: Linear,
}

/// Launches of some work, of whatever was compiled before.
fn launches<T>(device: &Device, work: impl FnOnce() -> T) -> u64 {
    device.sync().unwrap();
    let launches = Launches::watch();
    let result = work();
    device.sync().unwrap();
    drop(result);
    launches.total()
}

/// A launch for each matrix product, each sum and each chain of elementwise operations would be the
/// least. What comes on top: θ or the block taken apart, the results of all parameters put together,
/// and sums of products, which a CPU takes as one.
#[test]
fn operations_are_launched_together() {
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let module = Mlp {
        first: LinearConfig::new(30, 24).init(&device),
        second: LinearConfig::new(24, 16).init(&device),
        output: LinearConfig::new(16, 4).init(&device),
    };
    let batch = classified(20, 30, 4, &device, DType::F32);
    let forward = |m: &Mlp, b: &Batch| {
        let x = m.first.forward(b.float::<2>(0)).tanh();
        m.output.forward(m.second.forward(x).tanh())
    };
    let objective = Objective::trace(&module, &batch, forward, mse).unwrap();
    let p = objective.parameters();
    let theta = tensor(&numbers(p, 3), [p], &device, DType::F32);
    let [gradient, product] = objective.passes();
    // Three layers: 3 products forward, 3 for the weights, 2 backward; twice that for their
    // derivatives, but that of the inputs is zero.
    assert_eq!((gradient.products, product.products), (8, 14));

    // Burn learns at the first time what it can take together.
    for turn in 0..3 {
        let launched = launches(&device, || objective.gradient(&theta).unwrap());
        if turn > 0 {
            let most = 1.3 * gradient.total() as f64;
            assert!(
                launched as f64 <= most,
                "gradient: {launched}, {gradient:?}"
            );
            assert!(
                launched >= 8 + 4,
                "{launched}: not all launches are counted"
            );
        }
    }
    let mut at = objective.linearize(&theta).unwrap();
    let mut found = Vec::new();
    for k in [1, 4] {
        for turn in 0..3 {
            let block = tensor(&numbers(k * p, 4), [k, p], &device, DType::F32);
            let launched = launches(&device, || at.hvp(block).unwrap());
            if turn > 0 {
                found.push(launched);
            }
        }
    }
    // A block is launched as one vector is.
    assert!(
        found.iter().all(|launched| *launched == found[0]),
        "{found:?}"
    );
    let most = 1.3 * product.total() as f64;
    assert!(found[0] as f64 <= most, "product: {found:?}, {product:?}");
}
