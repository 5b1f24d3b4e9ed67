//! Training, observed at every step.

use std::sync::atomic::{AtomicBool, Ordering};

use brink_linearize::{Gradient, Linearization};
use burn::tensor::Tensor;

use crate::caught::caught;
use crate::clock::Clock;
use crate::eigen::{EigenError, SymmetricOperator};
use crate::error::RunError;
use crate::hessian::Hessian;
use crate::measurement::{Iterate, Measurement};
use crate::norms::Reading;
use crate::observer::{Observer, Outcome, RunSummary};
use crate::optimizer::{Coming, Optimizer, StepSizes};
use crate::preconditioned::Preconditioned;
use crate::problem::Problem;
use crate::record::{Eigenvalue, EigenvalueKind, RunHeader, StepRecord};
use crate::recording::{Goals, Recording};
use crate::settings::{EigenvalueSettings, Settings};
use crate::spectrum::{Measured, Spectrum};
use crate::weight_decay::Shifted;

/// How a run ended, and where.
#[derive(Debug)]
pub struct Finished {
    /// What the observers were told.
    pub summary: RunSummary,
    /// The parameters after the last step taken; if the run diverged, those of the last record.
    pub theta: Tensor<1>,
    /// What went wrong, if anything: first what ended the run, if its outcome is
    /// [`Outcome::Failed`]; then the observers that failed when they were told of the end.
    pub errors: Vec<RunError>,
}

/// Moves `theta` by the settings' rule, recording every iterate before its step.
///
/// Every way to end is an [`Outcome`]: completion, a goal, divergence, `interrupt`, and failure:
/// of an observer, of the evaluation of the loss, a panic of the backend's. Observers are told of
/// all of them; what they wrote stands.
///
/// # Errors
///
/// [`RunError`] if there is no run to begin; no observer is told of it.
pub fn run<const D: usize>(
    problem: &Problem<D>,
    theta: Tensor<1>,
    settings: &Settings,
    measurements: &mut [Box<dyn Measurement<D>>],
    observers: &mut [&mut dyn Observer],
    interrupt: &AtomicBool,
) -> Result<Finished, RunError> {
    if settings.preconditioned.is_some() && !settings.optimizer.is_preconditioned() {
        return Err(RunError::NoPreconditioner {
            optimizer: settings.optimizer.name(),
        });
    }
    let columns =
        |measured: &Option<EigenvalueSettings>| measured.as_ref().map_or(0, |e| e.largest_count());
    let spectrum = |measured: &Option<EigenvalueSettings>| {
        let (parameters, fixed) = (problem.objective.parameters(), problem.fixed_parameters);
        Spectrum::new(measured.clone(), parameters, fixed)
            .map_err(|source| RunError::Eigen { step: 0, source })
    };
    let header = RunHeader {
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
        measured: measurements.iter().flat_map(|m| m.columns()).collect(),
    };
    let mut descent = Descent {
        problem,
        settings,
        measurements,
        optimizer: settings.optimizer.fresh(),
        time: 0.0,
        spectrum: spectrum(&settings.eigenvalues)?,
        preconditioned: spectrum(&settings.preconditioned)?,
        ranges: weight_ranges(problem)?,
        clock: Clock::default(),
        theta,
    };
    let goals = Goals {
        loss: settings.stop_loss,
        accuracy: settings.stop_accuracy,
    };
    let mut recording = Recording::new(observers, goals);
    let result = caught(|| {
        recording.start(&header)?;
        descent.run(&mut recording, interrupt)
    })
    .unwrap_or_else(|panic| {
        let step = recording.recorded();
        Err(RunError::Panicked { step, panic })
    });
    let ended = match &result {
        Ok(outcome) => Ok(outcome.clone()),
        Err(error) => Err(error as &dyn std::error::Error),
    };
    let (summary, unfinished) =
        recording.finish(ended, descent.counters(), descent.clock.seconds());
    Ok(Finished {
        summary,
        theta: descent.theta,
        errors: result.err().into_iter().chain(unfinished).collect(),
    })
}

/// Where each followed weight lies in θ.
fn weight_ranges<const D: usize>(
    problem: &Problem<D>,
) -> Result<Vec<std::ops::Range<usize>>, RunError> {
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

struct Descent<'a, const D: usize> {
    problem: &'a Problem<D>,
    settings: &'a Settings,
    measurements: &'a mut [Box<dyn Measurement<D>>],
    optimizer: Box<dyn Optimizer>,
    /// The sum of the step sizes so far.
    time: f64,
    spectrum: Spectrum,
    preconditioned: Spectrum,
    ranges: Vec<std::ops::Range<usize>>,
    clock: Clock,
    theta: Tensor<1>,
}

