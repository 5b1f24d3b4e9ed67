//! Problems whose solution is known, by a formula, by construction or by another method.

use super::super::symmetric::places;
use super::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

struct Random(ChaCha8Rng);

impl Random {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Between −1 and 1.
    fn number(&mut self) -> f64 {
        self.0.next_u32() as f64 / f64::from(u32::MAX) * 2.0 - 1.0
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |_, _| self.number())
    }

    fn rotation(&mut self, size: usize) -> Mat<f64> {
        decomposed(&self.matrix(size, size)).unwrap().1
    }

    /// A map with eigenvalues from 1e-2 to 1.
    fn map(&mut self, size: usize) -> Mat<f64> {
        let length = entries(size);
        let turned = self.rotation(length);
        let values = diagonal(
            (0..length)
                .map(|_| 10f64.powf(self.number() - 1.0))
                .collect(),
        );
        &turned * values * turned.transpose()
    }
}

fn diagonal(values: Vec<f64>) -> Mat<f64> {
    Mat::from_fn(values.len(), values.len(), |i, j| {
        if i == j { values[i] } else { 0.0 }
    })
}

fn image(b: &Mat<f64>, x: &Mat<f64>) -> Mat<f64> {
    let vector = to_vector(x);
    let image = (0..vector.len()).map(|i| (0..vector.len()).map(|j| b[(i, j)] * vector[j]).sum());
    to_matrix(&image.collect::<Vec<f64>>(), x.nrows())
}

fn inner(x: &Mat<f64>, y: &Mat<f64>) -> f64 {
    dot(&to_vector(x), &to_vector(y))
}

fn lowest(matrix: &Mat<f64>) -> f64 {
    decomposed(matrix).unwrap().0[0]
}

/// The part of a symmetric matrix that is positive semidefinite.
fn positive_part(matrix: &Mat<f64>) -> Mat<f64> {
    let (values, vectors) = decomposed(matrix).unwrap();
    let kept = diagonal(values.iter().map(|value| value.max(0.0)).collect());
    &vectors * kept * vectors.transpose()
}

/// The conditions themselves, relative to the sizes of X and A.
fn check(a: &Mat<f64>, b: &Mat<f64>, x: &Mat<f64>, tolerance: f64) {
    let s = a + image(b, x);
    let (of_x, of_a) = (x.norm_l2(), a.norm_l2());
    assert!(lowest(x) >= -tolerance * of_x, "X: {}", lowest(x));
    assert!(lowest(&s) >= -tolerance * of_a, "S: {}", lowest(&s));
    let gap = inner(x, &s).abs();
    assert!(gap <= tolerance * of_x * of_a, "gap {gap}");
}

#[test]
fn of_one_row_it_is_a_quotient() {
    let one = |value: f64| Mat::from_fn(1, 1, |_, _| value);
    let found = |a, b| solve(&one(a), &one(b)).map(|x| x[(0, 0)]);
    assert_eq!(found(-3.0, 4.0), Ok(0.75));
    assert_eq!(found(3.0, 4.0), Ok(0.0));
    assert_eq!(found(0.0, 0.0), Ok(0.0));
    for b in [0.0, -1.0] {
        assert_eq!(
            found(-3.0, b),
            Err(ComplementarityError::Infeasible { slack: -3.0 })
        );
    }
}

/// Each eigenvector by itself, whatever couples the two off the diagonal.
#[test]
fn diagonal_problems_fall_apart() {
    for coupling in [1e-3, 1.0, 50.0] {
        for (a, b) in [
            ([-1.0, -2.0], [4.0, 0.5]),
            ([-1.0, 2.0], [4.0, 0.5]),
            ([0.0, -2.0], [4.0, 0.5]),
        ] {
            let map = diagonal(vec![b[0], coupling, b[1]]);
            let x = solve(&diagonal(a.to_vec()), &map).unwrap();
            for i in 0..2 {
                let expected = f64::max(-a[i] / b[i], 0.0);
                assert!((x[(i, i)] - expected).abs() < 1e-12, "{x:?} for {expected}");
            }
            assert!(x[(0, 1)].abs() < 1e-12);
        }
    }
}

/// B[X] = βX: X is the negative part of A by β.
#[test]
fn of_a_multiple_of_the_identity_it_is_the_negative_part() {
    let mut random = Random::new(1);
    for size in 1..=9 {
        for beta in [1e-6, 1.0, 1e8] {
            let a = random.matrix(size, size);
            let a = &a + a.transpose();
            let x = solve(&a, &diagonal(vec![beta; entries(size)])).unwrap();
            let expected = positive_part(&(&a * faer::Scale(-1.0))) * faer::Scale(1.0 / beta);
            let apart = (&x - &expected).norm_l2();
            assert!(apart <= 1e-12 * (1.0 / beta), "{size}, {beta}: {apart}");
        }
    }
}

