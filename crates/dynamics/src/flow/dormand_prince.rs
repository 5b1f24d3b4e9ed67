//! The embedded pair of orders five and four of Dormand and Prince, with error control.
//!
//! Dormand and Prince, "A family of embedded Runge–Kutta formulae", J. Comp. Appl. Math. 6 (1980);
//! step control as in Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations I", II.4.

use brink_state::{Memory, Part};
use burn::tensor::Tensor;

use super::advanced;

/// Rows of the tableau: the slopes that each stage after the first combines. The last row is also
/// the solution of order five.
const STAGES: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[
        19372.0 / 6561.0,
        -25360.0 / 2187.0,
        64448.0 / 6561.0,
        -212.0 / 729.0,
    ],
    &[
        9017.0 / 3168.0,
        -355.0 / 33.0,
        46732.0 / 5247.0,
        49.0 / 176.0,
        -5103.0 / 18656.0,
    ],
    &[
        35.0 / 384.0,
        0.0,
        500.0 / 1113.0,
        125.0 / 192.0,
        -2187.0 / 6784.0,
        11.0 / 84.0,
    ],
];

/// The solution of order five less that of order four.
const DIFFERENCE: [f64; 7] = [
    71.0 / 57600.0,
    0.0,
    -71.0 / 16695.0,
    71.0 / 1920.0,
    -17253.0 / 339200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];

/// Part of the step that the error would allow.
const SAFETY: f64 = 0.9;

/// Most that a step may shrink and grow from one to the next.
const CHANGE: (f64, f64) = (0.2, 5.0);

/// Steps below this part of the interval mean that the tolerance is out of reach.
const SMALLEST: f64 = 1e-9;

/// The tolerance asks for steps that no longer move the solution.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "gradient flow needs steps below {step:.1e} at time {time}: loosen its tolerance, or use float64"
)]
pub struct StepTooSmall {
    /// The step that was refused.
    pub step: f64,
    /// τ where it was.
    pub time: f64,
}

/// Integrates with steps whose estimated error ‖θ₅ − θ₄‖ stays below `tolerance`·(1 + ‖θ‖).
#[derive(Debug, Clone)]
pub struct DormandPrince {
    tolerance: f64,
    /// The next step to try.
    step: Option<f64>,
    rejected: u64,
}

impl DormandPrince {
    /// An integrator with a tolerance for each step.
    pub fn new(tolerance: f64) -> Self {
        Self {
            tolerance,
            step: None,
            rejected: 0,
        }
    }

    /// Steps that were tried and rejected so far.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// From `theta` at time `from` to time `to` along `field`, which is −∇L; `norms` are the norms ‖x‖₂
    /// of vectors.
    ///
    /// # Errors
    /// The field's, [`StepTooSmall`], or a failed read-back, all as `E`.
    pub fn integrate<E: From<StepTooSmall>>(
        &mut self,
        mut field: impl FnMut(&Tensor<1>) -> Result<Tensor<1>, E>,
        mut norms: impl FnMut(Vec<Tensor<1>>) -> Result<Vec<f64>, E>,
        mut theta: Tensor<1>,
        (from, to): (f64, f64),
    ) -> Result<Tensor<1>, E> {
        let mut time = from;
        let mut first = field(&theta)?;
        while time < to {
            let left = to - time;
            let wanted = self.step.unwrap_or(left);
            // A rest that is nearly a whole step is taken whole.
            let step = if wanted * 1.01 >= left { left } else { wanted };
            if step < SMALLEST * (to - from) {
                return Err(StepTooSmall { step, time }.into());
            }
            let mut slopes = vec![first.clone()];
            let mut next = theta.clone();
            for row in STAGES {
                let terms: Vec<_> = row.iter().copied().zip(&slopes).collect();
                next = advanced(&theta, step, &terms);
                slopes.push(field(&next)?);
            }
            let terms: Vec<_> = DIFFERENCE.into_iter().zip(&slopes).collect();
            let zero = theta.zeros_like();
            let error = advanced(&zero, step, &terms);
            let lengths = norms(vec![error, next.clone()])?;
            let error = lengths[0] / (self.tolerance * (1.0 + lengths[1]));
            let factor = if error > 0.0 {
                (SAFETY * error.powf(-0.2)).clamp(CHANGE.0, CHANGE.1)
            } else if error == 0.0 {
                CHANGE.1
            } else {
                // Not a number: far too long.
                CHANGE.0
            };
            if error <= 1.0 {
                time = if step == left { to } else { time + step };
                theta = next;
                // The last stage is the first of the next step.
                first = slopes.swap_remove(slopes.len() - 1);
                // A step cut short by the interval's end says little of the one after it.
                self.step = Some((step * factor).max(if step < wanted { wanted } else { 0.0 }));
            } else {
                self.rejected += 1;
                self.step = Some(step * factor.min(1.0));
            }
        }
        Ok(theta)
    }
}

impl Memory for DormandPrince {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("step", &mut self.step), ("rejected", &mut self.rejected)]
    }
}
