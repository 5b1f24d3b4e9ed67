//! Loss and accuracy on samples that are not trained on.

use brink_linearize::Objective;
use brink_state::Memory;

use super::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::column::Column;
use crate::norms::Reading;
use crate::problem::Accuracy;

/// The loss of the same network over a test set, without the penalty of weight decay, and the share
/// of it that is classified right: one forward pass.
pub struct TestSet<const D: usize> {
    schedule: Schedule,
    objective: Objective<D>,
    accuracy: Option<Accuracy<D>>,
}

impl<const D: usize> TestSet<D> {
    /// Measured by `schedule`: the loss over the test set as a function of the run's θ, and which of
    /// its samples are right, where that means something.
    pub fn new(schedule: Schedule, objective: Objective<D>, accuracy: Option<Accuracy<D>>) -> Self {
        Self {
            schedule,
            objective,
            accuracy,
        }
    }
}

impl<const D: usize> Memory for TestSet<D> {}

/// Its columns.
pub fn columns() -> Vec<Column> {
    [
        (
            "test_loss",
            "L(θₜ) over the test set, without the penalty of weight decay",
        ),
        (
            "test_accuracy",
            "share of test samples on the right side, by exact count; empty for targets that are \
             real values",
        ),
    ]
    .map(|(name, meaning)| Column::new(name, meaning))
    .into()
}

impl<const D: usize> Measurement<D> for TestSet<D> {
    fn name(&self) -> &'static str {
        "test"
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let found = self.objective.evaluate(at.theta)?;
        let mut reading = Reading::default();
        reading.scalar(found.loss);
        let mut counted = 0;
        if let Some(accuracy) = &self.accuracy {
            let right = accuracy(found.outputs);
            counted = right.dims()[0];
            reading.count(right);
        }
        let values = read(reading)?;
        let share = values.get(1).map(|right| right / counted as f64);
        Ok(vec![Some(values[0]), share])
    }
}
