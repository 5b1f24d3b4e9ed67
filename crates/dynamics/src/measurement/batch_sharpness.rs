//! The curvature of batches along their own gradients.

use brink_linearize::Linearization;
use brink_state::Memory;

use super::{Iterate, MeasureError, Measurement, Schedule, read, solve, solver};
use crate::column::Column;
use crate::curvature::toward_ordinary;
use crate::eigen::EigenError;
use crate::flat::largest_of;
use crate::minibatch::{Draws, RandomBatches};
use crate::norms::Reading;
use crate::scaled::times;
use crate::weight_decay::penalised;

/// Fewer draws say too little of their own spread to stop at.
const FEWEST: u64 = 16;

/// Draws that are evaluated before their numbers are waited for, in one read-back. Each is a program
/// call of its own: a gradient by batch is not a product with one block, as every row would meet the
/// samples of all batches.
const AT_ONCE: u64 = 8;

/// Batch sharpness of Andreyev and Beneventano, *Edge of Stochastic Stability* (2024,
/// arXiv 2412.20553), at an iterate, by random batches B.
///
/// A batch is drawn from all samples without replacement, one independently of the other; g_B and
/// H_B are gradient and Hessian of its loss, with the penalty of weight decay.
///
/// - `batch_sharpness`: the mean of g_BᵀH_Bg_B/‖g_B‖² over the draws, in units of λ₁. Stochastic
///   gradient descent has it hover at 2/η, where gradient descent has λ₁.
/// - `batch_sharpness_stderr`: the standard error of that mean, the spread of the draws by the root
///   of their number.
/// - `batch_sharpness_draws`: batches drawn, eight by eight, until the standard error is at most
///   `relative_error` of the mean, but at least 16 and at most `draws`. One costs a gradient and a
///   Hessian-vector product of a batch, and eight of them one read-back.
/// - `gradient_noise_trace`: the mean of ‖g_B − g‖² over the same draws, g the gradient over all
///   samples: the trace of the covariance of batch gradients.
/// - `batch_lambda_max`, `batch_lambda_max_stderr`, if asked for: the mean of λ₁(H_B) over the first
///   so many of the step's batches, each solved for, and its standard error.
///
/// A batch whose gradient is zero counts for the noise alone; the first two columns are empty where
/// fewer than two are left. A batch of all samples is drawn once, with standard errors 0.
pub struct BatchSharpness<const D: usize> {
    schedule: Schedule,
    batches: RandomBatches<D>,
    relative_error: f64,
    draws: u64,
    eigenvalues: Option<Eigenvalues>,
    flat: usize,
}

/// How the batches' λ₁ are solved for.
#[derive(Debug, Clone, Copy)]
struct Eigenvalues {
    draws: u64,
    relative_tolerance: f64,
}

impl<const D: usize> BatchSharpness<D> {
    /// Measured by `schedule`, to a standard error of `relative_error` of the mean, or as far as so
    /// many `draws` bring it.
    pub fn new(
        schedule: Schedule,
        batches: RandomBatches<D>,
        relative_error: f64,
        draws: u64,
    ) -> Self {
        Self {
            schedule,
            batches,
            relative_error,
            draws,
            eigenvalues: None,
            flat: 0,
        }
    }

    /// With the mean of λ₁(H_B) over so many `draws`, each λ₁ to a relative tolerance.
    ///
    /// # Errors
    /// A tolerance out of range.
    pub fn with_eigenvalues(self, draws: u64, relative_tolerance: f64) -> Result<Self, EigenError> {
        solver(1, relative_tolerance)?;
        let eigenvalues = Eigenvalues {
            draws,
            relative_tolerance,
        };
        Ok(Self {
            eigenvalues: Some(eigenvalues),
            ..self
        })
    }

    /// The same where the loss has `flat` parameters more, none of which it changes with.
    pub fn with_flat_directions(self, flat: usize) -> Self {
        Self { flat, ..self }
    }
}

/// A step's batches are drawn by its number, and its first λ₁ is solved for from random vectors.
impl<const D: usize> Memory for BatchSharpness<D> {}

/// Its columns, with those of the batches' λ₁ if these are solved for.
pub fn columns(eigenvalues: bool) -> Vec<Column> {
    let of_draws = [
        (
            "batch_sharpness",
            "mean of g_BᵀH_Bg_B/‖g_B‖² over random batches B, in units of λ; empty where \
             fewer than two of them have a gradient",
        ),
        (
            "batch_sharpness_stderr",
            "standard error of that mean; empty where it is",
        ),
        ("batch_sharpness_draws", "batches drawn"),
        (
            "gradient_noise_trace",
            "mean of ‖g_B − ∇L(θₜ)‖² over the same batches",
        ),
    ];
    let of_eigenvalues = [
        (
            "batch_lambda_max",
            "mean of λ₁(H_B) over the first `eigenvalue_draws` of them",
        ),
        ("batch_lambda_max_stderr", "standard error of that mean"),
    ];
    let count = if eigenvalues { of_eigenvalues.len() } else { 0 };
    (of_draws.iter().chain(&of_eigenvalues[..count]))
        .map(|(name, meaning)| Column::new(*name, *meaning))
        .collect()
}

