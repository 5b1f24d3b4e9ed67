//! f(x) = a·tanh(W·x), its squared error, gradient and Hessian by explicit formulas.

use std::ops::Range;

use faer::{Mat, Side};

pub const SAMPLES: usize = 4;
pub const FEATURES: usize = 2;
pub const HIDDEN: usize = 3;
/// W row by row, then a.
pub const PARAMETERS: usize = HIDDEN * FEATURES + HIDDEN;

pub const INPUTS: [[f64; FEATURES]; SAMPLES] = [[0.8, -0.3], [-0.5, 1.1], [0.2, 0.9], [-1.2, -0.7]];
pub const TARGETS: [f64; SAMPLES] = [1.0, -1.0, 0.5, -0.25];
pub const START: [f64; PARAMETERS] = [0.9, -0.4, 0.3, 0.7, -0.6, 0.5, 1.1, -0.8, 0.6];

/// What the formulas give at one θ.
pub struct Derivatives {
    pub loss: f64,
    pub gradient: [f64; PARAMETERS],
    pub hessian: Mat<f64>,
}

/// L = (1/n) Σ r², r = f(x) − y, plus (w/2)‖θ‖².
pub fn derivatives(theta: &[f64; PARAMETERS], decay: f64) -> Derivatives {
    derivatives_of(theta, decay, 0..SAMPLES)
}

/// The same over some of the samples.
pub fn derivatives_of(theta: &[f64; PARAMETERS], decay: f64, samples: Range<usize>) -> Derivatives {
    let scale = 1.0 / samples.len() as f64;
    let weight = |j: usize, k: usize| theta[j * FEATURES + k];
    let output = |j: usize| theta[HIDDEN * FEATURES + j];
    let mut loss = 0.5 * decay * theta.iter().map(|t| t * t).sum::<f64>();
    let mut gradient = theta.map(|t| decay * t);
    let mut hessian = Mat::from_fn(PARAMETERS, PARAMETERS, |i, j| match i == j {
        true => decay,
        false => 0.0,
    });
    for (x, y) in INPUTS
        .iter()
        .zip(TARGETS)
        .take(samples.end)
        .skip(samples.start)
    {
        let tanh: Vec<f64> = (0..HIDDEN)
            .map(|j| {
                (0..FEATURES)
                    .map(|k| weight(j, k) * x[k])
                    .sum::<f64>()
                    .tanh()
            })
            .collect();
        let residual = (0..HIDDEN).map(|j| output(j) * tanh[j]).sum::<f64>() - y;
        let slope = |j: usize| 1.0 - tanh[j] * tanh[j];
        let mut first = [0.0; PARAMETERS];
        for j in 0..HIDDEN {
            first[HIDDEN * FEATURES + j] = tanh[j];
            for k in 0..FEATURES {
                first[j * FEATURES + k] = output(j) * slope(j) * x[k];
            }
        }
        loss += scale * residual * residual;
        for i in 0..PARAMETERS {
            gradient[i] += 2.0 * scale * residual * first[i];
            for j in 0..PARAMETERS {
                hessian[(i, j)] += 2.0 * scale * first[i] * first[j];
            }
        }
        for j in 0..HIDDEN {
            let a = HIDDEN * FEATURES + j;
            for k in 0..FEATURES {
                let w = j * FEATURES + k;
                let mixed = 2.0 * scale * residual * slope(j) * x[k];
                hessian[(a, w)] += mixed;
                hessian[(w, a)] += mixed;
                for l in 0..FEATURES {
                    let curved = -2.0 * output(j) * tanh[j] * slope(j) * x[k] * x[l];
                    hessian[(w, j * FEATURES + l)] += 2.0 * scale * residual * curved;
                }
            }
        }
    }
    Derivatives {
        loss,
        gradient,
        hessian,
    }
}

/// The largest eigenvalue of P^(−½)HP^(−½), P = diag(p).
pub fn largest(hessian: &Mat<f64>, p: &[f64; PARAMETERS]) -> f64 {
    let scaled = Mat::from_fn(PARAMETERS, PARAMETERS, |i, j| {
        hessian[(i, j)] / (p[i] * p[j]).sqrt()
    });
    let values = scaled.self_adjoint_eigenvalues(Side::Lower).unwrap();
    values[PARAMETERS - 1]
}
