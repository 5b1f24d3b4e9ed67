//! Newton's method for the last digits, where interior points only tend to the boundary of the cone.
//!
//! With Z = X − S, complementary X and S are the positive parts of Z and −Z, so that X is a root of
//! Z₊ − Z − A − B[Z₊]. This is piecewise smooth, and Newton's method converges quadratically
//! from nearby also where an eigenvalue of both X and S is zero (Sun and Sun, Math. Oper. Res. 27,
//! 2002), if B is definite.

use std::cmp::Ordering;

use faer::Mat;
use faer::linalg::solvers::Solve;

use super::super::symmetric::{decomposed, dot, entries, places, to_matrix, to_vector};
use super::Problem;

/// Steps at the most; two or three are enough.
const STEPS: usize = 10;

/// A better X than the given pair's, as long as Newton's steps lessen the residual.
pub fn improved(problem: &Problem, x: &Mat<f64>, s: &Mat<f64>) -> Option<Mat<f64>> {
    // X in units in which it is as large as A, which is of size 1, or S.
    let unit = x.norm_l2() / s.norm_l2().max(1.0);
    if !(unit > 0.0 && unit.is_finite()) {
        return None;
    }
    let mut z = x * faer::Scale(1.0 / unit) - s;
    let mut best: Option<(f64, Mat<f64>)> = None;
    for _ in 0..=STEPS {
        let at = At::new(problem, &z, unit)?;
        let least = best.as_ref().map_or(f64::INFINITY, |(least, _)| *least);
        // Nor is it less where it is no number.
        if !matches!(at.size().partial_cmp(&least), Some(Ordering::Less)) {
            break;
        }
        z = at.next(&z);
        best = Some((at.size(), at.x));
    }
    best.map(|(_, x)| x * faer::Scale(unit))
}

/// The equation at a Z.
struct At {
    size: usize,
    vectors: Mat<f64>,
    /// What each entry of a change of Z, in the basis of Z's eigenvectors, counts in that of Z₊.
    shares: Vec<f64>,
    x: Mat<f64>,
    residual: Vec<f64>,
    /// The columns of F in that basis.
    factor: Vec<Vec<f64>>,
}

impl At {
    fn new(problem: &Problem, z: &Mat<f64>, unit: f64) -> Option<Self> {
        let size = problem.size;
        let (values, vectors) = decomposed(z)?;
        let x = Mat::from_fn(size, size, |i, j| {
            (0..size)
                .map(|at| values[at].max(0.0) * vectors[(i, at)] * vectors[(j, at)])
                .sum()
        });
        let share = |(i, j): (usize, usize)| {
            let (a, b) = (values[i], values[j]);
            match (a > 0.0, b > 0.0) {
                (true, true) => 1.0,
                (false, false) => 0.0,
                _ => a.max(b) / (a - b).abs(),
            }
        };
        let vector = to_vector(&x);
        let image = problem.image(&vector).into_iter().map(|value| unit * value);
        let residual = (vector.iter().zip(to_vector(z)).zip(&problem.a).zip(image))
            .map(|(((x, z), a), image)| x - z - a - image);
        let turned = |vector: &Vec<f64>| {
            let turned = vectors.transpose() * to_matrix(vector, size) * &vectors;
            let turned = to_vector(&turned).into_iter();
            turned.map(|value| unit.sqrt() * value).collect()
        };
        Some(Self {
            size,
            shares: places(size).map(share).collect(),
            residual: residual.collect(),
            factor: problem.factor.iter().map(turned).collect(),
            vectors,
            x,
        })
    }

    fn size(&self) -> f64 {
        dot(&self.residual, &self.residual).sqrt()
    }

    /// Z after Newton's step.
    fn next(&self, z: &Mat<f64>) -> Mat<f64> {
        let length = entries(self.size);
        let factor = Mat::from_fn(length, self.factor.len(), |i, j| self.factor[j][i]);
        let map = &factor * factor.transpose();
        let system = Mat::from_fn(length, length, |i, j| {
            let own = if i == j { 1.0 - self.shares[i] } else { 0.0 };
            own + map[(i, j)] * self.shares[j]
        });
        let (vectors, size) = (&self.vectors, self.size);
        let right = vectors.transpose() * to_matrix(&self.residual, size) * vectors;
        let right = to_vector(&right);
        let change = (system.partial_piv_lu()).solve(Mat::from_fn(length, 1, |i, _| right[i]));
        let change: Vec<f64> = (0..length).map(|i| change[(i, 0)]).collect();
        z + vectors * to_matrix(&change, size) * vectors.transpose()
    }
}
