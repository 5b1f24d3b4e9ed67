//! Runs in float32 whose numbers, or their squares, are near or beyond the ends of its range.
#![cfg(feature = "flex")]

use std::sync::atomic::AtomicBool;

use brink_dynamics::eigen::{EigenError, Params};
use brink_dynamics::measurement::Schedule;
use brink_dynamics::observer::{Observer, ObserverError, Outcome, RunSummary};
use brink_dynamics::record::{EigenvalueKind, StepRecord};
use brink_dynamics::{Between, EigenvalueSettings, LayerWeight, Problem, RunError, Settings, run};
use brink_linearize::{Batch, Objective};
use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};

/// θ, with the loss ½ Σ hᵢ θᵢ².
#[derive(Module, Debug)]
struct Point {
    weight: Param<Tensor<2>>,
}

fn row(values: &[f64], dtype: DType) -> Tensor<2> {
    let data = TensorData::new(values.to_vec(), [1, values.len()]);
    Tensor::from_data(data, (&Device::flex(), dtype))
}

fn quadratic(curvatures: &[f64], start: f64, dtype: DType) -> (Problem<2>, Tensor<1>) {
    let module = Point {
        weight: Param::from_tensor(row(&vec![start; curvatures.len()], dtype)),
    };
    let batch = Batch::new().with(row(curvatures, dtype));
    let objective = Objective::trace(
        &module,
        &batch,
        |module: &Point, _| module.weight.val(),
        |theta, batch| (theta.clone() * theta * batch.float::<2>(0)).sum() * 0.5,
    )
    .unwrap();
    let theta = objective.layout().flatten(&module);
    let problem = Problem {
        objective,
        fixed_parameters: 0,
        layers: vec![LayerWeight::new("only", "weight")],
        accuracy: None,
        minibatches: None,
    };
    (problem, theta)
}

#[derive(Default)]
struct Keep {
    steps: Vec<StepRecord>,
    finished: Vec<RunSummary>,
}

impl Observer for Keep {
    fn name(&self) -> &'static str {
        "keep"
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        self.steps.push(record.clone());
        Ok(())
    }

    fn finish(&mut self, summary: &RunSummary) -> Result<(), ObserverError> {
        self.finished.push(summary.clone());
        Ok(())
    }
}

fn settings(count: usize, smallest: usize) -> Settings {
    Settings {
        eigenvalues: Some(EigenvalueSettings {
            above: None,
            solver: Params {
                count,
                ..Params::default()
            },
            smallest,
            schedule: Schedule { every: 2, from: 0 },
            between: Between::RayleighQuotient,
        }),
        ..Settings::gradient_descent(0.0, 3)
    }
}

fn follow(
    (problem, theta): (Problem<2>, Tensor<1>),
    settings: &Settings,
) -> Result<Keep, RunError> {
    let mut keep = Keep::default();
    let never = AtomicBool::new(false);
    run(&problem, theta, settings, &mut [], &mut [&mut keep], &never)?;
    Ok(keep)
}

/// 1, 0.8, 0.8², … and −1/2, −1/4 at the other end.
fn curvatures(dim: usize) -> Vec<f64> {
    let mut all: Vec<f64> = (0..dim as i32 - 2).map(|i| 0.8_f64.powi(i)).collect();
    all.extend([-0.25, -0.5]);
    all
}

fn close(a: f64, b: f64, relative: f64) {
    assert!((a - b).abs() <= relative * b.abs(), "{a} for {b}");
}

#[test]
fn eigenvalues_and_norms_of_any_size() {
    // Small enough to be decomposed whole, and large enough to be searched.
    for dim in [8, 60] {
        for scale in [1e-33, 1e-25, 1e-14, 1.0, 1e14, 1e25, 1e33] {
            let curvatures: Vec<f64> = curvatures(dim).iter().map(|h| h * scale).collect();
            let keep = follow(quadratic(&curvatures, 1.0, DType::F32), &settings(2, 1)).unwrap();
            assert_eq!(
                keep.finished[0].outcome,
                Outcome::Completed,
                "{dim} {scale:e}"
            );
            let gradient = curvatures.iter().map(|h| (h / scale).powi(2)).sum::<f64>();
            for record in &keep.steps {
                close(record.gradient_norm, gradient.sqrt() * scale, 1e-5);
                close(record.weight_norm_sq[0], dim as f64, 1e-6);
                let all = record.eigenvalues.iter().chain(&record.smallest);
                for (found, exact) in all.zip([1.0, 0.8, -0.5]) {
                    close(found.value, exact * scale, 1e-3);
                    let off = (found.value - exact * scale).abs();
                    let solved = found.kind == EigenvalueKind::Solved;
                    assert_eq!(solved, record.step % 2 == 0);
                    // A Rayleigh quotient's bound leaves out the rounding of the product.
                    assert!(off <= found.error_bound || !solved, "{found:?}");
                    assert!(found.converged || !solved, "{dim} {scale:e}: {found:?}");
                }
            }
        }
    }
}

