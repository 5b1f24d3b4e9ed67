//! Products among themselves and against dense matrices: blocks, Jacobians, Gauss–Newton, Gram.

mod common;

use brink_linearize::{Batch, Linearization, Objective};
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};
use common::*;

#[derive(Module, Debug)]
struct Net {
    first: Linear,
    output: Linear,
}

impl Net {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(4, 5).init(device),
            output: LinearConfig::new(5, 3).init(device),
        }
    }

    fn forward(&self, batch: &Batch) -> Tensor<2> {
        self.output
            .forward(self.first.forward(batch.float(0)).tanh())
    }
}

const N: usize = 6;

fn setting(loss: fn(Tensor<2>, &Batch) -> Tensor<1>) -> (Objective<2>, Tensor<1>) {
    let device = cpu();
    let batch = classified(N, 4, 3, &device, DType::F64);
    let objective = Objective::trace(&Net::new(&device), &batch, Net::forward, loss).unwrap();
    let p = objective.parameters();
    let theta = tensor(&numbers(p, 21), [p], &device, DType::F64);
    (objective, theta)
}

fn block(objective: &Objective<2>, k: usize, width: usize, seed: u64) -> Tensor<2> {
    tensor(
        &numbers(k * width, seed),
        [k, width],
        objective.device(),
        DType::F64,
    )
}

fn rows(values: &[f64], k: usize) -> Vec<&[f64]> {
    values.chunks_exact(values.len() / k).collect()
}