impl<const D: usize> Measurement<D> for BatchSharpness<D> {
    fn name(&self) -> &'static str {
        "batch_sharpness"
    }

    fn columns(&self) -> Vec<Column> {
        columns(self.eigenvalues.is_some())
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn may_be_interrupted(&self) -> bool {
        true
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let whole = self.batches.is_whole();
        let most = if whole { 1 } else { self.draws };
        let mut draws = self.batches.of(at.step);
        let (mut sharpness, mut noise) = (Mean::default(), Mean::default());
        let mut exponent = 0;
        while noise.count < most {
            let count = AT_ONCE.min(most - noise.count);
            let found = drawn(&mut draws, count, at, exponent)?;
            let dtype = at.theta.dtype();
            let mut needed = found.iter().map(|[norm, ..]| toward_ordinary(*norm, dtype));
            if exponent == 0
                && let Some(needed) = needed.find(|needed| *needed != 0)
            {
                // The same batches again, and from there on along gradients of ordinary length.
                exponent = needed;
                draws = self.batches.of(at.step);
                (sharpness, noise) = (Mean::default(), Mean::default());
                continue;
            }
            if !found.as_flattened().iter().all(|value| value.is_finite()) {
                return Err(MeasureError::NonFinite("the loss of a batch"));
            }
            for [norm, curvature, apart] in found {
                if norm > 0.0 {
                    sharpness.add(curvature / norm / norm + at.weight_decay);
                }
                noise.add(apart);
            }
            let error = sharpness.standard_error();
            let exact = error.is_some_and(|e| e <= self.relative_error * sharpness.mean.abs());
            if exact && noise.count >= FEWEST {
                break;
            }
        }
        let of_draws = [
            sharpness.cells(whole),
            [Some(noise.count as f64), Some(noise.mean)],
        ];
        let mut cells = of_draws.concat();
        if let Some(eigenvalues) = self.eigenvalues {
            cells.extend(self.largest_eigenvalues(eigenvalues, at)?.cells(whole));
        }
        Ok(cells)
    }
}

impl<const D: usize> BatchSharpness<D> {
    /// λ₁ of the step's first batches. A solve begins with the vectors of the batch before.
    fn largest_eigenvalues(
        &mut self,
        eigenvalues: Eigenvalues,
        at: &Iterate<'_, '_, D>,
    ) -> Result<Mean, MeasureError> {
        let whole = self.batches.is_whole();
        let most = if whole { 1 } else { eigenvalues.draws };
        let mut solver = solver(1, eigenvalues.relative_tolerance)?;
        let (mut draws, mut mean) = (self.batches.of(at.step), Mean::default());
        while mean.count < most {
            at.interrupt.go_on()?;
            let mut batch = draws.draw()?.linearize(at.theta)?;
            let size = batch.objective().parameters();
            let hvp = |at: &mut Linearization<'_, D>, block| at.hvp(block);
            let solution = solve(&mut solver, &mut batch, size, hvp, at.interrupt)?;
            let Some((value, _)) = largest_of(&solution, self.flat) else {
                return Err(MeasureError::NonFinite("an eigenvalue of a batch"));
            };
            mean.add(value + at.weight_decay);
        }
        Ok(mean)
    }
}

/// ‖v‖, vᵀHv without the penalty, both for v = g_B times 2 to the power `exponent`, and ‖g_B − g‖² of so
/// many batches, in one read-back.
fn drawn<const D: usize>(
    draws: &mut Draws<'_, D>,
    count: u64,
    at: &Iterate<'_, '_, D>,
    exponent: i32,
) -> Result<Vec<[f64; 3]>, MeasureError> {
    let mut reading = Reading::default();
    for _ in 0..count {
        at.interrupt.go_on()?;
        let mut batch = draws.draw()?.linearize(at.theta)?;
        let gradient = penalised(batch.at().gradient.clone(), at.theta, at.weight_decay);
        let along = times(gradient.clone().unsqueeze(), exponent);
        let image = batch.hvp(along.clone())?.squeeze_dim(0);
        let along = along.squeeze_dim(0);
        reading.norm(along.clone());
        reading.inner(image, along);
        reading.squared(gradient - at.gradient.gradient.clone());
    }
    let values = read(reading)?;
    Ok(values.as_chunks::<3>().0.to_vec())
}

/// A mean and the spread about it, number by number (Welford).
#[derive(Debug, Default)]
struct Mean {
    count: u64,
    mean: f64,
    /// Σ (x − mean)².
    spread: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let from_before = value - self.mean;
        self.mean += from_before / self.count as f64;
        self.spread += from_before * (value - self.mean);
    }

    /// Of the mean; none of fewer than two numbers.
    fn standard_error(&self) -> Option<f64> {
        let count = self.count as f64;
        (self.count >= 2).then(|| (self.spread / (count - 1.0) / count).sqrt())
    }

    /// Mean and standard error, which is 0 where one number is all there are.
    fn cells(&self, whole: bool) -> [Option<f64>; 2] {
        let error = match whole {
            true => (self.count > 0).then_some(0.0),
            false => self.standard_error(),
        };
        [error.map(|_| self.mean), error]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_error_is_that_of_the_mean() {
        let mut mean = Mean::default();
        assert_eq!(mean.standard_error(), None);
        [1e8 + 1.0, 1e8 + 3.0, 1e8 + 5.0, 1e8 + 7.0]
            .into_iter()
            .for_each(|value| mean.add(value));
        assert_eq!(mean.mean, 1e8 + 4.0);
        let expected = (20.0f64 / 3.0 / 4.0).sqrt();
        assert!((mean.standard_error().unwrap() - expected).abs() < 1e-6);
    }
}
