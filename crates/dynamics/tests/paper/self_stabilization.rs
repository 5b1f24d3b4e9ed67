//! The gradient of the sharpness against central differences of a dense Hessian's eigenvalue, in
//! float64.

use std::sync::atomic::AtomicBool;

use crate::dense::{dot, gradient, hessian, moved};
use crate::networks::{Case, Kept, follow_with, tensor, values};
use brink_dynamics::eigen::Params;
use brink_dynamics::measurement::{Measurement, Schedule, SelfStabilization};
use brink_dynamics::{Between, EigenvalueSettings, Problem, Settings, run};
use brink_model::Activation;
use burn::tensor::Tensor;
use faer::Side;

const STEP_SIZE: f64 = 0.2;

/// Gradient descent with eigenvalues to a tight tolerance, and the measurement.
fn measured(case: &Case, weight_decay: f64, steps: u64) -> (Problem<2>, Vec<f64>, Kept) {
    let (problem, theta) = case.build(&case.weights());
    let settings = Settings {
        weight_decay,
        eigenvalues: Some(EigenvalueSettings {
            solver: Params {
                count: 2,
                relative_tolerance: 1e-13,
                ..Params::default()
            },
            ..EigenvalueSettings::largest(2)
        }),
        ..Settings::gradient_descent(STEP_SIZE, steps)
    };
    let measurement: Box<dyn Measurement<2>> =
        Box::new(SelfStabilization::new(Schedule::default()));
    let (mut kept, never) = (Kept::default(), AtomicBool::new(false));
    let mut measurements = [measurement];
    run(
        &problem,
        theta.clone(),
        &settings,
        &mut measurements,
        &mut [&mut kept],
        &never,
    )
    .unwrap();
    (problem, values(theta), kept)
}

fn sharpness(problem: &Problem<2>, theta: &[f64]) -> f64 {
    let values = hessian(problem, theta).self_adjoint_eigenvalues(Side::Lower);
    *values.unwrap().last().unwrap()
}

fn top_vector(problem: &Problem<2>, theta: &[f64]) -> Vec<f64> {
    let decomposed = hessian(problem, theta)
        .self_adjoint_eigen(Side::Lower)
        .unwrap();
    let last = theta.len() - 1;
    (0..theta.len())
        .map(|i| decomposed.U()[(i, last)])
        .collect()
}

/// dS/dw at θ, from four values: the error is of the fourth order in the distance.
fn slope(problem: &Problem<2>, theta: &[f64], along: &[f64]) -> f64 {
    let h = 1e-3;
    let at = |by: f64| sharpness(problem, &moved(theta, along, by * h));
    (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h)
}

fn close(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(error < 1e-6, "{what}: {found} for {expected}");
}

#[test]
fn the_gradient_of_the_sharpness_is_that_of_dense_hessians() {
    for (activation, weight_decay) in [
        (Activation::Tanh, 0.0),
        (Activation::Linear, 0.0),
        (Activation::Gelu, 0.05),
    ] {
        let case = Case::new(activation, true);
        let (problem, mut theta, kept) = measured(&case, weight_decay, 9);
        for step in 0..9 {
            let mut descent = gradient(&problem, &theta);
            descent
                .iter_mut()
                .zip(&theta)
                .for_each(|(g, t)| *g += weight_decay * t);
            if step % 4 == 0 {
                let name = |what: &str| format!("{activation:?}, step {step}, {what}");
                let column = |name: &str| kept.column(name)[step].unwrap();
                let units = (0..theta.len()).map(|at| {
                    let mut unit = vec![0.0; theta.len()];
                    unit[at] = 1.0;
                    slope(&problem, &theta, &unit)
                });
                let s: Vec<f64> = units.collect();
                let u = top_vector(&problem, &theta);
                let lambda = sharpness(&problem, &theta) + weight_decay;
                let (along, x) = (dot(&u, &s), dot(&u, &descent) / lambda);
                let beta = dot(&s, &s) - along * along;
                let alpha = -dot(&descent, &s);
                close(
                    column("sharpness_gradient_norm"),
                    dot(&s, &s).sqrt(),
                    &name("‖∇S‖"),
                );
                close(column("progressive_sharpening"), alpha, &name("−⟨∇L, ∇S⟩"));
                close(column("stabilization"), beta, &name("β"));
                close(column("oscillation").abs(), x.abs(), &name("x"));
                let reference = alpha + x * lambda * along - 0.5 * x * x * beta;
                let found = column("progressive_sharpening_reference");
                close(found, reference, &name("α"));
                let deviation = kept.column("predicted_deviation")[step];
                assert_eq!(deviation.is_some(), reference > 0.0);
                if let Some(deviation) = deviation {
                    close(deviation, (2.0 * reference / beta).sqrt(), &name("√(2α/β)"));
                }
                assert!(column("top_eigenvector_error") < 1e-5);
            }
            theta = moved(&theta, &descent, -STEP_SIZE);
        }
    }
}

/// What the reference's progressive sharpening stands for: the gradient where the slope along u
/// vanishes, without its part along u, against ∇S. The two differ in the third order of x.
#[test]
fn the_reference_is_where_the_slope_along_the_eigenvector_vanishes() {
    let case = Case::new(Activation::Tanh, true);
    let (problem, theta, kept) = measured(&case, 0.0, 1);
    let column = |name: &str| kept.column(name)[0].unwrap();
    let u = top_vector(&problem, &theta);
    let x = dot(&u, &gradient(&problem, &theta)) / sharpness(&problem, &theta);
    let at_reference = gradient(&problem, &moved(&theta, &u, -x));
    let size = theta.len();
    let direction: Tensor<1> = tensor(u.clone(), [size]);
    let mut at = problem.objective.linearize(&tensor(theta, [size])).unwrap();
    let s = values(at.third_twice(direction).unwrap());
    let along = dot(&u, &at_reference);
    let alpha = -dot(&at_reference, &s) + along * dot(&u, &s);
    let found = column("progressive_sharpening_reference");
    let second_order = 0.5 * x * x * column("stabilization");
    assert!((found - alpha).abs() < 0.2 * second_order);
}

/// A linear model with two outputs has each eigenvalue twice.
#[test]
fn an_eigenvalue_that_is_not_simple_leaves_all_empty() {
    let mut case = Case::new(Activation::Linear, true);
    case.hidden.clear();
    let (_, _, kept) = measured(&case, 0.0, 3);
    assert_eq!(kept.columns.len(), 7);
    for record in &kept.records {
        assert!(record.measured.iter().all(Option::is_none), "{record:?}");
    }
}

#[test]
fn it_is_empty_where_no_eigenvalue_was_solved_for() {
    let case = Case::new(Activation::Tanh, true);
    let solved = Schedule { every: 3, from: 0 };
    for between in [Between::Skip, Between::RayleighQuotient] {
        let kept = follow_with(&case, &case.weights(), (0.1, 7), (solved, between), |_| {
            let every = Schedule { every: 1, from: 1 };
            vec![Box::new(SelfStabilization::new(every)) as Box<dyn Measurement<2>>]
        });
        let found = kept.column("sharpness_gradient_norm");
        let steps: Vec<usize> = (0..7).filter(|&step| found[step].is_some()).collect();
        assert_eq!(steps, [3, 6]);
    }
}
