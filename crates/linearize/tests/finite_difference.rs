//! Against central differences in float64: H·v against those of the gradient, the gradient against
//! those of the loss, ∇³L[u, v] against those of H·v, for every activation, both losses,
//! convolutions, poolings, norms, attention.

mod common;

use brink_linearize::{Batch, Objective};
use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig2d,
};
use burn::tensor::activation as act;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::{DType, Device, Tensor};
use common::*;

/// Checks products, gradient and third derivatives at a generic point; `h` is near the optimum for float64.
fn check<const D: usize>(name: &str, device_name: &str, objective: &Objective<D>, scale: f64) {
    let p = objective.parameters();
    let device = objective.device().clone();
    let theta: Vec<f64> = numbers(p, 11).iter().map(|x| x * scale).collect();
    let (u, v) = (numbers(p, 12), numbers(p, 13));
    let point = tensor(&theta, [p], &device, DType::F64);
    let mut at = objective.linearize(&point).unwrap();
    let both: Vec<f64> = u.iter().chain(&v).copied().collect();
    let products = values(at.hvp(tensor(&both, [2, p], &device, DType::F64)).unwrap());
    let (hu, hv) = products.split_at(p);
    assert!(
        hv.iter().any(|x| *x != 0.0),
        "{name}: a zero Hessian shows nothing"
    );

    let expected = difference(objective, &theta, &v, 3e-5);
    let error = relative(hv, &expected);
    assert!(
        error < 1e-6,
        "{name} on {device_name}: products are off by {error:.1e}"
    );

    let (uhv, vhu) = (dot(&u, hv), dot(&v, hu));
    let size = (dot(hv, hv) * dot(&u, &u)).sqrt();
    assert!(
        (uhv - vhu).abs() < 1e-11 * size,
        "{name}: not symmetric, {uhv} and {vhu}"
    );

    let slope = dot(&values(at.gradient().clone()), &v);
    let loss = |sign: f64| {
        let moved: Vec<f64> = theta
            .iter()
            .zip(&v)
            .map(|(t, d)| t + sign * 1e-5 * d)
            .collect();
        let at = objective
            .evaluate(&tensor(&moved, [p], &device, DType::F64))
            .unwrap();
        values(at.loss)[0]
    };
    let numeric = (loss(1.0) - loss(-1.0)) / 2e-5;
    let error = (slope - numeric).abs() / numeric.abs().max(1e-3);
    assert!(
        error < 1e-6,
        "{name} on {device_name}: the gradient is off by {error:.1e}"
    );
    check_third(&format!("{name} on {device_name}"), objective, &theta);
}

/// Checks ∇³L[u, v] at θ, and that it does not matter which of u, v and the vector that meets it
/// comes where.
fn check_third<const D: usize>(name: &str, objective: &Objective<D>, theta: &[f64]) {
    let (p, device) = (objective.parameters(), objective.device());
    let [u, v, w] = [14, 15, 16].map(|seed| numbers(p, seed));
    let block = |rows: &[&[f64]]| tensor(&rows.concat(), [rows.len(), p], device, DType::F64);
    let direction = |values: &[f64]| tensor(values, [p], device, DType::F64);
    let mut at = objective.linearize(&direction(theta)).unwrap();
    let vw = block(&[&v, &w]);
    let found = values(at.third(direction(&u), vw.clone()).unwrap());
    let (uv, uw) = found.split_at(p);
    let size = |x: &[f64]| dot(x, x).sqrt();
    assert!(
        size(uv) > 0.0,
        "{name}: zero third derivatives show nothing"
    );

    let expected = product_difference(objective, theta, &u, &vw, 3e-5);
    let error = relative(&found, &expected);
    assert!(
        error < 1e-6,
        "{name}: third derivatives are off by {error:.1e}"
    );

    let twice = values(at.third_twice(direction(&u)).unwrap());
    let row = values(at.third(direction(&u), block(&[&u])).unwrap());
    let error = relative(&twice, &row);
    assert!(error < 1e-12, "{name}: u twice is no row, {error:.1e}");

    let vu = values(at.third(direction(&v), block(&[&u])).unwrap());
    let error = relative(&vu, uv);
    assert!(error < 1e-11, "{name}: u and v are not alike, {error:.1e}");
    let (uvw, uwv) = (dot(uv, &w), dot(uw, &v));
    assert!(
        (uvw - uwv).abs() < 1e-11 * (size(uv) * size(&w)).max(size(uw) * size(&v)),
        "{name}: not symmetric, {uvw} and {uwv}"
    );
}

