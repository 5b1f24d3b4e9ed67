//! Shapes, views, indexing, masks and creation.

use burn::backend::ir::{BaseOperationIr, BoolOperationIr, IntOperationIr, TensorIr};
use burn::backend::tensor::IndexingUpdateOp;
use burn::tensor::Slice;

use super::{Importer, Step, kind};
use crate::error::LinearizeError;
use crate::graph::{Comparison, Kind, Logic, NodeId, Op, Range};

impl Importer<'_> {
    pub(super) fn base(&mut self, op: &BaseOperationIr) -> Step {
        use BaseOperationIr as B;
        match op {
            B::Reshape(o) => {
                let x = self.get(&o.input)?;
                let node = self.graph.reshape(x, o.out.shape.to_vec());
                self.set(&o.out, node)
            }
            B::SwapDims(o) => {
                let x = self.get(&o.input)?;
                let mut axes: Vec<usize> = (0..o.out.shape.num_dims()).collect();
                axes.swap(o.dim1, o.dim2);
                let node = self.graph.permute(x, axes);
                self.set(&o.out, node)
            }
            B::Permute(o) => {
                let x = self.get(&o.input)?;
                let node = self.graph.permute(x, o.axes.clone());
                self.set(&o.out, node)
            }
            B::Flip(o) => {
                let x = self.get(&o.input)?;
                self.same(Op::Flip(o.axes.clone()), vec![x], &o.out)
            }
            B::Expand(o) => {
                let x = self.get(&o.input)?;
                let node = self.graph.expand(x, o.out.shape.to_vec());
                self.set(&o.out, node)
            }
            B::Slice(o) => {
                let x = self.get(&o.tensor)?;
                let ranges = ranges(&o.ranges, &o.tensor);
                let node = self.graph.slice(x, ranges);
                self.set(&o.out, node)
            }
            B::SliceAssign(o) => {
                let (x, value) = (self.get(&o.tensor)?, self.get(&o.value)?);
                let ranges = ranges(&o.ranges, &o.tensor);
                let node = self.graph.slice_assign(x, ranges, value);
                self.set(&o.out, node)
            }
            B::Select(o) => {
                let args = vec![self.get(&o.tensor)?, self.get(&o.indices)?];
                self.same(Op::Select(o.dim), args, &o.out)
            }
            B::SelectAssign(o) if o.update == IndexingUpdateOp::Add => {
                let args = vec![
                    self.get(&o.tensor)?,
                    self.get(&o.indices)?,
                    self.get(&o.value)?,
                ];
                self.same(Op::SelectAdd(o.dim), args, &o.out)
            }
            B::Gather(o) => {
                let (x, indices) = (self.get(&o.tensor)?, self.get(&o.indices)?);
                let node = self.graph.gather(x, o.dim, indices);
                self.set(&o.out, node)
            }
            B::Scatter(o) if o.update == IndexingUpdateOp::Add => {
                let (x, indices) = (self.get(&o.tensor)?, self.get(&o.indices)?);
                let value = self.get(&o.value)?;
                let node = self.graph.scatter_add(x, o.dim, indices, value);
                self.set(&o.out, node)
            }
            B::MaskWhere(o) => {
                let (x, mask) = (self.get(&o.tensor)?, self.get(&o.mask)?);
                let value = self.get(&o.value)?;
                let node = self.graph.mask_where(x, mask, value);
                self.set(&o.out, node)
            }
            B::MaskFill(o) => {
                let (x, mask) = (self.get(&o.tensor)?, self.get(&o.mask)?);
                let shape = self.graph.node(x).shape.clone();
                let value = self.graph.full(o.value.elem::<f64>(), shape, false);
                let node = self.graph.mask_where(x, mask, value);
                self.set(&o.out, node)
            }
            B::Equal(o) => self.comparison(Comparison::Equal, &o.lhs, &o.rhs, &o.out),
            B::NotEqual(o) => self.comparison(Comparison::NotEqual, &o.lhs, &o.rhs, &o.out),
            B::EqualElem(o) => {
                self.comparison_scalar(Comparison::Equal, &o.lhs, o.rhs.elem(), &o.out)
            }
            B::NotEqualElem(o) => {
                self.comparison_scalar(Comparison::NotEqual, &o.lhs, o.rhs.elem(), &o.out)
            }
            B::RepeatDim(o) => {
                let x = self.get(&o.tensor)?;
                let node = self.graph.concat(vec![x; o.times], o.dim);
                self.set(&o.out, node)
            }
            B::Cat(o) => {
                let parts = o
                    .tensors
                    .iter()
                    .map(|t| self.get(t))
                    .collect::<Result<Vec<_>, _>>()?;
                let node = self.graph.concat(parts, o.dim);
                self.set(&o.out, node)
            }
            // A program runs in one precision, that of its inputs.
            B::Cast(o) if kind(o.input.dtype) == kind(o.out.dtype) => {
                let x = self.get(&o.input)?;
                self.set(&o.out, x)
            }
            B::Zeros(o) | B::Empty(o) => self.filled(0, &o.out),
            B::Ones(o) => self.filled(1, &o.out),
            _ => self.unsupported(),
        }
    }

    pub(super) fn int(&mut self, op: &IntOperationIr) -> Step {
        match op {
            IntOperationIr::IntoFloat(o) => {
                let x = self.get_float(&o.input)?;
                self.set(&o.out, x)
            }
            _ => self.unsupported(),
        }
    }

    pub(super) fn bool(&mut self, op: &BoolOperationIr) -> Step {
        use BoolOperationIr as B;
        let (logic, args, out) = match op {
            B::IntoFloat(o) => {
                let x = self.get_float(&o.input)?;
                return self.set(&o.out, x);
            }
            B::IntoInt(_) => return self.unsupported(),
            B::Not(o) => (Logic::Not, vec![&o.input], &o.out),
            B::And(o) => (Logic::And, vec![&o.lhs, &o.rhs], &o.out),
            B::Or(o) => (Logic::Or, vec![&o.lhs, &o.rhs], &o.out),
            B::Xor(o) => (Logic::Xor, vec![&o.lhs, &o.rhs], &o.out),
        };
        let args = args
            .into_iter()
            .map(|arg| self.get(arg))
            .collect::<Result<Vec<_>, LinearizeError>>()?;
        let node = self.graph.logic(logic, args);
        self.set(out, node)
    }

    /// A node of the recorded shape and kind.
    pub(super) fn same(&mut self, op: Op, args: Vec<NodeId>, out: &TensorIr) -> Step {
        let node = self
            .graph
            .apply(op, args, out.shape.to_vec(), kind(out.dtype));
        self.set(out, node)
    }

    /// A fill.
    fn filled(&mut self, value: i32, out: &TensorIr) -> Step {
        match kind(out.dtype) {
            Kind::Float => self.filled_floats(value.into(), out),
            Kind::Int => self.filled_integers(value.into(), out),
            Kind::Bool => self.unsupported(),
        }
    }

    /// A fill of floats.
    pub(super) fn filled_floats(&mut self, value: f64, out: &TensorIr) -> Step {
        let node = self.graph.full(value, out.shape.to_vec(), false);
        self.set(out, node)
    }

    pub(super) fn comparison(
        &mut self,
        comparison: Comparison,
        lhs: &TensorIr,
        rhs: &TensorIr,
        out: &TensorIr,
    ) -> Step {
        let (x, y) = (self.get_float(lhs)?, self.get_float(rhs)?);
        let node = self.graph.compare(comparison, x, y);
        self.set(out, node)
    }

    pub(super) fn comparison_scalar(
        &mut self,
        comparison: Comparison,
        lhs: &TensorIr,
        rhs: f64,
        out: &TensorIr,
    ) -> Step {
        let x = self.get_float(lhs)?;
        let node = self.graph.compare_scalar(comparison, x, rhs);
        self.set(out, node)
    }
}

/// Burn's slices with their ends counted from the front, one for each dimension.
fn ranges(slices: &[Slice], tensor: &TensorIr) -> Vec<Range> {
    tensor
        .shape
        .iter()
        .enumerate()
        .map(|(dim, &len)| match slices.get(dim) {
            Some(slice) => {
                let (range, step) = slice.to_range_and_step(len);
                Range {
                    start: range.start,
                    end: range.end.min(len),
                    step,
                }
            }
            None => Range {
                start: 0,
                end: len,
                step: 1,
            },
        })
        .collect()
}
