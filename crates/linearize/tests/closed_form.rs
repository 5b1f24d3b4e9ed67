//! Hessians that can be written down: linear, logistic and softmax regression, a two-layer linear net.

mod common;

use brink_linearize::{Batch, Objective};
use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};
use common::*;

/// F = X·W.
#[derive(Module, Debug)]
struct Regression {
    weight: Param<Tensor<2>>,
}

impl Regression {
    fn new(d: usize, c: usize) -> Self {
        let weight = tensor(&numbers(d * c, 5), [d, c], &cpu(), DType::F64);
        Self {
            weight: Param::from_tensor(weight),
        }
    }

    fn forward(&self, batch: &Batch) -> Tensor<2> {
        batch.float::<2>(0).matmul(self.weight.val())
    }
}

fn dense(objective: &Objective<2>, module: &impl Module) -> Vec<f64> {
    let theta = objective.layout().flatten(module);
    hessian(&mut objective.linearize(&theta).expect("a linearisation"))
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let exp: Vec<f64> = row.iter().map(|x| x.exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.iter().map(|e| e / sum).collect()
}

/// L = (1/2n)‖XW − Y‖²: H = (1/n) XᵀX ⊗ I.
#[test]
fn linear_regression() {
    let (n, d, c) = (7, 4, 3);
    let batch = classified(n, d, c, &cpu(), DType::F64);
    let module = Regression::new(d, c);
    let objective = Objective::trace(&module, &batch, Regression::forward, mse).unwrap();
    let x = values(batch.float::<2>(0));
    let mut expected = vec![0.0; (d * c) * (d * c)];
    for a in 0..d {
        for b in 0..d {
            let gram: f64 = (0..n).map(|i| x[i * d + a] * x[i * d + b]).sum::<f64>() / n as f64;
            for k in 0..c {
                expected[(a * c + k) * d * c + b * c + k] = gram;
            }
        }
    }
    assert!(relative(&dense(&objective, &module), &expected) < 1e-14);
}

/// L = (1/n) Σ ln(1 + e^−yf): H = (1/n) Σ σ(f)(1 − σ(f)) x xᵀ for y = ±1.
#[test]
fn logistic_regression() {
    let (n, d) = (9, 5);
    let device = cpu();
    let x = numbers(n * d, 1);
    let y: Vec<f64> = (0..n)
        .map(|i| if i % 3 == 0 { -1.0 } else { 1.0 })
        .collect();
    let batch = Batch::new()
        .with(tensor(&x, [n, d], &device, DType::F64))
        .with(tensor(&y, [n, 1], &device, DType::F64));
    let module = Regression::new(d, 1);
    let objective = Objective::trace(&module, &batch, Regression::forward, |f, batch| {
        let margin = f * batch.float::<2>(1);
        -burn::tensor::activation::log_sigmoid(margin).mean()
    })
    .unwrap();
    let w = values(module.weight.val());
    let mut expected = vec![0.0; d * d];
    for i in 0..n {
        let row = &x[i * d..(i + 1) * d];
        let f: f64 = row.iter().zip(&w).map(|(x, w)| x * w).sum();
        let s = 1.0 / (1.0 + (-f).exp());
        for a in 0..d {
            for b in 0..d {
                expected[a * d + b] += s * (1.0 - s) * row[a] * row[b] / n as f64;
            }
        }
    }
    assert!(relative(&dense(&objective, &module), &expected) < 1e-13);
}

/// Softmax cross-entropy: H = (1/n) Σ (diag p − p pᵀ) ⊗ x xᵀ.
#[test]
fn softmax_regression() {
    let (n, d, c) = (8, 3, 4);
    let batch = classified(n, d, c, &cpu(), DType::F64);
    let module = Regression::new(d, c);
    let objective = Objective::trace(&module, &batch, Regression::forward, cross_entropy).unwrap();
    let (x, w) = (values(batch.float::<2>(0)), values(module.weight.val()));
    let size = d * c;
    let mut expected = vec![0.0; size * size];
    for i in 0..n {
        let row = &x[i * d..(i + 1) * d];
        let f: Vec<f64> = (0..c)
            .map(|k| (0..d).map(|a| row[a] * w[a * c + k]).sum())
            .collect();
        let p = softmax(&f);
        for (a, b) in (0..d).flat_map(|a| (0..d).map(move |b| (a, b))) {
            for (k, l) in (0..c).flat_map(|k| (0..c).map(move |l| (k, l))) {
                let curvature = if k == l { p[k] } else { 0.0 } - p[k] * p[l];
                expected[(a * c + k) * size + b * c + l] += curvature * row[a] * row[b] / n as f64;
            }
        }
    }
    assert!(relative(&dense(&objective, &module), &expected) < 1e-13);
}

/// F = X·W·a, one output.
#[derive(Module, Debug)]
struct TwoLayers {
    weight: Param<Tensor<2>>,
    output: Param<Tensor<2>>,
}

/// L = (1/2n)‖XWa − y‖²: the four blocks of H by hand.
#[test]
fn two_layer_linear_network() {
    let (n, d, h) = (6, 3, 4);
    let device = cpu();
    let (x, y) = (numbers(n * d, 1), numbers(n, 2));
    let (w, a) = (numbers(d * h, 3), numbers(h, 4));
    let batch = Batch::new()
        .with(tensor(&x, [n, d], &device, DType::F64))
        .with(tensor(&y, [n, 1], &device, DType::F64));
    let module = TwoLayers {
        weight: Param::from_tensor(tensor(&w, [d, h], &device, DType::F64)),
        output: Param::from_tensor(tensor(&a, [h, 1], &device, DType::F64)),
    };
    let forward = |m: &TwoLayers, b: &Batch| {
        b.float::<2>(0)
            .matmul(m.weight.val())
            .matmul(m.output.val())
    };
    let objective = Objective::trace(&module, &batch, forward, mse).unwrap();

    let hidden = |i: usize, j: usize| (0..d).map(|p| x[i * d + p] * w[p * h + j]).sum::<f64>();
    let residual: Vec<f64> = (0..n)
        .map(|i| (0..h).map(|j| hidden(i, j) * a[j]).sum::<f64>() - y[i])
        .collect();
    let size = d * h + h;
    let mut expected = vec![0.0; size * size];
    let scale = 1.0 / n as f64;
    for i in 0..n {
        // J's row: ∂F/∂W_pj = x_p a_j, ∂F/∂a_j = (xW)_j; and ∂²F/∂W_pj∂a_j = x_p.
        let mut jacobian = vec![0.0; size];
        for p in 0..d {
            for j in 0..h {
                jacobian[p * h + j] = x[i * d + p] * a[j];
                let mixed = scale * residual[i] * x[i * d + p];
                expected[(p * h + j) * size + d * h + j] += mixed;
                expected[(d * h + j) * size + p * h + j] += mixed;
            }
        }
        (0..h).for_each(|j| jacobian[d * h + j] = hidden(i, j));
        for r in 0..size {
            for s in 0..size {
                expected[r * size + s] += scale * jacobian[r] * jacobian[s];
            }
        }
    }
    assert!(relative(&dense(&objective, &module), &expected) < 1e-13);
}
