//! Symmetric matrices as vectors, with the inner product of Frobenius.

use faer::{Mat, Side};

/// The number of entries on and above the diagonal of a matrix with `size` rows.
pub fn entries(size: usize) -> usize {
    size * (size + 1) / 2
}

/// Rows and columns of the entries in the order of a vector: (0, 0), (0, 1), …, (1, 1), (1, 2), ….
pub fn places(size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..size).flat_map(move |i| (i..size).map(move |j| (i, j)))
}

/// What an entry counts in a vector, so that ⟨x, y⟩ of vectors is ⟨X, Y⟩ of matrices.
pub fn weight((i, j): (usize, usize)) -> f64 {
    if i == j {
        1.0
    } else {
        std::f64::consts::SQRT_2
    }
}

/// The vector of a matrix's symmetric part.
pub fn to_vector(matrix: &Mat<f64>) -> Vec<f64> {
    places(matrix.nrows())
        .map(|(i, j)| weight((i, j)) * 0.5 * (matrix[(i, j)] + matrix[(j, i)]))
        .collect()
}

/// The matrix of a vector.
pub fn to_matrix(vector: &[f64], size: usize) -> Mat<f64> {
    let mut matrix = Mat::zeros(size, size);
    for (value, (i, j)) in vector.iter().zip(places(size)) {
        let value = value / weight((i, j));
        (matrix[(i, j)], matrix[(j, i)]) = (value, value);
    }
    matrix
}

/// Eigenvalues of the symmetric part, ascending, and its eigenvectors as columns; none if the
/// decomposition fails, which finite numbers of ordinary size do not make it do.
pub fn decomposed(matrix: &Mat<f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let size = matrix.nrows();
    let symmetric = Mat::from_fn(size, size, |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]));
    let found = symmetric.self_adjoint_eigen(Side::Lower).ok()?;
    let values = (0..size).map(|i| found.S()[i]).collect();
    Some((values, found.U().to_owned()))
}

/// Σ xᵢyᵢ.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_its_matrix_and_keeps_inner_products() {
        let (x, y) = (
            [1.0, -2.0, 0.5, 3.0, 4.0, -1.0],
            [0.3, 1.0, 2.0, -1.0, 0.7, 5.0],
        );
        let (a, b) = (to_matrix(&x, 3), to_matrix(&y, 3));
        for (found, expected) in to_vector(&a).iter().zip(x) {
            assert!((found - expected).abs() < 1e-15);
        }
        let inner: f64 = (0..9)
            .map(|at| a[(at / 3, at % 3)] * b[(at / 3, at % 3)])
            .sum();
        assert!((inner - dot(&x, &y)).abs() < 1e-14);
        assert_eq!(entries(3), 6);
    }
}
