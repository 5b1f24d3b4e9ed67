//! Elementwise operations in one pass against the same one by one.
#![cfg(feature = "flex")]

mod common;

use brink_linearize::{Batch, Objective};
use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation as act;
use burn::tensor::{DType, Device, Tensor};
use common::*;

/// Samples enough for several tasks of a thread, and no multiple of anything.
const N: usize = 1031;

#[derive(Module, Debug)]
struct Net {
    first: Linear,
    second: Linear,
    norm: LayerNorm,
    output: Linear,
}

impl Net {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(4, 37).init(device),
            second: LinearConfig::new(37, 19).init(device),
            norm: LayerNormConfig::new(19).init(device),
            output: LinearConfig::new(19, 3).init(device),
        }
    }

    fn forward(&self, batch: &Batch) -> Tensor<2> {
        let hidden = self.first.forward(batch.float(0)).tanh();
        let hidden = act::softplus(self.second.forward(hidden), 1.0);
        let hidden = self.norm.forward(hidden);
        self.output
            .forward(act::sigmoid(hidden.clone()) * hidden.exp().clamp(0.1, 3.0))
    }
}

/// Rows longer than what goes through a pass at a time, and rows of four.
#[derive(Module, Debug)]
struct Rows {
    first: Linear,
    norm: LayerNorm,
    second: Linear,
    output: Linear,
}

impl Rows {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(4, 1300).init(device),
            norm: LayerNormConfig::new(1300).init(device),
            second: LinearConfig::new(1300, 12).init(device),
            output: LinearConfig::new(12, 3).init(device),
        }
    }

    fn forward(&self, batch: &Batch) -> Tensor<2> {
        let hidden = self.norm.forward(self.first.forward(batch.float(0)));
        let scores = self
            .second
            .forward(act::gelu(hidden.clone()) + act::relu(hidden));
        let [samples, _] = scores.dims();
        let shares = act::softmax(scores.clone().reshape([samples, 3, 4]), 2);
        // A maximum that is differentiated, and one number a row that goes on.
        let largest = scores.clone().max_dim(1);
        let spread = act::log_softmax(scores * largest.tanh(), 1);
        self.output.forward(shares.reshape([samples, 12]) + spread)
    }
}

/// Places that attend to each other: scores and layers are products that passes compute themselves.
#[derive(Module, Debug)]
struct Attention {
    embed: Linear,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
}

/// Places of a sample.
const PLACES: usize = 24;

impl Attention {
    fn new(device: &Device) -> Self {
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        Self {
            embed: linear(1, 7),
            query: linear(7, 5),
            key: linear(7, 5),
            value: linear(7, 6),
            output: linear(PLACES * 6, 3),
        }
    }

    fn forward(&self, batch: &Batch) -> Tensor<2> {
        let x = batch.float(0);
        let [samples, _] = x.dims();
        let x = self.embed.forward(x.reshape([samples, PLACES, 1])).tanh();
        let scores = self.query.forward(x.clone());
        let scores = scores.matmul(self.key.forward(x.clone()).swap_dims(1, 2));
        let mixed = act::softmax(scores, 2).matmul(self.value.forward(x));
        self.output.forward(mixed.reshape([samples, PLACES * 6]))
    }
}

#[test]
fn products_within_a_pass_give_what_single_operations_give() {
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 1e-4)] {
        let device = Device::flex();
        // Enough for scores that a pass computes.
        let samples = 131;
        let batch = classified(samples, PLACES, 3, &device, dtype);
        let mut objective = Objective::trace(
            &Attention::new(&device),
            &batch,
            Attention::forward,
            mse::<2>,
        )
        .unwrap();
        let p = objective.parameters();
        let theta = tensor(&numbers(p, 21), [p], &device, dtype);
        for k in [1, 3] {
            agree_without_fusion(&mut objective, &theta, k, samples * 3, tolerance, "");
        }
    }
}

#[test]
fn rows_in_one_pass_give_what_single_operations_give() {
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-4)] {
        for loss in [mse::<2>, cross_entropy] {
            let device = Device::flex();
            let samples = 97;
            let batch = classified(samples, 4, 3, &device, dtype);
            let mut objective =
                Objective::trace(&Rows::new(&device), &batch, Rows::forward, loss).unwrap();
            let p = objective.parameters();
            let theta = tensor(&numbers(p, 21), [p], &device, dtype);
            for k in [1, 3] {
                agree_without_fusion(&mut objective, &theta, k, samples * 3, tolerance, "");
            }
        }
    }
}

#[test]
fn one_pass_gives_what_single_operations_give() {
    for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 1e-5)] {
        for loss in [mse::<2>, cross_entropy] {
            let device = Device::flex();
            let batch = classified(N, 4, 3, &device, dtype);
            let mut objective =
                Objective::trace(&Net::new(&device), &batch, Net::forward, loss).unwrap();
            let p = objective.parameters();
            let theta = tensor(&numbers(p, 21), [p], &device, dtype);
            for k in [1, 3] {
                agree_without_fusion(&mut objective, &theta, k, N * 3, tolerance, "");
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    let device = Device::flex();
    let batch = classified(N, 4, 3, &device, DType::F32);
    let objective = Objective::trace(&Net::new(&device), &batch, Net::forward, mse::<2>).unwrap();
    let p = objective.parameters();
    let mut theta = numbers(p, 21);
    theta[3] = f64::NAN;
    let at = objective
        .gradient(&tensor(&theta, [p], &device, DType::F32))
        .unwrap();
    assert!(values(at.loss)[0].is_nan());
    assert!(values(at.gradient).iter().any(|x| x.is_nan()));
}