/// A = S − B[X] for an X and an S that are complementary: of a definite B there is no other solution.
#[test]
fn a_solution_that_was_built_in_is_found() {
    let mut random = Random::new(2);
    for size in 1..=6 {
        for rank in 0..=size {
            for _ in 0..20 {
                let turned = random.rotation(size);
                let mut spectrum = |of_x: bool| {
                    let values = (0..size).map(|i| match (i < rank) == of_x {
                        true => 1.1 + random.number(),
                        false => 0.0,
                    });
                    diagonal(values.collect())
                };
                let (of_x, of_s) = (spectrum(true), spectrum(false));
                let known = &turned * of_x * turned.transpose();
                let s = &turned * of_s * turned.transpose();
                let b = random.map(size);
                let a = s - image(&b, &known);
                let x = solve(&a, &b).unwrap();
                let apart = (&x - &known).norm_l2();
                assert!(apart < 1e-10, "{size} rows, rank {rank}: {apart}");
                check(&a, &b, &x, 1e-12);
            }
        }
    }
}

#[test]
fn random_problems_meet_the_conditions_and_descend_no_further() {
    let mut random = Random::new(3);
    for size in 1..=6 {
        for _ in 0..50 {
            let a = random.matrix(size, size);
            let a = &a + a.transpose();
            let b = random.map(size);
            let x = solve(&a, &b).unwrap();
            check(&a, &b, &x, 1e-12);
            // A fixed point of gradient steps that are projected onto the cone.
            let next = positive_part(&(&x - (&a + image(&b, &x))));
            assert!((&next - &x).norm_l2() < 1e-11 * (1.0 + x.norm_l2()));
        }
    }
}

/// Slopes that are fewer than the entries: B does not see all directions.
#[test]
fn a_map_of_low_rank_is_solved_where_it_can_be() {
    let mut random = Random::new(4);
    let mut solved = 0;
    for size in 2..=6 {
        for _ in 0..40 {
            let length = entries(size);
            let mut slopes = random.matrix(length, size);
            // One slope pushes all eigenvalues alike, so that there is a solution.
            for (i, place) in places(size).enumerate() {
                slopes[(i, 0)] = if place.0 == place.1 { 1.0 } else { 0.0 };
            }
            let b = &slopes * slopes.transpose();
            let a = random.matrix(size, size);
            let a = &a + a.transpose();
            let x = solve(&a, &b).unwrap();
            check(&a, &b, &x, 1e-7);
            solved += usize::from(x.norm_l2() > 0.0);
        }
    }
    assert!(solved > 150, "{solved}");
}

#[test]
fn what_the_map_does_not_see_cannot_be_lowered() {
    // Only the first diagonal entry is moved.
    let b = diagonal(vec![1.0, 0.0, 0.0]);
    let error = solve(&diagonal(vec![-1.0, -2.0]), &b).unwrap_err();
    let ComplementarityError::Infeasible { slack } = error else {
        panic!("{error}");
    };
    assert!((slack + 2.0).abs() < 0.1, "{slack}");
    // Along the other there is nothing to lower.
    let x = solve(&diagonal(vec![-1.0, 2.0]), &b).unwrap();
    assert!((x[(0, 0)] - 1.0).abs() < 1e-8);
    let nothing = diagonal(vec![0.0; 3]);
    assert!(solve(&diagonal(vec![-1.0, -2.0]), &nothing).is_err());
}

#[test]
fn units_do_not_matter() {
    let mut random = Random::new(5);
    let (a, b) = (random.matrix(4, 4), random.map(4));
    let a = &a + a.transpose();
    let x = solve(&a, &b).unwrap();
    for (of_a, of_b) in [(1e-12, 1e12), (1e9, 1e-20)] {
        let scaled = solve(&(&a * faer::Scale(of_a)), &(&b * faer::Scale(of_b))).unwrap();
        let apart = (scaled * faer::Scale(of_b / of_a) - &x).norm_l2();
        assert!(apart < 1e-11, "{apart}");
    }
}

#[test]
fn what_is_no_problem_is_refused() {
    let b = diagonal(vec![1.0; 3]);
    let error = solve(&diagonal(vec![f64::NAN, 1.0]), &b).unwrap_err();
    assert_eq!(error, ComplementarityError::NonFinite);
    let error = solve(&diagonal(vec![-1.0; 3]), &b).unwrap_err();
    assert!(error.to_string().contains("6 of each"), "{error}");
    let empty = solve(&Mat::zeros(0, 0), &Mat::zeros(0, 0)).unwrap();
    assert_eq!(empty.nrows(), 0);
}
