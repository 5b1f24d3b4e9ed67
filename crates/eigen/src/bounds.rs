//! Error bounds for Ritz values.

use faer::Mat;

use super::EigenError;
use super::host::{eigh_descending, square_root};

/// Residual of a guard that is fit to bound the rest of the spectrum, at most, as a part of its
/// distance from the wanted values. A coarser one may still miss what lies above it.
const SHARP: f64 = 0.25;

/// Upper bounds on λᵢ − θᵢ ≥ 0 for the Ritz values `values` (descending) of orthonormal vectors
/// with residual Gram matrix `residual` = R·Rᵀ.
///
/// In a basis that begins with the Ritz vectors the operator is `[[Θ, R], [Rᵀ, C]]`. Nothing is
/// known of C but the assumption that it does not exceed ρ = `rest`. Replacing C by ρ·I can only
/// raise the eigenvalues, and those of
/// `[[Θ, R], [Rᵀ, ρI]]` other than ρ are those of the small matrix
///
/// ```text
/// [ Θ        (RRᵀ)^½ ]
/// [ (RRᵀ)^½   ρ·I    ]
/// ```
///
/// so its i-th eigenvalue bounds λᵢ. For one vector with a gap γ = θ − ρ that is
/// θ + 2r²/(γ + √(γ² + 4r²)), below both θ + r²/γ (Temple and Kato; Parlett, The Symmetric
/// Eigenvalue Problem, §10.5) and, at γ = 0, θ + r. A cluster is treated as one, whatever the
/// distances in it: only the gap to ρ enters (Li and Li, Linear Algebra Appl. 395, 2005).
pub(super) fn truncation_bounds(
    values: &[f64],
    residual: &Mat<f64>,
    rest: f64,
) -> Result<Vec<f64>, EigenError> {
    let b = values.len();
    let root = square_root(&residual.submatrix(0, 0, b, b).to_owned())?;
    let worst = Mat::from_fn(2 * b, 2 * b, |i, j| match (i < b, j < b) {
        (true, true) if i == j => values[i],
        (true, false) => root[(i, j - b)],
        (false, true) => root[(i - b, j)],
        (false, false) if i == j => rest,
        _ => 0.0,
    });
    let (upper, _) = eigh_descending(&worst)?;
    Ok((0..b).map(|i| (upper[i] - values[i]).max(0.0)).collect())
}

/// How many of the leading Ritz pairs (`values`, descending, with their residual norms) the bounds
/// of the first `count` should rest on: the wanted ones, then guards from the first one down as
/// long as each is sharp; `count` when the first guard is not.
///
/// A guard is sharp when its residual is at most [`SHARP`] of its distance from the wanted values,
/// or at most `enough`. One that is not ends the search: those below it say nothing of what may
/// hide between it and the wanted values, however small their own residuals are.
pub(super) fn reach(values: &[f64], residuals: &[f64], count: usize, enough: f64) -> usize {
    let Some(last) = count.min(values.len()).checked_sub(1) else {
        return 0;
    };
    let sharp = |i: usize| residuals[i] <= enough.max(SHARP * (values[last] - values[i]));
    let guards = last + 1..values.len();
    let Some(first) = guards.clone().next().filter(|&i| sharp(i)) else {
        return last + 1;
    };
    // Deeper only past guards that are known as well as the wanted pairs are.
    let settled = guards.take_while(|&i| residuals[i] <= enough).count();
    let deepest = first + settled;
    if deepest < values.len() && sharp(deepest) {
        deepest + 1
    } else {
        deepest.max(first + 1)
    }
}

