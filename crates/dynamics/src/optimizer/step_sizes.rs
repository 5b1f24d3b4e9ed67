//! Step sizes by schedule.

use std::f64::consts::PI;

/// How the step size η_t follows from the run's step size η.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum StepSizes {
    /// η.
    #[default]
    Constant,
    /// from + (η − from)·min(1, t/steps).
    LinearWarmup {
        /// η₀.
        from: f64,
        /// Steps to η, at least 1.
        steps: u64,
    },
    /// η·factorᵏ, where k of the steps in `at` are not after t.
    Steps {
        /// Steps at which it changes.
        at: Vec<u64>,
        /// By what.
        factor: f64,
    },
    /// end + (η − end)·(1 + cos(πt/T))/2 for a run of T steps.
    Cosine {
        /// What it falls to.
        end: f64,
    },
}

impl StepSizes {
    /// η_t for a run of `steps` steps with step size η = `base`.
    pub fn at(&self, base: f64, step: u64, steps: u64) -> f64 {
        match self {
            Self::Constant => base,
            Self::LinearWarmup { from, steps: over } => {
                let share = (step as f64 / *over as f64).min(1.0);
                match share < 1.0 {
                    true => from + (base - from) * share,
                    false => base,
                }
            }
            Self::Steps { at, factor } => {
                let passed = at.iter().filter(|&&change| change <= step).count();
                base * factor.powf(passed as f64)
            }
            Self::Cosine { end } => {
                let share = (step as f64 / steps.max(1) as f64).min(1.0);
                end + (base - end) * 0.5 * (1.0 + (PI * share).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_schedule_by_its_formula() {
        let at = |sizes: &StepSizes, steps: &[u64]| -> Vec<f64> {
            steps.iter().map(|&t| sizes.at(0.4, t, 100)).collect()
        };
        assert_eq!(at(&StepSizes::Constant, &[0, 99]), [0.4, 0.4]);
        let warmup = StepSizes::LinearWarmup {
            from: 0.0,
            steps: 4,
        };
        assert_eq!(at(&warmup, &[0, 1, 4, 50]), [0.0, 0.1, 0.4, 0.4]);
        let falling = StepSizes::Steps {
            at: vec![10, 20],
            factor: 0.5,
        };
        assert_eq!(at(&falling, &[9, 10, 19, 20]), [0.4, 0.2, 0.2, 0.1]);
        let cosine = at(&StepSizes::Cosine { end: 0.1 }, &[0, 50, 100]);
        for (found, expected) in cosine.iter().zip([0.4, 0.25, 0.1]) {
            assert!((found - expected).abs() < 1e-15, "{found}");
        }
    }
}
