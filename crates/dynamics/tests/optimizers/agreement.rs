//! Loss, λ₁ and preconditioned λ₁ along 40 steps.

use std::cell::RefCell;
use std::sync::atomic::AtomicBool;

use brink_dynamics::eigen::Params;
use brink_dynamics::measurement::Schedule;
use brink_dynamics::minibatch::{Minibatches, Order, Sampling};
use brink_dynamics::observer::{Observer, ObserverError, Outcome};
use brink_dynamics::optimizer::{
    Adam, GradientDescent, HeavyBall, Nesterov, Optimizer, RmsProp, Sam, StepSizes,
};
use brink_dynamics::record::StepRecord;
use brink_dynamics::{Between, EigenvalueSettings, Problem, RunError, Settings, run};
use brink_linearize::{Batch, Objective};
use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::network::{
    FEATURES, HIDDEN, INPUTS, PARAMETERS, SAMPLES, START, TARGETS, derivatives, derivatives_of,
    largest,
};
use super::rules::{Memory, Rule};

#[derive(Module, Debug)]
struct Network {
    weight: Param<Tensor<2>>,
    output: Param<Tensor<2>>,
}

fn tensor(values: &[f64], shape: [usize; 2]) -> Tensor<2> {
    let data = TensorData::new(values.to_vec(), shape);
    Tensor::from_data(data, (&Device::flex(), DType::F64))
}

fn problem() -> (Problem<2>, Tensor<1>) {
    problem_in_batches(None)
}

fn rows(samples: &[usize]) -> Batch {
    let inputs: Vec<f64> = samples.iter().flat_map(|&s| INPUTS[s]).collect();
    let targets: Vec<f64> = samples.iter().map(|&s| TARGETS[s]).collect();
    Batch::new()
        .with(tensor(&inputs, [samples.len(), FEATURES]))
        .with(tensor(&targets, [samples.len(), 1]))
}

fn problem_in_batches(size: Option<usize>) -> (Problem<2>, Tensor<1>) {
    let weights = HIDDEN * FEATURES;
    let module = Network {
        weight: Param::from_tensor(tensor(&START[..weights], [HIDDEN, FEATURES])),
        output: Param::from_tensor(tensor(&START[weights..], [1, HIDDEN])),
    };
    let traced = |batch: &Batch| {
        Objective::trace(
            &module,
            batch,
            |module: &Network, batch| {
                let hidden = batch.float::<2>(0).matmul(module.weight.val().transpose());
                hidden.tanh().matmul(module.output.val().transpose())
            },
            |outputs, batch| (outputs - batch.float::<2>(1)).square().mean(),
        )
    };
    let all: Vec<usize> = (0..SAMPLES).collect();
    let objective = traced(&rows(&all)).unwrap();
    let theta = objective.layout().flatten(&module);
    let minibatches = size.map(|size| {
        let sampling = Sampling {
            samples: SAMPLES,
            size,
            order: Order::Sequential,
        };
        RefCell::new(Minibatches::new(sampling, Box::new(rows), traced).unwrap())
    });
    let problem = Problem {
        minibatches,
        ..Problem::new(objective)
    };
    (problem, theta)
}

#[derive(Default)]
struct Keep(Vec<StepRecord>);

impl Observer for Keep {
    fn name(&self) -> &'static str {
        "keep"
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        self.0.push(record.clone());
        Ok(())
    }
}

fn one() -> EigenvalueSettings {
    EigenvalueSettings {
        above: None,
        solver: Params {
            relative_tolerance: 1e-10,
            ..Params::default()
        },
        smallest: 0,
        schedule: Schedule::default(),
        between: Between::Skip,
    }
}

fn close(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(error < 1e-9, "{what}: {found} for {expected}, {error:e}");
}