#[derive(Module, Debug)]
struct Mlp {
    first: Linear,
    second: Linear,
    output: Linear,
}

impl Mlp {
    fn new(sizes: [usize; 4], device: &Device) -> Self {
        let layer = |i: usize| LinearConfig::new(sizes[i], sizes[i + 1]).init(device);
        Self {
            first: layer(0),
            second: layer(1),
            output: layer(2),
        }
    }

    fn forward(&self, x: Tensor<2>, f: impl Fn(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        let x = f(self.first.forward(x));
        let x = f(self.second.forward(x));
        self.output.forward(x)
    }
}

type Activation = (&'static str, fn(Tensor<2>) -> Tensor<2>);

const ACTIVATIONS: [Activation; 13] = [
    ("linear", |x| x),
    ("tanh", |x| x.tanh()),
    ("relu", act::relu),
    ("leaky relu", |x| act::leaky_relu(x, 0.1)),
    ("elu", |x| act::elu(x, 1.0)),
    ("gelu", act::gelu),
    ("approximate gelu", act::gelu_approximate),
    ("softplus", |x| act::softplus(x, 1.0)),
    ("sigmoid", act::sigmoid),
    ("log sigmoid", act::log_sigmoid),
    ("silu", act::silu),
    ("mish", act::mish),
    ("softsign", |x| x.clone() / (x.abs() + 1.0)),
];

#[test]
fn every_activation_with_both_losses() {
    for (device_name, device) in cpus() {
        let batch = classified(6, 5, 3, &device, DType::F64);
        let module = Mlp::new([5, 7, 6, 3], &device);
        for (name, f) in ACTIVATIONS {
            let forward = |m: &Mlp, b: &Batch| m.forward(b.float(0), f);
            let objective = Objective::trace(&module, &batch, forward, mse).unwrap();
            check(&format!("{name}, mse"), device_name, &objective, 0.8);
            let objective = Objective::trace(&module, &batch, forward, cross_entropy).unwrap();
            check(
                &format!("{name}, cross-entropy"),
                device_name,
                &objective,
                0.8,
            );
        }
    }
}

#[derive(Module, Debug)]
struct Cnn {
    first: Conv2d,
    second: Conv2d,
    output: Linear,
}

impl Cnn {
    fn new(stride: usize, groups: usize, device: &Device) -> Self {
        let first = Conv2dConfig::new([2, 4], [3, 3])
            .with_padding(PaddingConfig2d::Same)
            .init(device);
        let second = Conv2dConfig::new([4, 4], [3, 3])
            .with_stride([stride, stride])
            .with_groups(groups)
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(device);
        let side = if stride == 1 { 4 } else { 2 };
        Self {
            first,
            second,
            output: LinearConfig::new(4 * side * side, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<2>, pool: fn(Tensor<4>) -> Tensor<4>) -> Tensor<2> {
        let n = x.dims()[0];
        let x = x.reshape([n, 2, 8, 8]);
        let x = pool(act::softplus(self.first.forward(x), 1.0));
        let x = self.second.forward(x).tanh();
        self.output.forward(x.flatten(1, 3))
    }
}

type Pool = (&'static str, fn(Tensor<4>) -> Tensor<4>);

#[test]
fn convolutions_and_poolings() {
    use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
    let pools: [Pool; 3] = [
        ("average", |x| {
            avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]))
        }),
        ("maximum", |x| {
            max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
        }),
        ("adaptive", |x| {
            burn::tensor::module::adaptive_avg_pool2d(x, [4, 4])
        }),
    ];
    for (device_name, device) in cpus() {
        let batch = classified(3, 128, 3, &device, DType::F64);
        for (name, pool) in pools {
            for (stride, groups) in [(1, 1), (2, 1), (1, 2)] {
                let module = Cnn::new(stride, groups, &device);
                let forward = |m: &Cnn, b: &Batch| m.forward(b.float(0), pool);
                let objective = Objective::trace(&module, &batch, forward, mse).unwrap();
                let name = format!("{name} pooling, stride {stride}, {groups} groups");
                check(&name, device_name, &objective, 0.3);
            }
        }
    }
}

#[derive(Module, Debug)]
struct Normalised {
    first: Linear,
    layer: LayerNorm,
    batch: BatchNorm,
    output: Linear,
}

#[test]
fn layer_norm_and_batch_norm_in_training() {
    for (device_name, device) in cpus() {
        let batch = classified(6, 5, 3, &device, DType::F64);
        let module = Normalised {
            first: LinearConfig::new(5, 6).init(&device),
            layer: LayerNormConfig::new(6).init(&device),
            batch: BatchNormConfig::new(6).init(&device),
            output: LinearConfig::new(6, 3).init(&device),
        };
        let by_layer = |m: &Normalised, b: &Batch| {
            m.output
                .forward(m.layer.forward(m.first.forward(b.float::<2>(0)).tanh()))
        };
        let objective = Objective::trace(&module, &batch, by_layer, cross_entropy).unwrap();
        check("layer norm", device_name, &objective, 0.9);
        let by_batch = |m: &Normalised, b: &Batch| {
            m.output
                .forward(m.batch.forward(m.first.forward(b.float::<2>(0)).tanh()))
        };
        let objective = Objective::trace(&module, &batch, by_batch, cross_entropy).unwrap();
        // Running statistics are no parameters: gamma and beta are, twice.
        assert_eq!(objective.parameters(), 5 * 6 + 6 + 4 * 6 + 6 * 3 + 3);
        check("batch norm", device_name, &objective, 0.9);
        // Recording must not have moved the module's own running statistics.
        assert_eq!(values(module.batch.running_mean.value()), vec![0.0; 6]);
    }
}

#[derive(Module, Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
}

impl Attention {
    /// One head over sequences of 4 tokens of 5 features.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let n = x.dims()[0];
        let x = x.reshape([n, 4, 5]);
        let (q, k) = (self.query.forward(x.clone()), self.key.forward(x.clone()));
        let v = self.value.forward(x);
        let scores = q.matmul(k.transpose()).div_scalar(6f64.sqrt());
        let mixed = act::softmax(scores, 2).matmul(v);
        self.output.forward(mixed.mean_dim(1).reshape([n, 6]))
    }
}

