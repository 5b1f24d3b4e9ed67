//! A record of the recursion as a record of a run, so that everything made for runs works on it.

use brink_dynamics::eigen::Certainty;
use brink_dynamics::record::{Eigenvalue, EigenvalueKind, RunHeader, StepRecord};
use brink_dynamics::{Column, measurement};
use brink_theory::{Model, TheoryRecord};

use crate::config::Config;

/// Names of the layers: W, then A.
const LAYERS: [&str; 2] = ["layers.0", "layers.1"];

/// What is known before the first step.
pub fn header(config: &Config, parameters: usize, gram: usize) -> RunHeader {
    RunHeader {
        first_step: 0,
        next_step: 0,
        layers: LAYERS.map(String::from).into(),
        eigenvalues: config.measure.eigenvalues.as_ref().map_or(0, |e| e.count),
        smallest: 0,
        preconditioned: 0,
        optimizer: "gd".to_owned(),
        threshold_formula: "2/η".to_owned(),
        step_size: config.optimizer.step_size,
        steps: config.optimizer.steps,
        parameters,
        accuracy: true,
        minibatches: false,
        measured: columns(gram),
        tables: Vec::new(),
    }
}

fn columns(gram: usize) -> Vec<Column> {
    // The recursion is exact: what bounds the error of a solver has no column.
    let values = |all: Vec<Column>| all.into_iter().filter(|c| !c.name.contains("error_bound"));
    let residual = measurement::columns::residual().into_iter();
    residual
        .chain(measurement::columns::gram(gram))
        .chain(values(measurement::columns::gauss_newton()))
        .chain(measurement::columns::first_order())
        .chain(measurement::columns::alignment(LAYERS.iter()))
        .chain(values(measurement::columns::layer_sharpness(LAYERS.iter())))
        .collect()
}

/// Follows what a record does not carry from step to step.
#[derive(Debug)]
pub struct Converter {
    tolerance: f64,
    step_size: f64,
    gram: usize,
    target_norm_sq: f64,
    hidden_norm_sq: f64,
}

impl Converter {
    /// A converter that starts at ‖W‖² of the initial weights.
    pub fn new(config: &Config, model: &Model, gram: usize, hidden_norm_sq: f64) -> Self {
        let measured = config.measure.eigenvalues.as_ref();
        Self {
            tolerance: measured.map_or(0.0, |e| e.relative_tolerance),
            step_size: config.optimizer.step_size,
            gram,
            target_norm_sq: model.targets().iter().map(|y| y * y).sum(),
            hidden_norm_sq,
        }
    }

    /// The record of step t; `accuracy` is that of its outputs.
    pub fn convert(&mut self, record: &TheoryRecord, accuracy: f64) -> StepRecord {
        let weight_norm_sq = vec![self.hidden_norm_sq, record.output_norm_sq];
        self.hidden_norm_sq += record.hidden_norm_sq_change;
        StepRecord {
            step: record.step,
            time: record.time,
            loss: record.loss,
            train_accuracy: Some(accuracy),
            gradient_norm: record.gradient_norm,
            step_size: self.step_size,
            threshold: Some(record.threshold),
            eigenvalues: self.eigenvalues(record),
            smallest: Vec::new(),
            preconditioned: Vec::new(),
            preconditioned_threshold: None,
            output_norm_sq: Some(record.output_norm_sq),
            weight_norm_sq,
            gradient_alignment: record.gradient_alignment,
            batch_loss: None,
            step_sharpness: None,
            measured: self.measured(record),
            tables: Vec::new(),
        }
    }

    fn eigenvalues(&self, record: &TheoryRecord) -> Vec<Eigenvalue> {
        let pairs = record.lambda.iter().zip(&record.lambda_residual);
        let pairs = pairs.enumerate();
        pairs
            .map(|(position, (&value, &residual))| Eigenvalue {
                index: position as i64 + 1,
                value,
                residual,
                // Some eigenvalue lies within the residual's norm of a Rayleigh quotient.
                error_bound: residual,
                certainty: Certainty::Rigorous,
                converged: residual <= self.tolerance * value.abs(),
                kind: EigenvalueKind::Solved,
                products: 0,
            })
            .collect()
    }

    fn measured(&self, record: &TheoryRecord) -> Vec<Option<f64>> {
        let mut row = vec![
            Some(record.residual_norm_sq),
            Some(record.residual_dot_output),
            Some(record.residual_dot_target),
            Some(self.target_norm_sq),
            Some(record.output_norm_sq_change),
            Some(record.output_norm_sq_predicted),
            Some(record.output_norm_sq_change - record.output_norm_sq_predicted),
        ];
        row.extend((0..self.gram).map(|at| record.gram_lambda.get(at).copied()));
        row.extend([
            record.gram_residual.iter().copied().reduce(f64::max),
            gram_gap(record),
            record.residual_on_v1,
            record.residual_off_v1,
            record.loss_share_v1,
            record.v1_cos_previous,
            record.v1_cos_start,
            record.gram_lambda.first().copied(),
            Some(record.residual_hessian_lambda_1),
            record.first_order_error,
            record.eigenvector_share_output.map(|share| 1.0 - share),
            record.eigenvector_share_output,
            record.lambda_1_hidden,
            record.lambda_1_output,
        ]);
        row
    }
}

/// |Λ − c·λ₁(M)|/Λ.
fn gram_gap(record: &TheoryRecord) -> Option<f64> {
    let (sharpness, gram) = (record.lambda.first()?, record.gram_lambda.first()?);
    Some(((sharpness - gram) / sharpness).abs())
}
