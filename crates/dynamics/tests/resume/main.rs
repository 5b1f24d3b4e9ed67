//! A run that is saved, restored and continued is the run that never was, bit by bit.

#![cfg(feature = "flex")]

mod interrupt;

use std::cell::RefCell;

use brink_dynamics::flow::{FlowMethod, GradientFlow};
use brink_dynamics::measurement::{
    BatchSharpness, FirstOrder, GaussNewton, Gram, GramMethod, LayerSharpness, Measurement,
    Residual, Schedule, SquaredError, Step, Subspace,
};
use brink_dynamics::minibatch::{Minibatches, Order, RandomBatches, Sampling, Take};
use brink_dynamics::optimizer::{
    Adam, GradientDescent, HeavyBall, Nesterov, Optimizer, RmsProp, Sam, StepSizes,
};
use brink_dynamics::record::StepRecord;
use brink_dynamics::state::State;
use brink_dynamics::{
    Above, Between, Descent, EigenvalueSettings, LayerWeight, Problem, RunError, Settings,
};
use brink_linearize::{Batch, Objective};
use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

const SAMPLES: usize = 24;
const INPUTS: usize = 7;
const HIDDEN: usize = 6;
const OUTPUTS: usize = 3;

#[derive(Module, Debug)]
struct Net {
    first: Param<Tensor<2>>,
    last: Param<Tensor<2>>,
}

/// Numbers between −1 and 1 that are the same everywhere.
fn numbers(rows: usize, columns: usize, seed: u64, dtype: DType) -> Tensor<2> {
    let mut state = seed;
    let values = (0..rows * columns).map(|_| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    });
    let data = TensorData::new(values.collect::<Vec<_>>(), [rows, columns]);
    Tensor::from_data(data, (&Device::flex(), dtype))
}

struct Case {
    problem: Problem<2>,
    theta: Tensor<1>,
    targets: Tensor<2>,
    random: Option<RandomBatches<2>>,
}

fn case(dtype: DType, batch: Option<usize>) -> Case {
    let inputs = numbers(SAMPLES, INPUTS, 1, dtype);
    let targets = numbers(SAMPLES, OUTPUTS, 2, dtype);
    let net = Net {
        first: Param::from_tensor(numbers(INPUTS, HIDDEN, 3, dtype)),
        last: Param::from_tensor(numbers(HIDDEN, OUTPUTS, 4, dtype)),
    };
    let trace = |batch: &Batch| {
        Objective::trace(
            &net,
            batch,
            |net: &Net, batch| {
                let hidden = batch.float::<2>(0).matmul(net.first.val()).tanh();
                hidden.matmul(net.last.val())
            },
            |outputs, batch| {
                (outputs - batch.float::<2>(1)).square().sum() * (0.5 / SAMPLES as f64)
            },
        )
    };
    let whole = Batch::new().with(inputs.clone()).with(targets.clone());
    let objective = trace(&whole).unwrap();
    let theta = objective.layout().flatten(&net);
    let take = || -> Take {
        let (inputs, of) = (inputs.clone(), targets.clone());
        Box::new(move |samples| {
            let places: Vec<i64> = samples.iter().map(|&s| s as i64).collect();
            let places = TensorData::new(places, [samples.len()]);
            let places = Tensor::<1, Int>::from_data(places, &Device::flex());
            let rows = |of: &Tensor<2>| of.clone().select(0, places.clone());
            Batch::new().with(rows(&inputs)).with(rows(&of))
        })
    };
    let random = RandomBatches::new([SAMPLES, 4], 6, take(), trace).unwrap();
    let minibatches = batch.map(|size| {
        let sampling = Sampling {
            samples: SAMPLES,
            size,
            order: Order::Shuffled { seed: 5 },
        };
        RefCell::new(Minibatches::new(sampling, take(), trace).unwrap())
    });
    Case {
        problem: Problem {
            layers: vec![
                LayerWeight::new("first", "first"),
                LayerWeight::new("last", "last"),
            ],
            minibatches,
            ..Problem::new(objective)
        },
        theta,
        targets,
        random: Some(random),
    }
}

fn measurements(case: &mut Case) -> Vec<Box<dyn Measurement<2>>> {
    let squared = SquaredError::new(case.targets.clone(), 0.5);
    let every = |every| Schedule { every, from: 0 };
    let first = INPUTS * HIDDEN;
    let size = first + HIDDEN * OUTPUTS;
    let layers = vec![("first".into(), 0..first), ("last".into(), first..size)];
    let runge_kutta = FlowMethod::RungeKutta4 {
        alpha: 1.0,
        cap: 0.02,
    };
    vec![
        Box::new(Residual::new(every(1), squared.clone(), first..size, None)),
        Box::new(Gram::new(every(2), squared.clone(), GramMethod::MatrixFree, 2, 1e-3).unwrap()),
        Box::new(GaussNewton::new(every(3), 1e-3).unwrap()),
        Box::new(FirstOrder::new(every(3), squared)),
        Box::new(LayerSharpness::new(every(2), layers, 1e-3).unwrap()),
        Box::new(GradientFlow::new(every(2), None, runge_kutta, 1e-3).unwrap()),
        Box::new(Step::new(every(3))),
        Box::new(Subspace::new(every(2), 2, 3)),
        Box::new(BatchSharpness::new(
            every(3),
            case.random.take().unwrap(),
            0.05,
            40,
        )),
    ]
}

