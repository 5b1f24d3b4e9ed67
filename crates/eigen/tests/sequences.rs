//! Sequences of operators that are hard to follow: every value must lie within its bound at every
//! solve, by dense decomposition.

#[path = "common/spectra.rs"]
mod spectra;

use brink_eigen::{Certainty, Params, Request, Solver};
use faer::Mat;
use spectra::{Dense, arenas, check, noise, rotation, with_spectrum};

const N: usize = 120;

/// Solves one operator after the other with one solver and checks each.
fn follow(count: usize, operators: &[Mat<f64>]) {
    let params = Params {
        count,
        ..Params::default()
    };
    follow_with(&params, operators);
}

fn follow_with(params: &Params, operators: &[Mat<f64>]) {
    for row_cost in [0.0, 1.0] {
        products(params, operators, row_cost);
    }
}

/// The products of each solve, in one arena after the other.
fn products(params: &Params, operators: &[Mat<f64>], row_cost: f64) -> Vec<usize> {
    let mut products = Vec::new();
    for (device, dtype) in arenas() {
        let mut solver = Solver::new(params.clone()).unwrap();
        for matrix in operators {
            let mut operator = Dense::new(matrix, &device, dtype);
            operator.row_cost = row_cost;
            let solution = solver.solve(&mut operator).unwrap();
            check(&solution, matrix, params, (&device, dtype));
            products.push(operator.products);
        }
    }
    products
}

/// q turned a little, in all planes at once.
fn turned(q: &Mat<f64>, angle: f64, seed: u64) -> Mat<f64> {
    let n = q.nrows();
    let random = noise(n, n, seed);
    let skew = Mat::from_fn(n, n, |i, j| random[(i, j)] - random[(j, i)]);
    let moved = q + faer::Scale(angle / (n as f64).sqrt()) * (&skew * q);
    moved.qr().compute_thin_Q()
}

fn outliers(top: &[f64], bulk: impl Fn(usize) -> f64) -> Vec<f64> {
    let tail = (0..N - top.len()).map(bulk);
    top.iter().copied().chain(tail).collect()
}

#[test]
fn operators_that_shrink_and_grow_by_factors() {
    let q = rotation(N, 1);
    let spectrum = outliers(&[50.0, 30.0, 12.0], |i| 2.0 * 0.95_f64.powi(i as i32) - 0.5);
    let sizes = [1.0, 0.3, 0.03, 3e-3, 1.0, 100.0, 7.0, 0.5];
    let operators: Vec<_> = sizes
        .iter()
        .map(|size| with_spectrum(&spectrum.iter().map(|v| size * v).collect::<Vec<_>>(), &q))
        .collect();
    follow(2, &operators);
}

#[test]
fn eigenvectors_that_turn_fast() {
    let spectrum = outliers(&[50.0, 49.0, 30.0, 29.0], |i| 4.0 - 0.05 * i as f64);
    for angle in [0.05, 0.3, 2.0] {
        let mut q = rotation(N, 2);
        let operators: Vec<_> = (0..10)
            .map(|turn| {
                q = turned(&q, angle, 100 + turn);
                with_spectrum(&spectrum, &q)
            })
            .collect();
        follow(3, &operators);
    }
}

/// A cluster that turns as a convolutional network's does in its first steps: a block of all of it
/// has to search as long as a narrow one. Long enough for the wide one to be tried.
#[test]
fn dear_rows_are_spared_where_they_do_not_help() {
    let top: Vec<f64> = (0..9).map(|i| 50.0 - 2.0 * i as f64).collect();
    let spectrum = outliers(&top, |i| 20.0 * 0.9_f64.powi(i as i32));
    let mut q = rotation(N, 11);
    let operators: Vec<_> = (0..30)
        .map(|turn| {
            q = turned(&q, 1.0, 500 + turn);
            with_spectrum(&spectrum, &q)
        })
        .collect();
    let params = Params {
        count: 2,
        ..Params::default()
    };
    let [cheap, dear] = [0.0, 1.0].map(|row_cost| {
        let products = products(&params, &operators, row_cost);
        products.iter().sum::<usize>() as f64 / products.len() as f64
    });
    assert!(dear < 0.95 * cheap, "{dear} products a solve for {cheap}");
}

