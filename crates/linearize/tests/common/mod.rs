//! Devices, small numbers and dense matrices that the tests share.
#![allow(dead_code)]
// burn-ndarray is deprecated upstream, and stays selectable here.
#![allow(deprecated)]

use brink_linearize::{Batch, Linearization, Objective};
use burn::tensor::{DType, Device, Tensor, TensorData};

/// The CPU devices compiled in.
pub fn cpus() -> Vec<(&'static str, Device)> {
    vec![
        #[cfg(feature = "flex")]
        ("flex", Device::flex()),
        #[cfg(feature = "ndarray")]
        ("ndarray", Device::ndarray()),
    ]
}

/// One CPU device.
pub fn cpu() -> Device {
    let (_, device) = cpus().into_iter().next().expect("a CPU backend");
    device
}

/// Numbers in (−1, 1) that repeat on every machine: a multiplicative congruential sequence.
pub fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9E37_79B9_7F4A_7C15) | 1;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 / (1u64 << 53) as f64) * 2.0 - 1.0
        })
        .collect()
}

pub fn tensor<const D: usize>(
    values: &[f64],
    shape: [usize; D],
    device: &Device,
    dtype: DType,
) -> Tensor<D> {
    let data = TensorData::new(values.to_vec(), shape).convert_dtype(dtype);
    Tensor::from_data(data, (device, dtype))
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// ‖a − b‖ / ‖b‖.
pub fn relative(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let distance: f64 = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum();
    let size: f64 = b.iter().map(|y| y * y).sum();
    if size == 0.0 {
        distance.sqrt()
    } else {
        (distance / size).sqrt()
    }
}

/// The Hessian, row by row, from products with the unit vectors in one block.
pub fn hessian<const D: usize>(at: &mut Linearization<'_, D>) -> Vec<f64> {
    let objective = at.objective();
    let p = objective.parameters();
    let mut unit = vec![0.0; p * p];
    (0..p).for_each(|i| unit[i * p + i] = 1.0);
    let unit = tensor(
        &unit,
        [p, p],
        objective.device(),
        objective.precision().into(),
    );
    values(at.hvp(unit).expect("a product"))
}

/// Central differences of the gradient along `direction`, in the objective's precision.
pub fn difference<const D: usize>(
    objective: &Objective<D>,
    theta: &[f64],
    direction: &[f64],
    h: f64,
) -> Vec<f64> {
    let dtype: DType = objective.precision().into();
    let gradient = |sign: f64| {
        let moved: Vec<f64> = theta
            .iter()
            .zip(direction)
            .map(|(t, d)| t + sign * h * d)
            .collect();
        let theta = tensor(&moved, [moved.len()], objective.device(), dtype);
        values(objective.gradient(&theta).expect("a gradient").gradient)
    };
    let (above, below) = (gradient(1.0), gradient(-1.0));
    above
        .iter()
        .zip(&below)
        .map(|(a, b)| (a - b) / (2.0 * h))
        .collect()
}

/// Central differences of Hessian products along `direction`, (H(θ + hu)·V − H(θ − hu)·V)/2h.
pub fn product_difference<const D: usize>(
    objective: &Objective<D>,
    theta: &[f64],
    direction: &[f64],
    block: &Tensor<2>,
    h: f64,
) -> Vec<f64> {
    let dtype: DType = objective.precision().into();
    let products = |sign: f64| {
        let moved: Vec<f64> = theta
            .iter()
            .zip(direction)
            .map(|(t, d)| t + sign * h * d)
            .collect();
        let theta = tensor(&moved, [moved.len()], objective.device(), dtype);
        let mut at = objective.linearize(&theta).expect("a linearisation");
        values(at.hvp(block.clone()).expect("products"))
    };
    let (above, below) = (products(1.0), products(-1.0));
    above
        .iter()
        .zip(&below)
        .map(|(a, b)| (a - b) / (2.0 * h))
        .collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Inputs [n, d] and one-hot targets [n, c].
pub fn classified(n: usize, d: usize, c: usize, device: &Device, dtype: DType) -> Batch {
    let x = tensor(&numbers(n * d, 1), [n, d], device, dtype);
    let mut y = vec![0.0; n * c];
    (0..n).for_each(|i| y[i * c + (i * 7 + 3) % c] = 1.0);
    Batch::new().with(x).with(tensor(&y, [n, c], device, dtype))
}

pub fn mse<const D: usize>(outputs: Tensor<D>, batch: &Batch) -> Tensor<1> {
    let n = outputs.dims()[0] as f64;
    let residual = outputs - batch.float::<D>(1);
    (residual.clone() * residual).sum().mul_scalar(0.5 / n)
}

pub fn cross_entropy(outputs: Tensor<2>, batch: &Batch) -> Tensor<1> {
    let n = outputs.dims()[0] as f64;
    let log = burn::tensor::activation::log_softmax(outputs, 1);
    (log * batch.float::<2>(1)).sum().mul_scalar(-1.0 / n)
}

/// All that an objective gives at θ, for blocks of k; it has n outputs.
pub fn everything(
    objective: &Objective<2>,
    theta: &Tensor<1>,
    (k, n): (usize, usize),
) -> Vec<(&'static str, Vec<f64>)> {
    let p = objective.parameters();
    let (device, dtype) = (objective.device(), objective.precision().into());
    let block = tensor(&numbers(k * p, 31), [k, p], device, dtype);
    let cotangents = tensor(&numbers(k * n, 32), [k, n], device, dtype);
    let direction = tensor(&numbers(p, 33), [p], device, dtype);
    let mut at = objective.linearize(theta).unwrap();
    vec![
        ("loss", values(at.loss().clone())),
        ("outputs", values(at.outputs().clone())),
        ("gradient", values(at.gradient().clone())),
        (
            "evaluation",
            values(objective.evaluate(theta).unwrap().outputs),
        ),
        ("Hessian", values(at.hvp(block.clone()).unwrap())),
        ("Jacobian", values(at.jvp(block.clone()).unwrap())),
        ("transposed", values(at.vjp(cotangents).unwrap())),
        (
            "Gauss–Newton",
            values(at.gauss_newton(block.clone()).unwrap()),
        ),
        ("third", values(at.third(direction.clone(), block).unwrap())),
        ("third, twice", values(at.third_twice(direction).unwrap())),
    ]
}

/// Brink's own code on burn-flex against Burn's operations one by one.
pub fn agree_without_fusion(
    objective: &mut Objective<2>,
    theta: &Tensor<1>,
    k: usize,
    n: usize,
    tolerance: f64,
    case: &str,
) {
    objective.set_fusion(true);
    let own = everything(objective, theta, (k, n));
    objective.set_fusion(false);
    let plain = everything(objective, theta, (k, n));
    for ((name, own), (_, plain)) in own.iter().zip(&plain) {
        let error = relative(own, plain);
        let dtype = objective.precision();
        assert!(
            error < tolerance,
            "{case} {name} of {k} in {dtype:?}: {error:.1e}"
        );
    }
}
