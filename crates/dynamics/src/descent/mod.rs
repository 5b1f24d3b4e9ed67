//! A run as a state that is measured and moved, step by step.

mod measure;
mod saved;

use std::ops::Range;
use std::time::Duration;

use burn::tensor::Tensor;

use crate::clock::Clock;
use crate::eigen::read_backs;
use crate::error::RunError;
use crate::interrupt::{Interrupt, Never};
use crate::measurement::Measurement;
use crate::optimizer::{Optimizer, StepSizes};
use crate::problem::Problem;
use crate::record::{RunHeader, StepRecord};
use crate::settings::{EigenvalueSettings, Settings};
use crate::spectrum::Spectrum;
use crate::weight_decay::penalised;

pub use saved::Inherited;

/// Parameters that move by a rule, and everything that is remembered from step to step.
///
/// It is an iterator over the records of its steps, each taken before the parameters move:
///
/// ```
/// use brink_dynamics::{Descent, EigenvalueSettings, Problem, Settings};
/// use brink_linearize::{Batch, Objective};
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Device, Tensor};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let device = Device::flex();
/// let module = LinearConfig::new(4, 2).init(&device);
/// let batch = Batch::new().with(Tensor::<2>::ones([8, 4], &device));
/// let objective = Objective::trace(
///     &module,
///     &batch,
///     |module: &Linear, batch| module.forward(batch.float::<2>(0)),
///     |outputs, _| outputs.square().mean(),
/// )?;
/// let theta = objective.layout().flatten(&module);
/// let problem = Problem::new(objective);
/// let settings = Settings {
///     eigenvalues: Some(EigenvalueSettings::largest(1)),
///     ..Settings::gradient_descent(0.1, 20)
/// };
/// let mut descent = Descent::new(&problem, theta, &settings, &mut [])?;
/// while let Some(record) = descent.next() {
///     // Inputs of ones, with a bias: λ₁ = 2·(4 + 1)/2.
///     assert!((record?.sharpness().unwrap() - 5.0).abs() < 1e-3);
///     if descent.step() == 10 {
///         break;
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Descent<'a, const D: usize> {
    problem: &'a Problem<D>,
    settings: &'a Settings,
    measurements: &'a mut [Box<dyn Measurement<D>>],
    optimizer: Box<dyn Optimizer>,
    /// t of the first record.
    first_step: u64,
    /// t.
    step: u64,
    /// The sum of the step sizes so far.
    time: f64,
    /// A step and its time from which on all step sizes are η, if they are constant.
    constant_since: (u64, f64),
    /// θ_t.
    theta: Tensor<1>,
    /// θ of the last record.
    recorded: Tensor<1>,
    /// What the step from θ_t goes along, once θ_t is recorded.
    along: Option<Along>,
    spectrum: Spectrum,
    preconditioned: Spectrum,
    ranges: Vec<Range<usize>>,
    /// Waits for a device, by this thread, before there was this descent.
    read_backs_before: u64,
    /// Calls by name before the state was restored, if it was.
    earlier: Vec<(String, u64)>,
    clock: Clock,
    failed: bool,
    /// What asks measurements that take long to end.
    interrupt: &'a dyn Interrupt,
}

/// What a step goes along.
struct Along {
    gradient: Tensor<1>,
    gradient_norm: f64,
    batch_loss: Option<f64>,
    step_sharpness: Option<f64>,
}