#[test]
fn bulks_that_fall_by_a_power_law() {
    for exponent in [0.3, 1.0] {
        let mut q = rotation(N, 3);
        let operators: Vec<_> = (0..8)
            .map(|turn| {
                q = turned(&q, 0.02, 200 + turn);
                with_spectrum(&outliers(&[], |i| (1.0 + i as f64).powf(-exponent)), &q)
            })
            .collect();
        follow(2, &operators);
    }
}

#[test]
fn exact_clusters_wherever_the_count_cuts_them() {
    let spectrum = outliers(&[20.0, 20.0, 20.0, 20.0, 20.0, 11.0, 11.0], |i| {
        10.0 - 0.1 * i as f64
    });
    for count in [1, 2, 5, 6] {
        let mut q = rotation(N, 4);
        let operators: Vec<_> = (0..6)
            .map(|turn| {
                q = turned(&q, 0.05, 300 + turn);
                with_spectrum(&spectrum, &q)
            })
            .collect();
        follow(count, &operators);
    }
}

#[test]
fn spectra_without_a_positive_value() {
    let zero = Mat::zeros(N, N);
    let negative = |size: f64| {
        let spectrum = outliers(&[], |i| -size * (1.0 + i as f64));
        with_spectrum(&spectrum, &rotation(N, 5))
    };
    let positive = with_spectrum(&outliers(&[3.0, 2.0], |_| 0.0), &rotation(N, 6));
    follow(2, &[negative(1.0), negative(1.1), negative(0.2)]);
    follow(
        2,
        &[
            zero.clone(),
            zero.clone(),
            positive.clone(),
            zero.clone(),
            negative(1.0),
        ],
    );
    follow(2, &[positive, zero.clone(), zero]);
}

/// What rises is orthogonal to all that the block held. A solve that supposes what lies outside
/// could not see it, so every solve is to look.
#[test]
fn outliers_that_rise_from_the_bulk_within_a_solve() {
    let q = rotation(N, 7);
    let mut spectrum = outliers(&[50.0, 40.0, 20.0], |i| 5.0 - 0.04 * i as f64);
    let mut operators = vec![with_spectrum(&spectrum, &q); 3];
    for (place, height) in [(60, 70.0), (90, 45.0), (30, 44.0), (119, 90.0)] {
        spectrum[place] = height;
        operators.push(with_spectrum(&spectrum, &q));
    }
    let params = Params {
        count: 2,
        guard_every: 1,
        follow_every: 1,
        ..Params::default()
    };
    follow_with(&params, &operators);
}

/// An operator, and the same with an outlier more.
fn from_nowhere() -> [Mat<f64>; 2] {
    let q = rotation(N, 7);
    let mut spectrum = outliers(&[50.0, 40.0, 20.0], |i| 5.0 - 0.04 * i as f64);
    let before = with_spectrum(&spectrum, &q);
    spectrum[60] = 70.0;
    [before, with_spectrum(&spectrum, &q)]
}

/// By default they may take so long as a random vector is not followed, and are supposed not to be there
/// meanwhile.
#[test]
fn an_outlier_from_nowhere_is_found_when_a_random_vector_is_followed() {
    let [before, after] = from_nowhere();
    for (device, dtype) in arenas() {
        for guard_every in [1, 8] {
            let params = Params {
                count: 2,
                guard_every,
                ..Params::default()
            };
            let mut solver = Solver::new(params.clone()).unwrap();
            for _ in 0..3 {
                solver
                    .solve(&mut Dense::new(&before, &device, dtype))
                    .unwrap();
            }
            let mut operator = Dense::new(&after, &device, dtype);
            let mut solutions = (0..params.follow_every.max(guard_every))
                .map(|_| solver.solve(&mut operator).unwrap());
            let found = solutions.find(|solution| {
                let right = (solution.pairs[0].value - 70.0).abs() < 0.1;
                assert!(right || solution.pairs[0].certainty == Certainty::Supposed);
                right
            });
            let found = found.expect("found by now");
            assert_eq!(found.pairs[0].certainty, Certainty::Bounded);
        }
    }
}

