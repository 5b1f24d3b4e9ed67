//! Arithmetic, comparisons and reductions.

use burn::backend::ir::{NumericOperationIr, PadModeIr, ReduceDimOpIr, TensorIr};

use super::{Importer, Step};
use crate::error::LinearizeError;
use crate::graph::{Binary, Comparison, Kind, NodeId, Op, Range, Scalar, Unary};

impl Importer<'_> {
    pub(super) fn numeric(&mut self, op: &NumericOperationIr) -> Step {
        use NumericOperationIr as N;
        match op {
            N::Add(o) => self.arithmetic(Binary::Add, &o.lhs, &o.rhs, &o.out),
            N::Sub(o) => self.arithmetic(Binary::Sub, &o.lhs, &o.rhs, &o.out),
            N::Mul(o) => self.arithmetic(Binary::Mul, &o.lhs, &o.rhs, &o.out),
            N::Div(o) => self.arithmetic(Binary::Div, &o.lhs, &o.rhs, &o.out),
            N::AddScalar(o) => {
                let x = self.get(&o.lhs)?;
                let node = self.graph.add_scalar(x, o.rhs.elem());
                self.set(&o.out, node)
            }
            N::SubScalar(o) => {
                let x = self.get(&o.lhs)?;
                let node = self.graph.add_scalar(x, -o.rhs.elem::<f64>());
                self.set(&o.out, node)
            }
            N::MulScalar(o) => {
                let x = self.get(&o.lhs)?;
                let factor: f64 = o.rhs.elem();
                let exact = self.reciprocals.get(&factor.to_bits()).copied();
                let node = self.graph.mul_scalar(x, exact.unwrap_or(factor));
                self.set(&o.out, node)
            }
            N::DivScalar(o) => {
                let x = self.get(&o.lhs)?;
                let node = self.graph.mul_scalar(x, 1.0 / o.rhs.elem::<f64>());
                self.set(&o.out, node)
            }
            N::PowiScalar(o) => {
                let x = self.get(&o.lhs)?;
                let node = self.graph.power(x, o.rhs.elem());
                self.set(&o.out, node)
            }
            N::Neg(o) => {
                let x = self.get(&o.input)?;
                let node = self.graph.neg(x);
                self.set(&o.out, node)
            }
            N::Abs(o) => self.function(Unary::Abs, &o.input, &o.out),
            N::Sign(o) => self.function(Unary::Sign, &o.input, &o.out),
            N::Full(o) => self.filled_floats(o.value.elem(), &o.out),
            N::Clamp(o) => self.clamp(&o.tensor, o.min.elem(), o.max.elem(), &o.out),
            N::ClampMin(o) => self.clamp(&o.lhs, o.rhs.elem(), f64::INFINITY, &o.out),
            N::ClampMax(o) => self.clamp(&o.lhs, f64::NEG_INFINITY, o.rhs.elem(), &o.out),
            N::Sum(o) => {
                let x = self.get(&o.input)?;
                let node = self.graph.sum_all(x);
                self.set(&o.out, node)
            }
            N::Mean(o) => {
                let x = self.get(&o.input)?;
                let sum = self.graph.sum_all(x);
                let node = self.scaled(sum, o.input.shape.num_elements());
                self.set(&o.out, node)
            }
            N::SumDim(o) => {
                let x = self.get(&o.input)?;
                let node = self.graph.sum(x, vec![o.axis]);
                self.set(&o.out, node)
            }
            N::SumDims(o) => {
                let x = self.get(&o.input)?;
                let node = self.graph.sum(x, o.axes.clone());
                self.set(&o.out, node)
            }
            N::MeanDim(o) => {
                let x = self.get(&o.input)?;
                let sum = self.graph.sum(x, vec![o.axis]);
                let node = self.scaled(sum, o.input.shape[o.axis]);
                self.set(&o.out, node)
            }
            N::CumSum(o) => {
                let x = self.get(&o.input)?;
                self.same(Op::CumulativeSum(o.axis), vec![x], &o.out)
            }
            N::ArgMax(o) => {
                let x = self.get(&o.input)?;
                self.same(Op::ArgMax(o.axis), vec![x], &o.out)
            }
            N::ArgMin(o) => {
                let x = self.get(&o.input)?;
                self.same(Op::ArgMin(o.axis), vec![x], &o.out)
            }
            // burn-autodiff records what it differentiates with its indices: these are of values
            // that are detached, or that no parameter moves.
            N::MaxDim(o) => self.detached_extremum(Op::ArgMax(o.axis), o),
            N::MinDim(o) => self.detached_extremum(Op::ArgMin(o.axis), o),
            N::MaxDimWithIndices(o) => self.extremum(
                Op::ArgMax(o.dim),
                o.dim,
                &o.tensor,
                &o.out,
                Some(&o.out_indices),
            ),
            N::MinDimWithIndices(o) => self.extremum(
                Op::ArgMin(o.dim),
                o.dim,
                &o.tensor,
                &o.out,
                Some(&o.out_indices),
            ),
            N::Max(o) => self.extremum_all(Op::ArgMax(0), &o.input, &o.out),
            N::Min(o) => self.extremum_all(Op::ArgMin(0), &o.input, &o.out),
            N::Greater(o) => self.comparison(Comparison::Greater, &o.lhs, &o.rhs, &o.out),
            N::GreaterEqual(o) => self.comparison(Comparison::GreaterEqual, &o.lhs, &o.rhs, &o.out),
            N::Lower(o) => self.comparison(Comparison::Lower, &o.lhs, &o.rhs, &o.out),
            N::LowerEqual(o) => self.comparison(Comparison::LowerEqual, &o.lhs, &o.rhs, &o.out),
            N::GreaterElem(o) => {
                self.comparison_scalar(Comparison::Greater, &o.lhs, o.rhs.elem(), &o.out)
            }
            N::GreaterEqualElem(o) => {
                self.comparison_scalar(Comparison::GreaterEqual, &o.lhs, o.rhs.elem(), &o.out)
            }
            N::LowerElem(o) => {
                self.comparison_scalar(Comparison::Lower, &o.lhs, o.rhs.elem(), &o.out)
            }
            N::LowerEqualElem(o) => {
                self.comparison_scalar(Comparison::LowerEqual, &o.lhs, o.rhs.elem(), &o.out)
            }
            N::Pad(o) => match o.mode {
                PadModeIr::Constant(value) => {
                    let x = self.get(&o.input)?;
                    let frame = self.graph.full(value.elem(), o.out.shape.to_vec(), false);
                    let ranges = o
                        .padding
                        .iter()
                        .zip(o.input.shape.iter())
                        .map(|(&(before, _), &len)| Range {
                            start: before,
                            end: before + len,
                            step: 1,
                        })
                        .collect();
                    let node = self.graph.slice_assign(frame, ranges, x);
                    self.set(&o.out, node)
                }
                PadModeIr::Reflect | PadModeIr::Edge => self.unsupported(),
            },
            N::IntRandom(_) => self.random(),
            _ => self.unsupported(),
        }
    }

    /// `x / count`, with the reciprocal taken in float64.
    fn scaled(&mut self, x: NodeId, count: usize) -> NodeId {
        self.graph.mul_scalar(x, 1.0 / count as f64)
    }

    fn arithmetic(&mut self, f: Binary, lhs: &TensorIr, rhs: &TensorIr, out: &TensorIr) -> Step {
        let (x, y) = (self.get(lhs)?, self.get(rhs)?);
        let node = self.graph.binary(f, x, y);
        self.set(out, node)
    }

    pub(super) fn function(&mut self, f: Unary, input: &TensorIr, out: &TensorIr) -> Step {
        let x = self.get(input)?;
        let node = self.graph.unary(f, x);
        self.set(out, node)
    }

    fn clamp(&mut self, input: &TensorIr, low: f64, high: f64, out: &TensorIr) -> Step {
        let x = self.get(input)?;
        self.same(Op::Clamp(Scalar(low), Scalar(high)), vec![x], out)
    }

    fn detached_extremum(&mut self, place: Op, o: &ReduceDimOpIr) -> Step {
        let x = self.get(&o.input)?;
        let shape = o.out.shape.to_vec();
        let indices = self.graph.apply(place, vec![x], shape.clone(), Kind::Int);
        let value = self.graph.gather(x, o.axis, indices);
        let held = self
            .graph
            .apply(Op::StopGradient, vec![value], shape, Kind::Float);
        self.set(&o.out, held)
    }

    /// A maximum or minimum is what is gathered at its place, which also differentiates it.
    fn extremum(
        &mut self,
        place: Op,
        dim: usize,
        input: &TensorIr,
        out: &TensorIr,
        out_indices: Option<&TensorIr>,
    ) -> Step {
        let x = self.get(input)?;
        let indices = self
            .graph
            .apply(place, vec![x], out.shape.to_vec(), Kind::Int);
        let value = self.graph.gather(x, dim, indices);
        if let Some(out_indices) = out_indices {
            self.set(out_indices, indices)?;
        }
        self.set(out, value)
    }

    fn extremum_all(
        &mut self,
        place: Op,
        input: &TensorIr,
        out: &TensorIr,
    ) -> Result<(), LinearizeError> {
        let x = self.get(input)?;
        let flat = self.graph.reshape(x, vec![input.shape.num_elements()]);
        let indices = self.graph.apply(place, vec![flat], vec![1], Kind::Int);
        let node = self.graph.gather(flat, 0, indices);
        self.set(out, node)
    }
}
