//! The step along the gradient against losses along the line and a closed form, in float64.

use std::sync::atomic::AtomicBool;

use brink_dynamics::measurement::{Measurement, Schedule, Step};
use brink_dynamics::{Problem, Settings, run};
use brink_model::Activation;

use crate::dense::{dot, gradient, moved};
use crate::networks::{Case, FEATURES, Kept, SAMPLES, tensor, values};

fn measured(case: &Case, settings: &Settings) -> (Problem<2>, Vec<f64>, Kept) {
    let (problem, theta) = case.build(&case.weights());
    let step: Box<dyn Measurement<2>> = Box::new(Step::new(Schedule::default()));
    let (mut kept, never) = (Kept::default(), AtomicBool::new(false));
    let (mut measurements, start) = ([step], theta.clone());
    let mut observers: [&mut dyn brink_dynamics::observer::Observer; 1] = [&mut kept];
    run(
        &problem,
        start,
        settings,
        &mut measurements,
        &mut observers,
        &never,
    )
    .unwrap();
    (problem, values(theta), kept)
}

fn close(found: f64, expected: f64, relative: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs();
    assert!(error < relative, "{what}: {found} for {expected}");
}

/// A network without hidden layers is a quadratic: H maps the weights G to 2κ/n Σ (G x)xᵀ, with a 1
/// behind each x for the bias.
#[test]
fn on_a_quadratic_all_is_known() {
    let mut case = Case::new(Activation::Linear, true);
    case.hidden.clear();
    for step_size in [0.01, 0.1, 1.7] {
        let (_, theta, kept) = measured(&case, &Settings::gradient_descent(step_size, 4));
        let (inputs, targets) = (values(case.inputs()), values(case.targets()));
        let outputs = case.outputs;
        // θ is the bias and the weight in the order of the layout: found by their sizes.
        let (problem, _) = case.build(&case.weights());
        let at = |name: &str| problem.objective.layout().get(name).unwrap().offset;
        let (weight, bias) = (at("layers.0.weight"), at("layers.0.bias"));
        let apply = |theta: &[f64], sample: usize, output: usize| -> f64 {
            let of = |i: usize| theta[weight + i * outputs + output];
            let weighted = (0..FEATURES).map(|i| of(i) * inputs[sample * FEATURES + i]);
            weighted.sum::<f64>() + theta[bias + output]
        };
        let pairs = || (0..SAMPLES).flat_map(|s| (0..outputs).map(move |o| (s, o)));
        let scale = 2.0 * case.factor / SAMPLES as f64;
        let mut theta = theta;
        for step in 0..4 {
            let mut g = vec![0.0; theta.len()];
            for (s, o) in pairs() {
                let residual = scale * (apply(&theta, s, o) - targets[s * outputs + o]);
                for i in 0..FEATURES {
                    g[weight + i * outputs + o] += residual * inputs[s * FEATURES + i];
                }
                g[bias + o] += residual;
            }
            let curved: f64 = pairs().map(|(s, o)| scale * apply(&g, s, o).powi(2)).sum();
            let sharpness = curved / dot(&g, &g);
            let column = |name: &str| kept.column(name)[step].unwrap();
            close(
                column("directional_sharpness"),
                sharpness,
                1e-12,
                "gᵀHg/‖g‖²",
            );
            close(column("critical_sharpness"), sharpness, 1e-9, "2/η_c");
            let progress = 0.5 * step_size * sharpness - 1.0;
            assert!((column("relative_progress") - progress).abs() < 1e-9);
            assert!((2.0..=51.0).contains(&column("critical_evaluations")));
            theta = moved(&theta, &g, -step_size);
        }
    }
}

#[test]
fn on_a_network_it_is_that_of_losses_along_the_line() {
    for (activation, decay) in [(Activation::Tanh, 0.0), (Activation::Gelu, 0.05)] {
        let case = Case::new(activation, true);
        let settings = Settings {
            weight_decay: decay,
            ..Settings::gradient_descent(0.3, 6)
        };
        let (problem, mut theta, kept) = measured(&case, &settings);
        let loss = |theta: &[f64]| {
            let tensor = tensor(theta.to_vec(), [theta.len()]);
            let loss = values(problem.objective.evaluate(&tensor).unwrap().loss)[0];
            loss + 0.5 * decay * dot(theta, theta)
        };
        for step in 0..6 {
            let g = moved(&gradient(&problem, &theta), &theta, decay);
            let column = |name: &str| kept.column(name)[step].unwrap();
            let along = |by: f64| loss(&moved(&theta, &g, -by));
            close(kept.records[step].loss, along(0.0), 1e-14, "L");
            // Central differences of the fourth order.
            let h = 1e-2;
            let (near, far) = (along(h) + along(-h), along(2.0 * h) + along(-2.0 * h));
            let second = (16.0 * near - far - 30.0 * along(0.0)) / (12.0 * h * h);
            let squared = dot(&g, &g);
            close(
                column("directional_sharpness"),
                second / squared,
                1e-6,
                "gᵀHg/‖g‖²",
            );

            let progress = (along(0.3) - along(0.0)) / (0.3 * squared);
            close(column("relative_progress"), progress, 1e-9, "progress");
            if step < 5 {
                let next = kept.records[step + 1].loss;
                let taken = (next - kept.records[step].loss) / (0.3 * squared);
                close(column("relative_progress"), taken, 1e-9, "the step taken");
            }
            // No longer step on a fine grid below η_c raises the loss, and those just above do.
            let critical = 2.0 / column("critical_sharpness");
            let raises = |share: f64| along(share * critical) > along(0.0);
            assert!((1..=999).all(|share| !raises(f64::from(share) / 1000.0)));
            assert!(raises(1.001));
            theta = moved(&theta, &g, -0.3);
        }
    }
}

#[test]
fn a_step_of_size_zero_has_no_progress() {
    let case = Case::new(Activation::Tanh, true);
    let settings = Settings {
        step_sizes: brink_dynamics::optimizer::StepSizes::LinearWarmup {
            from: 0.0,
            steps: 2,
        },
        ..Settings::gradient_descent(0.2, 3)
    };
    let (_, _, kept) = measured(&case, &settings);
    let progress = kept.column("relative_progress");
    assert_eq!(progress[0], None);
    assert!(progress[1..].iter().all(Option::is_some));
    assert!(
        kept.column("critical_sharpness")
            .iter()
            .all(Option::is_some)
    );
}
