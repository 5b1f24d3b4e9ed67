//! What is trained.

use std::cell::RefCell;

use brink_linearize::Objective;
use burn::tensor::Tensor;

use crate::minibatch::Minibatches;

/// Which samples, or which positions of sequences, are classified right, on the device: a function of
/// the outputs whose values are 1 for those that are and 0 for the others, in one dimension, in the
/// element type of the outputs.
///
/// The share of ones is the accuracy. They are counted exactly, whatever the element type.
pub type Accuracy<const D: usize> = Box<dyn Fn(Tensor<D>) -> Tensor<1>>;

/// A layer whose weight's norm is followed.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerWeight {
    /// The layer's name in traces.
    pub name: String,
    /// The weight's name in the objective's layout.
    pub parameter: String,
    /// The squared norm of a part of the weight that does not move and is not in θ; 0 as a rule.
    pub fixed_norm_sq: f64,
}

impl LayerWeight {
    /// A layer whose whole weight is in θ.
    pub fn new(name: impl Into<String>, parameter: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            parameter: parameter.into(),
            fixed_norm_sq: 0.0,
        }
    }
}

/// A loss with what is needed to describe its iterates.
pub struct Problem<const D: usize> {
    /// The loss.
    pub objective: Objective<D>,
    /// Parameters besides those in θ that cannot move: directions in which the Hessian is zero.
    pub fixed_parameters: usize,
    /// The layers, from input to output; the last is the output layer A.
    pub layers: Vec<LayerWeight>,
    /// Which samples are classified right, where that means something.
    pub accuracy: Option<Accuracy<D>>,
    /// The batches that steps are taken along, if not along the gradient over all samples.
    pub minibatches: Option<RefCell<Minibatches<D>>>,
}

impl<const D: usize> Problem<D> {
    /// A loss alone, minimised over all samples.
    pub fn new(objective: Objective<D>) -> Self {
        Self {
            objective,
            fixed_parameters: 0,
            layers: Vec::new(),
            accuracy: None,
            minibatches: None,
        }
    }
}
