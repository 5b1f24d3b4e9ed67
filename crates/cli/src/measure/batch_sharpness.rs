//! `[measure.batch_sharpness]`: the curvature of random batches along their own gradients.

use brink_dynamics::measurement::{BatchSharpness, Schedule, columns};
use serde::{Deserialize, Serialize};

use super::schedule::{below_one, every, not_zero, relative_tolerance};
use super::table::{Fault, Need, Table};
use crate::config::Config;
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<BatchSharpnessConfig> = Table {
    keys: &keys! {
        "measure.batch_sharpness.size", "none", "samples of a batch B, that of [optimizer.minibatch] if left out: the mean of gᵀHg/‖g‖² for gradient g and Hessian H of B's loss over random batches, its standard error, and the trace of the gradient's covariance";
        "measure.batch_sharpness.relative_error", "0.01", "batches are drawn, at least 16, until the standard error is at most this share of the mean";
        "measure.batch_sharpness.draws", "1000", "the most batches drawn at a step, at least 2; each costs a gradient and a product of a batch";
        "measure.batch_sharpness.eigenvalue_draws", "0", "over so many of the step's batches the mean of λ₁ of H is taken too, with its standard error: at least 2, or 0 for none; each costs an eigensolve on a batch";
        "measure.batch_sharpness.relative_tolerance", "1e-3", "bound on the error of each of these λ₁, relative to it, at which the solver stops";
        "measure.batch_sharpness.seed", "0", "seed of the batches";
        "measure.batch_sharpness.every", "1", "measure at every so many steps";
        "measure.batch_sharpness.from", "0", "the first step to measure at";
    },
    needs: &[Need::BatchSize, Need::SamplesInOnePiece],
    faults: BatchSharpnessConfig::faults,
    columns: || columns::batch_sharpness(true),
    arrays: Vec::new,
    measurement: |table, run| {
        let Some(size) = table.batch_size(run.config) else {
            return Ok(None);
        };
        let schedule = Schedule {
            every: table.every,
            from: table.from,
        };
        let batches = (run.random_batches)(size, table.seed)?;
        let (error, draws) = (table.relative_error, table.draws);
        let mut sharpness = BatchSharpness::new(schedule, batches, error, draws)
            .with_flat_directions(run.flat_directions());
        if table.eigenvalue_draws > 0 {
            let tolerance = table.relative_tolerance;
            sharpness = sharpness.with_eigenvalues(table.eigenvalue_draws, tolerance)?;
        }
        Ok(Some(Box::new(sharpness)))
    },
};

/// What the table says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSharpnessConfig {
    /// Samples of a batch; those of the run's batches if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// The standard error that is enough, relative to the mean.
    #[serde(default = "relative_error")]
    pub relative_error: f64,
    /// The most batches drawn at a step.
    #[serde(default = "draws")]
    pub draws: u64,
    /// Over how many of them λ₁ is averaged; 0 for none.
    #[serde(default)]
    pub eigenvalue_draws: u64,
    /// Bound on the error of each λ₁, relative to it.
    #[serde(default = "relative_tolerance")]
    pub relative_tolerance: f64,
    /// Seed of the batches.
    #[serde(default)]
    pub seed: u64,
    /// Measure at every so many steps.
    #[serde(default = "every")]
    pub every: u64,
    /// The first step to measure at.
    #[serde(default)]
    pub from: u64,
}

impl BatchSharpnessConfig {
    /// Samples of a batch, if anything says how many.
    pub fn batch_size(&self, config: &Config) -> Option<usize> {
        let of_run = config.optimizer.minibatch.as_ref();
        self.size.or(of_run.map(|minibatch| minibatch.size))
    }

    fn faults(&self) -> Vec<Fault> {
        let unless = |possible: bool, key, fault: &str| (!possible).then(|| (key, fault.into()));
        let faults = [
            not_zero(self.every),
            unless(self.size != Some(0), "size", "must be at least 1"),
            unless(
                self.relative_error > 0.0 && self.relative_error < 1.0,
                "relative_error",
                "must be between 0 and 1",
            ),
            unless(
                self.draws >= 2,
                "draws",
                "must be at least 2: one alone has no spread",
            ),
            unless(
                self.eigenvalue_draws != 1,
                "eigenvalue_draws",
                "must be 0 or at least 2: one alone has no spread",
            ),
            below_one(self.relative_tolerance),
        ];
        faults.into_iter().flatten().collect()
    }
}

fn relative_error() -> f64 {
    0.01
}

fn draws() -> u64 {
    1000
}
