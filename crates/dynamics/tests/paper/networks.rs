//! Small networks on made-up data, in float64, and runs of them.

use std::sync::atomic::AtomicBool;

use brink_dynamics::eigen::Params;
use brink_dynamics::measurement::{Measurement, Schedule, SquaredError};
use brink_dynamics::minibatch::RandomBatches;
use brink_dynamics::observer::{Observer, ObserverError};
use brink_dynamics::optimizer::Optimizer;
use brink_dynamics::record::{RunHeader, StepRecord};
use brink_dynamics::{Between, EigenvalueSettings, LayerWeight, Problem, Settings, run};
use brink_linearize::{Batch, LinearizeError, Objective};
use brink_model::{Activation, Loss, ModelConfig, Network, Precision, Task, Weights, weight_name};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

pub const SAMPLES: usize = 12;
pub const FEATURES: usize = 7;

/// A network with everything that a test wants to vary.
#[derive(Clone)]
pub struct Case {
    pub hidden: Vec<usize>,
    pub activation: Activation,
    pub bias: bool,
    pub outputs: usize,
    pub factor: f64,
    /// Which sample comes at which place.
    pub order: Vec<usize>,
}

impl Case {
    pub fn new(activation: Activation, bias: bool) -> Self {
        Self {
            hidden: vec![6, 5],
            activation,
            bias,
            outputs: 2,
            factor: 0.5,
            order: (0..SAMPLES).collect(),
        }
    }

    pub fn config(&self) -> ModelConfig {
        ModelConfig {
            seed: 3,
            ..ModelConfig::default()
        }
        .with("hidden", self.hidden.clone())
        .with("activation", self.activation.name())
        .with("bias", self.bias)
    }

    fn task(&self) -> Task {
        Task::values(FEATURES, self.outputs)
    }

    pub fn weights(&self) -> Weights {
        Weights::initial(&self.config(), &self.task(), Precision::F64).unwrap()
    }

    pub fn targets(&self) -> Tensor<2> {
        let outputs = self.outputs;
        let order = self.order.iter();
        let values = order.flat_map(|&i| (0..outputs).map(move |c| wave(7.0 + i as f64, c)));
        tensor(values.collect(), [SAMPLES, outputs])
    }

    pub fn inputs(&self) -> Tensor<2> {
        let order = self.order.iter();
        let values = order.flat_map(|&i| (0..FEATURES).map(move |j| 1.5 * wave(i as f64, j)));
        tensor(values.collect(), [SAMPLES, FEATURES])
    }

    pub fn squared_error(&self) -> SquaredError {
        SquaredError::new(self.targets(), self.factor)
    }

    fn network(&self, weights: &Weights) -> Network {
        let config = self.config();
        Network::new(
            &config,
            &self.task(),
            weights,
            &Device::flex(),
            FloatDType::F64,
        )
        .unwrap()
    }

    fn trace(&self, network: &Network, batch: &Batch) -> Result<Objective<2>, LinearizeError> {
        let loss = Loss::Mse {
            factor: self.factor,
        };
        Objective::trace(
            network,
            batch,
            |network: &Network, batch| network.forward(batch.float(0)),
            |outputs, batch| loss.forward(outputs, batch.float(1)),
        )
    }

    /// Random batches of the samples.
    pub fn batches(&self, size: usize, seed: u64) -> RandomBatches<2> {
        let (inputs, targets) = (self.inputs(), self.targets());
        let take = move |places: &[usize]| {
            let rows = |of: &Tensor<2>| {
                let rows = places.iter().map(|&place| of.clone().narrow(0, place, 1));
                Tensor::cat(rows.collect(), 0)
            };
            Batch::new().with(rows(&inputs)).with(rows(&targets))
        };
        let network = self.network(&self.weights());
        RandomBatches::new([SAMPLES, size], seed, Box::new(take), |batch| {
            self.trace(&network, batch)
        })
        .unwrap()
    }

    /// The loss of one sample.
    pub fn of_sample(&self, sample: usize) -> Objective<2> {
        let row = |of: Tensor<2>| of.narrow(0, sample, 1);
        let batch = Batch::new()
            .with(row(self.inputs()))
            .with(row(self.targets()));
        self.trace(&self.network(&self.weights()), &batch).unwrap()
    }

