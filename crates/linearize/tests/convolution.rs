//! Convolutions and poolings by our own kernels on burn-flex against Burn's operations.
#![cfg(feature = "flex")]

mod common;

use brink_linearize::{Batch, Objective};
use burn::module::{Module, Param};
use burn::tensor::module::{avg_pool2d, conv2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions};
use burn::tensor::{DType, Device, Tensor};
use common::*;

/// Images, more than the parts that sums over them are taken in.
const N: usize = 35;
const OUTPUTS: usize = 3;
const HEIGHT: usize = 9;
const WIDTH: usize = 7;

#[derive(Module, Debug)]
struct Net {
    first: Param<Tensor<4>>,
    second: Param<Tensor<4>>,
    output: Param<Tensor<2>>,
}

#[derive(Debug)]
struct Case {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
    pooling: AvgPoolOptions<2>,
}

impl Case {
    fn convolve(&self, x: Tensor<4>, weight: &Param<Tensor<4>>, groups: usize) -> Tensor<4> {
        let options = ConvOptions::new(self.stride, self.padding, self.dilation, groups);
        conv2d(x, weight.val(), None, options)
    }

    fn features(&self, net: &Net, x: Tensor<2>) -> Tensor<2> {
        let [n, _] = x.dims();
        let x = x.reshape([n, 2, HEIGHT, WIDTH]);
        let x = self.convolve(x, &net.first, 1).tanh();
        let x = avg_pool2d(x, self.pooling.clone());
        self.convolve(x, &net.second, self.groups)
            .tanh()
            .flatten(1, 3)
    }

    fn net(&self, device: &Device, dtype: DType) -> Net {
        let weight = |shape: [usize; 4], seed| {
            let count = shape.iter().product();
            Param::from_tensor(tensor(&numbers(count, seed), shape, device, dtype))
        };
        let [height, width] = self.kernel;
        let mut net = Net {
            first: weight([4, 2, height, width], 1),
            second: weight([6, 4 / self.groups, height, width], 2),
            output: Param::from_tensor(tensor(&[0.0], [1, 1], device, dtype)),
        };
        let x = tensor(
            &numbers(2 * HEIGHT * WIDTH, 3),
            [1, 2 * HEIGHT * WIDTH],
            device,
            dtype,
        );
        let [_, features] = self.features(&net, x).dims();
        let output = numbers(features * OUTPUTS, 4);
        let output = tensor(&output, [features, OUTPUTS], device, dtype);
        net.output = Param::from_tensor(output);
        net
    }
}

fn cases() -> Vec<Case> {
    let plain = Case {
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
        groups: 1,
        pooling: AvgPoolOptions::new([2, 2]),
    };
    let overlapping = AvgPoolOptions::new([3, 2])
        .with_stride([2, 1])
        .with_padding([1, 1]);
    vec![
        Case {
            stride: [2, 1],
            padding: [2, 1],
            groups: 2,
            ..plain.clone_case()
        },
        Case {
            kernel: [1, 1],
            padding: [0, 0],
            ..plain.clone_case()
        },
        Case {
            kernel: [2, 3],
            dilation: [1, 2],
            padding: [1, 2],
            pooling: overlapping.clone().with_count_include_pad(false),
            ..plain.clone_case()
        },
        Case {
            padding: [3, 3],
            pooling: overlapping.clone(),
            ..plain.clone_case()
        },
        Case {
            pooling: overlapping.with_ceil_mode(true),
            ..plain.clone_case()
        },
        plain,
    ]
}

impl Case {
    fn clone_case(&self) -> Self {
        Self {
            pooling: self.pooling.clone(),
            ..*self
        }
    }
}

#[test]
fn own_kernels_give_what_burns_give() {
    let device = Device::flex();
    for case in cases() {
        for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-5)] {
            let net = case.net(&device, dtype);
            let batch = classified(N, 2 * HEIGHT * WIDTH, OUTPUTS, &device, dtype);
            let forward = |net: &Net, batch: &Batch| {
                case.features(net, batch.float(0)).matmul(net.output.val())
            };
            let mut objective = Objective::trace(&net, &batch, forward, mse::<2>).unwrap();
            let p = objective.parameters();
            let theta = tensor(&numbers(p, 5), [p], &device, dtype);
            for k in [1, 3] {
                let name = format!("{case:?}");
                agree_without_fusion(&mut objective, &theta, k, N * OUTPUTS, tolerance, &name);
            }
        }
    }
}

#[test]
fn outputs_without_places_are_no_crash() {
    let device = Device::flex();
    let case = Case {
        kernel: [3, 3],
        stride: [2, 1],
        padding: [2, 0],
        ..cases().remove(1)
    };
    let net = case.net(&device, DType::F64);
    let batch = classified(N, 2 * HEIGHT * WIDTH, OUTPUTS, &device, DType::F64);
    let forward =
        |net: &Net, batch: &Batch| case.features(net, batch.float(0)).matmul(net.output.val());
    let objective = Objective::trace(&net, &batch, forward, mse::<2>).unwrap();
    let p = objective.parameters();
    let theta = tensor(&numbers(p, 5), [p], &device, DType::F64);
    let at = objective.gradient(&theta).unwrap();
    // Nothing reaches the outputs, which are zeros.
    assert!(values(at.loss)[0] > 0.0);
    assert!(values(at.gradient).iter().all(|x| *x == 0.0));
}
