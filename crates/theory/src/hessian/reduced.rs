//! The Hessian on an invariant subspace of dimension at most 3n + 1, as a dense matrix.

use faer::Mat;

use crate::eigen::eigh_descending;
use crate::linalg::{apply, symmetric};
use crate::{Model, State, TheoryError};

/// Directions with less than this share of a Gram matrix's largest eigenvalue are rounding.
const NEGLIGIBLE: f64 = 1e-14;

/// The Hessian ∇²L restricted to an invariant subspace, in an orthonormal basis.
///
/// The plain, slow path to the numbers of [`top_eigenvalues`](super::top_eigenvalues), O(n³). With
/// â = A/√S, p̂ = XD/‖XD‖ and Q an orthonormal basis of what of the columns of WX is orthogonal to
/// A, the subspace holds (α, Ω) with
///
/// ```text
/// α = α₁â + Qα₂,     Ω = â yᵀ + Q x p̂ᵀ,     y in the span of X's columns
/// ```
///
/// and its coordinates are (α₁, α₂, y, x). Off it, J vanishes and H has only the eigenvalues ±ρ
/// and 0.
///
/// # Errors
/// A state that does not fit the model, or a failed eigendecomposition.
pub fn reduced_hessian(model: &Model, state: &State) -> Result<Mat<f64>, TheoryError> {
    state.check_values(model)?;
    let (n, s) = (model.samples(), state.output_norm_sq);
    let (c, sigma) = (model.curvature_factor(), model.network().output_scale());
    // (WX)ᵀâ = F/(σ√S).
    let along = if s > 0.0 {
        (sigma * s.sqrt()).recip()
    } else {
        0.0
    };
    let f: Vec<f64> = state.outputs.iter().map(|output| along * output).collect();
    let gram = &state.gram_features;
    let off = symmetric(n, |i, j| gram[(i, j)] - f[i] * f[j]);
    // Rounding in the difference is relative to G, not to what is left of it.
    let largest = (0..n).map(|i| gram[(i, i)]).fold(0.0, f64::max);
    let z = factor(&off, largest)?;
    let x = factor(model.kernel(), 0.0)?;
    let residual: Vec<f64> = (0..n)
        .map(|i| state.outputs[i] - model.targets()[i])
        .collect();
    let p = apply(&x, &residual);
    let p_norm = crate::linalg::norm(&p);

    let (r, k) = (z.nrows(), x.nrows());
    let (alpha, y, beta) = (1, 1 + r, 1 + r + k);
    let dim = beta + r;
    let jacobian = Mat::from_fn(n, dim, |i, j| {
        sigma
            * if j == 0 {
                f[i]
            } else if j < y {
                z[(j - alpha, i)]
            } else if j < beta {
                s.sqrt() * x[(j - y, i)]
            } else {
                0.0
            }
    });
    let product = jacobian.transpose() * &jacobian;
    let mut hessian = symmetric(dim, |i, j| c * product[(i, j)]);
    let mut couple = |i: usize, j: usize, value: f64| {
        hessian[(i, j)] += c * sigma * value;
        hessian[(j, i)] += c * sigma * value;
    };
    if s > 0.0 {
        for (j, &p) in p.iter().enumerate() {
            couple(0, y + j, p);
        }
    }
    for j in 0..r {
        couple(alpha + j, beta + j, p_norm);
    }
    Ok(hessian)
}

/// B `[rank, n]` with BᵀB = `gram`, without what is negligible against its largest eigenvalue or
/// `scale`.
fn factor(gram: &Mat<f64>, scale: f64) -> Result<Mat<f64>, TheoryError> {
    let (values, vectors) = eigh_descending(gram, gram.ncols())?;
    let smallest = NEGLIGIBLE * scale.max(values[0]);
    let rank = values.iter().take_while(|&&v| v > smallest).count();
    Ok(Mat::from_fn(rank, gram.ncols(), |i, j| {
        values[i].sqrt() * vectors[(j, i)]
    }))
}
