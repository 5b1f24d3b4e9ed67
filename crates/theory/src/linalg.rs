//! Vectors as slices, matrices by columns.

use faer::{Mat, MatRef};

use crate::TheoryError;

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// y ← y + factor·x.
pub(crate) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// Matrix times vector; reads the matrix once, column by column.
pub(crate) fn apply(matrix: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    let mut y = vec![0.0; matrix.nrows()];
    for (j, &x) in x.iter().enumerate() {
        add_scaled(&mut y, x, matrix.col_as_slice(j));
    }
    y
}

/// The matrix with entries `entry(i, j)` for i ≥ j and their mirror images above.
pub(crate) fn symmetric(n: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Mat<f64> {
    let mut matrix = Mat::zeros(n, n);
    for j in 0..n {
        for i in j..n {
            let value = entry(i, j);
            matrix[(i, j)] = value;
            matrix[(j, i)] = value;
        }
    }
    matrix
}

pub(crate) fn all_finite(matrix: &Mat<f64>) -> bool {
    (0..matrix.ncols()).all(|j| matrix.col_as_slice(j).iter().all(|v| v.is_finite()))
}

pub(crate) fn check_finite(what: &'static str, matrix: MatRef<'_, f64>) -> Result<(), TheoryError> {
    let finite =
        (0..matrix.ncols()).all(|j| (0..matrix.nrows()).all(|i| matrix[(i, j)].is_finite()));
    if finite {
        Ok(())
    } else {
        Err(TheoryError::NonFinite { what })
    }
}

/// Refuses a matrix that differs from its transpose by more than rounding.
pub(crate) fn check_symmetric(what: &'static str, matrix: &Mat<f64>) -> Result<(), TheoryError> {
    let n = matrix.nrows();
    let (mut largest, mut worst) = (0.0_f64, (0, 0, 0.0));
    for j in 0..n {
        for i in j..n {
            largest = largest.max(matrix[(i, j)].abs());
            let difference = (matrix[(i, j)] - matrix[(j, i)]).abs();
            if difference > worst.2 {
                worst = (i, j, difference);
            }
        }
    }
    if worst.2 > 1e-12 * largest {
        let (row, column, difference) = worst;
        return Err(TheoryError::NotSymmetric {
            what,
            row,
            column,
            difference,
        });
    }
    Ok(())
}
