//! Matrix products on burn-flex with faer's kernels, all cores at parts of the result.
//!
//! Operands are taken as they lie in memory, transposed or cut out of a block of parameter vectors.
//! Burn's own products are the plain way beside it.

mod multiply;
mod operand;
mod staircase;

use burn::backend::DispatchTensor;
use burn::tensor::FloatDType;

use multiply::{multiply, row_parts};
use operand::Operand;
pub(crate) use staircase::Staircase;

use super::real::{Real, flex, float};
use super::{Arg, Evaluation};
use crate::error::LinearizeError;

impl Evaluation<'_> {
    /// The product of two matrices, or of every two in a batch.
    pub(super) fn multiply_flex(&self, a: Arg, b: Arg) -> Result<DispatchTensor, LinearizeError> {
        match self.target.float {
            FloatDType::F64 => self.multiply_typed::<f64>(a, b),
            _ => self.multiply_typed::<f32>(a, b),
        }
    }

    fn multiply_typed<T: Real>(&self, a: Arg, b: Arg) -> Result<DispatchTensor, LinearizeError> {
        let stairs = a.staircase.filter(|_| self.node.shape.len() == 2);
        let shape = self.shape();
        let batch = &shape[..shape.len() - 2];
        let a = Operand::<T>::new(flex(a.value)?, a.batched, self.node.batched, batch);
        let b = Operand::<T>::new(flex(b.value)?, b.batched, self.node.batched, batch);
        let parts = match stairs {
            Some((stairs, transposed)) => stairs.parts(transposed),
            None => row_parts(a.rows, a.columns, b.columns, batch.iter().product()),
        };
        Ok(float(multiply(&a, &b, &parts), &shape))
    }
}