#[test]
fn parameters_of_any_size() {
    for start in [1e-30, 1e-22, 1e18] {
        let keep = follow(
            quadratic(&curvatures(40), start, DType::F32),
            &settings(1, 0),
        );
        let keep = keep.unwrap();
        let squares = curvatures(40).iter().map(|h| h * h).sum::<f64>();
        for record in &keep.steps {
            close(record.gradient_norm, squares.sqrt() * start, 1e-5);
            close(record.weight_norm_sq[0], 40.0 * start * start, 1e-6);
            close(record.eigenvalues[0].value, 1.0, 1e-3);
            close(
                record.gradient_alignment.unwrap(),
                1.0 / squares.sqrt(),
                2e-2,
            );
        }
    }
}

#[test]
fn what_float32_cannot_resolve_is_not_converged() {
    for dim in [8, 60] {
        for scale in [1e-42, 1e-50, 0.0] {
            let curvatures: Vec<f64> = curvatures(dim).iter().map(|h| h * scale).collect();
            let keep = follow(quadratic(&curvatures, 1.0, DType::F32), &settings(2, 1)).unwrap();
            for record in &keep.steps {
                for found in record.eigenvalues.iter().chain(&record.smallest) {
                    assert!(!found.converged, "{dim} {scale:e}: {found:?}");
                    assert!(
                        found.error_bound > found.value.abs().max(scale),
                        "{found:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_float32_cannot_hold_ends_the_run() {
    let (problem, theta) = quadratic(&[1e30; 5], 1e12, DType::F32);
    let keep = follow((problem, theta), &settings(1, 0)).unwrap();
    let Outcome::Diverged { what } = &keep.finished[0].outcome else {
        panic!("{:?}", keep.finished[0].outcome);
    };
    assert!(what.contains("the loss"), "{what}");
}

#[test]
fn ordinary_operators_cost_no_more_read_backs() {
    let keep = follow(quadratic(&curvatures(60), 1.0, DType::F32), &settings(1, 0)).unwrap();
    let small: Vec<f64> = curvatures(60).iter().map(|h| h * 1e-25).collect();
    let scaled = follow(quadratic(&small, 1.0, DType::F32), &settings(1, 0)).unwrap();
    let count = |keep: &Keep, name: &str| {
        let counters = &keep.finished[0].counters;
        counters.iter().find(|(n, _)| n == name).unwrap().1
    };
    // The search at the scale that was found is the ordinary one; the one that found it is extra.
    let iterations = ["eigensolver_iterations", "eigensolver_read_backs"];
    let [ordinary, other] = [&keep, &scaled].map(|keep| iterations.map(|name| count(keep, name)));
    assert!(other[0] <= ordinary[0] + 2, "{ordinary:?} {other:?}");
    assert!(
        other[1] > ordinary[1] && other[1] <= ordinary[1] + 6,
        "{ordinary:?} {other:?}"
    );
}

#[test]
fn flat_directions_fill_the_spectrum_up() {
    let curvatures = [4.0, 3.0, 1.0, 0.5, -0.25, -0.5];
    for (count, smallest) in [(6, 6), (7, 8), (10, 10), (1, 10), (10, 0)] {
        let (mut problem, theta) = quadratic(&curvatures, 1.0, DType::F64);
        problem.fixed_parameters = 4;
        let keep = follow((problem, theta), &settings(count, smallest)).unwrap();
        let all = [4.0, 3.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, -0.25, -0.5];
        for record in &keep.steps {
            assert_eq!(record.eigenvalues.len(), count);
            assert_eq!(record.smallest.len(), smallest);
            let largest = (1..).zip(record.eigenvalues.iter().zip(all));
            let reversed = all.into_iter().rev();
            let smallest = (1..).zip(record.smallest.iter().zip(reversed));
            let ends = largest.map(|e| (1, e)).chain(smallest.map(|e| (-1, e)));
            for (sign, (place, (found, exact))) in ends {
                assert_eq!(found.index, sign * place);
                assert!((found.value - exact).abs() < 1e-12, "{found:?} for {exact}");
                assert!(found.converged || record.step == 1, "{found:?}");
                assert!(exact != 0.0 || found.value == 0.0 && found.error_bound == 0.0);
            }
        }
    }
    for (count, smallest) in [(11, 0), (1, 11)] {
        let (mut problem, theta) = quadratic(&curvatures, 1.0, DType::F64);
        problem.fixed_parameters = 4;
        let refused = follow((problem, theta), &settings(count, smallest)).err();
        assert!(
            matches!(
                refused,
                Some(RunError::Eigen {
                    source: EigenError::CountExceedsDimension { count: 11, dim: 10 },
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}

/// Nine of ten right is 0.9, in float32 too.
#[test]
fn accuracies_are_counts() {
    for dtype in [DType::F32, DType::F64] {
        let (mut problem, theta) = quadratic(&[1.0, 0.5], 1.0, dtype);
        let device = Device::flex();
        problem.accuracy = Some(Box::new(move |_| {
            let right = (0..10).map(|sample| f64::from(u8::from(sample != 3)));
            let right: Vec<f64> = right.collect();
            Tensor::from_data(TensorData::new(right, [10]), (&device, dtype))
        }));
        let mut goal = settings(1, 0);
        goal.stop_accuracy = Some(0.9);
        let keep = follow((problem, theta), &goal).unwrap();
        assert_eq!(
            keep.finished[0].outcome,
            Outcome::AccuracyGoal { goal: 0.9 }
        );
        assert_eq!(keep.steps.len(), 1);
        assert_eq!(keep.steps[0].train_accuracy, Some(0.9));
    }
}
