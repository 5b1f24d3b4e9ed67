//! Shares and overlaps of spans against those of dense Hessians' eigenvectors, in float64.

use std::sync::atomic::AtomicBool;

use brink_dynamics::eigen::Params;
use brink_dynamics::measurement::{Classes, Measurement, Schedule, Subspace};
use brink_dynamics::observer::Observer;
use brink_dynamics::optimizer::HeavyBall;
use brink_dynamics::{EigenvalueSettings, Problem, Settings, run};
use brink_model::Activation;
use burn::tensor::Tensor;
use faer::Side;

use crate::dense::{dot, gradient, hessian, moved};
use crate::networks::{Case, Kept, SAMPLES, tensor, values};

const STEP_SIZE: f64 = 0.05;
const MOMENTUM: f64 = 0.8;
const STEPS: u64 = 8;

/// Heavy ball with `solved` eigenvalues to a tight tolerance.
fn measured(case: &Case, solved: usize, decay: f64, subspace: Subspace<2>) -> (Problem<2>, Kept) {
    let (problem, theta) = case.build(&case.weights());
    let settings = Settings {
        optimizer: Box::new(HeavyBall::new(MOMENTUM)),
        weight_decay: decay,
        eigenvalues: Some(EigenvalueSettings {
            solver: Params {
                count: solved,
                relative_tolerance: 1e-13,
                ..Params::default()
            },
            ..EigenvalueSettings::largest(solved)
        }),
        ..Settings::gradient_descent(STEP_SIZE, STEPS)
    };
    let mut measurements: [Box<dyn Measurement<2>>; 1] = [Box::new(subspace)];
    let (mut kept, never) = (Kept::default(), AtomicBool::new(false));
    let mut observers: [&mut dyn Observer; 1] = [&mut kept];
    run(
        &problem,
        theta,
        &settings,
        &mut measurements,
        &mut observers,
        &never,
    )
    .unwrap();
    (problem, kept)
}

/// The top `count` eigenvectors at θ.
fn span(problem: &Problem<2>, theta: &[f64], count: usize) -> Vec<Vec<f64>> {
    let size = theta.len();
    let dense = hessian(problem, theta);
    let found = dense.self_adjoint_eigen(Side::Lower).unwrap();
    let vector = |k: usize| (0..size).map(|i| found.U()[(i, size - 1 - k)]).collect();
    (0..count).map(vector).collect()
}

fn share(span: &[Vec<f64>], x: &[f64]) -> f64 {
    let inside: f64 = span.iter().map(|v| dot(v, x).powi(2)).sum();
    inside / dot(x, x)
}

#[test]
fn shares_and_overlaps_are_those_of_dense_hessians() {
    let (count, lag, every) = (3, 2, 2);
    for (activation, decay) in [(Activation::Tanh, 0.0), (Activation::Gelu, 0.05)] {
        let case = Case::new(activation, true);
        let schedule = Schedule { every, from: 1 };
        let subspace = Subspace::new(schedule, count, lag);
        let (problem, kept) = measured(&case, count + 1, decay, subspace);
        let (_, theta) = case.build(&case.weights());
        let mut theta = values(theta);
        let mut velocity = vec![0.0; theta.len()];
        let mut spans: Vec<Vec<Vec<f64>>> = Vec::new();
        for step in 0..STEPS as usize {
            let g = moved(&gradient(&problem, &theta), &theta, decay);
            let column = |name: &str| kept.column(name)[step];
            if step % 2 == 1 {
                let error = |step: usize| kept.column("subspace_error")[step].unwrap_or(0.0);
                // A share is off by the error here at most, an overlap by both spans' together.
                let errors = error(step) + step.checked_sub(2 * lag).map_or(0.0, error);
                let close = |name: &str, expected: f64| {
                    let found = column(name).unwrap();
                    let off = (found - expected).abs();
                    assert!(
                        off < errors + 1e-12,
                        "{name} at {step}: {found}, {expected}"
                    );
                };
                let span = span(&problem, &theta, count);
                close("subspace_gradient_share", share(&span, &g));
                close("subspace_update_share", share(&span, &velocity));
                match spans.len().checked_sub(lag) {
                    Some(earlier) => {
                        let cosines = span.iter().map(|v| {
                            let squared = spans[earlier].iter().map(|w| dot(v, w).powi(2));
                            squared.sum::<f64>()
                        });
                        let mean = cosines.sum::<f64>() / count as f64;
                        assert!(mean < 0.9999, "it does not turn: {mean}");
                        close("subspace_overlap", mean);
                    }
                    None => assert_eq!(column("subspace_overlap"), None),
                }
                assert!(error(step) > 0.0 && error(step) < 1e-4);
                spans.push(span);
            } else {
                assert!(kept.records[step].measured.iter().all(Option::is_none));
            }
            velocity = moved(&g, &velocity, MOMENTUM);
            theta = moved(&theta, &velocity, -STEP_SIZE);
        }
    }
}

