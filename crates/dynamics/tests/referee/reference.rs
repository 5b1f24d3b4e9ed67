//! The largest eigenvalues of a Hessian by a method of its own: dense where that is small, else
//! block Lanczos from random rows with full reorthogonalisation, nothing carried between steps.

use brink_linearize::Linearization;
use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::{Mat, Side};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Up to this many parameters the Hessian is formed.
const DENSE: usize = 400;

/// Rows of a Lanczos block: as many equal eigenvalues are told apart.
const ROWS: usize = 6;

/// Residual at which a Lanczos pair is done, relative to the largest eigenvalue.
const RESIDUAL: f64 = 1e-7;

/// The `count` largest eigenvalues, descending, to an error below 1e-10 of the largest one.
pub fn largest(linearization: &mut Linearization<'_, 2>, count: usize) -> Vec<f64> {
    let dim = linearization.objective().parameters();
    if dim <= DENSE {
        let matrix = products(linearization, &Mat::identity(dim, dim));
        let symmetric = Mat::from_fn(dim, dim, |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]));
        let ascending = symmetric.self_adjoint_eigenvalues(Side::Lower).unwrap();
        ascending.into_iter().rev().take(count).collect()
    } else {
        lanczos(linearization, dim, count)
    }
}

fn lanczos(linearization: &mut Linearization<'_, 2>, dim: usize, count: usize) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(99);
    let mut uniform = || f64::from(generator.next_u32()) / f64::from(u32::MAX) - 0.5;
    let mut block = Mat::from_fn(ROWS, dim, |_, _| uniform());
    let mut basis = Mat::<f64>::zeros(0, dim);
    let mut images = Mat::<f64>::zeros(0, dim);
    for _ in 0..200 {
        // Twice is enough (Parlett, The Symmetric Eigenvalue Problem, section 6.9).
        for _ in 0..2 {
            block = &block - &block * basis.transpose() * &basis;
            let (values, rows) = descending(&(&block * block.transpose()));
            let kept = values.iter().filter(|v| **v > 1e-20 * values[0]).count();
            let inverse = Mat::from_fn(kept, rows.ncols(), |i, j| rows[(i, j)] / values[i].sqrt());
            block = inverse * &block;
        }
        let image = products(linearization, &block);
        basis = above(&basis, &block);
        images = above(&images, &image);
        let (values, rows) = descending(&(&basis * images.transpose()));
        if basis.nrows() > 4 * count.max(ROWS) && basis.nrows() % 24 < ROWS {
            let top = rows.subrows(0, count).to_owned();
            let (vectors, moved) = (&top * &basis, &top * &images);
            let residual = |i: usize| {
                let r = moved.row(i) - faer::Scale(values[i]) * vectors.row(i);
                r.norm_l2()
            };
            if (0..count).all(|i| residual(i) <= RESIDUAL * values[0].abs()) {
                return values[..count].to_vec();
            }
        }
        block = image;
    }
    panic!(
        "the reference did not converge in {} products",
        basis.nrows()
    );
}

fn products(linearization: &mut Linearization<'_, 2>, rows: &Mat<f64>) -> Mat<f64> {
    let (count, dim) = (rows.nrows(), rows.ncols());
    let mut images = Mat::zeros(count, dim);
    for from in (0..count).step_by(32) {
        let chunk = 32.min(count - from);
        let values: Vec<f64> = (0..chunk)
            .flat_map(|i| (0..dim).map(move |j| rows[(from + i, j)]))
            .collect();
        let data = TensorData::new(values, [chunk, dim]);
        let block = Tensor::<2>::from_data(data, (&Device::flex(), DType::F64));
        let image: Vec<f64> = linearization
            .hvp(block)
            .unwrap()
            .into_data()
            .iter::<f64>()
            .collect();
        for (at, value) in image.into_iter().enumerate() {
            images[(from + at / dim, at % dim)] = value;
        }
    }
    images
}

fn above(upper: &Mat<f64>, lower: &Mat<f64>) -> Mat<f64> {
    let mut all = Mat::zeros(upper.nrows() + lower.nrows(), lower.ncols());
    all.subrows_mut(0, upper.nrows()).copy_from(upper);
    all.subrows_mut(upper.nrows(), lower.nrows())
        .copy_from(lower);
    all
}

/// Eigenvalues of the symmetric part, descending, and the eigenvectors as rows.
fn descending(matrix: &Mat<f64>) -> (Vec<f64>, Mat<f64>) {
    let n = matrix.nrows();
    let symmetric = Mat::from_fn(n, n, |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]));
    let found = symmetric.self_adjoint_eigen(Side::Lower).unwrap();
    let values = (0..n).rev().map(|i| found.S()[i]).collect();
    let rows = Mat::from_fn(n, n, |i, j| found.U()[(j, n - 1 - i)]);
    (values, rows)
}
