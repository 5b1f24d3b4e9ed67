//! Third derivatives that can be written down, and what does not depend on how they are asked for.

mod common;

use brink_linearize::{Batch, LinearizeError, Objective};
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Tensor};
use common::*;

/// A vector of parameters.
#[derive(Module, Debug)]
struct Vector {
    values: Param<Tensor<1>>,
}

fn vector(values: &[f64]) -> Vector {
    Vector {
        values: Param::from_tensor(tensor(values, [values.len()], &cpu(), DType::F64)),
    }
}

fn third(
    objective: &Objective<2>,
    theta: &[f64],
    u: &[f64],
    v: &[f64],
) -> Result<Vec<f64>, LinearizeError> {
    let vector = |values: &[f64]| tensor(values, [values.len()], &cpu(), DType::F64);
    let mut at = objective.linearize(&vector(theta))?;
    Ok(values(at.third(vector(u), vector(v).unsqueeze())?))
}

/// L = Σ cᵢθᵢ³: ∇³L[u, v] = 6·c∘u∘v.
#[test]
fn a_cubic() {
    let p = 5;
    let c = numbers(p, 1);
    let batch = Batch::new().with(tensor(&c, [1, p], &cpu(), DType::F64));
    let forward = |m: &Vector, b: &Batch| {
        let theta = m.values.val().reshape([1, p]);
        theta.clone() * theta.clone() * theta * b.float::<2>(0)
    };
    let module = vector(&numbers(p, 2));
    let objective = Objective::trace(&module, &batch, forward, |f, _| f.sum()).unwrap();
    let (theta, u, v) = (numbers(p, 3), numbers(p, 4), numbers(p, 5));
    let found = third(&objective, &theta, &u, &v).unwrap();
    let expected: Vec<f64> = (0..p).map(|i| 6.0 * c[i] * u[i] * v[i]).collect();
    assert!(relative(&found, &expected) < 1e-15, "{found:?}");
}

/// A linear network with one hidden unit on one sample, L = ½(awx − y)²:
/// L_aaw = 2wx², L_aww = 2ax², and L_aaa = L_www = 0.
#[test]
fn a_linear_network_of_one_unit() {
    let (x, y, a, w) = (0.7, -0.4, 1.3, 0.9);
    let batch = Batch::new()
        .with(tensor(&[x], [1, 1], &cpu(), DType::F64))
        .with(tensor(&[y], [1, 1], &cpu(), DType::F64));
    let forward = |m: &Vector, b: &Batch| {
        let [a, w] = [0, 1].map(|i| m.values.val().slice(i..i + 1).reshape([1, 1]));
        b.float::<2>(0).matmul(w).matmul(a)
    };
    let objective = Objective::trace(&vector(&[a, w]), &batch, forward, mse).unwrap();
    let (u, v) = ([0.3, -1.1], [0.8, 0.5]);
    let found = third(&objective, &[a, w], &u, &v).unwrap();
    let (aaw, aww) = (2.0 * w * x * x, 2.0 * a * x * x);
    let crossed = u[0] * v[1] + u[1] * v[0];
    let expected = [
        aaw * crossed + aww * u[1] * v[1],
        aaw * u[0] * v[0] + aww * crossed,
    ];
    assert!(
        relative(&found, &expected) < 1e-14,
        "{found:?} {expected:?}"
    );
}

#[test]
fn a_quadratic_loss_has_none() {
    let device = cpu();
    let batch = classified(6, 4, 3, &device, DType::F64);
    let module = LinearConfig::new(4, 3).init(&device);
    let forward = |m: &Linear, b: &Batch| m.forward(b.float::<2>(0));
    let objective = Objective::trace(&module, &batch, forward, mse).unwrap();
    let p = objective.parameters();
    let [theta, u, v] = [1, 2, 3].map(|seed| numbers(p, seed));
    let found = third(&objective, &theta, &u, &v).unwrap();
    assert_eq!(found, vec![0.0; p]);
    let vector = |values: &[f64]| tensor(values, [p], &cpu(), DType::F64);
    let mut at = objective.linearize(&vector(&theta)).unwrap();
    let twice = at.third_twice(vector(&u)).unwrap();
    assert_eq!(values(twice), vec![0.0; p]);
}

#[derive(Module, Debug)]
struct Net {
    first: Linear,
    output: Linear,
}

fn net(dtype: DType) -> Objective<2> {
    let device = cpu();
    let module = Net {
        first: LinearConfig::new(4, 5).init(&device),
        output: LinearConfig::new(5, 3).init(&device),
    };
    let forward = |m: &Net, b: &Batch| m.output.forward(m.first.forward(b.float::<2>(0)).tanh());
    let batch = classified(6, 4, 3, &device, dtype);
    Objective::trace(&module, &batch, forward, cross_entropy).unwrap()
}

#[test]
fn a_block_is_its_vectors_one_by_one() {
    let objective = net(DType::F64);
    let p = objective.parameters();
    let vector = |seed| tensor(&numbers(p, seed), [p], &cpu(), DType::F64);
    let block = tensor(&numbers(3 * p, 4), [3, p], &cpu(), DType::F64);
    let mut at = objective.linearize(&vector(1)).unwrap();
    let together = values(at.third(vector(2), block.clone()).unwrap());
    // Another direction in between leaves nothing behind.
    at.third(vector(3), block.clone()).unwrap();
    for (i, row) in together.chunks_exact(p).enumerate() {
        let one = at.third(vector(2), block.clone().slice([i..i + 1, 0..p]));
        assert!(relative(row, &values(one.unwrap())) < 1e-14);
    }
    let empty = Tensor::<2>::zeros([0, p], (&cpu(), DType::F64));
    assert_eq!(at.third(vector(2), empty).unwrap().dims(), [0, p]);
}

/// Products after a third derivative are those before it, to the last bit.
#[test]
fn products_do_not_notice() {
    let objective = net(DType::F32);
    let p = objective.parameters();
    let vector = |seed| tensor(&numbers(p, seed), [p], &cpu(), DType::F32);
    let block = tensor(&numbers(2 * p, 4), [2, p], &cpu(), DType::F32);
    let mut at = objective.linearize(&vector(1)).unwrap();
    let before = values(at.hvp(block.clone()).unwrap());
    at.third(vector(2), block.clone()).unwrap();
    at.third_twice(vector(3)).unwrap();
    assert_eq!(values(at.hvp(block.clone()).unwrap()), before);
    assert_eq!(
        values(at.gauss_newton(block.clone()).unwrap()),
        values(
            objective
                .linearize(&vector(1))
                .unwrap()
                .gauss_newton(block)
                .unwrap()
        )
    );
}
