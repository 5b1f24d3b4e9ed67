//! A problem on the device, and what can be timed on it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use brink_cli::config::Compression;
use brink_dynamics::Hessian;
use brink_dynamics::eigen::{Numbers, Params, Request, Solver, SpectrumParams, spectrum};
use brink_linearize::{Batch, LinearizeError, Objective};
use brink_model::{
    LossConfig, ModelConfig, Network, Parameter, Precision, RowSpace, Task, Weights,
};
use burn::tensor::{DType, Device, Tensor, TensorData};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Answer;
use crate::launches::observed;
use crate::npy::read_npy;

/// As `compression = "auto"` has it: up to this share of the features, fewer samples pay.
const WORTHWHILE: f64 = 0.75;

/// A problem in files: inputs and targets as `.npy`, weights as `.safetensors`.
#[derive(Deserialize)]
pub struct Problem {
    pub model: ModelConfig,
    pub loss: LossConfig,
    pub task: Task,
    pub inputs: PathBuf,
    pub targets: PathBuf,
    pub weights: PathBuf,
}

/// A problem on the device.
pub struct Contestant {
    model: ModelConfig,
    parameters: Vec<Parameter>,
    space: Option<RowSpace>,
    objective: Objective<2>,
    task: Task,
    initial: Weights,
    network: Network,
    theta: Tensor<1>,
    /// The parameters that the last step measured.
    measured: Tensor<1>,
    solver: Option<Solver>,
}

impl Contestant {
    /// Reads a problem, compresses its inputs where asked to, and traces it.
    pub fn new(
        problem: &Problem,
        compression: Compression,
        device: &Device,
    ) -> Result<Self, Box<dyn Error>> {
        let ([n, d], inputs) = read_npy(&problem.inputs)?;
        let ([_, c], targets) = read_npy(&problem.targets)?;
        let parameters = problem.model.declare(&problem.task)?.parameters;
        let initial = Weights::read(&problem.weights, &parameters, Precision::F32)?;
        let compress = match compression {
            Compression::Off => false,
            Compression::On => true,
            Compression::Auto => {
                problem.model.network_kind()?.starts_linear && n as f64 <= WORTHWHILE * d as f64
            }
        };
        let upload = |values: TensorData| Tensor::<2>::from_data(values, (device, DType::F32));
        let (space, task, inputs) = if compress {
            let wide: Vec<f64> = inputs.iter().map(|&x| f64::from(x)).collect();
            let space = RowSpace::of(&wide, n, d)?;
            let inputs = TensorData::new(space.coordinates(), [n, n]);
            (Some(space), problem.task.with_features(n), inputs)
        } else {
            (None, problem.task.clone(), TensorData::new(inputs, [n, d]))
        };
        let batch = Batch::new()
            .with(upload(inputs))
            .with(upload(TensorData::new(targets, [n, c])));
        let trained = match &space {
            Some(space) => space.project(&initial)?.weights,
            None => initial.clone(),
        };
        let network = network(&problem.model, &task, &trained, device)?;
        let loss = problem.loss.loss()?.over(task.positions);
        let objective = Objective::trace(
            &network,
            &batch,
            |network, batch| network.forward(batch.float(0)),
            |outputs, batch| loss.forward(outputs, batch.float(1)),
        )?;
        let theta = objective.layout().flatten(&network);
        Ok(Self {
            model: problem.model.clone(),
            parameters,
            space,
            objective,
            task,
            initial,
            network,
            measured: theta.clone(),
            theta,
            solver: None,
        })
    }

    /// What it works on.
    pub fn describe(&self) -> Value {
        json!({
            "parameters": self.objective.parameters(),
            "coordinates": self.space.as_ref().map(RowSpace::samples),
        })
    }

    /// Loss, gradient norm and ‖H·g‖/‖g‖ at the current weights.
    pub fn values(&mut self) -> Answer {
        let mut at = self.objective.linearize(&self.theta)?;
        let gradient = at.gradient().clone();
        let norm = norm(gradient.clone())?;
        let unit = gradient
            .div_scalar(norm)
            .reshape([1, self.objective.parameters()]);
        let image = at.hvp(unit)?.reshape([self.objective.parameters()]);
        Ok(json!({
            "loss": read(at.loss().clone())?[0],
            "gradient_norm": norm,
            "product_norm": self::norm(image)?,
        }))
    }

