//! Matrix products on burn-flex, all cores at parts of the result: small ones in float32 with a kernel
//! of their own, others with faer's.
//!
//! Operands are taken as they lie in memory, transposed or cut out of a block of parameter vectors.
//! Burn's own products are the plain way beside it.

mod long;
mod multiply;
mod operand;
mod pending;
mod registers;
mod small;
mod staircase;

use burn::backend::DispatchTensor;
use burn::tensor::FloatDType;

use multiply::{Term, multiply};
use operand::Operand;
pub(super) use pending::{Pending, Product, Rows, Scratch};
pub(crate) use staircase::Staircase;

use super::real::{Real, flex, float};
use super::{Arg, Evaluation};
use crate::error::LinearizeError;

impl Evaluation<'_> {
    /// The product of two matrices, or of every two in a batch; with further pairs of arguments
    /// the sum of their products.
    pub(super) fn multiply_flex(&self, args: Vec<Arg>) -> Result<DispatchTensor, LinearizeError> {
        match self.target.float {
            FloatDType::F64 => self.multiply_typed::<f64>(args),
            _ => self.multiply_typed::<f32>(args),
        }
    }

    fn multiply_typed<T: Real>(&self, args: Vec<Arg>) -> Result<DispatchTensor, LinearizeError> {
        let shape = self.shape();
        Ok(float(product(&self.terms::<T>(args)?, &shape), &shape))
    }

    /// The products, not yet computed.
    fn terms<T: Real>(&self, args: Vec<Arg>) -> Result<Vec<Term<T>>, LinearizeError> {
        let shape = self.shape();
        let batch = &shape[..shape.len() - 2];
        let mut terms = Vec::with_capacity(args.len() / 2);
        let mut args = args.into_iter();
        while let (Some(a), Some(b)) = (args.next(), args.next()) {
            let stairs = a.staircase.filter(|_| self.node.shape.len() == 2);
            let of_block = self.node.batched;
            terms.push(Term {
                a: Operand::<T>::new(flex(a.value)?, a.batched, of_block, batch),
                b: Operand::<T>::new(flex(b.value)?, b.batched, of_block, batch),
                stairs: stairs.map(|(stairs, transposed)| stairs.parts(transposed)),
            });
        }
        Ok(terms)
    }
}

/// The sums of products of a shape.
fn product<T: Real>(terms: &[Term<T>], shape: &[usize]) -> Vec<T> {
    let (batch, matrix) = shape.split_at(shape.len() - 2);
    let (count, rows, columns) = (batch.iter().product(), matrix[0], matrix[1]);
    small::multiply(terms, count, rows, columns)
        .or_else(|| long::multiply(terms, count, rows, columns))
        .unwrap_or_else(|| multiply(terms, count, rows, columns))
}
