//! Runs on a quadratic, whose every iterate is known.

use std::sync::atomic::{AtomicBool, Ordering};

use brink_dynamics::eigen::Params;
use brink_dynamics::measurement::{Iterate, MeasureError, Measurement, Schedule};
use brink_dynamics::observer::{Observer, ObserverError, Outcome, RunSummary};
use brink_dynamics::record::{EigenvalueKind, StepRecord};
use brink_dynamics::state::Memory;
use brink_dynamics::{
    Between, Column, EigenvalueSettings, Finished, LayerWeight, Problem, RunError, Settings, run,
};
use brink_linearize::{Batch, Objective};
use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};

const CURVATURES: [f64; 6] = [4.0, 3.0, 1.0, 0.5, 0.25, -0.5];
const START: [f64; 6] = [1.0, -1.0, 2.0, 0.5, -0.25, 0.125];

/// θ, with the loss ½ Σ hᵢ θᵢ².
#[derive(Module, Debug)]
struct Point {
    weight: Param<Tensor<2>>,
}

fn quadratic() -> (Problem<2>, Tensor<1>) {
    let device = Device::flex();
    let row = |values: &[f64]| -> Tensor<2> {
        let data = TensorData::new(values.to_vec(), [1, values.len()]);
        Tensor::from_data(data, (&device, DType::F64))
    };
    let module = Point {
        weight: Param::from_tensor(row(&START)),
    };
    let batch = Batch::new().with(row(&CURVATURES));
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

fn settings(step_size: f64, steps: u64) -> Settings {
    Settings {
        eigenvalues: Some(EigenvalueSettings {
            above: None,
            solver: Params {
                count: 2,
                relative_tolerance: 1e-9,
                ..Params::default()
            },
            smallest: 1,
            schedule: Schedule::default(),
            between: Between::Skip,
        }),
        ..Settings::gradient_descent(step_size, steps)
    }
}

#[derive(Default)]
struct Keep {
    steps: Vec<StepRecord>,
    started: usize,
    finished: Vec<RunSummary>,
    fail_at: Option<u64>,
    interrupt_at: Option<u64>,
}

static INTERRUPT: AtomicBool = AtomicBool::new(false);

impl Observer for Keep {
    fn name(&self) -> &'static str {
        "keep"
    }

    fn start(&mut self, _: &brink_dynamics::record::RunHeader) -> Result<(), ObserverError> {
        self.started += 1;
        Ok(())
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        if self.fail_at == Some(record.step) {
            return Err("the disk is full".into());
        }
        if self.interrupt_at == Some(record.step) {
            INTERRUPT.store(true, Ordering::Relaxed);
        }
        self.steps.push(record.clone());
        Ok(())
    }

    fn finish(&mut self, summary: &RunSummary) -> Result<(), ObserverError> {
        self.finished.push(summary.clone());
        Ok(())
    }
}

fn follow(settings: &Settings, keep: &mut Keep) -> Result<Finished, RunError> {
    let (problem, theta) = quadratic();
    let never = AtomicBool::new(false);
    let flag = if keep.interrupt_at.is_some() {
        &INTERRUPT
    } else {
        &never
    };
    run(&problem, theta, settings, &mut [], &mut [keep], flag)
}

/// θᵢ after t steps is (1 − ηhᵢ)^t θᵢ(0).
#[test]
fn every_iterate_of_a_quadratic() {
    let step_size = 0.3;
    let mut keep = Keep::default();
    let finished = follow(&settings(step_size, 20), &mut keep).unwrap();
    assert_eq!(finished.summary.outcome, Outcome::Completed);
    assert_eq!(
        (keep.started, keep.steps.len(), keep.finished.len()),
        (1, 20, 1)
    );
    for (t, record) in keep.steps.iter().enumerate() {
        let theta = |i: usize| START[i] * (1.0 - step_size * CURVATURES[i]).powi(t as i32);
        let sum = |f: &dyn Fn(usize) -> f64| (0..6).map(f).sum::<f64>();
        let loss = sum(&|i| 0.5 * CURVATURES[i] * theta(i).powi(2));
        let gradient = sum(&|i| (CURVATURES[i] * theta(i)).powi(2)).sqrt();
        let norm = sum(&|i| theta(i).powi(2));
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{a} {b}");
        assert_eq!(record.step, t as u64);
        close(record.time, step_size * t as f64);
        close(record.loss, loss);
        close(record.gradient_norm, gradient);
        close(record.output_norm_sq.unwrap(), norm);
        close(record.threshold.unwrap(), 2.0 / step_size);
        let values: Vec<f64> = record.eigenvalues.iter().map(|e| e.value).collect();
        close(values[0], 4.0);
        close(values[1], 3.0);
        close(record.smallest[0].value, -0.5);
        assert_eq!(record.smallest[0].index, -1);
        assert!(record.eigenvalues.iter().all(|e| e.converged));
        let top = (CURVATURES[0] * theta(0)).abs() / gradient;
        assert!((record.gradient_alignment.unwrap() - top).abs() < 1e-6);
    }
}