/// Three classes of unequal sizes, against gradients of single samples and dense eigenvectors.
#[test]
fn the_share_of_the_classes_is_that_of_their_samples_gradients() {
    let (count, decay) = (3, 0.05);
    let of_class = |class: usize| match class {
        0 => vec![0, 5],
        1 => vec![1, 2, 3, 4, 6, 7],
        _ => vec![8, 9, 10, 11],
    };
    let case = Case::new(Activation::Tanh, true);
    let (targets, factor, outputs) = (case.targets(), case.factor, case.outputs);
    let slopes = move |found: Tensor<2>, classes: std::ops::Range<usize>| {
        let rows = classes.map(|class| {
            let of_class = of_class(class);
            let entry = |at: usize| f64::from(u8::from(of_class.contains(&(at / outputs))));
            let mask = (0..SAMPLES * outputs).map(entry).collect();
            let scale = 2.0 * factor / of_class.len() as f64;
            (found.clone() - targets.clone()) * tensor(mask, [SAMPLES, outputs]) * scale
        });
        let rows = rows.map(|row| row.reshape([1, SAMPLES * outputs]));
        Tensor::cat(rows.collect(), 0)
    };
    let classes = Classes {
        count: 3,
        slopes: Box::new(slopes),
    };
    let subspace = Subspace::new(Schedule { every: 3, from: 1 }, count, 1);
    let subspace = subspace.with_classes(classes);
    let (problem, kept) = measured(&case, count + 1, decay, subspace);
    let (_, theta) = case.build(&case.weights());
    let mut theta = values(theta);
    let mut velocity = vec![0.0; theta.len()];
    for step in 0..STEPS as usize {
        let found = kept.column("subspace_class_share")[step];
        assert_eq!(found.is_some(), step % 3 == 1);
        if let Some(found) = found {
            let span = span(&problem, &theta, count);
            let shares = (0..3).map(|class| {
                let samples = of_class(class);
                let mut g: Vec<f64> = theta.iter().map(|t| decay * t).collect();
                for &sample in &samples {
                    let alone = Problem::new(case.of_sample(sample));
                    g = moved(&g, &gradient(&alone, &theta), 1.0 / samples.len() as f64);
                }
                share(&span, &g)
            });
            let expected = shares.sum::<f64>() / 3.0;
            let error = kept.column("subspace_error")[step].unwrap();
            assert!(
                (found - expected).abs() < error + 1e-12 && error < 1e-4,
                "step {step}: {found} for {expected}"
            );
        }
        let g = moved(&gradient(&problem, &theta), &theta, decay);
        velocity = moved(&g, &velocity, MOMENTUM);
        theta = moved(&theta, &velocity, -STEP_SIZE);
    }
}

/// A quadratic has one Hessian, whose span of both vectors of a double eigenvalue is one span.
#[test]
fn the_span_of_a_quadratic_does_not_turn() {
    let mut case = Case::new(Activation::Linear, true);
    case.hidden.clear();
    let of = |count, solved| {
        let subspace = Subspace::new(Schedule::default(), count, 1);
        measured(&case, solved, 0.0, subspace).1
    };
    let both = of(2, 3);
    let overlaps = both.column("subspace_overlap");
    assert_eq!(overlaps[0], None);
    for overlap in &overlaps[1..] {
        assert!((overlap.unwrap() - 1.0).abs() < 1e-8, "{overlap:?}");
    }
    assert_eq!(both.column("subspace_update_share")[0], None);
    assert!(both.column("subspace_error").iter().all(Option::is_some));
    // One vector of two is any of their span, and of as many as are solved for little is known.
    for unknown in [of(1, 3), of(2, 2)] {
        assert!(unknown.column("subspace_error").iter().all(Option::is_none));
    }
    let whole = of(16, 16).column("subspace_gradient_share");
    assert!(
        whole
            .iter()
            .all(|share| (share.unwrap() - 1.0).abs() < 1e-9)
    );
}
