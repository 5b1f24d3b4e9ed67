//! The paper's assumptions, measured along a run.
//!
//! Each [`Assumption`] is one of the paper's, as a quantity of recorded columns: overall, by phase
//! (offline labels), and with a verdict by a threshold that says where it comes from. What was
//! not recorded is [`Measurement::Missing`] and says what to switch on.

mod check;
mod gauss_newton;
mod identity;
mod linear_step;
mod output_norm;
mod row;
mod sharpness;
mod small_start;
mod top_direction;

pub use output_norm::{CORRELATION_LIMIT, SAME_SIGN_LIMIT};
pub use row::{Assumption, Figure, Measurement, PhaseMeasurement, Threshold, Verdict};
pub use small_start::START_LIMIT;

use crate::Trace;
use crate::phases::{Label, Phase};

/// Every row of the table, in the paper's order, the check of the numbers last. `labels` are the
/// offline labels, one a recorded step.
pub fn assumptions(trace: &Trace, labels: &[Label]) -> Vec<Assumption> {
    let run = Run { trace, labels };
    vec![
        output_norm::row(run),
        gauss_newton::row(run),
        linear_step::row(run),
        top_direction::moves_slowly(run),
        top_direction::crosses_alone(run),
        sharpness::bounded(run),
        small_start::row(run),
        identity::row(run),
    ]
}

/// A trace and the phase of each of its steps.
#[derive(Clone, Copy)]
struct Run<'a> {
    trace: &'a Trace,
    labels: &'a [Label],
}

impl Run<'_> {
    /// The phases that occur, in order.
    fn phases(self) -> impl Iterator<Item = Phase> {
        let occurs = move |phase: &Phase| self.labels.iter().any(|label| label.phase == *phase);
        Phase::ALL.into_iter().filter(occurs)
    }

    /// Whether a row is of this phase; of any, for none.
    fn is_of(self, row: usize, phase: Option<Phase>) -> bool {
        let Some(phase) = phase else { return true };
        self.labels
            .get(row)
            .is_some_and(|label| label.phase == phase)
    }

    /// A column without the rows of other phases.
    fn of_phase(self, values: &[Option<f64>], phase: Option<Phase>) -> Vec<Option<f64>> {
        let rows = values.iter().enumerate();
        rows.map(|(row, value)| value.filter(|_| self.is_of(row, phase)))
            .collect()
    }
}

/// A quotient or difference of columns, row by row; none where a part is, or where the result is
/// not finite.
fn combine(a: &[Option<f64>], b: &[Option<f64>], of: impl Fn(f64, f64) -> f64) -> Vec<Option<f64>> {
    let rows = a.iter().zip(b);
    rows.map(|(a, b)| Some(of((*a)?, (*b)?)).filter(|value| value.is_finite()))
        .collect()
}

#[cfg(test)]
mod tests;
