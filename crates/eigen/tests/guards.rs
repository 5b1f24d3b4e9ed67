//! Solves that do without products for their guards.

#[path = "common/spectra.rs"]
mod spectra;

use brink_eigen::{Params, Solution, Solver};
use burn::tensor::{DType, Device};
use faer::Mat;
use spectra::{Dense, arenas, as_stored, decaying, eigenvalues, rotation, upload, with_spectrum};

const N: usize = 120;

fn params(guard_every: usize) -> Params {
    Params {
        count: 2,
        guard_every,
        ..Params::default()
    }
}

/// The values of a converged solution are within their bounds, but for the rounding of the test's
/// own float32 products: its eigenvectors stand still, so that these err the same way every time.
fn assert_right(solution: &Solution, matrix: &Mat<f64>, (device, dtype): &(Device, DType)) {
    let exact = eigenvalues(&as_stored(matrix, device, *dtype));
    let rounding = match dtype {
        DType::F32 => 1e-4,
        _ => 0.0,
    };
    for (pair, exact) in solution.pairs.iter().zip(exact) {
        assert!(pair.converged);
        let error = (pair.value - exact).abs();
        assert!(
            error <= pair.error_bound + rounding,
            "{} for {exact}, bound {:e}",
            pair.value,
            pair.error_bound
        );
    }
}

/// Solves of operators with the third eigenvalue at `third(t)`, the others fixed at 50, 40, 20 and
/// less; each is looked at with its matrix.
fn follow(
    third: impl Fn(u32) -> f64,
    steps: u32,
    params: &Params,
    (device, dtype): &(Device, DType),
    mut look: impl FnMut(u32, &Solution, &Mat<f64>),
) {
    let vectors = rotation(N, 5);
    let mut solver = Solver::new(params.clone()).unwrap();
    for t in 0..steps {
        let spectrum = decaying(&[50.0, 40.0, third(t), 20.0], 15.0, 0.8, N);
        let matrix = with_spectrum(&spectrum, &vectors);
        let solution = solver
            .solve(&mut Dense::new(&matrix, device, *dtype))
            .unwrap();
        look(t, &solution, &matrix);
    }
}

#[test]
fn a_rest_that_rises_steadily_is_followed_to_the_crossing() {
    for arena in arenas() {
        for every in [1, 4, 8] {
            let params = params(every);
            let mut spared = 0;
            // It meets the second at t = 50.
            let third = |t: u32| 30.0 + 0.2 * f64::from(t);
            follow(third, 60, &params, &arena, |_, solution, matrix| {
                assert_right(solution, matrix, &arena);
                assert_eq!(solution.info.exceeded, None);
                spared += usize::from(solution.info.spared);
            });
            if every == 1 {
                assert_eq!(spared, 0);
            } else {
                assert!(spared > 20, "{spared} of 60 solves spared, every {every}");
            }
        }
    }
}

#[test]
fn guards_are_applied_as_often_as_asked() {
    for arena in arenas() {
        for every in [2, 5] {
            let params = Params {
                probe_every: 0,
                ..params(every)
            };
            let mut since = 0;
            follow(
                |_| 30.0,
                40,
                &params,
                &arena,
                |t, solution, _| {
                    since = if solution.info.spared { since + 1 } else { 0 };
                    assert!(since < every, "{since} solves without guards at {t}");
                    // Known after the first two, they are spared as often as allowed.
                    assert_eq!(
                        solution.info.spared,
                        t > 1 && !(t as usize - 1).is_multiple_of(every)
                    );
                },
            );
        }
    }
}

#[test]
fn a_rest_that_leaps_while_guards_are_spared_is_reported() {
    for arena in arenas() {
        let third = |t: u32| if t < 12 { 30.0 } else { 45.0 };
        let mut reported = None;
        let params = Params {
            probe_every: 0,
            ..params(8)
        };
        follow(third, 24, &params, &arena, |t, solution, matrix| {
            if let Some(exceeded) = solution.info.exceeded {
                assert_eq!(reported, None, "reported twice");
                assert_eq!(exceeded.index, 1);
                assert!(
                    (exceeded.previous - 40.0).abs() < 0.04 && (exceeded.value - 45.0).abs() < 0.05
                );
                reported = Some(t);
            }
            // Nothing that a solve without guards looks at has changed until then.
            if t < 12 || reported.is_some() {
                assert_right(solution, matrix, &arena);
            }
        });
        let at = reported.expect("the leap was not reported");
        assert!((12..20).contains(&at), "reported at {at}");

        let always = self::params(1);
        follow(third, 24, &always, &arena, |_, solution, matrix| {
            assert_right(solution, matrix, &arena);
            assert_eq!(solution.info.exceeded, None);
        });
    }
}

#[test]
fn a_row_that_hides_more_than_the_next_eigenvalue_is_not_believed() {
    // The row e₁ keeps its Ritz value 10 and the next eigenvalue its 9.985, but e₃ rises to 10.001
    // and is coupled to e₁ so that the largest eigenvalue becomes 10.016.
    let before = with_spectrum(
        &decaying(&[10.0, 9.985, 9.0], 5.0, 0.8, N),
        &Mat::identity(N, N),
    );
    let mut after = before.clone();
    after[(2, 2)] = 10.001;
    (after[(0, 2)], after[(2, 0)]) = (2.4e-4_f64.sqrt(), 2.4e-4_f64.sqrt());
    for arena in arenas().into_iter().filter(|arena| arena.1 == DType::F64) {
        let params = Params {
            count: 1,
            probe_every: 0,
            ..params(8)
        };
        let (device, dtype) = &arena;
        let mut solver = Solver::new(params).unwrap();
        let start = Mat::from_fn(2, N, |i, j| if i == j { 1.0 } else { 0.0 });
        solver.set_warm_start(upload(&start, device, *dtype));
        for matrix in [&before, &before, &before, &after] {
            let mut operator = Dense::new(matrix, device, *dtype);
            let solution = solver.solve(&mut operator).unwrap();
            assert_right(&solution, matrix, &arena);
        }
    }
}
