//! Batch sharpness against the average over all batches of a small set, from losses and gradients of
//! single samples, in float64.

use std::sync::atomic::AtomicBool;

use brink_dynamics::measurement::{BatchSharpness, Measurement, Schedule};
use brink_dynamics::observer::Observer;
use brink_dynamics::{Problem, Settings, run};
use brink_model::Activation;
use faer::{Mat, Side};

use crate::dense::{dot, gradient, hessian, moved};
use crate::networks::{Case, Kept, SAMPLES, tensor, values};

const STEP_SIZE: f64 = 0.2;

/// Three steps of gradient descent, with batch sharpness to `relative_error`.
fn measured(case: &Case, size: usize, decay: f64, (error, draws): (f64, u64)) -> Kept {
    let batches = case.batches(size, 4);
    let batches = BatchSharpness::new(Schedule::default(), batches, error, draws);
    followed(case, decay, batches)
}

fn followed(case: &Case, decay: f64, batches: BatchSharpness<2>) -> Kept {
    let (problem, theta) = case.build(&case.weights());
    let settings = Settings {
        weight_decay: decay,
        ..Settings::gradient_descent(STEP_SIZE, 3)
    };
    let mut measurements: [Box<dyn Measurement<2>>; 1] = [Box::new(batches)];
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
    kept
}

/// Every set of `size` samples.
fn subsets(size: usize) -> Vec<Vec<usize>> {
    let all = 0u32..1 << SAMPLES;
    all.filter(|set| set.count_ones() as usize == size)
        .map(|set| (0..SAMPLES).filter(|i| set >> i & 1 == 1).collect())
        .collect()
}

/// Mean and standard deviation.
fn mean(of: &[f64]) -> (f64, f64) {
    let mean = of.iter().sum::<f64>() / of.len() as f64;
    let spread = of.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, (spread / of.len() as f64).sqrt())
}

#[test]
fn it_is_the_average_over_all_batches() {
    for (activation, size, decay) in [
        (Activation::Tanh, 3, 0.0),
        (Activation::Gelu, 2, 0.05),
        (Activation::Linear, 1, 0.0),
    ] {
        let case = Case::new(activation, true);
        let kept = measured(&case, size, decay, (0.01, 2000));
        let (problem, theta) = case.build(&case.weights());
        let mut theta = values(theta);
        let samples: Vec<_> = (0..SAMPLES).map(|sample| case.of_sample(sample)).collect();
        for step in 0..3 {
            let column = |name: &str| kept.column(name)[step].unwrap();
            let slopes: Vec<Vec<f64>> = samples
                .iter()
                .map(|sample| {
                    let at = tensor(theta.clone(), [theta.len()]);
                    values(sample.gradient(&at).unwrap().gradient)
                })
                .collect();
            let whole = moved(&gradient(&problem, &theta), &theta, decay);
            let (mut curvatures, mut noise) = (Vec::new(), Vec::new());
            for batch in subsets(size) {
                let share = 1.0 / size as f64;
                let mut g: Vec<f64> = theta.iter().map(|t| decay * t).collect();
                for &sample in &batch {
                    g = moved(&g, &slopes[sample], share);
                }
                // The curvature of the batch's loss along g, by differences of the fourth order.
                let norm = dot(&g, &g).sqrt();
                let h = 1e-2;
                let loss = |by: f64| {
                    let at = moved(&theta, &g, by * h / norm);
                    let of = |sample: &usize| {
                        let at = tensor(at.clone(), [at.len()]);
                        values(samples[*sample].evaluate(&at).unwrap().loss)[0]
                    };
                    share * batch.iter().map(of).sum::<f64>() + 0.5 * decay * dot(&at, &at)
                };
                let (near, far) = (loss(1.0) + loss(-1.0), loss(2.0) + loss(-2.0));
                curvatures.push((16.0 * near - far - 30.0 * loss(0.0)) / (12.0 * h * h));
                let apart = moved(&g, &whole, -1.0);
                noise.push(dot(&apart, &apart));
            }
            let (expected, deviation) = mean(&curvatures);
            let draws = column("batch_sharpness_draws");
            let error = column("batch_sharpness_stderr");
            let name = format!("{activation:?}, step {step}: {error} after {draws}");
            let off = column("batch_sharpness") - expected;
            assert!(off.abs() < 4.0 * error, "{off} from {expected}, {name}");
            assert!(error <= 0.0101 * expected || draws == 2000.0, "{name}");
            let theory = deviation / draws.sqrt();
            assert!((error / theory - 1.0).abs() < 0.25, "{theory}, {name}");

            let (expected, deviation) = mean(&noise);
            let off = column("gradient_noise_trace") - expected;
            assert!(off.abs() < 4.0 * deviation / draws.sqrt(), "{off}, {name}");
            // The trace of the covariance of a mean of samples drawn without replacement.
            let apart = slopes.iter().map(|slope| {
                let apart = moved(&moved(slope, &theta, decay), &whole, -1.0);
                dot(&apart, &apart)
            });
            let of_samples = apart.sum::<f64>() / SAMPLES as f64;
            let left = (SAMPLES - size) as f64 / (SAMPLES - 1) as f64;
            assert!((of_samples * left / size as f64 / expected - 1.0).abs() < 1e-9);
            theta = moved(&theta, &whole, -STEP_SIZE);
        }
    }
}