    /// Times gradients.
    pub fn gradient(&mut self, repeat: usize) -> Answer {
        let run = || Ok(self.objective.gradient(&self.theta)?.gradient);
        let seconds = timed(repeat, run)?;
        let observed = observed(self.objective.device(), || Ok(run()?))?;
        Ok(json!({"seconds": seconds, "observed": observed}))
    }

    /// Times products in a block of `rows`; the seconds are those of one vector.
    pub fn product(&mut self, rows: usize, repeat: usize) -> Answer {
        let size = self.objective.parameters();
        let mut at = self.objective.linearize(&self.theta)?;
        let block = at.gradient().clone().reshape([1, size]).repeat_dim(0, rows);
        let mut run = || Ok(at.hvp(block.clone())?.reshape([rows * size]));
        let seconds = timed(repeat, &mut run)?;
        let seconds: Vec<f64> = seconds.iter().map(|s| s / rows as f64).collect();
        let observed = observed(self.objective.device(), || Ok(run()?))?;
        Ok(json!({"seconds": seconds, "observed": observed}))
    }

    /// Times the spectral density with the trace, whose products are those of a run's measurement.
    pub fn spectrum(&mut self, probes: usize, steps: usize, repeat: usize) -> Answer {
        let params = SpectrumParams {
            probes,
            steps,
            ..SpectrumParams::default()
        };
        let mut at = self.objective.linearize(&self.theta)?;
        let (mut seconds, mut last) = (Vec::new(), None);
        for _ in 0..repeat {
            let start = Instant::now();
            last = Some(spectrum(&mut Hessian::new(&mut at), &params)?);
            seconds.push(start.elapsed().as_secs_f64());
        }
        let found = last.ok_or("nothing was asked to be repeated")?;
        let nodes = || {
            found
                .rules
                .iter()
                .flat_map(|rule| rule.nodes.iter().copied())
        };
        Ok(json!({
            "seconds": seconds,
            "products": found.products,
            "trace": found.trace.value,
            "trace_stderr": found.trace.standard_error,
            "lowest": nodes().fold(f64::INFINITY, f64::min),
            "highest": nodes().fold(f64::NEG_INFINITY, f64::max),
        }))
    }

    /// Times third derivatives along the gradient; in a block the seconds are those of one vector.
    pub fn third(&mut self, rows: usize, repeat: usize) -> Answer {
        let size = self.objective.parameters();
        let mut at = self.objective.linearize(&self.theta)?;
        let u = at.gradient().clone();
        let block = u.clone().reshape([1, size]).repeat_dim(0, rows);
        let twice = timed(repeat, || at.third_twice(u.clone()))?;
        let run = || Ok(at.third(u.clone(), block.clone())?.reshape([rows * size]));
        let seconds = timed(repeat, run)?;
        let seconds: Vec<f64> = seconds.iter().map(|s| s / rows as f64).collect();
        Ok(json!({"twice": twice, "block": seconds}))
    }

    /// Prepares [`steps`](Self::steps) that begin at the weights of a file.
    pub fn start(
        &mut self,
        weights: &Path,
        count: usize,
        tolerance: f64,
        device: &Device,
    ) -> Answer {
        self.initial = Weights::read(weights, &self.parameters, Precision::F32)?;
        let trained = self.trained(&self.initial)?;
        self.network = network(&self.model, &self.task, &trained, device)?;
        self.theta = self.objective.layout().flatten(&self.network);
        self.solver = Some(Solver::new(Params {
            count,
            relative_tolerance: tolerance,
            ..Params::default()
        })?);
        Ok(json!({}))
    }

    /// Weights in the coordinates that are trained, where there are any.
    fn trained(&self, weights: &Weights) -> Result<Weights, Box<dyn Error>> {
        Ok(match &self.space {
            Some(space) => space.project(weights)?.weights,
            None => weights.clone(),
        })
    }