fn agree(rule: Rule, optimizer: Box<dyn Optimizer>, sizes: &StepSizes, decay: f64, step_size: f64) {
    let settings = Settings {
        step_sizes: sizes.clone(),
        weight_decay: decay,
        preconditioned: optimizer.is_preconditioned().then(one),
        optimizer,
        eigenvalues: Some(one()),
        ..Settings::gradient_descent(step_size, 40)
    };
    let (problem, theta) = problem();
    let mut keep = Keep::default();
    let never = AtomicBool::new(false);
    let finished = run(
        &problem,
        theta,
        &settings,
        &mut [],
        &mut [&mut keep],
        &never,
    )
    .unwrap();
    assert_eq!(finished.summary.outcome, Outcome::Completed);
    assert_eq!(keep.0.len(), 40);

    let (mut theta, mut memory, mut time) = (START, Memory::default(), 0.0);
    for record in &keep.0 {
        let what = format!("{rule:?} at step {}", record.step);
        let here = derivatives(&theta, decay);
        close(record.loss, here.loss, &what);
        let top = largest(&here.hessian, &[1.0; PARAMETERS]);
        close(record.eigenvalues[0].value, top, &what);
        let size = sizes.at(step_size, record.step, 40);
        assert_eq!(record.step_size, size);
        close(record.time + 1.0, time + 1.0, &what);
        time += size;
        let gradient_at = |theta: &_| derivatives(theta, decay).gradient;
        let (next, p) = rule.advance(&mut memory, &theta, &here.gradient, size, gradient_at);
        // A step of size 0 has no threshold.
        assert_eq!(record.threshold.is_some(), p.is_none() && size > 0.0);
        if let Some(p) = p {
            let found = record.preconditioned[0].value;
            close(found, largest(&here.hessian, &p), &format!("P, {what}"));
            assert_eq!(record.preconditioned_threshold.is_some(), size > 0.0);
        }
        theta = next;
    }
    let end = finished.theta.into_data().try_to_vec::<f64>().unwrap();
    for (found, expected) in end.iter().zip(theta) {
        close(*found, expected, "θ at the end");
    }
}

#[test]
fn every_rule_with_constant_steps() {
    for (rule, optimizer, step_size) in [
        (
            Rule::GradientDescent,
            Box::new(GradientDescent) as Box<dyn Optimizer>,
            0.3,
        ),
        (Rule::HeavyBall(0.8), Box::new(HeavyBall::new(0.8)), 0.1),
        (Rule::Nesterov(0.8), Box::new(Nesterov::new(0.8)), 0.1),
        (
            Rule::RmsProp(0.9, 1e-6, true),
            Box::new(RmsProp::new(0.9, 1e-6, true)),
            0.01,
        ),
        (
            Rule::RmsProp(0.99, 1e-8, false),
            Box::new(RmsProp::new(0.99, 1e-8, false)),
            0.003,
        ),
        (
            Rule::Adam(0.9, 0.99, 1e-8),
            Box::new(Adam::new(0.9, 0.99, 1e-8)),
            0.01,
        ),
        (Rule::Sam(0.05), Box::new(Sam::new(0.05)), 0.2),
    ] {
        agree(rule, optimizer, &StepSizes::Constant, 0.0, step_size);
    }
}

#[test]
fn schedules_and_weight_decay() {
    let warmup = StepSizes::LinearWarmup {
        from: 0.0,
        steps: 10,
    };
    let falling = StepSizes::Steps {
        at: vec![7, 20],
        factor: 0.3,
    };
    let cosine = StepSizes::Cosine { end: 0.0 };
    let gd = || Box::new(GradientDescent) as Box<dyn Optimizer>;
    agree(Rule::GradientDescent, gd(), &warmup, 0.0, 0.3);
    agree(Rule::GradientDescent, gd(), &falling, 0.05, 0.3);
    let heavy_ball = Box::new(HeavyBall::new(0.9));
    agree(Rule::HeavyBall(0.9), heavy_ball, &cosine, 0.05, 0.05);
    let adam = Box::new(Adam::new(0.9, 0.999, 1e-8));
    agree(Rule::Adam(0.9, 0.999, 1e-8), adam, &warmup, 0.05, 0.01);
    agree(Rule::Sam(0.1), Box::new(Sam::new(0.1)), &cosine, 0.05, 0.2);
}

