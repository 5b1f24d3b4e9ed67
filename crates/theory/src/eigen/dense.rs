//! The whole spectrum.

use faer::{Mat, Side};

use super::Pairs;
use crate::TheoryError;
use crate::linalg::{add_scaled, apply, norm};

/// The `count` largest eigenvalues in descending order and, as columns, orthonormal eigenvectors;
/// reads the lower triangle.
pub(crate) fn eigh_descending(
    matrix: &Mat<f64>,
    count: usize,
) -> Result<(Vec<f64>, Mat<f64>), TheoryError> {
    let n = matrix.nrows();
    let decomposition = matrix
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| TheoryError::Decomposition { size: n })?;
    let (ascending, vectors) = (decomposition.S(), decomposition.U());
    let values = (0..n).rev().take(count).map(|i| ascending[i]).collect();
    let vectors = Mat::from_fn(n, count, |i, j| vectors[(i, n - 1 - j)]);
    Ok((values, vectors))
}

pub(super) fn top(matrix: &Mat<f64>, count: usize) -> Result<Pairs, TheoryError> {
    let (values, vectors) = eigh_descending(matrix, count)?;
    let residuals = (0..count)
        .map(|j| {
            let mut image = apply(matrix, vectors.col_as_slice(j));
            add_scaled(&mut image, -values[j], vectors.col_as_slice(j));
            norm(&image)
        })
        .collect();
    Ok(Pairs {
        values,
        residuals,
        warm: vectors.clone(),
        vectors,
        products: count,
    })
}