#[test]
fn attention() {
    for (device_name, device) in cpus() {
        let batch = classified(3, 20, 3, &device, DType::F64);
        let layer = |out| LinearConfig::new(5, out).init(&device);
        let module = Attention {
            query: layer(6),
            key: layer(6),
            value: layer(6),
            output: LinearConfig::new(6, 3).init(&device),
        };
        let forward = |m: &Attention, b: &Batch| m.forward(b.float(0));
        let objective = Objective::trace(&module, &batch, forward, cross_entropy).unwrap();
        check("attention", device_name, &objective, 0.9);
    }
}

#[test]
fn masks_and_positions_made_of_integers() {
    use burn::tensor::{Bool, Int};
    for (device_name, device) in cpus() {
        let batch = classified(8, 4, 4, &device, DType::F64);
        let weight = tensor(&numbers(16, 3), [4, 4], &device, DType::F64);
        let module = Assorted {
            weight: Param::from_tensor(weight),
        };
        let of = |m: &Assorted, b: &Batch, later: Tensor<3>, ahead: Tensor<3>| {
            let x = b.float::<2>(0).reshape([2, 4, 4]);
            let scores = x.clone().matmul(m.weight.val().unsqueeze());
            let scores = scores.matmul(x.clone().swap_dims(1, 2)) - ahead;
            let shares = act::softmax(scores + later, 2);
            shares.matmul(x).reshape([8, 4])
        };
        let forward = |m: &Assorted, b: &Batch| {
            let device = b.float::<2>(0).device();
            let later = Tensor::<3, Bool>::tril_mask([1, 4, 4], 0, &device);
            let options = (&device, DType::F64);
            let later = Tensor::<3>::zeros([1, 4, 4], options).mask_fill(later, -1e9);
            let places = Tensor::<1, Int>::arange(0..4, &device);
            let [row, column] = [[1, 4, 1], [1, 1, 4]].map(|shape| places.clone().reshape(shape));
            let ahead = (row - column + 1).abs() * Tensor::ones([1, 1, 4], &device);
            of(m, b, later, ahead.float().cast(DType::F64))
        };
        let objective = Objective::trace(&module, &batch, forward, mse).unwrap();
        check("a causal mask", device_name, &objective, 0.9);
        // The same from numbers that are written out.
        let written = |m: &Assorted, b: &Batch| {
            let device = b.float::<2>(0).device();
            let each = |f: fn(f64, f64) -> f64| {
                let places = (0..4).flat_map(|row| (0..4).map(move |column| (row, column)));
                let values: Vec<f64> = places
                    .map(|(row, column)| f(f64::from(row), f64::from(column)))
                    .collect();
                tensor(&values, [1, 4, 4], &device, DType::F64)
            };
            let later = each(|row, column| if column > row { -1e9 } else { 0.0 });
            of(m, b, later, each(|row, column| (row - column + 1.0).abs()))
        };
        let same = Objective::trace(&module, &batch, written, mse).unwrap();
        let theta = tensor(&numbers(16, 11), [16], &device, DType::F64);
        let loss = |objective: &Objective<2>| values(objective.evaluate(&theta).unwrap().loss);
        assert_eq!(loss(&objective), loss(&same), "{device_name}");
    }
}

