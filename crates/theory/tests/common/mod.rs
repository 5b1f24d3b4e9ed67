//! The network in parameter space, written without the crate: weights, outputs, gradient descent
//! and the Hessian entry by entry.
#![allow(dead_code)]

use brink_theory::faer::{Mat, Side};
use brink_theory::{Model, Network, Parametrisation, State};

/// A stream of normal numbers from a 64-bit congruential generator.
pub struct Normal(pub u64);

impl Normal {
    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn draw(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub fn vector(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.draw()).collect()
    }

    pub fn matrix(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |_, _| self.draw())
    }
}

pub struct Weights {
    pub a: Vec<f64>,
    pub w: Mat<f64>,
    pub x: Mat<f64>,
    pub y: Vec<f64>,
    pub factor: f64,
    pub parametrisation: Parametrisation,
}

impl Weights {
    pub fn random(seed: u64, (n, d, m): (usize, usize, usize)) -> Self {
        let mut normal = Normal(seed);
        Self {
            a: normal.vector(m),
            w: normal.matrix(m, d),
            x: normal.matrix(d, n),
            y: normal.vector(n),
            factor: 1.0,
            parametrisation: Parametrisation::Scaled,
        }
    }

    pub fn network(&self) -> Network {
        Network {
            width: self.a.len(),
            parametrisation: self.parametrisation,
        }
    }

    pub fn model(&self) -> Model {
        Model::from_inputs(self.x.as_ref(), self.y.clone(), self.network(), self.factor).unwrap()
    }

    pub fn state(&self) -> State {
        State::from_weights(&self.a, self.w.as_ref(), self.x.as_ref(), self.network()).unwrap()
    }

    pub fn sigma(&self) -> f64 {
        match self.parametrisation {
            Parametrisation::Scaled => 1.0 / (self.a.len() as f64).sqrt(),
            Parametrisation::Plain => 1.0,
        }
    }

    /// c = 2κ/n.
    pub fn c(&self) -> f64 {
        2.0 * self.factor / self.y.len() as f64
    }

    pub fn outputs(&self) -> Vec<f64> {
        let z = &self.w * &self.x;
        (0..z.ncols())
            .map(|i| self.sigma() * (0..z.nrows()).map(|k| self.a[k] * z[(k, i)]).sum::<f64>())
            .collect()
    }

    pub fn residual(&self) -> Vec<f64> {
        self.outputs()
            .iter()
            .zip(&self.y)
            .map(|(f, y)| f - y)
            .collect()
    }

    pub fn loss(&self) -> f64 {
        0.5 * self.c() * self.residual().iter().map(|d| d * d).sum::<f64>()
    }

    /// p = XD.
    pub fn p(&self) -> Vec<f64> {
        let residual = self.residual();
        (0..self.x.nrows())
            .map(|j| {
                (0..residual.len())
                    .map(|i| self.x[(j, i)] * residual[i])
                    .sum()
            })
            .collect()
    }

    /// The gradient, A first and then W row by row.
    pub fn gradient(&self) -> Vec<f64> {
        let (m, d, p) = (self.a.len(), self.x.nrows(), self.p());
        let factor = self.c() * self.sigma();
        let of_a = (0..m).map(|k| factor * (0..d).map(|j| self.w[(k, j)] * p[j]).sum::<f64>());
        let of_w = (0..m * d).map(|e| factor * self.a[e / d] * p[e % d]);
        of_a.chain(of_w).collect()
    }

    pub fn descend(&mut self, step_size: f64) {
        let gradient: Vec<f64> = self.gradient().iter().map(|g| -step_size * g).collect();
        self.shift(&gradient);
    }

    pub fn shift(&mut self, by: &[f64]) {
        let (m, d) = (self.a.len(), self.x.nrows());
        for k in 0..m {
            self.a[k] += by[k];
            for j in 0..d {
                self.w[(k, j)] += by[m + k * d + j];
            }
        }
    }

    /// J `[n, P]`.
    pub fn jacobian(&self) -> Mat<f64> {
        let (m, d, n) = (self.a.len(), self.x.nrows(), self.y.len());
        let z = &self.w * &self.x;
        Mat::from_fn(n, m + m * d, |i, e| {
            self.sigma()
                * if e < m {
                    z[(e, i)]
                } else {
                    let (k, j) = ((e - m) / d, (e - m) % d);
                    self.a[k] * self.x[(j, i)]
                }
        })
    }

    /// ∇²L `[P, P]`.
    pub fn hessian(&self) -> Mat<f64> {
        let (m, d, p) = (self.a.len(), self.x.nrows(), self.p());
        let j = self.jacobian();
        let mut hessian = Mat::from_fn(j.ncols(), j.ncols(), |_, _| 0.0);
        hessian += self.c() * (j.transpose() * &j);
        for k in 0..m {
            for e in 0..d {
                let value = self.c() * self.sigma() * p[e];
                hessian[(k, m + k * d + e)] += value;
                hessian[(m + k * d + e, k)] += value;
            }
        }
        hessian
    }
}

/// Eigenvalues, largest first.
pub fn eigenvalues(matrix: &Mat<f64>) -> Vec<f64> {
    let mut values = matrix.self_adjoint_eigenvalues(Side::Lower).unwrap();
    values.reverse();
    values
}

/// The top eigenvector.
pub fn top_vector(matrix: &Mat<f64>) -> Vec<f64> {
    let decomposition = matrix.self_adjoint_eigen(Side::Lower).unwrap();
    let last = matrix.nrows() - 1;
    (0..=last).map(|i| decomposition.U()[(i, last)]).collect()
}

pub fn close(a: f64, b: f64, tolerance: f64, what: &str) {
    assert!(
        (a - b).abs() <= tolerance,
        "{what}: {a} and {b} differ by {:e}",
        (a - b).abs()
    );
}

pub fn norm(a: &[f64]) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).powi(2))
        .sum::<f64>()
        .sqrt()
}
