//! What gradient descent runs on.

use brink_linearize::Objective;
use burn::tensor::Tensor;

/// The accuracy of outputs, shape [1], computed on the device.
pub type Accuracy<const D: usize> = Box<dyn Fn(Tensor<D>) -> Tensor<1>>;

/// A layer whose weight's norm is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerWeight {
    /// The layer's name in traces.
    pub name: String,
    /// The weight's name in the objective's layout.
    pub parameter: String,
}

/// A loss with what is needed to describe its iterates.
pub struct Problem<const D: usize> {
    /// The loss.
    pub objective: Objective<D>,
    /// The layers, from input to output; the last is the output layer A.
    pub layers: Vec<LayerWeight>,
    /// Share of samples classified right, where that means something.
    pub accuracy: Option<Accuracy<D>>,
}