impl<'a, const D: usize> Descent<'a, D> {
    fn run(
        &mut self,
        recording: &mut Recording<'_, '_>,
        interrupt: &AtomicBool,
    ) -> Result<Outcome, RunError> {
        let mut before = self.theta.clone();
        for step in 0..self.settings.steps {
            if interrupt.load(Ordering::Relaxed) {
                return Ok(Outcome::Interrupted);
            }
            let (gradient, mut linearization) = self.evaluate(step)?;
            let scalars = self.scalars(step, &gradient)?;
            if let Some(what) = scalars.not_finite() {
                // The weights of the last record can be written; these could not be used.
                self.theta = before;
                return Ok(Outcome::Diverged {
                    what: format!("{what} at step {step}"),
                });
            }
            let along = self.along(step, &gradient, &scalars)?;
            if !along.gradient_norm.is_finite() {
                self.theta = before;
                return Ok(Outcome::Diverged {
                    what: format!("the gradient of the batch at step {step}"),
                });
            }
            let record = match self.record(step, &gradient, scalars, &along, linearization.as_mut())
            {
                Err(RunError::Eigen {
                    source: EigenError::NonFinite { .. },
                    ..
                }) => {
                    self.theta = before;
                    return Ok(Outcome::Diverged {
                        what: format!("the Hessian at step {step}"),
                    });
                }
                Err(RunError::Measure {
                    measurement,
                    source,
                    ..
                }) if source.is_divergence() => {
                    self.theta = before;
                    return Ok(Outcome::Diverged {
                        what: format!("the measurement {measurement} at step {step}"),
                    });
                }
                record => record?,
            };
            drop(linearization);
            let told = self.clock.time("observers", || recording.step(record));
            if let Some(outcome) = told? {
                return Ok(outcome);
            }
            before = self.theta.clone();
            self.advance(step, along)?;
        }
        Ok(Outcome::Completed)
    }

    /// What the step from θ_t goes along: the gradient over all samples or over a batch.
    fn along(
        &mut self,
        step: u64,
        gradient: &Gradient<D>,
        scalars: &Scalars,
    ) -> Result<Along, RunError> {
        let Some(minibatches) = &self.problem.minibatches else {
            return Ok(Along {
                gradient: gradient.gradient.clone(),
                gradient_norm: scalars.gradient_norm,
                batch_loss: None,
                step_sharpness: None,
            });
        };
        let (theta, decay) = (&self.theta, self.settings.weight_decay);
        let mut minibatches = minibatches.borrow_mut();
        let (loss, gradient, image) = self
            .clock
            .time("batch", || {
                let mut at = minibatches.at(step)?.linearize(theta)?;
                let loss = at.at().loss.clone();
                let gradient = penalised(at.at().gradient.clone(), theta, decay);
                let image = at.hvp(gradient.clone().unsqueeze())?;
                Ok((loss, gradient, image))
            })
            .map_err(|source| RunError::Linearize { step, source })?;
        let mut reading = Reading::default();
        reading.scalar(loss);
        reading.norm(gradient.clone());
        reading.inner(image.squeeze_dim(0), gradient.clone());
        reading.squared(theta.clone());
        let values = self.clock.time("batch", || reading.read());
        let values = values.map_err(|message| RunError::ReadBack { step, message })?;
        let norm = values[1];
        Ok(Along {
            gradient,
            gradient_norm: norm,
            batch_loss: Some(values[0] + 0.5 * decay * values[3]),
            step_sharpness: (norm > 0.0).then(|| values[2] / norm / norm + decay),
        })
    }

