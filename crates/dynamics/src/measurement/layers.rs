//! The sharpness of each layer by itself.

use std::fmt;
use std::ops::Range;

use brink_state::{Loader, Memory, Saver, StateError};
use burn::tensor::Tensor;

use super::{Iterate, MeasureError, Measurement, Schedule, solve, solver};
use crate::column::Column;
use crate::eigen::EigenError;
use crate::flat::largest_of;
use crate::interrupt::Never;
use crate::scaled::ScaledSolver;

/// λ₁ of each layer's diagonal block of the Hessian, weight and bias together: the sharpness that
/// gradient descent would meet if the layer alone were trained.
#[derive(Debug)]
pub struct LayerSharpness {
    schedule: Schedule,
    layers: Vec<(String, Range<usize>, ScaledSolver)>,
    /// Directions of the first layer that are not in θ, in which the loss does not change.
    flat: usize,
}

impl LayerSharpness {
    /// Measured by `schedule` to a relative tolerance, for layers by name, each a range of θ.
    ///
    /// # Errors
    /// A tolerance out of range.
    pub fn new(
        schedule: Schedule,
        layers: Vec<(String, Range<usize>)>,
        relative_tolerance: f64,
    ) -> Result<Self, EigenError> {
        let layers = layers.into_iter();
        let layers = layers.map(|(name, range)| Ok((name, range, solver(1, relative_tolerance)?)));
        Ok(Self {
            schedule,
            layers: layers.collect::<Result<_, EigenError>>()?,
            flat: 0,
        })
    }

    /// The same where the first layer has `flat` parameters more, none of which the loss changes
    /// with.
    pub fn with_flat_directions(self, flat: usize) -> Self {
        Self { flat, ..self }
    }
}

impl Memory for LayerSharpness {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        let mut layers = self.layers.iter_mut();
        layers.try_for_each(|(name, _, solver)| solver.save(&mut to.part(name)))
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        let mut layers = self.layers.iter_mut();
        layers.try_for_each(|(name, _, solver)| solver.restore(&from.part(name)))
    }
}

/// Its columns, for layers by name.
pub fn columns(layers: impl Iterator<Item = impl fmt::Display>) -> Vec<Column> {
    layers
        .flat_map(|name| {
            [
                Column::new(
                    format!("lambda_1.{name}"),
                    "λ₁ of the layer's diagonal block of the Hessian",
                ),
                Column::new(format!("lambda_1_error_bound.{name}"), "bound on its error"),
            ]
        })
        .collect()
}

impl<const D: usize> Measurement<D> for LayerSharpness {
    fn name(&self) -> &'static str {
        "layer_sharpness"
    }

    fn columns(&self) -> Vec<Column> {
        columns(self.layers.iter().map(|(name, ..)| name))
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let size = at.objective().parameters();
        let mut row = Vec::with_capacity(2 * self.layers.len());
        for (at_layer, (_, range, solver)) in self.layers.iter_mut().enumerate() {
            let solution = solve(
                solver,
                at.linearization,
                range.len(),
                |at, block| {
                    let image = at.hvp(embedded(block, range, size))?;
                    Ok(image.narrow(1, range.start, range.len()))
                },
                &Never,
            )?;
            let flat = if at_layer == 0 { self.flat } else { 0 };
            let (value, bound) = largest_of(&solution, flat).unzip();
            row.extend([value, bound]);
        }
        Ok(row)
    }
}

/// Rows of a layer's length as rows of θ's, zero in the other layers.
fn embedded(block: Tensor<2>, range: &Range<usize>, size: usize) -> Tensor<2> {
    let rows = block.dims()[0];
    let (device, dtype) = (block.device(), block.dtype());
    let zeros = |columns| Tensor::<2>::zeros([rows, columns], (&device, dtype));
    let mut parts = Vec::with_capacity(3);
    if range.start > 0 {
        parts.push(zeros(range.start));
    }
    parts.push(block);
    if range.end < size {
        parts.push(zeros(size - range.end));
    }
    Tensor::cat(parts, 1)
}