    pub fn build(&self, weights: &Weights) -> (Problem<2>, Tensor<1>) {
        let network = self.network(weights);
        let batch = Batch::new().with(self.inputs()).with(self.targets());
        let objective = self.trace(&network, &batch).unwrap();
        let theta = objective.layout().flatten(&network);
        let layers = (0..=self.hidden.len())
            .map(|layer| LayerWeight::new(format!("layers.{layer}"), weight_name(layer)))
            .collect();
        let problem = Problem {
            layers,
            ..Problem::new(objective)
        };
        (problem, theta)
    }
}

/// Numbers without a pattern, between −1 and 1.
fn wave(i: f64, j: usize) -> f64 {
    let x = (12.9898 * (i + 1.0) + 78.233 * (j as f64 + 1.0)).sin() * 43758.5453;
    2.0 * (x - x.floor()) - 1.0
}

pub fn tensor<const R: usize>(values: Vec<f64>, shape: [usize; R]) -> Tensor<R> {
    Tensor::from_data(
        TensorData::new(values, shape),
        (&Device::flex(), DType::F64),
    )
}

pub fn values<const R: usize>(tensor: Tensor<R>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// A run's header and records.
#[derive(Default)]
pub struct Kept {
    pub columns: Vec<String>,
    pub records: Vec<StepRecord>,
}

impl Kept {
    /// A measured column, one value a step.
    pub fn column(&self, name: &str) -> Vec<Option<f64>> {
        let at = self.columns.iter().position(|column| column == name);
        let at = at.unwrap_or_else(|| panic!("no column {name} among {:?}", self.columns));
        self.records.iter().map(|r| r.measured[at]).collect()
    }
}

impl Observer for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        let measured = header.measured.iter();
        self.columns = measured.map(|column| column.name.clone()).collect();
        Ok(())
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        self.records.push(record.clone());
        Ok(())
    }
}

/// Gradient descent with two eigenvalues at a tight tolerance and the given measurements.
pub fn follow(
    case: &Case,
    weights: &Weights,
    steps: (f64, u64),
    measurements: impl FnOnce(&Problem<2>) -> Vec<Box<dyn Measurement<2>>>,
) -> Kept {
    let eigenvalues = (Schedule::default(), Between::Skip);
    follow_with(case, weights, steps, eigenvalues, measurements)
}

/// The same with eigenvalues by a schedule, and what to do between.
pub fn follow_with(
    case: &Case,
    weights: &Weights,
    (step_size, steps): (f64, u64),
    (schedule, between): (Schedule, Between),
    measurements: impl FnOnce(&Problem<2>) -> Vec<Box<dyn Measurement<2>>>,
) -> Kept {
    let (problem, theta) = case.build(weights);
    let settings = Settings {
        eigenvalues: Some(EigenvalueSettings {
            above: None,
            solver: Params {
                count: 2,
                relative_tolerance: 1e-11,
                ..Params::default()
            },
            smallest: 0,
            schedule,
            between,
        }),
        ..Settings::gradient_descent(step_size, steps)
    };
    let mut kept = Kept::default();
    let mut measurements = measurements(&problem);
    let never = AtomicBool::new(false);
    run(
        &problem,
        theta,
        &settings,
        &mut measurements,
        &mut [&mut kept],
        &never,
    )
    .unwrap();
    kept
}

/// Any rule with the given measurements and no eigenvalues.
pub fn follow_by(
    optimizer: Box<dyn Optimizer>,
    case: &Case,
    weights: &Weights,
    (step_size, steps): (f64, u64),
    mut measurements: Vec<Box<dyn Measurement<2>>>,
) -> Kept {
    let (problem, theta) = case.build(weights);
    let settings = Settings {
        optimizer,
        ..Settings::gradient_descent(step_size, steps)
    };
    let mut kept = Kept::default();
    let never = AtomicBool::new(false);
    let observers: &mut [&mut dyn Observer] = &mut [&mut kept];
    run(
        &problem,
        theta,
        &settings,
        &mut measurements,
        observers,
        &never,
    )
    .unwrap();
    kept
}
