//! What a run has that a measurement can be made of.

use std::ops::Range;

use brink_data::Subset;
use brink_dynamics::measurement::{Classes, OutputSlope, SquaredError};
use brink_dynamics::minibatch::RandomBatches;
use brink_dynamics::{Accuracy, Problem};
use brink_linearize::{Layout, Objective};
use brink_model::{Declared, Loss};
use burn::tensor::Tensor;

use super::classes;
use crate::config::Config;
use crate::error::Error;

/// A run that measurements are set up for.
pub struct Context<'r> {
    /// Its config.
    pub config: &'r Config,
    /// What is trained.
    pub problem: &'r Problem<2>,
    /// Its network's parameters.
    pub declared: &'r Declared,
    /// The loss.
    pub loss: Loss,
    /// What is trained on.
    pub samples: &'r Subset,
    /// Its targets Y, `[n, c]`.
    pub targets: &'r Tensor<2>,
    /// The loss over random batches.
    pub random_batches: &'r TraceBatches<'r>,
    /// The loss over the test set, or the first so many of its samples, and which are right.
    pub test_set: &'r TraceTestSet<'r>,
}

/// Traces the loss over random batches of so many samples, with a seed.
pub type TraceBatches<'r> = dyn Fn(usize, u64) -> Result<RandomBatches<2>, Error> + 'r;

/// Traces the loss over the test set.
pub type TraceTestSet<'r> =
    dyn Fn(Option<usize>) -> Result<(Objective<2>, Option<Accuracy<2>>), Error> + 'r;

impl Context<'_> {
    /// The squared error, if the loss is one.
    pub fn squared_error(&self) -> Option<SquaredError> {
        match self.loss {
            Loss::Mse { factor } => Some(SquaredError::new(self.targets.clone(), factor)),
            Loss::CrossEntropy { .. } | Loss::Logistic => None,
        }
    }

    /// ∂L/∂F of outputs F.
    pub fn output_slope(&self) -> OutputSlope<2> {
        let (loss, targets) = (self.loss, self.targets.clone());
        Box::new(move |outputs| loss.slope(outputs, targets.clone()))
    }

    /// The classes of the samples, if the targets are classes.
    pub fn classes(&self) -> Option<Classes<2>> {
        let labels = classes::labels(self.samples)?;
        Some(classes::of(self.loss, self.targets, labels))
    }

    /// Directions outside θ in which the loss does not change.
    pub fn flat_directions(&self) -> usize {
        self.problem.fixed_parameters
    }

    /// Each layer's name and its part of θ, weight and bias together: the layout has them in a row.
    pub fn layers(&self) -> Vec<(String, Range<usize>)> {
        let layout = self.problem.objective.layout();
        (self.declared.weights())
            .filter_map(|weight| {
                let place = range(layout, &weight.name)?;
                let end = match range(layout, &format!("{}.bias", weight.layer())) {
                    Some(bias) if bias.start == place.end => bias.end,
                    _ => place.end,
                };
                Some((weight.layer().to_owned(), place.start..end))
            })
            .collect()
    }

    /// Where the output layer's weight lies in θ, and its bias if it has one.
    pub fn output_layer(&self) -> Option<(Range<usize>, Option<Range<usize>>)> {
        let layout = self.problem.objective.layout();
        let name = self.declared.output.as_deref()?;
        let weight = range(layout, name)?;
        let layer = name.strip_suffix(".weight");
        let bias = layer.and_then(|layer| range(layout, &format!("{layer}.bias")));
        Some((weight, bias))
    }
}

fn range(layout: &Layout, name: &str) -> Option<Range<usize>> {
    let parameter = layout.get(name)?;
    Some(parameter.offset..parameter.offset + parameter.len())
}