    /// Takes gradient descent steps with eigenvalues, as a run does.
    pub fn steps(&mut self, steps: usize, step_size: f64) -> Answer {
        let solver = self.solver.as_mut().ok_or("no steps are prepared")?;
        let (mut seconds, mut products, mut eigenvalues) = (Vec::new(), Vec::new(), Vec::new());
        let (mut losses, mut iterations, mut read_backs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..steps {
            let start = Instant::now();
            let mut at = self.objective.linearize(&self.theta)?;
            let gradient = at.gradient().clone();
            // What a run records at every step besides: the solve brings it along.
            let square = (gradient.clone() * gradient.clone()).sum_dim(0);
            let mut scalars = Numbers::new(vec![at.loss().clone(), square], "scalars");
            let request = Request {
                along: Some(gradient.clone()),
                numbers: Some(&mut scalars),
                ..Request::default()
            };
            let solution = solver.solve_for(&mut Hessian::new(&mut at), request)?;
            let next = self.theta.clone() - gradient.mul_scalar(step_size);
            self.measured = std::mem::replace(&mut self.theta, next);
            seconds.push(start.elapsed().as_secs_f64());
            products.push(solution.info.products);
            iterations.push(solution.info.iterations + 1);
            read_backs.push(solution.info.read_backs);
            let values: Vec<f64> = solution.pairs.iter().map(|pair| pair.value).collect();
            eigenvalues.push(values);
            losses.push(scalars.values()?[0]);
        }
        Ok(json!({
            "seconds": seconds,
            "products": products,
            "eigenvalues": eigenvalues,
            "losses": losses,
            "iterations": iterations,
            "read_backs": read_backs,
        }))
    }

    /// Takes gradient descent steps and measures nothing.
    pub fn descend(&mut self, steps: usize, step_size: f64) -> Result<(), LinearizeError> {
        for _ in 0..steps {
            let gradient = self.objective.gradient(&self.theta)?.gradient;
            self.theta = self.theta.clone() - gradient.mul_scalar(step_size);
        }
        self.measured = self.theta.clone();
        Ok(())
    }

    /// Writes the full weights that the last step measured.
    pub fn save(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let layout = self.objective.layout();
        let last = layout.unflatten(&self.network, &self.measured)?.weights()?;
        let full = match &self.space {
            Some(space) => space.lift(&self.initial, &self.trained(&self.initial)?, &last)?,
            None => last,
        };
        Ok(full.write(path, &self.parameters, Precision::F32, &[])?)
    }
}

fn network(
    model: &ModelConfig,
    task: &Task,
    weights: &Weights,
    device: &Device,
) -> Result<Network, Box<dyn Error>> {
    let precision = DType::F32.into();
    Ok(Network::new(model, task, weights, device, precision)?)
}

/// Runs before those that count; as in `bench/peers`.
const SETTLING: Duration = Duration::from_millis(100);

/// Seconds of each of `repeat` runs, until the result can be read; those before them, one at least
/// and for [`SETTLING`], are dropped: they refill the caches, and the threads of the contestant
/// before may still spin.
fn timed(
    repeat: usize,
    mut work: impl FnMut() -> Result<Tensor<1>, LinearizeError>,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut run = || -> Result<Duration, Box<dyn Error>> {
        let start = Instant::now();
        work()?.slice(0..1).try_into_data()?;
        Ok(start.elapsed())
    };
    let mut settled = run()?;
    while settled < SETTLING {
        settled += run()?;
    }
    (0..repeat).map(|_| Ok(run()?.as_secs_f64())).collect()
}

/// Seconds of a float32 product `[side, side]²`, and of a pass that reads and writes `elements`.
pub fn limits(side: usize, elements: usize, repeat: usize, device: &Device) -> Answer {
    let options = (device, DType::F32);
    let square = Tensor::<2>::ones([side, side], options);
    let product = || {
        let product = square.clone().matmul(square.clone());
        Ok(product.reshape([side * side]))
    };
    let vector = Tensor::<1>::ones([elements], options);
    let copy = || Ok(vector.clone().add_scalar(1.0));
    Ok(json!({"product": timed(repeat, product)?, "copy": timed(repeat, copy)?}))
}

fn read(values: Tensor<1>) -> Result<Vec<f64>, Box<dyn Error>> {
    Ok(values.try_into_data()?.iter::<f64>().collect())
}

fn norm(values: Tensor<1>) -> Result<f64, Box<dyn Error>> {
    Ok(read(values)?.iter().map(|x| x * x).sum::<f64>().sqrt())
}
