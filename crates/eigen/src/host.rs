//! Small dense matrices on the host, in float64.

use faer::{Mat, Side};

use super::EigenError;

/// Eigenvalues in descending order and, as rows, the orthonormal eigenvectors of the symmetric
/// part of `matrix`.
pub(super) fn eigh_descending(matrix: &Mat<f64>) -> Result<(Vec<f64>, Mat<f64>), EigenError> {
    let n = matrix.nrows();
    if n == 0 {
        return Ok((Vec::new(), Mat::zeros(0, 0)));
    }
    let symmetric = Mat::from_fn(n, n, |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]));
    let decomposition = symmetric
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| EigenError::HostDecomposition { size: n })?;
    let (ascending, vectors) = (decomposition.S(), decomposition.U());
    let values = (0..n).rev().map(|i| ascending[i]).collect();
    Ok((values, Mat::from_fn(n, n, |i, j| vectors[(j, n - 1 - i)])))
}

/// The positive semidefinite square root of the symmetric part of `matrix`; eigenvalues that
/// rounding made negative count as zero.
pub(super) fn square_root(matrix: &Mat<f64>) -> Result<Mat<f64>, EigenError> {
    let n = matrix.nrows();
    let (values, rows) = eigh_descending(matrix)?;
    let scaled = Mat::from_fn(n, n, |i, j| values[i].max(0.0).sqrt() * rows[(i, j)]);
    Ok(rows.transpose() * scaled)
}

/// `upper` above `lower`.
pub(super) fn stack(upper: &Mat<f64>, lower: &Mat<f64>) -> Mat<f64> {
    let split = upper.nrows();
    Mat::from_fn(split + lower.nrows(), upper.ncols(), |i, j| {
        if i < split {
            upper[(i, j)]
        } else {
            lower[(i - split, j)]
        }
    })
}

/// Rows `rows` of `matrix`, each multiplied by its factor.
pub(super) fn scaled_rows(matrix: &Mat<f64>, rows: &[usize], factors: &[f64]) -> Mat<f64> {
    Mat::from_fn(rows.len(), matrix.ncols(), |i, j| {
        factors[i] * matrix[(rows[i], j)]
    })
}