/// Without that, the probe finds it within some solves; without the probe nothing does.
#[test]
fn the_probe_finds_what_the_block_hides() {
    let [before, after] = from_nowhere();
    for (device, dtype) in arenas() {
        for probe_every in [0, 1] {
            let params = Params {
                count: 2,
                guard_every: 1,
                follow_every: 1000,
                probe_every,
                ..Params::default()
            };
            let mut solver = Solver::new(params).unwrap();
            for _ in 0..3 {
                let mut operator = Dense::new(&before, &device, dtype);
                solver.solve(&mut operator).unwrap();
            }
            let mut operator = Dense::new(&after, &device, dtype);
            let found = (0..10).any(|_| {
                let solution = solver.solve(&mut operator).unwrap();
                (solution.pairs[0].value - 70.0).abs() < 0.1
            });
            assert_eq!(found, probe_every == 1, "{dtype:?}");
        }
    }
}

/// All values above the floor are found at every solve, and no pair lies below it for long.
#[test]
fn values_above_a_floor_are_all_followed() {
    let floor = 30.0;
    let ladder = |shift: f64| {
        let top: Vec<f64> = (0..9).map(|i| 40.0 + shift - 3.0 * i as f64).collect();
        outliers(&top, |i| 5.0 - 0.04 * i as f64)
    };
    let shifts = [
        0.0, 0.0, 1.0, 3.0, 9.0, 15.0, 14.0, 2.5, -3.0, -20.0, 0.5, 13.0,
    ];
    for (device, dtype) in arenas() {
        let params = Params {
            count: 2,
            largest_count: 8,
            ..Params::default()
        };
        let mut solver = Solver::new(params.clone()).unwrap();
        let mut q = rotation(N, 8);
        for (turn, shift) in shifts.into_iter().enumerate() {
            q = turned(&q, 0.03, 400 + turn as u64);
            let spectrum = ladder(shift);
            let matrix = with_spectrum(&spectrum, &q);
            let mut operator = Dense::new(&matrix, &device, dtype);
            let solution = solver
                .solve_for(&mut operator, Request::above(floor))
                .unwrap();
            assert_eq!(solution.info.products, operator.products);
            let found = Params {
                count: solution.pairs.len(),
                ..params.clone()
            };
            check(&solution, &matrix, &found, (&device, dtype));
            assert!(solution.pairs.iter().all(|pair| pair.converged));
            let expected = spectrum.iter().filter(|v| **v > floor).count().min(8);
            let above = solution.pairs.iter().filter(|p| p.value > floor).count();
            assert_eq!(above, expected, "shift {shift}: {:?}", solution.pairs);
            assert!(solution.pairs.len() <= 8);
        }
    }
}

/// The smallest end counts what lies below the floor.
#[test]
fn a_floor_for_the_smallest_end() {
    let spectrum = outliers(&[50.0, 40.0], |i| 5.0 - 0.1 * i as f64);
    let matrix = with_spectrum(&spectrum, &rotation(N, 9));
    let expected = spectrum.iter().filter(|v| **v < -6.05).count();
    for (device, dtype) in arenas() {
        let mut solver = Solver::new(Params {
            count: 1,
            largest_count: 16,
            end: brink_eigen::End::Smallest,
            ..Params::default()
        })
        .unwrap();
        let mut operator = Dense::new(&matrix, &device, dtype);
        let solution = solver
            .solve_for(&mut operator, Request::above(-6.05))
            .unwrap();
        assert_eq!(solution.pairs.len(), expected);
        assert!(solution.pairs.iter().all(|pair| pair.value < -6.05));
    }
}

/// The third eigenvalue rises out of the rest and past the second, while no eigenvector turns: part of its
/// vector is in a guard that nothing improves, whose value and residual alone tell of it.
#[test]
fn an_eigenvalue_that_a_guard_hides_is_not_passed_over() {
    const N: usize = 80;
    for seed in [1, 9, 12, 15] {
        let q = rotation(N, seed + 100);
        let speed = 0.3 + 0.3 * noise(1, 1, 7 * seed)[(0, 0)].abs();
        let operators: Vec<Mat<f64>> = (0..60)
            .map(|t| {
                let third = 12.0 + speed * f64::from(t);
                let rest = (3..N).map(|i| 20.0 - 0.3 * i as f64);
                let values: Vec<f64> = [50.0, 40.0, third].into_iter().chain(rest).collect();
                with_spectrum(&values, &q)
            })
            .collect();
        for relative_tolerance in [1e-3, 1e-2] {
            let params = Params {
                count: 2,
                relative_tolerance,
                ..Params::default()
            };
            follow_with(&params, &operators);
        }
    }
}
