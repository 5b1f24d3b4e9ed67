//! Orthonormal bases from Gram matrices by SVQB.
//!
//! Cholesky fails exactly when the guess is good, because then the directions are nearly
//! dependent. SVQB (Stathopoulos and Wu, A block orthogonalization procedure with constant
//! synchronization requirements, SIAM J. Sci. Comput. 23, 2002) diagonalises the scaled Gram
//! matrix instead and drops what is dependent to working accuracy.

use faer::Mat;

use super::EigenError;
use super::host::eigh_descending;

/// Rows T `[r, n]` with T·G·Tᵀ = I, r ≤ n, for a Gram matrix G `[n, n]`.
///
/// Vectors whose squared length is at most `floor` are dropped, then combinations whose
/// eigenvalue in the Gram matrix of the *unit* vectors is at most `drop` times the largest.
pub(super) fn svqb(gram: &Mat<f64>, floor: f64, drop: f64) -> Result<Mat<f64>, EigenError> {
    let n = gram.nrows();
    let (scale, unit) = unit(gram, floor);
    let (values, rows) = eigh_descending(&unit)?;
    let smallest = drop * values.first().copied().unwrap_or(0.0);
    let rank = values.iter().take_while(|&&v| v > smallest).count();
    Ok(Mat::from_fn(rank, n, |i, j| {
        rows[(i, j)] * scale[j] / values[i].sqrt()
    }))
}

/// The factors that make vectors of the Gram matrix `gram` unit, or zero where their squared length
/// is at most `floor`, and the Gram matrix that they have then.
pub(super) fn unit(gram: &Mat<f64>, floor: f64) -> (Vec<f64>, Mat<f64>) {
    let n = gram.nrows();
    let factor = |i: usize| match gram[(i, i)] {
        square if square > floor => square.sqrt().recip(),
        _ => 0.0,
    };
    let scale: Vec<f64> = (0..n).map(factor).collect();
    let unit = Mat::from_fn(n, n, |i, j| scale[i] * gram[(i, j)] * scale[j]);
    (scale, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependent_and_vanishing_rows_are_dropped_whatever_their_scale() {
        // Rows e1, 1e-6·e2, e1 + 1e-9·e2 (dependent at 1e-8), 0.
        let rows = Mat::from_fn(4, 3, |i, j| match (i, j) {
            (0, 0) | (2, 0) => 1.0,
            (1, 1) => 1e-6,
            (2, 1) => 1e-9,
            _ => 0.0,
        });
        let gram = &rows * rows.transpose();
        let basis = svqb(&gram, 0.0, 1e-8).unwrap();
        assert_eq!(basis.nrows(), 2);
        let metric = &basis * &gram * basis.transpose();
        for i in 0..2 {
            for j in 0..2 {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((metric[(i, j)] - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn nothing_to_span_gives_an_empty_basis() {
        assert_eq!(svqb(&Mat::zeros(3, 3), 0.0, 1e-8).unwrap().nrows(), 0);
        assert_eq!(svqb(&Mat::zeros(0, 0), 0.0, 1e-8).unwrap().nrows(), 0);
    }
}
