//! The closed form of the Hessian's eigenvalues against the Hessian itself.

mod common;

use brink_theory::eigen::{Method, Solver};
use brink_theory::faer::Mat;
use brink_theory::hessian::{reduced_hessian, top_eigenvalues};
use brink_theory::{Parametrisation, Schedule, Settings, TheoryError, run};
use common::{Normal, Weights, close, eigenvalues, norm, top_vector};

/// Compares the first `count` eigenvalues with those of the dense Hessian.
fn check(weights: &Weights, count: usize, solver: &Solver) {
    let expected = eigenvalues(&weights.hessian());
    let top = top_eigenvalues(&weights.model(), &weights.state(), count, solver).unwrap();
    let scale = expected[0].abs();
    for (i, &expected) in expected[..count].iter().enumerate() {
        let (value, residual) = (top.values[i], top.residuals[i]);
        close(value, expected, 1e-11 * scale, &format!("eigenvalue {i}"));
        assert!(residual < 1e-7 * scale, "residual {i}: {residual:e}");
    }
    // Off the reduced space there are only ±ρ and 0, and the m largest are at least ρ.
    let rho = weights.c() * weights.sigma() * norm(&weights.p());
    let reduced = eigenvalues(&reduced_hessian(&weights.model(), &weights.state()).unwrap());
    for (i, &expected) in expected[..count].iter().enumerate() {
        let value = reduced.get(i).map_or(rho, |value| value.max(rho));
        close(
            value,
            expected,
            1e-11 * scale,
            &format!("reduced eigenvalue {i}"),
        );
    }
}

fn dense() -> Solver {
    Solver {
        method: Method::Dense,
        ..Solver::default()
    }
}

fn subspace() -> Solver {
    Solver {
        method: Method::Subspace,
        ..Solver::default()
    }
}

#[test]
fn the_hand_built_hessian_is_the_derivative_of_the_gradient() {
    let weights = Weights::random(1, (3, 2, 4));
    let hessian = weights.hessian();
    let p = hessian.nrows();
    let at = |e: usize, by: f64| {
        let mut moved = Weights::random(1, (3, 2, 4));
        let mut shift = vec![0.0; p];
        shift[e] = by;
        moved.shift(&shift);
        moved.gradient()
    };
    for e in 0..p {
        let (plus, minus) = (at(e, 1e-4), at(e, -1e-4));
        for i in 0..p {
            close(hessian[(i, e)], (plus[i] - minus[i]) / 2e-4, 1e-6, "entry");
        }
    }
}

#[test]
fn eigenvalues_agree_for_every_shape() {
    // (n, d, m): more and fewer samples than dimensions, wide and narrow.
    for (seed, shape) in [
        (1, (5, 3, 8)),
        (2, (5, 7, 8)),
        (3, (4, 3, 4)),
        (4, (7, 3, 5)),
        (5, (1, 2, 3)),
        (6, (6, 1, 9)),
        (7, (3, 3, 1)),
    ] {
        for (scale, parametrisation) in [
            (1.0, Parametrisation::Scaled),
            (1.0, Parametrisation::Plain),
            // Residuals so large that their part of the Hessian rules.
            (30.0, Parametrisation::Scaled),
            (1e-6, Parametrisation::Scaled),
        ] {
            let mut weights = Weights::random(seed, shape);
            weights.parametrisation = parametrisation;
            weights.factor = 0.5;
            weights.y.iter_mut().for_each(|y| *y *= scale);
            let count = shape.0.min(shape.2);
            check(&weights, count, &dense());
            check(&weights, count, &subspace());
        }
    }
}

#[test]
fn a_singular_kernel_is_no_obstacle() {
    let mut weights = Weights::random(21, (6, 4, 9));
    // Two samples twice, one of them zero.
    let x = weights.x.clone();
    weights.x = Mat::from_fn(4, 6, |j, i| match i {
        3 => x[(j, 0)],
        4 | 5 => 0.0,
        _ => x[(j, i)],
    });
    check(&weights, 6, &dense());
    check(&weights, 6, &subspace());
}

