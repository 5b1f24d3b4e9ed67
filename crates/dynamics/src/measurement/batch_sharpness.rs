//! The curvature of batches along their own gradients.

use brink_state::Memory;

use super::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::column::Column;
use crate::minibatch::RandomBatches;
use crate::norms::Reading;
use crate::weight_decay::penalised;

/// Fewer draws say too little of their own spread to stop at.
const FEWEST: u64 = 16;

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
/// - `batch_sharpness_draws`: batches drawn, until the standard error is at most `relative_error` of
///   the mean, but at least 16 and at most `draws`. One costs a gradient and a Hessian-vector
///   product of a batch, and one read-back.
/// - `gradient_noise_trace`: the mean of ‖g_B − g‖² over the same draws, g the gradient over all
///   samples: the trace of the covariance of batch gradients.
///
/// A batch whose gradient is zero counts for the noise alone; the first two columns are empty where
/// fewer than two are left. A batch of all samples is drawn once, with standard error 0.
pub struct BatchSharpness<const D: usize> {
    schedule: Schedule,
    batches: RandomBatches<D>,
    relative_error: f64,
    draws: u64,
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
        }
    }
}

/// A step's batches are drawn by its number.
impl<const D: usize> Memory for BatchSharpness<D> {}

/// Its columns.
pub fn columns() -> Vec<Column> {
    [
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
    ]
    .map(|(name, meaning)| Column::new(name, meaning))
    .into()
}

impl<const D: usize> Measurement<D> for BatchSharpness<D> {
    fn name(&self) -> &'static str {
        "batch_sharpness"
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let whole = self.batches.is_whole();
        let most = if whole { 1 } else { self.draws };
        let mut draws = self.batches.of(at.step);
        let (mut sharpness, mut noise) = (Mean::default(), Mean::default());
        while noise.count < most {
            let mut batch = draws.draw()?.linearize(at.theta)?;
            let gradient = penalised(batch.at().gradient.clone(), at.theta, at.weight_decay);
            let image = batch.hvp(gradient.clone().unsqueeze())?.squeeze_dim(0);
            let mut reading = Reading::default();
            reading.norm(gradient.clone());
            reading.inner(image, gradient.clone());
            reading.squared(gradient - at.gradient.gradient.clone());
            let values = read(reading)?;
            if !values.iter().all(|value| value.is_finite()) {
                return Err(MeasureError::NonFinite("the loss of a batch"));
            }
            let norm = values[0];
            if norm > 0.0 {
                sharpness.add(values[1] / norm / norm + at.weight_decay);
            }
            noise.add(values[2]);
            let error = sharpness.standard_error();
            let exact = error.is_some_and(|e| e <= self.relative_error * sharpness.mean.abs());
            if exact && noise.count >= FEWEST {
                break;
            }
        }
        let error = match whole {
            true => (sharpness.count > 0).then_some(0.0),
            false => sharpness.standard_error(),
        };
        Ok(vec![
            error.map(|_| sharpness.mean),
            error,
            Some(noise.count as f64),
            Some(noise.mean),
        ])
    }
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