impl<'a, const D: usize> Descent<'a, D> {
    /// `theta`, `[P]`, before its first step.
    ///
    /// # Errors
    /// Settings that do not fit the problem or each other: [`RunError::NoPreconditioner`],
    /// [`RunError::UnknownLayer`], [`RunError::Eigen`].
    pub fn new(
        problem: &'a Problem<D>,
        theta: Tensor<1>,
        settings: &'a Settings,
        measurements: &'a mut [Box<dyn Measurement<D>>],
    ) -> Result<Self, RunError> {
        if settings.preconditioned.is_some() && !settings.optimizer.is_preconditioned() {
            return Err(RunError::NoPreconditioner {
                optimizer: settings.optimizer.name(),
            });
        }
        let spectrum = |measured: &Option<EigenvalueSettings>| {
            let (parameters, fixed) = (problem.objective.parameters(), problem.fixed_parameters);
            Spectrum::new(measured.clone(), parameters, fixed)
                .map_err(|source| RunError::Eigen { step: 0, source })
        };
        Ok(Self {
            problem,
            settings,
            measurements,
            optimizer: settings.optimizer.fresh(),
            first_step: 0,
            step: 0,
            time: 0.0,
            constant_since: (0, 0.0),
            recorded: theta.clone(),
            theta,
            along: None,
            spectrum: spectrum(&settings.eigenvalues)?,
            preconditioned: spectrum(&settings.preconditioned)?,
            ranges: weight_ranges(problem)?,
            read_backs_before: read_backs(),
            earlier: Vec::new(),
            clock: Clock::default(),
            failed: false,
            interrupt: &Never,
        })
    }

    /// What is known of its records before the first.
    pub fn header(&self) -> RunHeader {
        let (problem, settings) = (self.problem, self.settings);
        let columns = |measured: &Option<EigenvalueSettings>| {
            measured.as_ref().map_or(0, |e| e.largest_count())
        };
        RunHeader {
            first_step: self.first_step,
            next_step: self.step,
            layers: problem.layers.iter().map(|l| l.name.clone()).collect(),
            eigenvalues: columns(&settings.eigenvalues),
            preconditioned: columns(&settings.preconditioned),
            optimizer: settings.optimizer.name().to_owned(),
            threshold_formula: settings.optimizer.threshold_formula().to_owned(),
            smallest: settings.eigenvalues.as_ref().map_or(0, |e| e.smallest),
            step_size: settings.step_size,
            steps: settings.steps,
            parameters: problem.objective.parameters() + problem.fixed_parameters,
            accuracy: problem.accuracy.is_some(),
            minibatches: problem.minibatches.is_some(),
            measured: self.measurements.iter().flat_map(|m| m.columns()).collect(),
            tables: self.measurements.iter().flat_map(|m| m.tables()).collect(),
        }
    }

    /// t: the step that the next record is of, if the parameters have moved since the last.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// θ_t, `[P]`; of a run that diverged, that of the last record.
    pub fn theta(&self) -> &Tensor<1> {
        &self.theta
    }

    /// θ of the last record, `[P]`.
    pub(crate) fn recorded(&self) -> &Tensor<1> {
        &self.recorded
    }

    /// Takes the step from the parameters that were recorded last, if it was not taken yet. The next
    /// record does so too.
    ///
    /// # Errors
    /// [`RunError::Linearize`] of a rule that takes further gradients.
    pub fn advance(&mut self) -> Result<(), RunError> {
        let Some(along) = self.along.take() else {
            return Ok(());
        };
        let step = self.step;
        let coming = self.coming(step, along.gradient_norm);
        let (problem, decay) = (self.problem, self.settings.weight_decay);
        let mut gradient_at = |theta: &Tensor<1>| {
            let gradient = match &problem.minibatches {
                Some(batches) => batches.borrow_mut().at(step)?.gradient(theta)?,
                None => problem.objective.gradient(theta)?,
            };
            Ok(penalised(gradient.gradient, theta, decay))
        };
        let gradient = along.gradient;
        let (optimizer, theta) = (&mut self.optimizer, self.theta.clone());
        self.theta = self
            .clock
            .time("update", || {
                optimizer.advance(&coming, theta, gradient, &mut gradient_at)
            })
            .map_err(|source| RunError::Linearize { step, source })?;
        // One product for a constant step size: no rounding adds up.
        self.time = match self.settings.step_sizes {
            StepSizes::Constant => {
                let (since, before) = self.constant_since;
                before + self.settings.step_size * (step + 1 - since) as f64
            }
            _ => self.time + coming.step_size,
        };
        self.step += 1;
        Ok(())
    }

