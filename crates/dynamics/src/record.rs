//! What one step of a run measured.

use serde::Serialize;

use crate::column::Column;
use crate::eigen::Certainty;
use crate::table::{Rows, Table};

/// How an eigenvalue was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EigenvalueKind {
    /// By the block eigensolver, at this step's parameters.
    Solved,
    /// The Rayleigh quotient, at this step's parameters, of the vector that an earlier step solved for.
    RayleighQuotient,
}

impl EigenvalueKind {
    /// The word that traces use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::RayleighQuotient => "rayleigh_quotient",
        }
    }
}

/// One eigenvalue of the Hessian ∇²L(θ) at one step, with what is known of its accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Eigenvalue {
    /// Counted from 1 at the largest algebraic end; from −1 downwards at the smallest end.
    pub index: i64,
    /// The Rayleigh quotient λ.
    pub value: f64,
    /// ‖Hv − λv‖₂ for the unit vector v.
    pub residual: f64,
    /// A bound on |λ − exact| in the units of λ (Kato–Temple; see [`crate::eigen`]).
    pub error_bound: f64,
    /// What the bound rests on.
    pub certainty: Certainty,
    /// Whether the bound meets the tolerance that was asked for.
    pub converged: bool,
    /// How it was obtained.
    pub kind: EigenvalueKind,
    /// Hessian-vector products charged to it at this step.
    pub products: u64,
}

/// Everything measured at the iterate θ_t, before the step from θ_t to θ_{t+1} is taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRecord {
    /// t, counted from 0 at the initial weights.
    pub step: u64,
    /// The sum of the step sizes before this step: the time of gradient flow.
    pub time: f64,
    /// η_t.
    pub step_size: f64,
    /// L(θ_t) over the full batch, with the weight decay's penalty.
    pub loss: f64,
    /// Share of training samples classified right, where that means something.
    pub train_accuracy: Option<f64>,
    /// ‖∇L(θ_t)‖₂.
    pub gradient_norm: f64,
    /// The rule's stability threshold for the Hessian's eigenvalues, such as 2/η; none for rules
    /// with a preconditioner.
    pub threshold: Option<f64>,
    /// Largest first; empty at a step where none were measured.
    pub eigenvalues: Vec<Eigenvalue>,
    /// Smallest first; empty unless asked for.
    pub smallest: Vec<Eigenvalue>,
    /// The largest eigenvalues of P^(−½)HP^(−½), largest first; empty unless asked for.
    pub preconditioned: Vec<Eigenvalue>,
    /// The rule's stability threshold for them.
    pub preconditioned_threshold: Option<f64>,
    /// Squared Frobenius norm ‖A‖² of the output layer's weight, if there are layers.
    pub output_norm_sq: Option<f64>,
    /// Squared Frobenius norm of every layer's weight, in [`RunHeader::layers`]' order.
    pub weight_norm_sq: Vec<f64>,
    /// |cos| of the angle between ∇L and the top eigenvector, when one was measured.
    pub gradient_alignment: Option<f64>,
    /// The loss over the batch that the step is taken along, if it is not over all samples.
    pub batch_loss: Option<f64>,
    /// g_BᵀH_Bg_B/‖g_B‖² of that batch.
    pub step_sharpness: Option<f64>,
    /// What else was measured, in [`RunHeader::measured`]'s order.
    pub measured: Vec<Option<f64>>,
    /// The rows of the measurements' tables.
    #[serde(skip)]
    pub tables: Vec<Rows>,
}

impl StepRecord {
    /// The sharpness λ₁, if it was measured at this step.
    pub fn sharpness(&self) -> Option<f64> {
        self.eigenvalues.first().map(|e| e.value)
    }

    /// The eigenvalue that decides on the rule's stability, and its threshold: the sharpness, or
    /// that of the preconditioned Hessian. None where it was not measured at this step.
    pub fn edge(&self) -> Option<(f64, f64)> {
        let preconditioned = || self.preconditioned.first().map(|e| e.value);
        match self.threshold {
            Some(threshold) => Some((self.sharpness()?, threshold)),
            None => Some((preconditioned()?, self.preconditioned_threshold?)),
        }
    }
}

/// What is known of a run before its next record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunHeader {
    /// The step of the first record: 0, or that of the checkpoint that a run branched off at.
    pub first_step: u64,
    /// The step of the next record: another one than the first where a run is resumed, whose
    /// records before it were told already.
    pub next_step: u64,
    /// The layers whose weight norms are recorded, from input to output.
    pub layers: Vec<String>,
    /// How many eigenvalues a measured step records at the largest end.
    pub eigenvalues: usize,
    /// How many at the smallest end.
    pub smallest: usize,
    /// How many of the preconditioned Hessian.
    pub preconditioned: usize,
    /// The step rule, such as `gd`.
    pub optimizer: String,
    /// Its stability threshold as a formula, such as `2/η`.
    pub threshold_formula: String,
    /// Step size η.
    pub step_size: f64,
    /// Steps the run takes unless a stop rule ends it first.
    pub steps: u64,
    /// Number of parameters, with those that cannot move.
    pub parameters: usize,
    /// Whether `train_accuracy` means something.
    pub accuracy: bool,
    /// Whether steps are taken along batches.
    pub minibatches: bool,
    /// The columns of the run's measurements.
    pub measured: Vec<Column>,
    /// Their tables.
    pub tables: Vec<Table>,
}
