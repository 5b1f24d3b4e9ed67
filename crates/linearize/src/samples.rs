//! Batches made of another batch's samples.

use std::ops::Range;

use burn::backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::backend::{Dispatch, DispatchTensor, TensorMetadata};
use burn::tensor::Slice;

use crate::batch::Batch;
use crate::graph::Kind;

impl Batch {
    /// The samples of some ranges one behind the other, out of a batch of `samples`.
    ///
    /// Tensors whose first dimension is of that length have one entry a sample; others are shared.
    pub(crate) fn samples(&self, samples: usize, ranges: &[Range<usize>]) -> Self {
        let mut batch = Self::new();
        for (kind, tensor) in self.tensors() {
            let tensor = if has_length(tensor, samples) {
                let ranges = ranges.iter().filter(|range| !range.is_empty());
                let parts = ranges.map(|range| rows(*kind, tensor, range));
                cat(*kind, parts.collect())
            } else {
                tensor.clone()
            };
            batch.push_raw(*kind, tensor);
        }
        batch
    }

    /// The samples of two batches of the same shapes with `samples` each.
    pub(crate) fn followed_by(&self, other: &Self, samples: usize) -> Self {
        let mut batch = Self::new();
        for ((kind, tensor), (_, next)) in self.tensors().iter().zip(other.tensors()) {
            let tensor = if has_length(tensor, samples) {
                cat(*kind, vec![tensor.clone(), next.clone()])
            } else {
                tensor.clone()
            };
            batch.push_raw(*kind, tensor);
        }
        batch
    }
}

fn has_length(tensor: &DispatchTensor, samples: usize) -> bool {
    tensor.shape().iter().next() == Some(&samples)
}

fn rows(kind: Kind, tensor: &DispatchTensor, range: &Range<usize>) -> DispatchTensor {
    let mut slices = vec![Slice::full(); tensor.shape().num_dims()];
    slices[0] = Slice::new(range.start as isize, Some(range.end as isize), 1);
    let tensor = tensor.clone();
    match kind {
        Kind::Float => Dispatch::float_slice(tensor, &slices),
        Kind::Int => Dispatch::int_slice(tensor, &slices),
        Kind::Bool => Dispatch::bool_slice(tensor, &slices),
    }
}

fn cat(kind: Kind, parts: Vec<DispatchTensor>) -> DispatchTensor {
    match kind {
        Kind::Float => Dispatch::float_cat(parts, 0),
        Kind::Int => Dispatch::int_cat(parts, 0),
        Kind::Bool => Dispatch::bool_cat(parts, 0),
    }
}
