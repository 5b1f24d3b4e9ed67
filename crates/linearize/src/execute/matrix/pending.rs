//! Products that are computed some rows at a time, by the pass over memory that reads them: they are
//! never in memory as a whole.

use burn::backend::DispatchTensor;
use burn::tensor::FloatDType;

use super::multiply::Term;
use super::operand::Matrices;
use super::product;
use super::registers::{self, Factors};
use super::small::{self, Packed};
use crate::error::LinearizeError;
use crate::execute::real::float;
use crate::execute::{Arg, Evaluation};

/// Terms of a sum at most: second derivatives of products have as many.
const MOST_TERMS: usize = 4;

/// Numbers of a product at least that waits: less stays in the caches, and is too few tasks for a pass.
const LEAST_NUMBERS: usize = 1 << 16;

/// A sum of small products in float32 that nobody has computed yet.
#[derive(Debug)]
pub(in crate::execute) struct Pending {
    terms: Vec<Term<f32>>,
    shape: Vec<usize>,
}

/// Either a product that can wait, or its value.
#[derive(Debug)]
pub(in crate::execute) enum Product {
    Pending(Pending),
    Value(DispatchTensor),
}

/// Any rows of a product, one matrix after the other.
#[derive(Debug)]
pub(in crate::execute) struct Rows<'a> {
    pairs: Vec<[Matrices<'a>; 2]>,
    rows: usize,
    columns: usize,
}

/// What a thread needs to compute rows.
#[derive(Debug, Default)]
pub(in crate::execute) struct Scratch {
    packed: [Packed; MOST_TERMS],
}

impl Evaluation<'_> {
    /// The sum of products of arguments, to be computed later if it is one of small ones.
    pub(in crate::execute) fn product_later(
        &self,
        args: Vec<Arg>,
    ) -> Result<Product, LinearizeError> {
        if self.target.float != FloatDType::F32 || args.len() > 2 * MOST_TERMS {
            return Ok(Product::Value(self.multiply_flex(args)?));
        }
        let pending = Pending {
            terms: self.terms(args)?,
            shape: self.shape(),
        };
        Ok(
            match pending.len() >= LEAST_NUMBERS && pending.rows().is_some() {
                true => Product::Pending(pending),
                false => Product::Value(pending.compute()),
            },
        )
    }
}

impl Pending {
    /// All of it.
    pub fn compute(&self) -> DispatchTensor {
        float(product(&self.terms, &self.shape), &self.shape)
    }

    /// Numbers of a row.
    pub fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Numbers of all of it.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its rows; `None` if there are none, or if another way of computing them serves better.
    pub fn rows(&self) -> Option<Rows<'_>> {
        let [.., rows, columns] = self.shape[..] else {
            return None;
        };
        if self.len() == 0 {
            return None;
        }
        let pairs = small::pairs(&self.terms, rows, columns)?;
        Some(Rows {
            pairs,
            rows,
            columns,
        })
    }
}

impl<'a> Rows<'a> {
    /// Writes whole rows from number `from` of the product on.
    pub fn write(&self, from: usize, scratch: &mut Scratch, mut to: &mut [f32]) {
        let mut row = from / self.columns;
        while !to.is_empty() {
            let (index, first) = (row / self.rows, row % self.rows);
            let count = (to.len() / self.columns).min(self.rows - first);
            let (now, rest) = to.split_at_mut(count * self.columns);
            self.write_of(index, first, count, scratch, now);
            row += count;
            to = rest;
        }
    }

    /// Writes some rows of one matrix.
    fn write_of(
        &self,
        index: usize,
        first: usize,
        count: usize,
        scratch: &mut Scratch,
        to: &mut [f32],
    ) {
        for (packed, [_, b]) in scratch.packed.iter_mut().zip(&self.pairs) {
            packed.hold(b, index);
        }
        let end = first + count;
        let soon = |a: &Matrices<'a>| match end < self.rows {
            _ if !a.by_rows => &[],
            true => a.rows(index, &(end..self.rows.min(end + count))),
            false if index + 1 < a.starts.len() => a.rows(index + 1, &(0..count)),
            false => &[],
        };
        // Of the places in this array as many count as there are terms.
        let factors = |at: usize| {
            let at = at.min(self.pairs.len() - 1);
            let [a, b] = &self.pairs[at];
            Factors {
                first: a.first(index),
                second: scratch.packed[at].second(b, index),
                inner: a.columns,
                soon: soon(a),
            }
        };
        let factors: [Factors<'_>; MOST_TERMS] = std::array::from_fn(factors);
        let factors = &factors[..self.pairs.len()];
        registers::overwrite(factors, first..end, self.columns, to);
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, Tensor, TensorData};

    use super::super::operand::Operand;
    use super::*;
    use crate::execute::real::flex;

    /// Small whole numbers, whose sums are exact in any order.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count)
            .map(|at| ((at * 7919) % 31) as f32 - 15.0)
            .collect()
    }

    fn operand(values: &[f32], shape: [usize; 3], count: usize) -> Operand<f32> {
        let data = TensorData::new(values.to_vec(), shape);
        let tensor = Tensor::<3>::from_data(data, (&Device::flex(), DType::F32));
        let tensor = flex(tensor.into_dispatch()).expect("a tensor of burn-flex");
        Operand::new(tensor, true, true, &[count])
    }

    /// A sum of two products `[count, rows, inner]` by `[of_b, inner, columns]`, and its numbers by
    /// plain loops.
    fn sum([count, of_b]: [usize; 2], [rows, inner, columns]: [usize; 3]) -> (Pending, Vec<f32>) {
        let a = numbers(count * rows * inner);
        let b = numbers(of_b * inner * columns);
        let mut expected = Vec::new();
        for row in 0..count * rows {
            for column in 0..columns {
                let below = (row / rows % of_b) * inner;
                let terms = (0..inner).map(|at| {
                    let b = b[(below + at) * columns + column];
                    2.0 * f64::from(a[row * inner + at]) * f64::from(b)
                });
                expected.push(terms.sum::<f64>() as f32);
            }
        }
        let term = || Term {
            a: operand(&a, [count, rows, inner], count),
            b: operand(&b, [of_b, inner, columns], count),
            stairs: None,
        };
        let shape = vec![count, rows, columns];
        let terms = vec![term(), term()];
        (Pending { terms, shape }, expected)
    }

    #[test]
    fn any_rows_are_those_of_the_whole() {
        for ([count, of_b], shape) in [
            ([3, 3], [5, 4, 7]),
            ([4, 4], [8, 8, 64]),
            ([1, 1], [50, 20, 33]),
            ([3, 1], [7, 9, 16]),
        ] {
            let (pending, expected) = sum([count, of_b], shape);
            let rows = pending.rows().expect("a small product");
            let columns = pending.columns();
            let mut scratch = Scratch::default();
            for at_once in 1..2 * shape[0] + 2 {
                for from in (0..expected.len()).step_by(at_once * columns) {
                    let end = expected.len().min(from + at_once * columns);
                    let mut found = vec![f32::NAN; end - from];
                    rows.write(from, &mut scratch, &mut found);
                    assert_eq!(
                        found,
                        expected[from..end],
                        "{shape:?}, {at_once} from {from}"
                    );
                }
            }
        }
    }

    #[test]
    fn large_products_and_those_of_nothing_do_not_wait() {
        assert!(sum([1, 1], [3, 300, 300]).0.rows().is_none());
        assert!(sum([1, 1], [3, 0, 5]).0.rows().is_none());
        assert!(sum([1, 1], [0, 3, 5]).0.rows().is_none());
    }
}