#[test]
fn divergence_is_an_outcome_that_keeps_the_trace() {
    let mut keep = Keep::default();
    let finished = follow(&settings(1e60, 50), &mut keep).unwrap();
    let Outcome::Diverged { what } = &finished.summary.outcome else {
        panic!("{:?}", finished.summary.outcome);
    };
    assert!(what.contains("at step"), "{what}");
    assert!(!keep.steps.is_empty() && keep.steps.len() < 50);
    assert_eq!(keep.finished.len(), 1);
    let theta: Vec<f64> = finished.theta.into_data().iter::<f64>().collect();
    assert!(theta.iter().all(|x| x.is_finite()));
}

#[test]
fn goals_end_a_run() {
    let mut goal = settings(0.1, 500);
    goal.stop_loss = Some(1.0);
    let mut keep = Keep::default();
    let finished = follow(&goal, &mut keep).unwrap();
    assert_eq!(finished.summary.outcome, Outcome::LossGoal { goal: 1.0 });
    let last = keep.steps.last().unwrap().loss;
    assert!(last <= 1.0 && keep.steps[keep.steps.len() - 2].loss > 1.0);
}

#[test]
fn an_interrupt_ends_a_run_after_its_step() {
    let mut keep = Keep {
        interrupt_at: Some(3),
        ..Keep::default()
    };
    let finished = follow(&settings(0.1, 50), &mut keep).unwrap();
    assert_eq!(finished.summary.outcome, Outcome::Interrupted);
    assert_eq!(finished.summary.steps_recorded, 4);
}

#[test]
fn a_failing_observer_is_named_and_all_are_told_of_the_end() {
    let mut keep = Keep {
        fail_at: Some(2),
        ..Keep::default()
    };
    let finished = follow(&settings(0.1, 50), &mut keep).unwrap();
    assert!(
        matches!(
            &finished.errors[..],
            [RunError::Observer {
                observer: "keep",
                step: 2,
                ..
            }]
        ),
        "{:?}",
        finished.errors
    );
    assert!(
        matches!(&keep.finished[0].outcome, Outcome::Failed { message } if message.contains("disk"))
    );
}

/// As Burn does when the device is out of memory.
struct PanicsAt(u64);

impl Memory for PanicsAt {}

impl Measurement<2> for PanicsAt {
    fn name(&self) -> &'static str {
        "panics"
    }

    fn columns(&self) -> Vec<Column> {
        vec![Column::new("panics", "nothing")]
    }

    fn wants(&self, _: u64) -> bool {
        true
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, 2>) -> Result<Vec<Option<f64>>, MeasureError> {
        assert!(at.step < self.0, "out of device memory");
        Ok(vec![None])
    }
}

#[test]
fn a_panic_ends_a_run_like_any_failure() {
    let (problem, theta) = quadratic();
    let never = AtomicBool::new(false);
    let mut keep = Keep::default();
    let finished = run(
        &problem,
        theta,
        &settings(0.3, 50),
        &mut [Box::new(PanicsAt(2))],
        &mut [&mut keep],
        &never,
    )
    .unwrap();
    let message = "at step 2: the computation stopped: out of device memory";
    assert_eq!(finished.errors.len(), 1);
    assert_eq!(finished.errors[0].to_string(), message);
    assert_eq!((keep.started, keep.steps.len()), (1, 2));
    let [summary] = &keep.finished[..] else {
        panic!("told of the end {} times", keep.finished.len());
    };
    assert_eq!(summary.steps_recorded, 2);
    let failed = Outcome::Failed {
        message: message.to_owned(),
    };
    assert_eq!(summary.outcome, failed);
    // The parameters are those after the two steps that were taken.
    let theta: Vec<f64> = finished.theta.into_data().iter::<f64>().collect();
    for i in 0..6 {
        let expected = START[i] * (1.0 - 0.3 * CURVATURES[i]).powi(2);
        assert!((theta[i] - expected).abs() < 1e-14, "{theta:?}");
    }
}

/// Fails or panics when it is told of the start or the end.
struct Broken {
    at_start: bool,
    panics: bool,
}

impl Observer for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn start(&mut self, _: &brink_dynamics::record::RunHeader) -> Result<(), ObserverError> {
        if self.at_start {
            return Err("no room".into());
        }
        Ok(())
    }

    fn finish(&mut self, _: &RunSummary) -> Result<(), ObserverError> {
        assert!(!self.panics, "cannot draw");
        Err("no room".into())
    }
}

#[test]
fn what_fails_at_the_end_keeps_nobody_from_finishing() {
    for panics in [false, true] {
        let (problem, theta) = quadratic();
        let never = AtomicBool::new(false);
        let (mut keep, at_start) = (Keep::default(), false);
        let mut broken = [(); 2].map(|()| Broken { at_start, panics });
        let [first, second] = &mut broken;
        let observers: &mut [&mut dyn Observer] = &mut [first, &mut keep, second];
        let settings = settings(0.1, 4);
        let finished = run(&problem, theta, &settings, &mut [], observers, &never).unwrap();
        assert_eq!(finished.summary.outcome, Outcome::Completed);
        assert_eq!((keep.steps.len(), keep.finished.len()), (4, 1));
        assert_eq!(finished.errors.len(), 2, "{:?}", finished.errors);
    }
}