    /// Moves on and measures.
    fn record_next(&mut self) -> Result<Option<StepRecord>, RunError> {
        self.advance()?;
        if self.step >= self.settings.steps {
            return Ok(None);
        }
        let (record, along) = self.measured().inspect_err(|error| {
            if matches!(error, RunError::Diverged { .. }) {
                // The weights of the last record can be written; these could not be used.
                self.theta = self.recorded.clone();
            }
        })?;
        self.recorded = self.theta.clone();
        self.along = Some(along);
        Ok(Some(record))
    }

    /// Has measurements that take long end where `interrupt` is set.
    pub(crate) fn listen(&mut self, interrupt: &'a dyn Interrupt) {
        self.interrupt = interrupt;
    }

    /// Whether the coming record has a measurement that ends where that is set.
    pub(crate) fn may_be_interrupted(&self) -> bool {
        let mut measurements = self.measurements.iter();
        measurements.any(|m| m.may_be_interrupted() && m.wants(self.step))
    }

    /// What it does.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// Adds to the time of a `stage`.
    pub(crate) fn spent(&mut self, stage: &'static str, time: Duration) {
        self.clock.add(stage, time);
    }

    /// Runs `work` and adds its time to `stage`.
    pub(crate) fn time<T>(&mut self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        self.clock.time(stage, work)
    }

    /// Seconds of wall time by stage.
    pub fn seconds(&self) -> Vec<(String, f64)> {
        self.clock.seconds()
    }

    /// Calls by name: gradients, linearisations, Hessian-vector products, solves, waits for the device
    /// to hand numbers over, …
    pub fn counters(&self) -> Vec<(String, u64)> {
        let mut counters = self.evaluations();
        let own = self.spectrum.counters().into_iter();
        counters.extend(own.map(|(name, count)| (name.to_owned(), count)));
        if self.settings.preconditioned.is_some() {
            let own = self.preconditioned.counters().into_iter();
            counters.extend(own.map(|(name, count)| (format!("preconditioned_{name}"), count)));
        }
        counters
    }

    /// Evaluations of the loss and its derivatives, those before the state was restored included.
    fn evaluations(&self) -> Vec<(String, u64)> {
        let mut evaluations = self.own_evaluations();
        for (name, count) in &mut evaluations {
            let earlier = self.earlier.iter().find(|(earlier, _)| earlier == name);
            *count += earlier.map_or(0, |(_, count)| *count);
        }
        evaluations
    }

    /// The same since the problem was made.
    fn own_evaluations(&self) -> Vec<(String, u64)> {
        let objective = self.problem.objective.counters().snapshot().into_iter();
        let objective = objective.map(|(name, count)| (name.to_owned(), count));
        let batches = self.problem.minibatches.as_ref();
        let batches = batches.map(|batches| batches.borrow().counters());
        let waits = read_backs().saturating_sub(self.read_backs_before);
        let waits = [("read_backs".to_owned(), waits)];
        (objective.chain(batches.into_iter().flatten()))
            .chain(waits)
            .collect()
    }
}

impl<const D: usize> Iterator for Descent<'_, D> {
    type Item = Result<StepRecord, RunError>;

    /// The record of the next step, taken before the parameters move on; none after the last step
    /// or an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let record = self.record_next();
        self.failed = record.is_err();
        record.transpose()
    }
}

/// Where each followed weight lies in θ.
fn weight_ranges<const D: usize>(problem: &Problem<D>) -> Result<Vec<Range<usize>>, RunError> {
    let layout = problem.objective.layout();
    problem
        .layers
        .iter()
        .map(|layer| {
            let parameter = layout
                .get(&layer.parameter)
                .ok_or_else(|| RunError::UnknownLayer {
                    parameter: layer.parameter.clone(),
                    known: layout
                        .parameters()
                        .iter()
                        .map(|p| p.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", "),
                })?;
            Ok(parameter.offset..parameter.offset + parameter.len())
        })
        .collect()
}
