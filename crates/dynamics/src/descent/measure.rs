//! What is measured at an iterate.

use brink_linearize::{Gradient, Linearization};
use burn::tensor::Tensor;

use super::{Along, Descent};
use crate::curvature::curvature;
use crate::eigen::{EigenError, Numbers};
use crate::error::RunError;
use crate::hessian::Hessian;
use crate::measurement::{Iterate, MeasureError};
use crate::norms::{Pending, Reading};
use crate::optimizer::Coming;
use crate::preconditioned::Preconditioned;
use crate::record::{Eigenvalue, EigenvalueKind, StepRecord};
use crate::spectrum::{Measured, Wanted};
use crate::table::Rows;
use crate::weight_decay::{Shifted, penalised};

impl<'a, const D: usize> Descent<'a, D> {
    /// The record of θ_t, and what the step from it goes along.
    pub(super) fn measured(&mut self) -> Result<(StepRecord, Along), RunError> {
        let step = self.step;
        let diverged = |what: &str| RunError::Diverged {
            what: what.to_owned(),
            step,
        };
        let (gradient, mut linearization) = self.evaluate(step)?;
        let mut scalars = self.scalars(&gradient);
        // Where nothing needs them before, the eigensolver's first read-back brings the scalars.
        let wait = self.problem.minibatches.is_none() && self.spectrum.needs_no_threshold(step);
        let spectral = linearization.as_mut().filter(|_| wait).map(|at| {
            let numbers = Some(scalars.numbers());
            self.eigenvalues(step, None, &gradient.gradient, numbers, at)
        });
        let scalars = self.read_scalars(step, scalars)?;
        if let Some(what) = scalars.not_finite() {
            return Err(diverged(what));
        }
        let along = self.along(step, &gradient, &scalars)?;
        if !along.gradient_norm.is_finite() {
            return Err(diverged("the gradient of the batch"));
        }
        let linearization = linearization.as_mut();
        match self.record(step, &gradient, scalars, &along, linearization, spectral) {
            Err(RunError::Eigen {
                source: EigenError::NonFinite { .. },
                ..
            }) => Err(diverged("the Hessian")),
            Err(RunError::Measure {
                measurement,
                source,
                ..
            }) if source.is_divergence() => {
                Err(diverged(&format!("the measurement {measurement}")))
            }
            record => Ok((record?, along)),
        }
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
        let again = |block| minibatches.at(step)?.linearize(theta)?.hvp(block);
        let sharpness = (norm > 0.0).then(|| curvature(&gradient, [norm, values[2]], again));
        let sharpness = sharpness.transpose().map_err(|source| RunError::Measure {
            measurement: "step_sharpness",
            step,
            source: Box::new(source),
        })?;
        Ok(Along {
            gradient_norm: norm,
            gradient,
            batch_loss: Some(values[0] + 0.5 * decay * values[3]),
            step_sharpness: sharpness.map(|sharpness| sharpness + decay),
        })
    }