/// Bound on the rounding of a Ritz value when the operator's norm is about `scale` and images
/// have been carried by combination for `age` iterations: a few ε for the Gram matrices, and one
/// an iteration for the combinations, whose roundings are independent and add in quadrature.
///
/// It covers the solver's arithmetic and that of one well-summed product; an operator that rounds
/// worse than a few ε·‖A‖ is beyond what can be seen from outside.
pub(super) fn rounding(epsilon: f64, scale: f64, age: usize) -> f64 {
    (4.0 + (age as f64).sqrt()) * epsilon * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_rest_on_the_first_guard_or_on_none() {
        let values = [50.0, 48.0, 47.0, 30.0, 29.0, 5.0];
        // The first guard is too coarse for its distance: what is below it does not count.
        assert_eq!(reach(&values, &[1.0, 1.0, 0.9, 0.0, 0.0, 0.0], 2, 0.05), 2);
        // It is sharp, and no more is known.
        assert_eq!(reach(&values, &[1.0, 1.0, 0.2, 0.0, 0.0, 0.0], 2, 0.05), 3);
        // Past converged guards the first other one counts if it is sharp itself.
        assert_eq!(
            reach(&values, &[1.0, 1.0, 0.05, 0.05, 4.0, 0.0], 2, 0.05),
            5
        );
        assert_eq!(
            reach(&values, &[1.0, 1.0, 0.05, 0.05, 5.0, 0.0], 2, 0.05),
            4
        );
        assert_eq!(reach(&values, &[0.05; 6], 2, 0.05), 6);
        assert_eq!(reach(&values[..1], &[1.0], 2, 0.05), 1);
        assert_eq!(reach(&[], &[], 2, 0.05), 0);
    }

    #[test]
    fn one_vector_and_its_guard_follow_the_closed_form() {
        // The guard is exact, so ρ = 1 and the first pair stands alone.
        let residual = Mat::from_fn(2, 2, |i, j| if (i, j) == (0, 0) { 0.09 } else { 0.0 });
        let bound = truncation_bounds(&[3.0, 1.0], &residual, 1.0).unwrap()[0];
        let gap = 2.0_f64;
        let closed = 2.0 * 0.09 / (gap + (gap * gap + 4.0 * 0.09).sqrt());
        assert!((bound - closed).abs() < 1e-14);
        assert!(bound < 0.09 / gap);
    }

    #[test]
    fn without_a_gap_the_bound_is_the_residual_norm() {
        let residual = Mat::from_fn(2, 2, |i, j| if (i, j) == (0, 0) { 0.09 } else { 0.0 });
        let bound = truncation_bounds(&[3.0, 3.0], &residual, 3.0).unwrap()[0];
        assert!((bound - 0.3).abs() < 1e-14);
    }

    #[test]
    fn a_cluster_does_not_blow_up_the_bound_of_its_members() {
        let diagonal =
            |values: [f64; 3]| Mat::from_fn(3, 3, |i, j| if i == j { values[i] } else { 0.0 });
        let residual = diagonal([1e-4, 1e-4, 0.0]);
        let bounds = truncation_bounds(&[5.0, 5.0 - 1e-9, 1.0], &residual, 1.0).unwrap();
        assert!(bounds.iter().all(|&b| b < 1.01 * 1e-4 / 4.0), "{bounds:?}");
    }

    #[test]
    fn the_worst_completion_attains_the_bound() {
        // A 4×4 operator whose unseen part is exactly ρ·I: the bound is the eigenvalue.
        let (values, rest) = ([2.0, 1.5, 1.0], 1.0);
        let r = [0.2, 0.1, 0.0];
        let operator = Mat::from_fn(4, 4, |i, j| match (i, j) {
            (3, 3) => rest,
            (3, k) | (k, 3) => r[k],
            (i, j) if i == j => values[i],
            _ => 0.0,
        });
        let (exact, _) = eigh_descending(&operator).unwrap();
        let residual = Mat::from_fn(3, 3, |i, j| r[i] * r[j]);
        let bounds = truncation_bounds(&values, &residual, rest).unwrap();
        for i in 0..2 {
            assert!((values[i] + bounds[i] - exact[i]).abs() < 1e-12);
        }
    }
}