    /// The step from θ_t.
    fn advance(&mut self, step: u64, along: Along) -> Result<(), RunError> {
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
            StepSizes::Constant => self.settings.step_size * (step + 1) as f64,
            _ => self.time + coming.step_size,
        };
        Ok(())
    }

    fn coming(&self, step: u64, gradient_norm: f64) -> Coming {
        Coming {
            step,
            step_size: self.settings.step_size(step),
            gradient_norm,
        }
    }

    /// Loss, outputs and gradient, with a linearisation when products will be wanted.
    fn evaluate(&mut self, step: u64) -> Result<Evaluated<'a, D>, RunError> {
        let objective = &self.problem.objective;
        let wanted = self.spectrum.wants_products(step)
            || self.preconditioned.wants_products(step)
            || self.measurements.iter().any(|m| m.wants(step));
        let (theta, decay) = (&self.theta, self.settings.weight_decay);
        self.clock
            .time("gradient", || {
                let (mut gradient, linearization) = if wanted {
                    let linearization = objective.linearize(theta)?;
                    (linearization.at().clone(), Some(linearization))
                } else {
                    (objective.gradient(theta)?, None)
                };
                gradient.gradient = penalised(gradient.gradient, theta, decay);
                Ok((gradient, linearization))
            })
            .map_err(|source| RunError::Linearize { step, source })
    }

    /// The step's scalars, in one read-back.
    fn scalars(&mut self, step: u64, gradient: &Gradient<D>) -> Result<Scalars, RunError> {
        let mut reading = Reading::default();
        reading.scalar(gradient.loss.clone());
        reading.norm(gradient.gradient.clone());
        let decay = self.settings.weight_decay;
        if decay > 0.0 {
            reading.squared(self.theta.clone());
        }
        for range in &self.ranges {
            reading.squared(self.theta.clone().slice(range.clone()));
        }
        let mut samples = 0;
        if let Some(accuracy) = &self.problem.accuracy {
            let right = accuracy(gradient.outputs.clone());
            samples = right.dims()[0];
            reading.count(right);
        }
        let values = self.clock.time("gradient", || reading.read());
        let values = values.map_err(|message| RunError::ReadBack { step, message })?;
        let layers = self.ranges.len();
        let (penalty, values) = match decay > 0.0 {
            true => (
                0.5 * decay * values[2],
                [&values[..2], &values[3..]].concat(),
            ),
            false => (0.0, values),
        };
        Ok(Scalars {
            loss: values[0] + penalty,
            gradient_norm: values[1],
            weight_norm_sq: values[2..2 + layers]
                .iter()
                .zip(&self.problem.layers)
                .map(|(moving, layer)| moving + layer.fixed_norm_sq)
                .collect(),
            accuracy: values.get(2 + layers).map(|right| right / samples as f64),
        })
    }

    fn record(
        &mut self,
        step: u64,
        gradient: &Gradient<D>,
        scalars: Scalars,
        along: &Along,
        mut linearization: Option<&mut Linearization<'a, D>>,
    ) -> Result<StepRecord, RunError> {
        let coming = self.coming(step, along.gradient_norm);
        let threshold = self.optimizer.threshold(&coming);
        // A step of size 0 is stable on any quadratic.
        let threshold = threshold.is_finite().then_some(threshold);
        let edges = match self.optimizer.is_preconditioned() {
            true => [None, threshold],
            false => [threshold, None],
        };
        let (spectral, preconditioned) = match linearization.as_deref_mut() {
            Some(linearization) => {
                let mut hessian = Hessian::new(linearization);
                let mut operator = Shifted::new(&mut hessian, self.settings.weight_decay);
                self.spectra(step, edges, &along.gradient, &mut operator)
                    .map_err(|source| RunError::Eigen { step, source })?
            }
            None => (Measured::default(), Measured::default()),
        };
        // A stale vector still tells of the gradient's direction, but it is no eigenvector here.
        let solved = |e: &Eigenvalue| e.kind == EigenvalueKind::Solved;
        let (eigenvalues, top) = match spectral.largest.first().filter(|e| solved(e)) {
            Some(_) => (&spectral.largest[..], spectral.top.as_ref()),
            None => (&[][..], None),
        };
        let measured = self.measure(step, gradient, linearization, (top, eigenvalues))?;
        let gradient_alignment = match spectral.top {
            Some(top) if scalars.gradient_norm > 0.0 => {
                let mut reading = Reading::default();
                reading.inner(gradient.gradient.clone(), top);
                let inner = reading.read();
                let inner = inner.map_err(|message| RunError::ReadBack { step, message })?;
                Some((inner[0] / scalars.gradient_norm).abs().min(1.0))
            }
            _ => None,
        };
        Ok(StepRecord {
            step,
            time: self.time,
            step_size: coming.step_size,
            loss: scalars.loss,
            train_accuracy: scalars.accuracy,
            gradient_norm: scalars.gradient_norm,
            threshold: edges[0],
            eigenvalues: spectral.largest,
            smallest: spectral.smallest,
            preconditioned: preconditioned.largest,
            preconditioned_threshold: edges[1],
            output_norm_sq: scalars.weight_norm_sq.last().copied(),
            weight_norm_sq: scalars.weight_norm_sq,
            gradient_alignment,
            batch_loss: along.batch_loss,
            step_sharpness: along.step_sharpness,
            measured,
        })
    }

    /// The eigenvalues of the Hessian and of the preconditioned one, by their schedules.
    fn spectra(
        &mut self,
        step: u64,
        [threshold, preconditioned_threshold]: [Option<f64>; 2],
        gradient: &Tensor<1>,
        hessian: &mut dyn SymmetricOperator,
    ) -> Result<(Measured, Measured), EigenError> {
        let spectrum = &mut self.spectrum;
        let spectral = self
            .clock
            .time("eigenvalues", || spectrum.measure(step, threshold, hessian))?;
        let spectrum = &mut self.preconditioned;
        if !spectrum.wants_products(step) {
            return Ok((spectral, Measured::default()));
        }
        let Some(diagonal) = self.optimizer.preconditioner(gradient) else {
            return Ok((spectral, Measured::default()));
        };
        let mut operator = Preconditioned::new(hessian, diagonal);
        let preconditioned = self.clock.time("preconditioned eigenvalues", || {
            spectrum.measure(step, preconditioned_threshold, &mut operator)
        })?;
        Ok((spectral, preconditioned))
    }

    /// The values of the run's measurements, empty where they are not due.
    fn measure(
        &mut self,
        step: u64,
        gradient: &Gradient<D>,
        mut linearization: Option<&mut Linearization<'a, D>>,
        (top, eigenvalues): (Option<&Tensor<1>>, &[Eigenvalue]),
    ) -> Result<Vec<Option<f64>>, RunError> {
        let mut row = Vec::new();
        for measurement in self.measurements.iter_mut() {
            let name = measurement.name();
            match linearization.as_deref_mut() {
                Some(linearization) if measurement.wants(step) => {
                    let mut at = Iterate {
                        step,
                        time: self.time,
                        step_size: self.settings.step_size(step),
                        theta: &self.theta,
                        gradient,
                        linearization,
                        top,
                        sharpness: eigenvalues.first().map(|e| e.value),
                        eigenvalues,
                    };
                    let measured = self.clock.time(name, || measurement.measure(&mut at));
                    row.extend(measured.map_err(|source| RunError::Measure {
                        measurement: name,
                        step,
                        source: Box::new(source),
                    })?);
                }
                _ => row.extend(measurement.columns().iter().map(|_| None)),
            }
        }
        Ok(row)
    }

    /// Calls by name.
    fn counters(&self) -> Vec<(String, u64)> {
        let objective = self.problem.objective.counters().snapshot();
        let own = objective.into_iter().chain(self.spectrum.counters());
        let own = own.map(|(name, count)| (name.to_owned(), count));
        let measured = self.settings.preconditioned.is_some();
        let other = self.preconditioned.counters().into_iter();
        let other = other.map(|(name, count)| (format!("preconditioned_{name}"), count));
        let batches = self.problem.minibatches.as_ref();
        let batches = batches.map(|batches| batches.borrow().counters());
        own.chain(other.filter(|_| measured))
            .chain(batches.into_iter().flatten())
            .collect()
    }
}

/// ∇L + wθ.
fn penalised(gradient: Tensor<1>, theta: &Tensor<1>, decay: f64) -> Tensor<1> {
    match decay > 0.0 {
        true => gradient + theta.clone().mul_scalar(decay),
        false => gradient,
    }
}

type Evaluated<'a, const D: usize> = (Gradient<D>, Option<Linearization<'a, D>>);

/// What a step goes along.
struct Along {
    gradient: Tensor<1>,
    gradient_norm: f64,
    batch_loss: Option<f64>,
    step_sharpness: Option<f64>,
}

struct Scalars {
    loss: f64,
    gradient_norm: f64,
    weight_norm_sq: Vec<f64>,
    accuracy: Option<f64>,
}

impl Scalars {
    /// What is not finite, if anything: a parameter that is not shows in its layer's norm.
    fn not_finite(&self) -> Option<&'static str> {
        if !self.loss.is_finite() {
            Some("the loss")
        } else if !self.gradient_norm.is_finite() {
            Some("the gradient")
        } else if self.weight_norm_sq.iter().any(|norm| !norm.is_finite()) {
            Some("a parameter")
        } else {
            None
        }
    }
}