/// Slices, concatenation, gathering, maxima, masks, powers, division: the rest of the rules.
#[derive(Module, Debug)]
struct Assorted {
    weight: Param<Tensor<2>>,
}

#[test]
fn views_indexing_and_arithmetic() {
    use burn::tensor::{Int, TensorData};
    for (device_name, device) in cpus() {
        let batch = classified(4, 6, 6, &device, DType::F64);
        let weight = tensor(&numbers(36, 3), [6, 6], &device, DType::F64);
        let module = Assorted {
            weight: Param::from_tensor(weight),
        };
        let indices = Tensor::<1, Int>::from_data(TensorData::from([2i64, 0, 2, 3]), &device);
        let batch = batch.with_int(indices);
        let forward = |m: &Assorted, b: &Batch| {
            let z = b.float::<2>(0).matmul(m.weight.val());
            let left = z.clone().slice([0..4, 0..3]).flip([1]);
            let right = z
                .clone()
                .slice([0..4, 3..6])
                .powf_scalar(2.0)
                .add_scalar(0.5);
            let joined = Tensor::cat(vec![left.clone() / right.clone(), right.sqrt()], 1);
            let picked = joined.clone().gather(
                1,
                b.int::<1>(2)
                    .reshape([4, 1])
                    .repeat_dim(1, 6)
                    .slice([0..4, 0..6]),
            );
            let rows = z.clone().select(0, b.int::<1>(2));
            let top = z.clone().max_dim(1).expand([4, 6]);
            let chosen = z.clone().mask_where(
                z.clone().greater(joined.clone()),
                joined.clone().powi_scalar(3),
            );
            let clamped = z.clone().clamp(-0.4, 0.6);
            let assigned = z
                .clone()
                .slice_assign([1..3, 2..4], left.clone().slice([0..2, 0..2]));
            (joined + picked.exp() + rows.sin() + top.cos() + chosen + clamped + assigned)
                * (z.abs().log1p() + 1.0).recip()
                + left.sum_dim(1).swap_dims(0, 1).sum_dim(1).expand([4, 6])
        };
        let objective = Objective::trace(&module, &batch, forward, mse);
        let objective = match objective {
            Ok(objective) => objective,
            Err(error) => panic!("{error}"),
        };
        check("assorted", device_name, &objective, 0.7);
    }
}

/// Every other row and column, in the middle of a frame: what a padded shortcut does.
#[test]
fn strides_and_pads() {
    use burn::tensor::ops::PadMode;
    use burn::tensor::s;
    for (device_name, device) in cpus() {
        let batch = classified(5, 7, 6, &device, DType::F64);
        let weight = tensor(&numbers(42, 3), [7, 6], &device, DType::F64);
        let module = Assorted {
            weight: Param::from_tensor(weight),
        };
        let forward = |m: &Assorted, b: &Batch| {
            let z = b.float::<2>(0).matmul(m.weight.val());
            let some = z.clone().slice(s![..;2, 1..;2]).tanh();
            let framed = some.pad([(1, 1), (2, 1)], PadMode::Constant(0.3));
            z.sin() * framed.clone() + framed.square()
        };
        match Objective::trace(&module, &batch, forward, mse) {
            Ok(objective) => check("strides and pads", device_name, &objective, 0.7),
            Err(error) => panic!("{error}"),
        }
    }
}
