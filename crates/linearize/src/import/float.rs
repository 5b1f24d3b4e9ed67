//! Functions of floats and matrix products.

use burn::backend::ir::FloatOperationIr;

use super::{Importer, Step};
use crate::graph::{Binary, Unary};

impl Importer<'_> {
    pub(super) fn float(&mut self, op: &FloatOperationIr) -> Step {
        use FloatOperationIr as F;
        let (f, o) = match op {
            F::Exp(o) => (Unary::Exp, o),
            F::Log(o) => (Unary::Log, o),
            F::Log1p(o) => (Unary::Log1p, o),
            F::Erf(o) => (Unary::Erf, o),
            F::Sqrt(o) => (Unary::Sqrt, o),
            F::Cos(o) => (Unary::Cos, o),
            F::Sin(o) => (Unary::Sin, o),
            F::Tanh(o) => (Unary::Tanh, o),
            F::Recip(o) => (Unary::Recip, o),
            F::Round(o) => (Unary::Round, o),
            F::Floor(o) => (Unary::Floor, o),
            F::Ceil(o) => (Unary::Ceil, o),
            F::Trunc(o) => (Unary::Trunc, o),
            F::PowfScalar(o) => {
                let x = self.get(&o.lhs)?;
                let node = self.graph.power(x, o.rhs.elem());
                return self.set(&o.out, node);
            }
            F::Powf(o) => {
                let (x, y) = (self.get(&o.lhs)?, self.get(&o.rhs)?);
                let node = self.graph.binary(Binary::Pow, x, y);
                return self.set(&o.out, node);
            }
            F::Matmul(o) => {
                let (a, b) = (self.get(&o.lhs)?, self.get(&o.rhs)?);
                let node = self.graph.matmul(a, b);
                return self.set(&o.out, node);
            }
            F::Random(_) => return self.random(),
            _ => return self.unsupported(),
        };
        self.function(f, &o.input, &o.out)
    }
}
