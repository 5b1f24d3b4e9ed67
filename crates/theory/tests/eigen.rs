//! The eigensolver against spectra known beforehand.

mod common;

use brink_theory::TheoryError;
use brink_theory::eigen::{Method, Pairs, Solver, top_pairs};
use brink_theory::faer::Mat;
use common::{Normal, close, eigenvalues};

fn solver(method: Method) -> Solver {
    Solver {
        method,
        ..Solver::default()
    }
}

/// QΛQᵀ with Q the product of two Householder reflections.
fn with_spectrum(values: &[f64], seed: u64) -> Mat<f64> {
    let n = values.len();
    let mut normal = Normal(seed);
    let mut matrix = Mat::from_fn(n, n, |i, j| if i == j { values[i] } else { 0.0 });
    for _ in 0..2 {
        let v = normal.vector(n);
        let square: f64 = v.iter().map(|v| v * v).sum();
        let q = Mat::from_fn(n, n, |i, j| {
            f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / square
        });
        matrix = &q * &matrix * q.transpose();
    }
    Mat::from_fn(n, n, |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]))
}

fn check(pairs: &Pairs, matrix: &Mat<f64>, expected: &[f64]) {
    let scale = expected[0].abs();
    for (i, value) in pairs.values.iter().enumerate() {
        close(*value, expected[i], 1e-12 * scale, "eigenvalue");
        assert!(pairs.residuals[i] <= 1e-10 * scale);
    }
    let (v, k) = (&pairs.vectors, pairs.values.len());
    let gram = v.transpose() * v;
    let image = matrix * v;
    for i in 0..k {
        for j in 0..k {
            close(
                gram[(i, j)],
                f64::from(u8::from(i == j)),
                1e-12,
                "orthonormal",
            );
        }
        let off: f64 = (0..v.nrows())
            .map(|r| ((image[(r, i)] - pairs.values[i] * v[(r, i)]) / scale).powi(2))
            .sum::<f64>()
            .sqrt();
        close(off, pairs.residuals[i] / scale, 1e-13, "stated residual");
    }
}

#[test]
fn spectra_are_found_by_both_methods() {
    let spectra: [Vec<f64>; 4] = [
        (0..120).map(|i| 1.0 / f64::from(i + 1).powi(2)).collect(),
        // A triple largest value and a cluster below it.
        (0..100)
            .map(|i| {
                if i < 3 {
                    5.0
                } else {
                    4.999 - 1e-3 * f64::from(i)
                }
            })
            .collect(),
        // Indefinite: the most negative is the largest in absolute value.
        (0..80).map(|i| 10.0 - f64::from(i)).collect(),
        // Rank two, at a scale whose squares would overflow.
        (0..70)
            .map(|i| [3e180, 1e180][..].get(i).copied().unwrap_or(0.0))
            .collect(),
    ];
    for (seed, values) in spectra.iter().enumerate() {
        let matrix = with_spectrum(values, seed as u64 + 1);
        for method in [Method::Auto, Method::Dense, Method::Subspace] {
            check(
                &top_pairs(&matrix, 4, None, &solver(method)).unwrap(),
                &matrix,
                values,
            );
        }
    }
}

#[test]
fn a_warm_start_saves_products() {
    let values: Vec<f64> = (0..150).map(|i| 1.0 / f64::from(i + 1)).collect();
    let matrix = with_spectrum(&values, 3);
    let mut normal = Normal(4);
    let direction = normal.vector(150);
    let moved = Mat::from_fn(150, 150, |i, j| {
        matrix[(i, j)] + 1e-6 * direction[i] * direction[j]
    });
    let subspace = solver(Method::Subspace);
    let first = top_pairs(&matrix, 2, None, &subspace).unwrap();
    let cold = top_pairs(&moved, 2, None, &subspace).unwrap();
    let warm = top_pairs(&moved, 2, Some(&first.warm), &subspace).unwrap();
    check(&warm, &moved, &eigenvalues(&moved));
    assert!(
        warm.products < cold.products,
        "{} of {}",
        warm.products,
        cold.products
    );
}

#[test]
fn a_warm_start_orthogonal_to_the_largest_does_not_hide_it() {
    // A spectrum that falls as a kernel's does, and the exact eigenvectors 2 to 5.
    let matrix = Mat::from_fn(90, 90, |i, j| {
        if i == j {
            1.0 / (1.0 + i as f64).powi(2)
        } else {
            0.0
        }
    });
    let warm = Mat::from_fn(90, 4, |i, j| f64::from(u8::from(i == j + 1)));
    let pairs = top_pairs(&matrix, 1, Some(&warm), &solver(Method::Subspace)).unwrap();
    close(pairs.values[0], 1.0, 1e-12, "largest");
}

#[test]
fn small_and_zero_matrices() {
    let one = Mat::from_fn(1, 1, |_, _| -3.0);
    let zero = Mat::<f64>::zeros(70, 70);
    for method in [Method::Auto, Method::Dense, Method::Subspace] {
        assert_eq!(
            top_pairs(&one, 1, None, &solver(method)).unwrap().values,
            [-3.0]
        );
        assert_eq!(
            top_pairs(&zero, 2, None, &solver(method)).unwrap().values,
            [0.0, 0.0]
        );
    }
    let three = with_spectrum(&[2.0, 1.0, -1.0], 5);
    let pairs = top_pairs(&three, 3, None, &solver(Method::Subspace)).unwrap();
    check(&pairs, &three, &[2.0, 1.0, -1.0]);
}

#[test]
fn an_iteration_that_is_cut_short_says_so() {
    let values: Vec<f64> = (0..200).map(|i| 1.0 - 1e-3 * f64::from(i)).collect();
    let cut = Solver {
        method: Method::Subspace,
        max_iterations: 2,
        ..Solver::default()
    };
    let error = top_pairs(&with_spectrum(&values, 6), 1, None, &cut).unwrap_err();
    let TheoryError::NotConverged {
        index,
        iterations,
        achieved,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((index, iterations), (1, 2));
    assert!(achieved > 1e-6);
}

#[test]
fn bad_input_is_refused() {
    let matrix = with_spectrum(&[2.0, 1.0], 1);
    let plain = Solver::default();
    let count = top_pairs(&matrix, 3, None, &plain).unwrap_err();
    assert!(matches!(
        count,
        TheoryError::Count {
            count: 3,
            limit: 2,
            ..
        }
    ));
    let skew = Mat::from_fn(2, 2, |i, j| i as f64 - j as f64);
    let error = top_pairs(&skew, 1, None, &plain).unwrap_err();
    assert!(matches!(error, TheoryError::NotSymmetric { .. }));
    let wide = top_pairs(&Mat::zeros(2, 3), 1, None, &plain).unwrap_err();
    assert!(matches!(wide, TheoryError::Shape { .. }));
    let empty = top_pairs(&Mat::zeros(0, 0), 1, None, &plain).unwrap_err();
    assert!(matches!(empty, TheoryError::Empty { .. }));
    let nan = Mat::from_fn(2, 2, |_, _| f64::NAN);
    let error = top_pairs(&nan, 1, None, &plain).unwrap_err();
    assert!(matches!(error, TheoryError::NonFinite { .. }));
    let tall = Mat::zeros(3, 1);
    let error = top_pairs(&matrix, 1, Some(&tall), &plain).unwrap_err();
    assert!(matches!(error, TheoryError::Shape { .. }));
    let zero = Solver {
        tolerance: 0.0,
        ..plain
    };
    let error = top_pairs(&matrix, 1, None, &zero).unwrap_err();
    assert!(matches!(error, TheoryError::NotPositive { .. }));
}
