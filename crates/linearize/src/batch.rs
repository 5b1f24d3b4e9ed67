//! The data that a loss is taken over.

use burn::backend::{DispatchTensor, TensorMetadata};
use burn::tensor::{Bool, Device, Int, Tensor, kind::Basic};

use crate::graph::Kind;

/// An ordered set of tensors: inputs, targets, whatever the loss reads besides the parameters.
///
/// A loss that is traced sees stand-ins of the same shapes; the values are bound when it is
/// evaluated, and stay on the device.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    tensors: Vec<(Kind, DispatchTensor)>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a tensor of floats.
    pub fn with<const D: usize>(self, tensor: Tensor<D>) -> Self {
        self.push(Kind::Float, tensor)
    }

    /// Appends a tensor of integers, such as class labels.
    pub fn with_int<const D: usize>(self, tensor: Tensor<D, Int>) -> Self {
        self.push(Kind::Int, tensor)
    }

    /// Appends a mask.
    pub fn with_bool<const D: usize>(self, tensor: Tensor<D, Bool>) -> Self {
        self.push(Kind::Bool, tensor)
    }

    fn push<const D: usize, K: Basic>(mut self, kind: Kind, tensor: Tensor<D, K>) -> Self {
        self.tensors.push((kind, tensor.into_dispatch()));
        self
    }

    pub(crate) fn push_raw(&mut self, kind: Kind, tensor: DispatchTensor) {
        self.tensors.push((kind, tensor));
    }

    pub(crate) fn tensors(&self) -> &[(Kind, DispatchTensor)] {
        &self.tensors
    }

    /// Kind and shape of every tensor.
    pub(crate) fn shapes(&self) -> Vec<(Kind, Vec<usize>)> {
        let tensors = self.tensors.iter();
        tensors
            .map(|(kind, tensor)| (*kind, tensor.shape().to_vec()))
            .collect()
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The float tensor at a position.
    ///
    /// # Panics
    ///
    /// If there is none there, or it has another rank or kind; inside a traced closure that becomes
    /// [`LinearizeError::Trace`](crate::LinearizeError::Trace).
    pub fn float<const D: usize>(&self, index: usize) -> Tensor<D> {
        Tensor::from_dispatch(self.tensors[index].1.clone())
    }

    /// The integer tensor at a position; panics like [`float`](Self::float).
    pub fn int<const D: usize>(&self, index: usize) -> Tensor<D, Int> {
        Tensor::from_dispatch(self.tensors[index].1.clone())
    }

    /// The mask at a position; panics like [`float`](Self::float).
    pub fn bool<const D: usize>(&self, index: usize) -> Tensor<D, Bool> {
        Tensor::from_dispatch(self.tensors[index].1.clone())
    }

    /// The device of the first float tensor.
    pub(crate) fn device(&self) -> Option<Device> {
        let (_, tensor) = self.tensors.iter().find(|(kind, _)| *kind == Kind::Float)?;
        Some(Device::new(tensor.device()))
    }
}
