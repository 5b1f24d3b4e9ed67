//! Shapes, views, indexing, reductions.

use burn::backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::backend::tensor::IndexingUpdateOp;
use burn::backend::{Dispatch as D, DispatchTensor, TensorMetadata};
use burn::tensor::Slice;

use super::{Arg, Evaluation, reshape, shape_of};
#[cfg(feature = "flex")]
use super::{copy::in_shape, view::view};
use crate::error::LinearizeError;
use crate::graph::{Kind, Op, Range};

impl Evaluation<'_> {
    pub(super) fn structure(&self, args: Vec<Arg>) -> Result<DispatchTensor, LinearizeError> {
        let offset = self.offset();
        let axes = |axes: &[usize]| axes.iter().map(|axis| axis + offset).collect::<Vec<_>>();
        let fault =
            || LinearizeError::Internal(format!("{} lacks an argument", self.node.op.name()));
        let mut args = self.aligned(args);
        // The first argument decides what the others meet.
        if args.is_empty() {
            return Err(fault());
        }
        if let Op::Concat(dim) = self.node.op {
            return Ok(self.concat(args, dim + offset));
        }
        let mut rest = args.split_off(1).into_iter();
        let x = args.remove(0);
        let mut next = || rest.next().ok_or_else(fault);
        Ok(match &self.node.op {
            Op::Reshape => self.reshaped(x),
            Op::Permute(order) => {
                let mut full = axes(order);
                if self.node.batched {
                    full.insert(0, 0);
                }
                match self.node.kind {
                    Kind::Float => D::float_permute(x, &full),
                    Kind::Int => D::int_permute(x, &full),
                    Kind::Bool => D::bool_permute(x, &full),
                }
            }
            Op::Expand => {
                let shape = self.shape();
                // New dimensions go behind the block's.
                let mut given = x.shape().to_vec();
                while given.len() < shape.len() {
                    given.insert(offset, 1);
                }
                self.expanded(x, given, shape)
            }
            Op::Slice(ranges) => {
                let slices = self.slices(ranges);
                match self.node.kind {
                    Kind::Float => D::float_slice(x, &slices),
                    Kind::Int => D::int_slice(x, &slices),
                    Kind::Bool => D::bool_slice(x, &slices),
                }
            }
            Op::SliceAssign(ranges) => {
                let x = self.blocked(x);
                let value = next()?;
                let mut shape = x.shape().to_vec();
                for (dim, range) in ranges.iter().enumerate() {
                    shape[dim + offset] =
                        (range.end - range.start).div_ceil(range.step.unsigned_abs());
                }
                let value = D::float_expand(value, shape_of(shape));
                D::float_slice_assign(x, &self.slices(ranges), value)
            }
            Op::Flip(order) => D::float_flip(x, &axes(order)),
            Op::Gather(dim) => {
                let indices = self.blocked_indices(next()?);
                match self.node.kind {
                    Kind::Float => D::float_gather(dim + offset, self.blocked(x), indices),
                    Kind::Int => D::int_gather(dim + offset, x, indices),
                    Kind::Bool => return Err(fault()),
                }
            }
            Op::ScatterAdd(dim) => {
                let indices = self.blocked_indices(next()?);
                let value = next()?;
                let shape = indices.shape();
                let value = D::float_expand(value, shape);
                let x = self.blocked(x);
                D::float_scatter(dim + offset, x, indices, value, IndexingUpdateOp::Add)
            }
            Op::Select(dim) => {
                let indices = flat(next()?);
                match self.node.kind {
                    Kind::Float => D::float_select(x, dim + offset, indices),
                    Kind::Int => D::int_select(x, dim + offset, indices),
                    Kind::Bool => return Err(fault()),
                }
            }
            Op::SelectAdd(dim) => {
                let indices = flat(next()?);
                let value = self.blocked(next()?);
                let x = self.blocked(x);
                D::float_select_assign(x, dim + offset, indices, value, IndexingUpdateOp::Add)
            }
            Op::Sum(reduced) => {
                let shape = self.shape();
                let whole = !self.node.batched && self.node.len() == 1;
                if whole && self.target.is_cpu() {
                    return Ok(reshape(D::float_sum(x), shape));
                }
                let summed = axes(reduced);
                // A GPU's sum over everything adds atomically, in another order each time; sums
                // along dimensions have a fixed one. The last dimension is contiguous: it goes first.
                summed.into_iter().rev().fold(x, D::float_sum_dim)
            }
            Op::CumulativeSum(dim) => D::float_cumsum(x, dim + offset),
            Op::ArgMax(dim) => D::float_argmax(x, dim + offset, self.target.int),
            Op::ArgMin(dim) => D::float_argmin(x, dim + offset, self.target.int),
            _ => return Err(fault()),
        })
    }

    fn reshaped(&self, x: DispatchTensor) -> DispatchTensor {
        let shape = shape_of(self.shape());
        match self.node.kind {
            Kind::Float => {
                #[cfg(feature = "flex")]
                if self.target.fuses() {
                    return in_shape(x, &shape.to_vec());
                } else if let Some(view) = view(&x, &shape) {
                    return view;
                }
                D::float_reshape(x, shape)
            }
            Kind::Int => D::int_reshape(x, shape),
            Kind::Bool => D::bool_reshape(x, shape),
        }
    }

    fn expanded(&self, x: DispatchTensor, given: Vec<usize>, shape: Vec<usize>) -> DispatchTensor {
        let (given, shape) = (shape_of(given), shape_of(shape));
        match self.node.kind {
            Kind::Float => D::float_expand(D::float_reshape(x, given), shape),
            Kind::Int => D::int_expand(D::int_reshape(x, given), shape),
            Kind::Bool => D::bool_expand(D::bool_reshape(x, given), shape),
        }
    }

    fn concat(&self, args: Vec<DispatchTensor>, dim: usize) -> DispatchTensor {
        match self.node.kind {
            Kind::Float => {
                let parts: Vec<_> = args.into_iter().map(|x| self.blocked(x)).collect();
                #[cfg(feature = "flex")]
                if self.target.fuses()
                    && let Some(joined) = super::copy::join(&parts, dim)
                {
                    return joined;
                }
                #[cfg(any(feature = "wgpu", feature = "cuda"))]
                if let Some(joined) = super::gpu::join(&parts, dim) {
                    return joined;
                }
                D::float_cat(parts, dim)
            }
            Kind::Int => D::int_cat(args, dim),
            Kind::Bool => D::bool_cat(args, dim),
        }
    }

    /// Floats with the block's dimension at its full length.
    fn blocked(&self, x: DispatchTensor) -> DispatchTensor {
        let mut shape = x.shape().to_vec();
        if !self.node.batched || shape[0] == self.k {
            return x;
        }
        shape[0] = self.k;
        D::float_expand(x, shape_of(shape))
    }

    /// Indices with the block's dimension at its full length.
    fn blocked_indices(&self, indices: DispatchTensor) -> DispatchTensor {
        let mut shape = indices.shape().to_vec();
        if !self.node.batched || shape[0] == self.k {
            return indices;
        }
        shape[0] = self.k;
        D::int_expand(indices, shape_of(shape))
    }

    fn slices(&self, ranges: &[Range]) -> Vec<Slice> {
        let block = self
            .node
            .batched
            .then(|| Slice::new(0, Some(self.k as isize), 1));
        block
            .into_iter()
            .chain(ranges.iter().map(|range| {
                Slice::new(range.start as isize, Some(range.end as isize), range.step)
            }))
            .collect()
    }
}

/// Indices as a vector: those of a selection are shared by the block.
fn flat(indices: DispatchTensor) -> DispatchTensor {
    let len = indices.shape().num_elements();
    D::int_reshape(indices, shape_of(vec![len]))
}
