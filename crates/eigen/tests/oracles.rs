//! The eigensolver against dense decomposition, known spectra and another LOBPCG.

#[path = "common/spectra.rs"]
mod spectra;

use brink_eigen::{Params, Stop};
use burn::tensor::DType;
use ndarray::Array2;
use spectra::{arenas, decaying, eigenvalues, noise, rotation, solve_and_check, with_spectrum};

fn params(count: usize, relative_tolerance: f64) -> Params {
    Params {
        count,
        relative_tolerance,
        ..Params::default()
    }
}

/// Named spectra of one dimension, each hard in its own way.
fn named_spectra(n: usize) -> Vec<(&'static str, Vec<f64>)> {
    let edge = [50.0, 49.5, 47.0, 30.0, 20.0];
    let clustered: Vec<f64> = (0..6)
        .map(|j| 40.0 * (1.0 - 1e-3 * j as f64 / 6.0))
        .collect();
    let mut indefinite = decaying(&[10.0, 9.5, 8.0], 5.0, 0.9, n - 3);
    indefinite.extend([-900.0, -950.0, -1000.0]);
    let negative = (0..n).map(|j| -1.0 - j as f64).collect();
    vec![
        ("edge of stability", decaying(&edge, 15.0, 0.8, n)),
        ("clustered within 0.1%", decaying(&clustered, 10.0, 0.9, n)),
        ("degenerate", decaying(&[7.0; 5], 3.0, 0.95, n)),
        (
            "degenerate past the block",
            decaying(&[7.0; 12], 3.0, 0.95, n),
        ),
        ("large negative end", indefinite),
        ("negative definite", negative),
        ("evenly spaced", (0..n).map(|j| (n - j) as f64).collect()),
    ]
}

#[test]
fn cold_solves_agree_with_dense_decomposition() {
    let n = 120;
    for arena in arenas() {
        for (name, spectrum) in named_spectra(n) {
            let matrix = with_spectrum(&spectrum, &rotation(n, 7));
            for count in [1, 2, 3, 5, 8] {
                let solution = solve_and_check(&matrix, params(count, 1e-3), &arena);
                assert_eq!(
                    solution.info.stop,
                    Stop::Converged,
                    "{name}, {count} pairs, {:?}: {:?}",
                    arena.1,
                    solution.pairs
                );
            }
        }
    }
}

#[test]
fn diagonal_operators_are_solved_too() {
    let n = 100;
    let identity = faer::Mat::identity(n, n);
    for arena in arenas() {
        for (name, spectrum) in named_spectra(n) {
            let matrix = with_spectrum(&spectrum, &identity);
            let solution = solve_and_check(&matrix, params(4, 1e-3), &arena);
            assert_eq!(solution.info.stop, Stop::Converged, "{name}, {:?}", arena.1);
        }
    }
}

#[test]
fn tight_tolerances_are_met_in_each_arithmetic() {
    let n = 150;
    let spectrum = decaying(&[50.0, 49.5, 47.0, 30.0, 20.0], 15.0, 0.8, n);
    let matrix = with_spectrum(&spectrum, &rotation(n, 3));
    for arena in arenas() {
        let (tolerance, accuracy) = match arena.1 {
            DType::F32 => (1e-6, 1e-5),
            _ => (1e-10, 1e-10),
        };
        for count in [1, 2, 4] {
            let solution = solve_and_check(&matrix, params(count, tolerance), &arena);
            assert_eq!(solution.info.stop, Stop::Converged, "{:?}", solution);
            for (pair, exact) in solution.pairs.iter().zip(&spectrum) {
                assert!((pair.value - exact).abs() <= accuracy * exact);
            }
        }
    }
}

/// Bounds hold on many random problems, at loose tolerances where they are put to the test.
#[test]
fn error_bounds_are_honest_on_random_problems() {
    for arena in arenas() {
        for seed in 0..40_u64 {
            let n = 40 + 7 * (seed as usize % 9);
            let raw = noise(1, n, seed);
            let power = 1 + (seed % 3) as i32;
            let spectrum: Vec<f64> = (0..n).map(|j| 10.0 * raw[(0, j)].powi(power)).collect();
            let matrix = with_spectrum(&spectrum, &rotation(n, 100 + seed));
            let count = 1 + (seed % 5) as usize;
            for tolerance in [0.1, 1e-2, 1e-4] {
                let params = Params {
                    seed,
                    ..params(count, tolerance)
                };
                solve_and_check(&matrix, params, &arena);
            }
        }
    }
}

#[test]
fn another_lobpcg_finds_the_same_values() {
    let (n, count) = (90, 3);
    let spectrum = decaying(&[12.0, 11.0, 10.0, 7.0], 5.0, 0.9, n);
    let matrix = with_spectrum(&spectrum, &rotation(n, 11));
    let dense = Array2::from_shape_fn((n, n), |(i, j)| matrix[(i, j)]);
    let guess = noise(n, count, 5);
    let oracle = linfa_linalg::lobpcg::lobpcg(
        |x| dense.dot(&x),
        Array2::from_shape_fn((n, count), |(i, j)| guess[(i, j)]),
        |_| {},
        None,
        1e-7,
        500,
        linfa_linalg::Order::Largest,
    )
    .unwrap_or_else(|(error, _)| panic!("the oracle failed: {error}"));
    for arena in arenas() {
        let tolerance = if arena.1 == DType::F32 { 1e-6 } else { 1e-10 };
        let solution = solve_and_check(&matrix, params(count, tolerance), &arena);
        for (pair, other) in solution.pairs.iter().zip(&oracle.eigvals) {
            assert!(
                (pair.value - other).abs() < 1e-5 * other,
                "{} against {other}",
                pair.value
            );
        }
    }
}

#[test]
fn the_smallest_end_is_the_largest_of_the_negative() {
    use brink_eigen::{End, Solver};
    let n = 100;
    let mut spectrum = decaying(&[30.0, 20.0], 5.0, 0.9, n - 2);
    spectrum.extend([-4.0, -40.0]);
    let matrix = with_spectrum(&spectrum, &rotation(n, 2));
    let mut exact = eigenvalues(&matrix);
    exact.reverse();
    for (device, dtype) in arenas() {
        let mut operator = spectra::Dense::new(&matrix, &device, dtype);
        let mut solver = Solver::new(Params {
            end: End::Smallest,
            ..params(2, 1e-4)
        })
        .unwrap();
        let solution = solver.solve(&mut operator).unwrap();
        for (pair, exact) in solution.pairs.iter().zip(&exact) {
            assert!(pair.converged);
            assert!((pair.value - exact).abs() <= pair.error_bound);
        }
        assert!(solution.pairs[0].value < solution.pairs[1].value);
    }
}

#[test]
fn cold_bounds_hold_in_any_basis() {
    let n = 120;
    for arena in arenas() {
        for (_, spectrum) in named_spectra(n) {
            for seed in 40..50 {
                let matrix = with_spectrum(&spectrum, &rotation(n, seed));
                for count in 1..4 {
                    let solution = solve_and_check(&matrix, params(count, 1e-3), &arena);
                    assert_eq!(solution.info.stop, Stop::Converged);
                }
            }
        }
    }
}
