//! Activations and their backward passes, each from its exact formula.

use std::f64::consts::{PI, SQRT_2};

use burn::backend::ir::ActivationOperationIr;

use super::{Importer, Step};
use crate::graph::{Comparison, Kind, NodeId, Op, Scalar, Unary};

impl Importer<'_> {
    pub(super) fn activation(&mut self, op: &ActivationOperationIr) -> Step {
        use ActivationOperationIr as A;
        match op {
            A::Relu(o) => self.function(Unary::Relu, &o.input, &o.out),
            A::ReluBackward(o) => {
                let (output, grad) = (self.get(&o.lhs)?, self.get(&o.rhs)?);
                let mask = self.graph.compare_scalar(Comparison::Greater, output, 0.0);
                let slope = self.graph.as_float(mask);
                let node = self.graph.mul(grad, slope);
                self.set(&o.out, node)
            }
            A::LeakyRelu(o) => {
                let x = self.get(&o.lhs)?;
                let slope: f64 = o.rhs.elem();
                // x + (1 − slope)·relu(−x): below zero it is slope·x.
                let negative = self.graph.neg(x);
                let below = self.graph.unary(Unary::Relu, negative);
                let correction = self.graph.mul_scalar(below, 1.0 - slope);
                let node = self.graph.add(x, correction);
                self.set(&o.out, node)
            }
            A::PRelu(o) => {
                let (x, alpha) = (self.get(&o.lhs)?, self.get(&o.rhs)?);
                let negative = self.graph.neg(x);
                let below = self.graph.unary(Unary::Relu, negative);
                let above = self.graph.unary(Unary::Relu, x);
                let scaled = self.graph.mul(below, alpha);
                let node = self.graph.sub(above, scaled);
                self.set(&o.out, node)
            }
            A::Gelu(o) => {
                let x = self.get(&o.input)?;
                let cdf = self.normal_cdf(x);
                let node = self.graph.mul(x, cdf);
                self.set(&o.out, node)
            }
            A::GeluBackward(o) => {
                let (x, grad) = (self.get(&o.lhs)?, self.get(&o.rhs)?);
                let cdf = self.normal_cdf(x);
                let density = self.normal_density(x);
                let tail = self.graph.mul(x, density);
                let slope = self.graph.add(cdf, tail);
                let node = self.graph.mul(grad, slope);
                self.set(&o.out, node)
            }
            A::Sigmoid(o) => self.function(Unary::Sigmoid, &o.input, &o.out),
            A::SigmoidBackward(o) => {
                let (y, grad) = (self.get(&o.lhs)?, self.get(&o.rhs)?);
                let negative = self.graph.neg(y);
                let complement = self.graph.add_scalar(negative, 1.0);
                let slope = self.graph.mul(y, complement);
                let node = self.graph.mul(grad, slope);
                self.set(&o.out, node)
            }
            A::HardSigmoid(o) => {
                let x = self.get(&o.tensor)?;
                let scaled = self.graph.mul_scalar(x, o.alpha.elem());
                let shifted = self.graph.add_scalar(scaled, o.beta.elem());
                self.same(Op::Clamp(Scalar(0.0), Scalar(1.0)), vec![shifted], &o.out)
            }
            A::LogSigmoid(o) => self.function(Unary::LogSigmoid, &o.input, &o.out),
            A::LogSigmoidBackward(o) => {
                let (x, grad) = (self.get(&o.lhs)?, self.get(&o.rhs)?);
                let negative = self.graph.neg(x);
                let slope = self.graph.unary(Unary::Sigmoid, negative);
                let node = self.graph.mul(grad, slope);
                self.set(&o.out, node)
            }
            A::Softmax(o) => {
                let x = self.get(&o.input)?;
                let log = self.log_softmax(x, o.axis);
                let node = self.graph.unary(Unary::Exp, log);
                self.set(&o.out, node)
            }
            A::LogSoftmax(o) => {
                let x = self.get(&o.input)?;
                let node = self.log_softmax(x, o.axis);
                self.set(&o.out, node)
            }
            A::Softmin(o) => {
                let x = self.get(&o.input)?;
                let negative = self.graph.neg(x);
                let log = self.log_softmax(negative, o.axis);
                let node = self.graph.unary(Unary::Exp, log);
                self.set(&o.out, node)
            }
        }
    }

    /// Φ(x) = (1 + erf(x/√2))/2.
    fn normal_cdf(&mut self, x: NodeId) -> NodeId {
        let scaled = self.graph.mul_scalar(x, 1.0 / SQRT_2);
        let erf = self.graph.unary(Unary::Erf, scaled);
        let shifted = self.graph.add_scalar(erf, 1.0);
        self.graph.mul_scalar(shifted, 0.5)
    }

    /// φ(x) = e^(−x²/2)/√(2π).
    fn normal_density(&mut self, x: NodeId) -> NodeId {
        let square = self.graph.mul(x, x);
        let exponent = self.graph.mul_scalar(square, -0.5);
        let exp = self.graph.unary(Unary::Exp, exponent);
        self.graph.mul_scalar(exp, 1.0 / (2.0 * PI).sqrt())
    }

    /// x − max − ln Σ e^(x − max); the shift cancels, so that its derivative need not be taken.
    fn log_softmax(&mut self, x: NodeId, dim: usize) -> NodeId {
        let mut reduced = self.graph.node(x).shape.clone();
        reduced[dim] = 1;
        let place = self
            .graph
            .apply(Op::ArgMax(dim), vec![x], reduced, Kind::Int);
        let max = self.graph.gather(x, dim, place);
        let shape = self.graph.node(max).shape.clone();
        let max = self
            .graph
            .apply(Op::StopGradient, vec![max], shape, Kind::Float);
        let shifted = self.graph.sub(x, max);
        let exp = self.graph.unary(Unary::Exp, shifted);
        let sum = self.graph.sum(exp, vec![dim]);
        let log = self.graph.unary(Unary::Log, sum);
        self.graph.sub(shifted, log)
    }
}