#[test]
fn a_block_is_its_vectors_one_by_one() {
    let (objective, theta) = setting(cross_entropy);
    let (p, n) = (objective.parameters(), N * 3);
    let mut at = objective.linearize(&theta).unwrap();
    type Map = fn(&mut Linearization<'_, 2>, Tensor<2>) -> Tensor<2>;
    let maps: [(usize, Map); 4] = [
        (p, |at, v| at.hvp(v).unwrap()),
        (p, |at, v| at.jvp(v).unwrap()),
        (n, |at, v| at.vjp(v).unwrap()),
        (p, |at, v| at.gauss_newton(v).unwrap()),
    ];
    for (width, map) in maps {
        let v = block(&objective, 5, width, 31);
        let together = values(map(&mut at, v.clone()));
        for (i, row) in rows(&together, 5).into_iter().enumerate() {
            let one = values(map(&mut at, v.clone().slice([i..i + 1, 0..width])));
            assert!(relative(row, &one) < 1e-14);
        }
    }
}

#[test]
fn an_empty_block_gives_an_empty_block() {
    let (objective, theta) = setting(mse);
    let p = objective.parameters();
    let mut at = objective.linearize(&theta).unwrap();
    let none = Tensor::<2>::zeros([0, p], (objective.device(), DType::F64));
    assert_eq!(at.hvp(none).unwrap().dims(), [0, p]);
}

#[test]
fn the_jacobian_is_the_derivative_of_the_outputs() {
    let (objective, theta) = setting(mse);
    let p = objective.parameters();
    let v = numbers(p, 41);
    let mut at = objective.linearize(&theta).unwrap();
    let pushed = values(
        at.jvp(tensor(&v, [1, p], objective.device(), DType::F64))
            .unwrap(),
    );
    let outputs = |sign: f64| {
        let moved: Vec<f64> = values(theta.clone())
            .iter()
            .zip(&v)
            .map(|(t, d)| t + sign * 1e-5 * d)
            .collect();
        let at = objective.evaluate(&tensor(&moved, [p], objective.device(), DType::F64));
        values(at.unwrap().outputs)
    };
    let difference: Vec<f64> = outputs(1.0)
        .iter()
        .zip(outputs(-1.0))
        .map(|(a, b)| (a - b) / 2e-5)
        .collect();
    assert!(relative(&pushed, &difference) < 1e-8);
}

#[test]
fn the_pullback_is_the_jacobian_transposed() {
    let (objective, theta) = setting(cross_entropy);
    let (p, n) = (objective.parameters(), N * 3);
    let mut at = objective.linearize(&theta).unwrap();
    let (v, u) = (block(&objective, 1, p, 51), block(&objective, 1, n, 52));
    let left = values((at.jvp(v.clone()).unwrap() * u.clone()).sum())[0];
    let right = values((at.vjp(u).unwrap() * v).sum())[0];
    assert!((left - right).abs() < 1e-13 * left.abs());
}

/// JᵀHJ from the dense Jacobian and the loss's Hessian by hand.
#[test]
fn gauss_newton_is_the_jacobian_around_the_losss_own_hessian() {
    for (name, loss) in [
        ("mse", mse as fn(Tensor<2>, &Batch) -> Tensor<1>),
        ("cross-entropy", cross_entropy),
    ] {
        let (objective, theta) = setting(loss);
        let (p, n) = (objective.parameters(), N * 3);
        let mut at = objective.linearize(&theta).unwrap();
        let mut unit = vec![0.0; n * n];
        (0..n).for_each(|i| unit[i * n + i] = 1.0);
        let jacobian = values(
            at.vjp(tensor(&unit, [n, n], objective.device(), DType::F64))
                .unwrap(),
        );
        let outputs = values(at.outputs().clone());
        let mut curvature = vec![0.0; n * n];
        for i in 0..N {
            let exp: Vec<f64> = outputs[i * 3..i * 3 + 3].iter().map(|x| x.exp()).collect();
            let sum: f64 = exp.iter().sum();
            for a in 0..3 {
                for b in 0..3 {
                    let same = f64::from(u8::from(a == b));
                    let entry = match name {
                        "mse" => same,
                        _ => exp[a] / sum * (same - exp[b] / sum),
                    };
                    curvature[(i * 3 + a) * n + i * 3 + b] = entry / N as f64;
                }
            }
        }
        let v = numbers(p, 61);
        let times = |matrix: &[f64], x: &[f64]| -> Vec<f64> {
            matrix
                .chunks_exact(x.len())
                .map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
                .collect()
        };
        let curved = times(&curvature, &times(&jacobian, &v));
        let expected: Vec<f64> = (0..p)
            .map(|j| (0..n).map(|i| jacobian[i * p + j] * curved[i]).sum())
            .collect();
        let product = at.gauss_newton(tensor(&v, [1, p], objective.device(), DType::F64));
        assert!(
            relative(&values(product.unwrap()), &expected) < 1e-13,
            "{name}"
        );
    }
}

/// Column by column, by central differences of the gradient.
#[test]
fn the_dense_hessian_is_that_of_finite_differences() {
    let (objective, theta) = setting(cross_entropy);
    let p = objective.parameters();
    let dense = hessian(&mut objective.linearize(&theta).unwrap());
    let theta = values(theta);
    let mut expected = Vec::new();
    for i in 0..p {
        let mut unit = vec![0.0; p];
        unit[i] = 1.0;
        expected.extend(difference(&objective, &theta, &unit, 1e-5));
    }
    assert!(relative(&dense, &expected) < 1e-8);
}

#[test]
fn a_linear_loss_has_no_curvature() {
    let device = cpu();
    let batch = classified(N, 4, 3, &device, DType::F64);
    let module = LinearConfig::new(4, 3).init(&device);
    let forward = |m: &Linear, b: &Batch| m.forward(b.float::<2>(0));
    let objective = Objective::trace(&module, &batch, forward, |f, _| f.sum()).unwrap();
    let p = objective.parameters();
    let theta = tensor(&numbers(p, 71), [p], &device, DType::F64);
    let mut at = objective.linearize(&theta).unwrap();
    let v = block(&objective, 2, p, 72);
    assert_eq!(values(at.hvp(v.clone()).unwrap()), vec![0.0; 2 * p]);
    assert_eq!(values(at.gauss_newton(v).unwrap()), vec![0.0; 2 * p]);
}

#[test]
fn everything_is_counted() {
    let (objective, theta) = setting(mse);
    let (p, n) = (objective.parameters(), N * 3);
    objective.gradient(&theta).unwrap();
    let mut at = objective.linearize(&theta).unwrap();
    at.hvp(block(&objective, 3, p, 81)).unwrap();
    at.hvp(block(&objective, 1, p, 82)).unwrap();
    at.jvp(block(&objective, 2, p, 83)).unwrap();
    at.vjp(block(&objective, 5, n, 84)).unwrap();
    let u = tensor(&numbers(p, 85), [p], objective.device(), DType::F64);
    at.third(u, block(&objective, 2, p, 86)).unwrap();
    objective.evaluate(&theta).unwrap();
    let counted: Vec<u64> = objective
        .counters()
        .snapshot()
        .iter()
        .map(|(_, c)| *c)
        .collect();
    assert_eq!(counted, [1, 2, 1, 0, 4, 2, 5, 0, 2]);
}

/// The recorded gradient against burn-autodiff run as it is.
#[test]
fn the_gradient_is_burn_autodiffs_own() {
    for (name, device) in cpus() {
        let batch = classified(N, 4, 3, &device, DType::F32);
        let module = Net::new(&device);
        let objective = Objective::trace(&module, &batch, Net::forward, cross_entropy).unwrap();
        let theta = objective.layout().flatten(&module);
        let ours = values(objective.gradient(&theta).unwrap().gradient);

        let live = module.train();
        let autodiff = device.clone().autodiff();
        let moved = Batch::new()
            .with(batch.float::<2>(0).to_device(&autodiff))
            .with(batch.float::<2>(1).to_device(&autodiff));
        let gradients = cross_entropy(live.forward(&moved), &moved).backward();
        let mut theirs = Vec::new();
        for layer in [&live.first, &live.output] {
            theirs.extend(values(layer.weight.val().grad(&gradients).unwrap()));
            let bias = layer.bias.as_ref().unwrap();
            theirs.extend(values(bias.val().grad(&gradients).unwrap()));
        }
        let error = relative(&ours, &theirs);
        assert!(error < 1e-6, "{name}: {error:.1e}");
    }
}

#[test]
fn parameters_go_flat_and_back() {
    let device = cpu();
    let batch = classified(N, 4, 3, &device, DType::F32);
    let module = Net::new(&device);
    let objective = Objective::trace(&module, &batch, Net::forward, mse).unwrap();
    let names: Vec<&str> = objective
        .layout()
        .parameters()
        .iter()
        .map(|p| p.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["first.weight", "first.bias", "output.weight", "output.bias"]
    );
    let theta = objective.layout().flatten(&module);
    let again = objective.layout().unflatten(&module, &theta).unwrap();
    let by_module = values(again.forward(&batch));
    let by_program = values(objective.evaluate(&theta).unwrap().outputs);
    assert!(relative(&by_program, &by_module) < 1e-6);
    assert_eq!(values(objective.layout().flatten(&again)), values(theta));
}
