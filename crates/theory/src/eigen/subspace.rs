//! A block subspace that grows by residuals.
//!
//! Rayleigh–Ritz on a basis that starts from a warm block and one random vector and takes in the
//! residuals of its best Ritz vectors: a block Krylov space, restarted from the Ritz vectors when
//! it is full (Davidson's method without a preconditioner; Saad, Numerical Methods for Large
//! Eigenvalue Problems, ch. 8). Residuals are those of the Ritz vectors themselves, not estimates.

use faer::Mat;

use super::{Pairs, Solver, eigh_descending};
use crate::TheoryError;
use crate::initial::Normals;
use crate::linalg::{add_scaled, apply, dot, norm};

/// Vectors kept beside the wanted ones: they carry what may rise into their place.
const GUARDS: usize = 3;
/// Expansions even of a perfect warm block, for the random vector to find what that lacks.
const LEAST_EXPANSIONS: usize = 3;
/// A vector whose part off the basis is smaller than this share of it adds nothing.
const DEPENDENT: f64 = 1e-10;
const SEED: u64 = 0x5eed;

/// A basis, the matrix's images of it, and its projection.
struct Basis<'a> {
    matrix: &'a Mat<f64>,
    vectors: Vec<Vec<f64>>,
    images: Vec<Vec<f64>>,
    products: usize,
}

pub(super) fn top(
    what: &'static str,
    matrix: &Mat<f64>,
    count: usize,
    warm: Option<&Mat<f64>>,
    solver: &Solver,
) -> Result<Pairs, TheoryError> {
    let n = matrix.nrows();
    let block = (count + GUARDS).min(n);
    let capacity = n.min((10 * block).max(60));
    let mut random = Normals::new(SEED, 0, 1.0);
    let mut draw = || (0..n).map(|_| random.draw()).collect::<Vec<f64>>();
    let mut basis = Basis {
        matrix,
        vectors: Vec::new(),
        images: Vec::new(),
        products: 0,
    };
    if let Some(warm) = warm {
        for j in 0..warm.ncols().min(block - 1) {
            basis.push(warm.col_as_slice(j).to_vec());
        }
    }
    // One random vector always: a warm block may be orthogonal to what has become the largest.
    while basis.vectors.len() < block {
        basis.push(draw());
    }
    let mut worst = (0, f64::INFINITY);
    for iteration in 0..=solver.max_iterations {
        let (values, ritz, images) = basis.ritz(block)?;
        let residuals: Vec<Vec<f64>> = (0..block)
            .map(|j| {
                let mut residual = images[j].clone();
                add_scaled(&mut residual, -values[j], &ritz[j]);
                residual
            })
            .collect();
        let norms: Vec<f64> = residuals.iter().map(|r| norm(r)).collect();
        let scale = values.iter().fold(0.0_f64, |top, v| top.max(v.abs()));
        worst = first_above(&norms[..count], solver.tolerance * scale);
        let settled = worst.0 == count && iteration >= LEAST_EXPANSIONS;
        if settled || basis.vectors.len() == n {
            return Ok(pairs(values, norms, &ritz, count, basis.products));
        }
        if basis.vectors.len() + block > capacity && capacity < n {
            basis.vectors = ritz;
            basis.images = images;
        }
        let before = basis.vectors.len();
        for (residual, size) in residuals.into_iter().zip(&norms) {
            if *size > 0.1 * solver.tolerance * scale {
                basis.push(residual);
            }
        }
        if basis.vectors.len() == before {
            basis.push(draw());
        }
    }
    Err(TheoryError::NotConverged {
        what,
        index: worst.0 + 1,
        achieved: worst.1,
        tolerance: solver.tolerance,
        iterations: solver.max_iterations,
    })
}

/// Index and size of the first residual above `limit`; the number of residuals if none is.
fn first_above(norms: &[f64], limit: f64) -> (usize, f64) {
    let at = norms.iter().position(|&r| r > limit);
    at.map_or((norms.len(), 0.0), |i| (i, norms[i]))
}

fn pairs(
    mut values: Vec<f64>,
    mut residuals: Vec<f64>,
    ritz: &[Vec<f64>],
    count: usize,
    products: usize,
) -> Pairs {
    let n = ritz[0].len();
    values.truncate(count);
    residuals.truncate(count);
    Pairs {
        values,
        residuals,
        vectors: Mat::from_fn(n, count, |i, j| ritz[j][i]),
        warm: Mat::from_fn(n, ritz.len(), |i, j| ritz[j][i]),
        products,
    }
}

impl Basis<'_> {
    /// Adds what of `vector` is off the basis, if that is more than rounding.
    fn push(&mut self, mut vector: Vec<f64>) {
        let size = norm(&vector);
        if self.vectors.len() >= self.matrix.nrows() || size == 0.0 {
            return;
        }
        // Twice is enough (Kahan and Parlett).
        for _ in 0..2 {
            for other in &self.vectors {
                let along = dot(other, &vector);
                add_scaled(&mut vector, -along, other);
            }
        }
        let left = norm(&vector);
        if left <= DEPENDENT * size {
            return;
        }
        for entry in &mut vector {
            *entry /= left;
        }
        // Normalising magnifies what rounding left along the basis.
        for other in &self.vectors {
            let along = dot(other, &vector);
            add_scaled(&mut vector, -along, other);
        }
        self.images.push(apply(self.matrix, &vector));
        self.vectors.push(vector);
        self.products += 1;
    }

    /// The `block` largest Ritz values, their vectors and the vectors' images.
    #[allow(clippy::type_complexity)]
    fn ritz(&self, block: usize) -> Result<(Vec<f64>, Vec<Vec<f64>>, Vec<Vec<f64>>), TheoryError> {
        let size = self.vectors.len();
        let projection = Mat::from_fn(size, size, |i, j| {
            0.5 * (dot(&self.vectors[i], &self.images[j]) + dot(&self.vectors[j], &self.images[i]))
        });
        let (values, coefficients) = eigh_descending(&projection)?;
        let combine = |of: &[Vec<f64>], j: usize| {
            let mut sum = vec![0.0; self.matrix.nrows()];
            for (i, vector) in of.iter().enumerate() {
                add_scaled(&mut sum, coefficients[(i, j)], vector);
            }
            sum
        };
        let vectors = (0..block).map(|j| combine(&self.vectors, j)).collect();
        let images = (0..block).map(|j| combine(&self.images, j)).collect();
        Ok((values[..block].to_vec(), vectors, images))
    }
}