#[test]
fn preconditioned_eigenvalues_need_a_preconditioner() {
    let (problem, theta) = problem();
    let settings = Settings {
        preconditioned: Some(one()),
        ..Settings::gradient_descent(0.1, 1)
    };
    let never = AtomicBool::new(false);
    let error = run(&problem, theta, &settings, &mut [], &mut [], &never).unwrap_err();
    assert!(matches!(
        error,
        RunError::NoPreconditioner { optimizer: "gd" }
    ));
}

/// Batches of 3 of the 4 samples: the second one of an epoch has one.
fn agree_in_batches(rule: Rule, optimizer: Box<dyn Optimizer>, step_size: f64) {
    let decay = 0.05;
    let settings = Settings {
        preconditioned: optimizer.is_preconditioned().then(one),
        optimizer,
        weight_decay: decay,
        eigenvalues: Some(one()),
        ..Settings::gradient_descent(step_size, 40)
    };
    let (problem, theta) = problem_in_batches(Some(3));
    let mut keep = Keep::default();
    let never = AtomicBool::new(false);
    let finished = run(
        &problem,
        theta,
        &settings,
        &mut [],
        &mut [&mut keep],
        &never,
    )
    .unwrap();
    assert_eq!(keep.0.len(), 40);
    let (mut theta, mut memory) = (START, Memory::default());
    for record in &keep.0 {
        let what = format!("{rule:?} at step {}", record.step);
        let whole = derivatives(&theta, decay);
        close(record.loss, whole.loss, &what);
        let top = largest(&whole.hessian, &[1.0; PARAMETERS]);
        close(record.eigenvalues[0].value, top, &what);
        let samples = if record.step.is_multiple_of(2) {
            0..3
        } else {
            3..4
        };
        let batch = derivatives_of(&theta, decay, samples.clone());
        close(record.batch_loss.unwrap(), batch.loss, &what);
        let g = batch.gradient;
        let square: f64 = g.iter().map(|g| g * g).sum();
        let curved: f64 = (0..PARAMETERS)
            .flat_map(|i| (0..PARAMETERS).map(move |j| (i, j)))
            .map(|(i, j)| g[i] * batch.hessian[(i, j)] * g[j])
            .sum();
        close(record.step_sharpness.unwrap(), curved / square, &what);
        let gradient_at = |theta: &_| derivatives_of(theta, decay, samples.clone()).gradient;
        let (next, p) = rule.advance(&mut memory, &theta, &g, step_size, gradient_at);
        if let Some(p) = p {
            // P is the step's, and so of the batch; the Hessian is of all samples.
            let found = record.preconditioned[0].value;
            close(found, largest(&whole.hessian, &p), &format!("P, {what}"));
        }
        theta = next;
    }
    let end = finished.theta.into_data().try_to_vec::<f64>().unwrap();
    for (found, expected) in end.iter().zip(theta) {
        close(*found, expected, "θ at the end");
    }
}

#[test]
fn steps_along_batches() {
    let heavy_ball = Box::new(HeavyBall::new(0.8));
    agree_in_batches(Rule::HeavyBall(0.8), heavy_ball, 0.05);
    let adam = Box::new(Adam::new(0.9, 0.99, 1e-8));
    agree_in_batches(Rule::Adam(0.9, 0.99, 1e-8), adam, 0.01);
    let rmsprop = Box::new(RmsProp::new(0.9, 1e-6, true));
    agree_in_batches(Rule::RmsProp(0.9, 1e-6, true), rmsprop, 0.01);
    agree_in_batches(Rule::Sam(0.05), Box::new(Sam::new(0.05)), 0.1);
}