#[test]
fn vanishing_weights_and_residuals_are_no_obstacle() {
    let zero_output = {
        let mut weights = Weights::random(22, (4, 3, 6));
        weights.a.iter_mut().for_each(|a| *a = 0.0);
        weights
    };
    let zero_hidden = {
        let mut weights = Weights::random(23, (4, 3, 6));
        weights.w = Mat::zeros(6, 3);
        weights
    };
    let zero_residual = {
        let mut weights = Weights::random(24, (4, 3, 6));
        weights.y = weights.outputs();
        weights
    };
    let all_zero = {
        let mut weights = Weights::random(25, (4, 3, 6));
        weights.a.iter_mut().for_each(|a| *a = 0.0);
        weights.w = Mat::zeros(6, 3);
        weights
    };
    for weights in [zero_output, zero_hidden, zero_residual, all_zero] {
        check(&weights, 4, &dense());
        check(&weights, 4, &subspace());
    }
}

#[test]
fn what_is_recorded_of_the_hessian_agrees() {
    for shape in [(4, 3, 7), (5, 6, 6)] {
        let weights = Weights::random(31, shape);
        let (model, c) = (weights.model(), weights.c());
        let mut settings = Settings::new(0.1, 1);
        settings.hessian = Some(Schedule { count: 2, every: 1 });
        settings.gram = Some(Schedule { count: 3, every: 1 });
        settings.layers_every = Some(1);
        let record = run(&model, weights.state(), settings)
            .unwrap()
            .next()
            .unwrap()
            .unwrap();

        let hessian = weights.hessian();
        let all = eigenvalues(&hessian);
        close(
            record.lambda_min.unwrap(),
            *all.last().unwrap(),
            1e-12,
            "smallest",
        );
        let top = top_vector(&hessian);
        let gradient = weights.gradient();
        let dot: f64 = top.iter().zip(&gradient).map(|(a, b)| a * b).sum();
        let cosine = dot.abs() / norm(&gradient);
        close(
            record.gradient_alignment.unwrap(),
            cosine,
            1e-9,
            "alignment",
        );
        let m = weights.a.len();
        let share: f64 = top[..m].iter().map(|u| u * u).sum();
        close(
            record.eigenvector_share_output.unwrap(),
            share,
            1e-9,
            "share of A",
        );

        let jacobian = weights.jacobian();
        let gauss_newton = c * (jacobian.transpose() * &jacobian);
        let residual_part = eigenvalues(&(&hessian - &gauss_newton));
        close(
            record.residual_hessian_lambda_1,
            residual_part[0],
            1e-12,
            "residual part",
        );
        let expected = eigenvalues(&gauss_newton);
        for (value, expected) in record.gram_lambda.iter().zip(&expected) {
            close(*value, *expected, 1e-12, "Gauss–Newton");
        }
        assert_eq!(record.gram_lambda.len(), 3);
        let block = |from: usize, to: usize| {
            let size = to - from;
            eigenvalues(&Mat::from_fn(size, size, |i, j| {
                hessian[(from + i, from + j)]
            }))[0]
        };
        close(
            record.lambda_1_output.unwrap(),
            block(0, m),
            1e-12,
            "block of A",
        );
        close(
            record.lambda_1_hidden.unwrap(),
            block(m, hessian.nrows()),
            1e-12,
            "block of W",
        );
    }
}

#[test]
fn a_larger_problem_agrees_by_both_methods() {
    // 90 inputs with a falling spectrum; the dense side is the reduced matrix of order ~200.
    let mut weights = Weights::random(41, (90, 25, 60));
    let mut normal = Normal(42);
    weights.x = Mat::from_fn(25, 90, |j, _| normal.draw() / (1.0 + j as f64));
    let expected = eigenvalues(&reduced_hessian(&weights.model(), &weights.state()).unwrap());
    for solver in [dense(), subspace()] {
        let top = top_eigenvalues(&weights.model(), &weights.state(), 4, &solver).unwrap();
        for (value, expected) in top.values.iter().zip(&expected) {
            close(*value, *expected, 1e-11 * expected, "eigenvalue");
        }
        assert!(top.solves <= 16, "{} eigensolves", top.solves);
    }
}

#[test]
fn more_eigenvalues_than_the_closed_form_covers_are_refused() {
    let weights = Weights::random(1, (5, 3, 2));
    for count in [0, 3] {
        assert_eq!(
            top_eigenvalues(&weights.model(), &weights.state(), count, &dense()).unwrap_err(),
            TheoryError::Count {
                what: "the Hessian",
                count,
                limit: 2
            }
        );
    }
}