/// The records of the steps that a descent still takes, as text with every digit.
fn records(descent: &mut Descent<'_, 2>, steps: usize) -> Vec<String> {
    let taken: Result<Vec<StepRecord>, RunError> = descent.take(steps).collect();
    taken.unwrap().iter().map(|r| format!("{r:?}")).collect()
}

const STEPS: u64 = 40;
const STOP: usize = 17;

fn compare(name: &str, settings: &Settings, batch: Option<usize>, dtype: DType, measured: bool) {
    let made = || {
        let mut case = case(dtype, batch);
        let measurements = match measured {
            true => measurements(&mut case),
            false => Vec::new(),
        };
        (case, measurements)
    };
    let (whole, mut all) = made();
    let mut descent =
        Descent::new(&whole.problem, whole.theta.clone(), settings, &mut all).unwrap();
    let expected = records(&mut descent, usize::MAX);
    let reached = descent.theta().to_data();
    let counted = descent.counters();
    assert_eq!(expected.len(), STEPS as usize, "{name}");

    let (first, mut some) = made();
    let mut descent =
        Descent::new(&first.problem, first.theta.clone(), settings, &mut some).unwrap();
    let mut found = records(&mut descent, STOP);
    let file = descent.state().unwrap().encode().unwrap();

    let (second, mut rest) = made();
    // It begins somewhere else.
    let elsewhere = second.theta.clone() * 0.5;
    let mut descent = Descent::new(&second.problem, elsewhere, settings, &mut rest).unwrap();
    descent.restore(&State::decode(&file).unwrap()).unwrap();
    assert_eq!(descent.step(), STOP as u64);
    found.extend(records(&mut descent, usize::MAX));
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(found.len(), expected.len(), "{name}");
    assert_eq!(descent.theta().to_data(), reached, "{name}");
    assert_eq!(descent.counters(), counted, "{name}");
}

fn settings(optimizer: Box<dyn Optimizer>, step_size: f64) -> Settings {
    let preconditioned = optimizer.is_preconditioned();
    Settings {
        preconditioned: preconditioned.then(|| EigenvalueSettings::largest(1)),
        optimizer,
        eigenvalues: Some(EigenvalueSettings {
            smallest: 1,
            above: Some(Above {
                share: 0.3,
                largest_count: 6,
            }),
            ..EigenvalueSettings::largest(2)
        }),
        ..Settings::gradient_descent(step_size, STEPS)
    }
}

#[test]
fn every_rule_goes_on_to_the_bit() {
    let rules: [(Box<dyn Optimizer>, f64); 6] = [
        (Box::new(GradientDescent), 0.3),
        (Box::new(HeavyBall::new(0.9)), 0.05),
        (Box::new(Nesterov::new(0.9)), 0.05),
        (Box::new(RmsProp::new(0.99, 1e-8, true)), 0.01),
        (Box::new(Adam::new(0.9, 0.999, 1e-8)), 0.01),
        (Box::new(Sam::new(0.05)), 0.1),
    ];
    for (optimizer, step_size) in rules {
        let settings = settings(optimizer, step_size);
        let name = settings.optimizer.name();
        for dtype in [DType::F32, DType::F64] {
            compare(name, &settings, None, dtype, false);
            compare(
                &format!("{name} on batches"),
                &settings,
                Some(5),
                dtype,
                false,
            );
        }
    }
}

#[test]
fn schedules_decay_and_stale_values_go_on_to_the_bit() {
    let warmup = StepSizes::LinearWarmup {
        from: 0.01,
        steps: 20,
    };
    for step_sizes in [warmup, StepSizes::Cosine { end: 0.01 }] {
        let mut settings = settings(Box::new(HeavyBall::new(0.8)), 0.1);
        settings.step_sizes = step_sizes;
        settings.weight_decay = 0.01;
        if let Some(eigenvalues) = &mut settings.eigenvalues {
            eigenvalues.schedule.every = 4;
            eigenvalues.between = Between::RayleighQuotient;
        }
        compare("scheduled", &settings, None, DType::F32, false);
    }
}

#[test]
fn every_measurement_goes_on_to_the_bit() {
    let settings = settings(Box::new(GradientDescent), 0.3);
    compare("measured", &settings, None, DType::F32, true);
    compare("measured", &settings, None, DType::F64, true);
}

#[test]
fn a_state_of_another_run_is_refused() {
    let gd = settings(Box::new(GradientDescent), 0.3);
    let adam = settings(Box::new(Adam::new(0.9, 0.999, 1e-8)), 0.01);
    let case = case(DType::F32, None);
    fn begin<'a>(case: &'a Case, settings: &'a Settings) -> Descent<'a, 2> {
        Descent::new(&case.problem, case.theta.clone(), settings, &mut []).unwrap()
    }
    let mut descent = begin(&case, &gd);
    records(&mut descent, 3);
    let state = descent.state().unwrap();
    let error = begin(&case, &adam).restore(&state).unwrap_err();
    assert!(error.to_string().contains("optimizer/mean"), "{error}");
}
