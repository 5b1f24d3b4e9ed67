//! Derivatives at a point on the host, in float64.

use brink_dynamics::Problem;
use burn::tensor::Tensor;
use faer::Mat;

use crate::networks::{tensor, values};

/// The Hessian at θ, formed column by column.
pub fn hessian(problem: &Problem<2>, theta: &[f64]) -> Mat<f64> {
    let size = theta.len();
    let unit = (0..size * size).map(|at| f64::from(u8::from(at % (size + 1) == 0)));
    let mut at = problem
        .objective
        .linearize(&tensor(theta.to_vec(), [size]))
        .unwrap();
    let flat = values(at.hvp(tensor(unit.collect(), [size, size])).unwrap());
    Mat::from_fn(size, size, |i, j| {
        0.5 * (flat[i * size + j] + flat[j * size + i])
    })
}

pub fn moved(theta: &[f64], along: &[f64], by: f64) -> Vec<f64> {
    theta.iter().zip(along).map(|(t, d)| t + by * d).collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub fn gradient(problem: &Problem<2>, theta: &[f64]) -> Vec<f64> {
    let theta: Tensor<1> = tensor(theta.to_vec(), [theta.len()]);
    values(problem.objective.gradient(&theta).unwrap().gradient)
}