#[test]
fn a_run_that_cannot_be_recorded_ends_for_all_observers() {
    let (problem, theta) = quadratic();
    let never = AtomicBool::new(false);
    let mut keep = Keep::default();
    let mut broken = Broken {
        at_start: true,
        panics: false,
    };
    let observers: &mut [&mut dyn Observer] = &mut [&mut keep, &mut broken];
    let settings = settings(0.1, 4);
    let finished = run(&problem, theta, &settings, &mut [], observers, &never).unwrap();
    assert!(matches!(finished.summary.outcome, Outcome::Failed { .. }));
    assert_eq!((keep.steps.len(), keep.finished.len()), (0, 1));
}

#[test]
fn eigenvalues_keep_their_schedule() {
    let mut sparse = settings(0.1, 12);
    if let Some(eigenvalues) = &mut sparse.eigenvalues {
        eigenvalues.schedule = Schedule { every: 4, from: 2 };
    }
    let mut keep = Keep::default();
    follow(&sparse, &mut keep).unwrap();
    let measured: Vec<u64> = keep
        .steps
        .iter()
        .filter(|record| !record.eigenvalues.is_empty())
        .map(|record| record.step)
        .collect();
    assert_eq!(measured, [2, 6, 10]);

    if let Some(eigenvalues) = &mut sparse.eigenvalues {
        eigenvalues.between = Between::RayleighQuotient;
    }
    let mut keep = Keep::default();
    follow(&sparse, &mut keep).unwrap();
    for record in &keep.steps[2..] {
        let top = record.eigenvalues[0];
        let solved = (record.step - 2) % 4 == 0;
        assert_eq!(top.kind == EigenvalueKind::Solved, solved);
        assert!((top.value - 4.0).abs() <= top.error_bound.max(1e-9));
        assert!(solved || top.products == 1);
    }
}

#[test]
fn a_layer_that_does_not_exist_is_refused() {
    let (mut problem, theta) = quadratic();
    problem.layers[0].parameter = "bias".into();
    let never = AtomicBool::new(false);
    let error = run(&problem, theta, &settings(0.1, 1), &mut [], &mut [], &never).unwrap_err();
    assert!(error.to_string().contains("weight"), "{error}");
}

/// Of Σθᵢ⁴/12 the Hessian is diag(θᵢ²), and a step of size 0.3 from (3, 2, 1) has the first two change
/// places.
#[test]
fn rayleigh_quotients_between_solves_are_in_the_order_of_their_places() {
    let device = Device::flex();
    let row = |values: &[f64]| -> Tensor<2> {
        let data = TensorData::new(values.to_vec(), [1, values.len()]);
        Tensor::from_data(data, (&device, DType::F64))
    };
    let module = Point {
        weight: Param::from_tensor(row(&[3.0, 2.0, 1.0])),
    };
    let objective = Objective::trace(
        &module,
        &Batch::new().with(row(&[1.0])),
        |module: &Point, _| module.weight.val(),
        |theta, batch| {
            let square = theta.clone() * theta;
            (square.clone() * square).sum() / 12.0 * batch.float::<2>(0).sum()
        },
    )
    .unwrap();
    let theta = objective.layout().flatten(&module);
    let problem = Problem::new(objective);
    let mut settings = settings(0.3, 2);
    if let Some(eigenvalues) = &mut settings.eigenvalues {
        eigenvalues.between = Between::RayleighQuotient;
        eigenvalues.schedule.every = 5;
        eigenvalues.smallest = 2;
    }
    let mut keep = Keep::default();
    let flag = AtomicBool::new(false);
    run(&problem, theta, &settings, &mut [], &mut [&mut keep], &flag).unwrap();
    let of = |step: usize| {
        let (large, small) = (&keep.steps[step].eigenvalues, &keep.steps[step].smallest);
        let numbers = large.iter().chain(small).map(|e| (e.index, e.value));
        numbers.collect::<Vec<_>>()
    };
    let near = |found: &[(i64, f64)], expected: [(i64, f64); 4]| {
        for ((index, value), (place, square)) in found.iter().zip(expected) {
            assert_eq!(*index, place);
            assert!((value - square).abs() < 1e-6, "{found:?}");
        }
    };
    near(&of(0), [(1, 9.0), (2, 4.0), (-1, 1.0), (-2, 4.0)]);
    near(&of(1), [(1, 1.44), (2, 0.09), (-1, 0.81), (-2, 1.44)]);
    let gradient = [0.3_f64, 1.2, 0.9].map(|theta| theta.powi(3));
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    let alignment = keep.steps[1].gradient_alignment.unwrap();
    assert!((alignment - gradient[1] / norm).abs() < 1e-6);
}
