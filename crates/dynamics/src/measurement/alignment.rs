//! Which layers the sharpest direction lies in.

use std::fmt;
use std::ops::Range;

use super::{Iterate, MeasureError, Measurement, Schedule, read};
use crate::column::Column;
use crate::norms::Reading;
use brink_state::Memory;

/// The share of the squared norm of the Hessian's top eigenvector in each layer, weight and bias
/// together; the shares of all layers add to 1.
#[derive(Debug)]
pub struct Alignment {
    schedule: Schedule,
    layers: Vec<(String, Range<usize>)>,
}

impl Alignment {
    /// Measured by `schedule` for layers by name, each a range of θ.
    pub fn new(schedule: Schedule, layers: Vec<(String, Range<usize>)>) -> Self {
        Self { schedule, layers }
    }
}

impl Memory for Alignment {}

/// Its columns, for layers by name.
pub fn columns(layers: impl Iterator<Item = impl fmt::Display>) -> Vec<Column> {
    layers
        .map(|name| {
            Column::new(
                format!("eigenvector_share.{name}"),
                "share of the layer in the squared norm of the Hessian's top eigenvector",
            )
        })
        .collect()
}

impl<const D: usize> Measurement<D> for Alignment {
    fn name(&self) -> &'static str {
        "alignment"
    }

    fn columns(&self) -> Vec<Column> {
        columns(self.layers.iter().map(|(name, _)| name))
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let Some(top) = at.top else {
            return Ok(vec![None; self.layers.len()]);
        };
        let mut parts = Reading::default();
        for (_, range) in &self.layers {
            parts.squared(top.clone().slice(range.clone()));
        }
        Ok(read(parts)?.into_iter().map(Some).collect())
    }
}
