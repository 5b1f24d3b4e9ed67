//! How the terms in 1/m vanish with the width.

use faer::Mat;
use serde::Serialize;

use crate::{Model, Network, Outcome, Parametrisation, Schedule, Settings, State, Terms};
use crate::{TheoryError, TheoryRecord, run};

/// A problem that is the same at every width: F, ‖A‖²/m and G/m are fixed, F = (1/√m) Aᵀ W X.
#[derive(Clone, Debug)]
pub struct WidthSweep {
    /// K `[n, n]`.
    pub kernel: Mat<f64>,
    /// Y `[n]`.
    pub targets: Vec<f64>,
    /// κ.
    pub factor: f64,
    /// F at the start `[n]`.
    pub outputs: Vec<f64>,
    /// ‖A‖²/m at the start.
    pub output_norm_sq_per_unit: f64,
    /// G/m at the start `[n, n]`.
    pub gram_features_per_unit: Mat<f64>,
    /// η.
    pub step_size: f64,
    /// Steps compared.
    pub steps: u64,
}

/// Gradient descent at one width against the recursion without its terms in η²/m.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WidthRow {
    /// m.
    pub width: usize,
    /// Largest |c·λ₁(M) − c·λ₁(M without)| / c·λ₁(M) over the steps.
    pub sharpness_difference: f64,
    /// Largest |L − L without| / L over the steps with L > 0.
    pub loss_difference: f64,
}

/// The differences for each width, in the order given.
///
/// At fixed F, ‖A‖²/m and G/m, both the omitted terms and the motion of M itself are of order
/// 1/m in each step, so a run of a fixed number of steps below the edge differs by O(1/m). Above
/// the edge D grows until it is of order √m and moves M: there the omitted terms matter at any
/// width, since with Y and F in proportion to √m the width leaves the recursion altogether.
///
/// # Errors
/// Inputs that do not make a model and a state, or a run that diverges.
pub fn width_sweep(problem: &WidthSweep, widths: &[usize]) -> Result<Vec<WidthRow>, TheoryError> {
    widths
        .iter()
        .map(|&width| compare(problem, width))
        .collect()
}

fn compare(problem: &WidthSweep, width: usize) -> Result<WidthRow, TheoryError> {
    let network = Network {
        width,
        parametrisation: Parametrisation::Scaled,
    };
    let (kernel, targets) = (problem.kernel.clone(), problem.targets.clone());
    let model = Model::new(kernel, targets, network, problem.factor)?;
    let (m, per_unit) = (width as f64, &problem.gram_features_per_unit);
    let state = State {
        outputs: problem.outputs.clone(),
        output_norm_sq: m * problem.output_norm_sq_per_unit,
        gram_features: Mat::from_fn(per_unit.nrows(), per_unit.ncols(), |i, j| {
            m * per_unit[(i, j)]
        }),
    };
    let records = |terms: Terms| -> Result<Vec<TheoryRecord>, TheoryError> {
        let mut settings = Settings::new(problem.step_size, problem.steps);
        settings.terms = terms;
        settings.gram = Some(Schedule { count: 1, every: 1 });
        let finished = run(&model, state.clone(), settings)?.finish()?;
        match finished.outcome {
            Outcome::Completed => Ok(finished.records),
            Outcome::Diverged { step } => Err(TheoryError::SweepDiverged { width, step }),
        }
    };
    let (all, without) = (records(Terms::All)?, records(Terms::WithoutSecondOrder)?);
    let mut row = WidthRow {
        width,
        sharpness_difference: 0.0,
        loss_difference: 0.0,
    };
    let relative = |a: f64, b: f64| if a == b { 0.0 } else { ((a - b) / a).abs() };
    for (all, without) in all.iter().zip(&without) {
        for (a, b) in all.gram_lambda.iter().zip(&without.gram_lambda) {
            row.sharpness_difference = row.sharpness_difference.max(relative(*a, *b));
        }
        if all.loss > 0.0 {
            let difference = relative(all.loss, without.loss);
            row.loss_difference = row.loss_difference.max(difference);
        }
    }
    Ok(row)
}
