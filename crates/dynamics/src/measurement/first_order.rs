//! How far a step in function space is from its first order.

use brink_state::{Loader, Memory, Saver, StateError};
use burn::tensor::Tensor;

use super::{Iterate, MeasureError, Measurement, Schedule, SquaredError, read};
use crate::column::Column;
use crate::norms::Reading;

/// ‖D(t) − (I − (2κη/n)·M)·D(t−1)‖ / ‖D(t−1)‖: the relative error of the linear step
/// D(t) ≈ D(t−1) − η·J·∇L, of the step that led to t.
#[derive(Debug)]
pub struct FirstOrder {
    schedule: Schedule,
    loss: SquaredError,
    /// The step it was made at, the linear prediction of the next residual, and D there.
    predicted: Option<(u64, Tensor<1>, Tensor<1>)>,
}

impl FirstOrder {
    /// Measured by `schedule`.
    pub fn new(schedule: Schedule, loss: SquaredError) -> Self {
        Self {
            schedule,
            loss,
            predicted: None,
        }
    }
}

impl Memory for FirstOrder {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        let made_at = self.predicted.as_ref().map(|(made_at, ..)| *made_at);
        to.part("made_at").value(&made_at)?;
        if let Some((_, predicted, before)) = &self.predicted {
            to.part("predicted").tensor(predicted)?;
            to.part("before").tensor(before)?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        let tensor = |name| {
            let from = from.part(name);
            from.tensor()?.ok_or_else(|| from.missing())
        };
        let made_at: Option<u64> = from.part("made_at").value()?;
        self.predicted = match made_at {
            Some(made_at) => Some((made_at, tensor("predicted")?, tensor("before")?)),
            None => None,
        };
        Ok(())
    }
}

/// Its column.
pub fn columns() -> Vec<Column> {
    vec![Column::new(
        "first_order_error",
        "‖D(t) − (I − (2κη/n)M)·D(t−1)‖/‖D(t−1)‖, of the step that led here",
    )]
}

impl<const D: usize> Measurement<D> for FirstOrder {
    fn name(&self) -> &'static str {
        "first_order"
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn wants(&self, step: u64) -> bool {
        // The step before a due one makes the prediction.
        self.schedule.due(step) || self.schedule.due(step + 1)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let residual = self.loss.residual(&at.gradient.outputs)?;
        let mut error = None;
        if let Some((made_at, predicted, before)) = self.predicted.take()
            && made_at + 1 == at.step
            && self.schedule.due(at.step)
        {
            let mut norms = Reading::default();
            norms.squared(residual.clone() - predicted);
            norms.squared(before);
            let values = read(norms)?;
            error = (values[1] > 0.0).then(|| (values[0] / values[1]).sqrt());
        }
        if self.schedule.due(at.step + 1) {
            let size = at.objective().parameters();
            let slope = at.gradient.gradient.clone().reshape([1, size]);
            let moved = at.linearization.jvp(slope)?.reshape([self.loss.len()]);
            let predicted = residual.clone() - moved.mul_scalar(at.step_size);
            self.predicted = Some((at.step, predicted, residual));
        }
        Ok(vec![error])
    }
}