    pub(super) fn coming(&self, step: u64, gradient_norm: f64) -> Coming {
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

    /// The step's scalars, to be read together.
    fn scalars(&self, gradient: &Gradient<D>) -> Pending {
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
        if let Some(accuracy) = &self.problem.accuracy {
            let right = accuracy(gradient.outputs.clone());
            let [samples] = right.dims();
            reading.share(right, samples);
        }
        reading.pending()
    }

    fn read_scalars(&mut self, step: u64, scalars: Pending) -> Result<Scalars, RunError> {
        let values = self.clock.time("gradient", || scalars.read());
        let values = values.map_err(|message| RunError::ReadBack { step, message })?;
        let decay = self.settings.weight_decay;
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
            accuracy: values.get(2 + layers).copied(),
        })
    }

    fn record(
        &mut self,
        step: u64,
        gradient: &Gradient<D>,
        scalars: Scalars,
        along: &Along,
        mut linearization: Option<&mut Linearization<'a, D>>,
        spectral: Option<Result<Measured, EigenError>>,
    ) -> Result<StepRecord, RunError> {
        let coming = self.coming(step, along.gradient_norm);
        let threshold = self.optimizer.threshold(&coming);
        // A step of size 0 is stable on any quadratic.
        let threshold = threshold.is_finite().then_some(threshold);
        let edges = match self.optimizer.is_preconditioned() {
            true => [None, threshold],
            false => [threshold, None],
        };
        let failed = |source| RunError::Eigen { step, source };
        let (spectral, preconditioned) = match linearization.as_deref_mut() {
            Some(at) => {
                let spectral = spectral.unwrap_or_else(|| {
                    self.eigenvalues(step, edges[0], &gradient.gradient, None, at)
                });
                let spectral = spectral.map_err(failed)?;
                let preconditioned = self.preconditioned(step, edges[1], &along.gradient, at);
                (spectral, preconditioned.map_err(failed)?)
            }
            None => (Measured::default(), Measured::default()),
        };
        // A stale vector still tells of the gradient's direction, but it is no eigenvector here.
        let solved = |e: &Eigenvalue| e.kind == EigenvalueKind::Solved;
        let nothing = Measured::default();
        let fresh = match spectral.largest.first().is_some_and(solved) {
            true => &spectral,
            false => &nothing,
        };
        let at = (gradient, scalars.loss);
        let (measured, tables) = self.measure(step, at, &along.gradient, linearization, fresh)?;
        let norm = scalars.gradient_norm;
        let gradient_alignment =
            (spectral.top_along.filter(|_| norm > 0.0)).map(|inner| (inner / norm).abs().min(1.0));
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
            tables,
        })
    }

    /// The eigenvalues of the Hessian, by their schedule; the first read-back brings some `numbers`.
    fn eigenvalues(
        &mut self,
        step: u64,
        threshold: Option<f64>,
        gradient: &Tensor<1>,
        numbers: Option<&mut Numbers>,
        at: &mut Linearization<'a, D>,
    ) -> Result<Measured, EigenError> {
        let mut hessian = Hessian::new(at);
        let mut operator = Shifted::new(&mut hessian, self.settings.weight_decay);
        let wanted = Wanted {
            threshold,
            along: gradient,
            numbers,
        };
        let spectrum = &mut self.spectrum;
        (self.clock).time("eigenvalues", || {
            spectrum.measure(step, wanted, &mut operator)
        })
    }

    /// Those of the preconditioned Hessian; `gradient` is what the step goes along.
    fn preconditioned(
        &mut self,
        step: u64,
        threshold: Option<f64>,
        gradient: &Tensor<1>,
        at: &mut Linearization<'a, D>,
    ) -> Result<Measured, EigenError> {
        let spectrum = &mut self.preconditioned;
        if !spectrum.wants_products(step) {
            return Ok(Measured::default());
        }
        let Some(diagonal) = self.optimizer.preconditioner(gradient) else {
            return Ok(Measured::default());
        };
        let mut hessian = Hessian::new(at);
        let mut operator = Shifted::new(&mut hessian, self.settings.weight_decay);
        let mut operator = Preconditioned::new(&mut operator, diagonal);
        let wanted = Wanted {
            threshold,
            along: gradient,
            numbers: None,
        };
        self.clock.time("preconditioned eigenvalues", || {
            spectrum.measure(step, wanted, &mut operator)
        })
    }

    /// The values of the run's measurements, empty where they are not due, and the rows of their
    /// tables; `along` is the gradient that the step goes along.
    fn measure(
        &mut self,
        step: u64,
        (gradient, loss): (&Gradient<D>, f64),
        along: &Tensor<1>,
        mut linearization: Option<&mut Linearization<'a, D>>,
        spectral: &Measured,
    ) -> Result<(Vec<Option<f64>>, Vec<Rows>), RunError> {
        let (mut row, mut tables) = (Vec::new(), Vec::new());
        let any = self.measurements.iter().any(|m| m.wants(step));
        let preconditioner = match any {
            true => self.optimizer.preconditioner(along),
            false => None,
        };
        for measurement in self.measurements.iter_mut() {
            let name = measurement.name();
            match linearization.as_deref_mut() {
                Some(linearization) if measurement.wants(step) => {
                    let mut at = Iterate {
                        step,
                        time: self.time,
                        step_size: self.settings.step_size(step),
                        weight_decay: self.settings.weight_decay,
                        theta: &self.theta,
                        loss,
                        gradient,
                        linearization,
                        top: spectral.top.as_ref(),
                        vectors: spectral.vectors.as_ref(),
                        sharpness: spectral.largest.first().map(|e| e.value),
                        eigenvalues: &spectral.largest,
                        preconditioner: preconditioner.as_ref(),
                        interrupt: self.interrupt,
                        tables: &mut tables,
                    };
                    let measured = self.clock.time(name, || measurement.measure(&mut at));
                    // Where it may be interrupted, the state before is kept to go on from.
                    let given_up = measurement.may_be_interrupted() && self.interrupt.is_set();
                    row.extend(measured.map_err(|source| RunError::Measure {
                        measurement: name,
                        step,
                        source: Box::new(match given_up {
                            true => MeasureError::Interrupted,
                            false => source,
                        }),
                    })?);
                }
                _ => row.extend(measurement.columns().iter().map(|_| None)),
            }
        }
        Ok((row, tables))
    }
}

type Evaluated<'a, const D: usize> = (Gradient<D>, Option<Linearization<'a, D>>);

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