#[test]
fn draws_stop_at_their_most_and_at_their_fewest() {
    let case = Case::new(Activation::Tanh, true);
    for (goal, expected) in [((1e-9, 40), 40.0), ((0.9, 40), 16.0), ((0.9, 5), 5.0)] {
        let kept = measured(&case, 3, 0.0, goal);
        let draws = kept.column("batch_sharpness_draws");
        assert!(
            draws.iter().all(|draws| *draws == Some(expected)),
            "{draws:?}"
        );
    }
}

/// λ₁ of the whole Hessian of each batch that is drawn, formed from those of single samples.
#[test]
fn the_mean_eigenvalue_is_that_of_dense_hessians_of_the_batches() {
    let (draws, decay) = (400, 0.05);
    let case = Case::new(Activation::Tanh, true);
    for size in [2, SAMPLES] {
        let batches = BatchSharpness::new(Schedule::default(), case.batches(size, 4), 0.5, 16);
        let batches = batches.with_eigenvalues(draws, 1e-9).unwrap();
        let kept = followed(&case, decay, batches);
        let (problem, theta) = case.build(&case.weights());
        let mut theta = values(theta);
        for step in 0..3 {
            let of_sample = |sample| hessian(&Problem::new(case.of_sample(sample)), &theta);
            let samples: Vec<Mat<f64>> = (0..SAMPLES).map(of_sample).collect();
            let largest: Vec<f64> = (subsets(size).iter())
                .map(|batch| {
                    let zero = Mat::zeros(theta.len(), theta.len());
                    let sum = batch.iter().fold(zero, |sum, &i| sum + &samples[i]);
                    let found = sum.self_adjoint_eigenvalues(Side::Lower).unwrap();
                    found[theta.len() - 1] / size as f64 + decay
                })
                .collect();
            let (expected, deviation) = mean(&largest);
            let column = |name: &str| kept.column(name)[step].unwrap();
            let (found, error) = (
                column("batch_lambda_max"),
                column("batch_lambda_max_stderr"),
            );
            if size == SAMPLES {
                assert!((found / expected - 1.0).abs() < 1e-8, "{found}, {expected}");
                assert_eq!(error, 0.0);
            } else {
                let theory = deviation / (draws as f64).sqrt();
                assert!((error / theory - 1.0).abs() < 0.15, "{error} for {theory}");
                assert!(
                    (found - expected).abs() < 4.0 * theory,
                    "{found}, {expected}"
                );
            }
            let whole = moved(&gradient(&problem, &theta), &theta, decay);
            theta = moved(&theta, &whole, -STEP_SIZE);
        }
    }
    // Where it is not asked for there is no column.
    let columns = measured(&case, 2, 0.0, (0.5, 16)).columns;
    assert!(!columns.iter().any(|name| name.starts_with("batch_lambda")));
}

/// Then it is the directional sharpness, and there is nothing random.
#[test]
fn a_batch_of_all_samples_is_drawn_once() {
    let case = Case::new(Activation::Tanh, true);
    let kept = measured(&case, SAMPLES, 0.05, (0.01, 1000));
    let (problem, theta) = case.build(&case.weights());
    let start = values(theta.clone());
    let g = moved(&gradient(&problem, &start), &start, 0.05);
    let mut at = problem.objective.linearize(&theta).unwrap();
    let image = values(at.hvp(tensor(g.clone(), [1, g.len()])).unwrap());
    let expected = dot(&g, &image) / dot(&g, &g) + 0.05;
    let column = |name: &str| kept.column(name)[0].unwrap();
    assert!((column("batch_sharpness") / expected - 1.0).abs() < 1e-12);
    assert_eq!(column("batch_sharpness_stderr"), 0.0);
    assert_eq!(column("batch_sharpness_draws"), 1.0);
    assert!(column("gradient_noise_trace") < 1e-25);
}
