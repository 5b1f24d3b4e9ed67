//! Records that tests build on.

use brink_dynamics::eigen::Certainty;
use brink_dynamics::record::{Eigenvalue, EigenvalueKind, RunHeader, StepRecord};

/// A run of two layers that measures two eigenvalues at η = 0.01.
pub fn header() -> RunHeader {
    RunHeader {
        first_step: 0,
        next_step: 0,
        layers: vec!["layers.0".into(), "layers.1".into()],
        eigenvalues: 2,
        smallest: 0,
        preconditioned: 0,
        optimizer: "gd".into(),
        threshold_formula: "2/η".into(),
        step_size: 0.01,
        steps: 100,
        parameters: 7,
        accuracy: false,
        minibatches: false,
        measured: Vec::new(),
        tables: Vec::new(),
    }
}

/// A step without eigenvalues.
pub fn record(step: u64) -> StepRecord {
    StepRecord {
        step,
        time: 0.01 * step as f64,
        step_size: 0.01,
        loss: 1.0,
        train_accuracy: None,
        gradient_norm: 0.5,
        threshold: Some(200.0),
        eigenvalues: Vec::new(),
        smallest: Vec::new(),
        preconditioned: Vec::new(),
        preconditioned_threshold: None,
        output_norm_sq: Some(0.25),
        weight_norm_sq: vec![1.5, 0.25],
        gradient_alignment: None,
        batch_loss: None,
        step_sharpness: None,
        measured: Vec::new(),
        tables: Vec::new(),
    }
}

/// A converged eigenvalue.
pub fn eigenvalue(index: i64, value: f64) -> Eigenvalue {
    Eigenvalue {
        index,
        value,
        residual: 0.01,
        error_bound: 0.001,
        certainty: Certainty::Bounded,
        converged: true,
        kind: EigenvalueKind::Solved,
        products: 2,
    }
}
