//! One product for every part of the result.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, Par};
use rayon::prelude::*;

use super::operand::Operand;
use crate::execute::real::Real;

/// Parts that a product is cut into at most, whatever the number of threads, so that the result is
/// the same on every machine.
const PARTS: usize = 16;

/// Multiplications below which a part does not repay being handed to another core.
const LEAST_WORK: usize = 1 << 19;

/// Rows of a part at least: narrower products run slower.
const LEAST_ROWS: usize = 48;

/// Rows of the result, and the part of the inner dimension that matters to them.
pub(super) type RowPart = (Range<usize>, Range<usize>);

/// A product of two operands.
#[derive(Debug)]
pub(super) struct Term<T> {
    pub a: Operand<T>,
    pub b: Operand<T>,
    /// The parts that the zeros of `a` suggest.
    pub stairs: Option<Vec<RowPart>>,
}

/// Parts of equal size for `count` results of `work` multiplications and `rows` rows each.
fn equal_parts(work: usize, rows: usize, count: usize) -> Vec<Range<usize>> {
    let parts = PARTS.div_ceil(count.max(1)).min(work / LEAST_WORK).max(1);
    let size = rows.div_ceil(parts).max(LEAST_ROWS);
    (0..rows)
        .step_by(size)
        .map(|row| row..rows.min(row + size))
        .collect()
}

/// The `count` sums of products `[rows, columns]`, one after the other, row by row.
pub(super) fn multiply<T: Real>(
    terms: &[Term<T>],
    count: usize,
    rows: usize,
    columns: usize,
) -> Vec<T> {
    let mut results = vec![T::zero(); count * rows * columns];
    if results.is_empty() {
        return results;
    }
    let work = rows * columns * terms.iter().map(|term| term.a.columns).sum::<usize>();
    let stairs = terms.iter().position(|term| term.stairs.is_some());
    let parts = match stairs.and_then(|term| terms[term].stairs.as_ref()) {
        Some(parts) => parts.clone(),
        None => {
            let equal = equal_parts(work, rows, count).into_iter();
            equal.map(|rows| (rows, 0..0)).collect()
        }
    };
    let mut tasks = Vec::with_capacity(count * parts.len());
    for (index, mut result) in results.chunks_exact_mut(rows * columns).enumerate() {
        for (rows, inner) in &parts {
            let part;
            (part, result) = result.split_at_mut(rows.len() * columns);
            tasks.push((index, rows, inner, part));
        }
    }
    let run = |(index, rows, inner, to): (usize, &Range<usize>, &Range<usize>, &mut [T])| {
        let mut to = MatMut::from_row_major_slice_mut(to, rows.len(), columns);
        let mut how = Accum::Replace;
        for (at, term) in terms.iter().enumerate() {
            let inner = match stairs {
                Some(stairs) if stairs == at => inner.clone(),
                _ => 0..term.a.columns,
            };
            if inner.is_empty() {
                continue;
            }
            let a = term.a.matrix(index).get(rows.clone(), inner.clone());
            let b = term.b.matrix(index).get(inner, ..);
            matmul(to.as_mut(), how, a, b, T::one(), Par::Seq);
            how = Accum::Add;
        }
    };
    if work * count < 2 * LEAST_WORK {
        tasks.into_iter().for_each(run);
    } else {
        tasks.into_par_iter().with_max_len(1).for_each(run);
    }
    results
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, Tensor, TensorData};

    use super::*;
    use crate::execute::real::flex;

    /// Whole numbers, of which every order of summation gives the same.
    fn numbers<const D: usize>(shape: [usize; D]) -> Tensor<D> {
        let count = shape.iter().product();
        let values = (0..count).map(|at: usize| ((at * 7919) % 101) as f64 - 50.0);
        let data = TensorData::new(values.collect::<Vec<_>>(), shape);
        Tensor::from_data(data, (&Device::flex(), DType::F64))
    }

    /// Checks products of a block of `batch[0]` where `batched` says so, by Burn's.
    fn check<const D: usize>(
        name: &str,
        (a, a_batched): (Tensor<D>, bool),
        (b, b_batched): (Tensor<D>, bool),
    ) {
        let expected = a.clone().matmul(b.clone());
        let batch = expected.dims()[..D - 2].to_vec();
        let operand = |tensor: Tensor<D>, batched: bool| {
            let tensor = flex(tensor.into_dispatch()).expect("a tensor of burn-flex");
            Operand::<f64>::new(tensor, batched, true, &batch)
        };
        let term = || Term {
            a: operand(a.clone(), a_batched),
            b: operand(b.clone(), b_batched),
            stairs: None,
        };
        let [.., rows, columns] = expected.dims()[..] else {
            panic!("no matrices");
        };
        let count = batch.iter().product();
        let expected: Vec<f64> = expected.clone().into_data().iter::<f64>().collect();
        let found = multiply(&[term()], count, rows, columns);
        assert_eq!(found, expected, "{name}");
        let twice: Vec<f64> = expected.iter().map(|value| 2.0 * value).collect();
        let found = multiply(&[term(), term()], count, rows, columns);
        assert_eq!(found, twice, "{name}, twice");
    }

    #[test]
    fn operands_are_read_as_they_lie_in_memory() {
        let (a, b) = (numbers([3, 7, 6]), numbers([3, 6, 5]));
        let wide = numbers([3, 50]).narrow(1, 9, 30).reshape([3, 6, 5]);
        let (at, bt) = (
            numbers([3, 6, 7]).swap_dims(1, 2),
            numbers([3, 5, 6]).swap_dims(1, 2),
        );
        check("plain", (a.clone(), true), (b.clone(), true));
        check("cut out", (a.clone(), true), (wide, true));
        check("transposed", (at, true), (bt, true));
        check("backwards", (a.clone().flip([2]), true), (b.clone(), true));
        check("one for all", (numbers([1, 7, 6]), true), (b, true));
        let spread = numbers([3, 1, 5]).expand([3, 6, 5]);
        check("spread", (a.clone(), true), (spread, true));
        let every_other = numbers([3, 6, 10])
            .slice([0..3, 0..6])
            .reshape([3, 6, 5, 2]);
        let every_other = every_other.narrow(3, 0, 1).squeeze_dim(3);
        check("every other", (a, true), (every_other, true));
    }

    #[test]
    fn batches_within_a_block_and_single_rows() {
        let heads = (numbers([2, 3, 4, 5]), true);
        let shared = (numbers([2, 1, 5, 6]), true);
        check("heads", heads, shared);
        let turned = numbers([2, 4, 3, 5]).swap_dims(1, 2);
        check("turned", (turned, true), (numbers([2, 3, 5, 1]), true));
        check(
            "a row",
            (numbers([1, 1, 5]), true),
            (numbers([1, 5, 1]), true),
        );
        check(
            "none",
            (numbers([2, 0, 5]), true),
            (numbers([2, 5, 3]), true),
        );
        check(
            "no sum",
            (numbers([2, 4, 0]), true),
            (numbers([2, 0, 3]), true),
        );
    }

    #[test]
    fn many_parts_are_one_product() {
        let (a, b) = (numbers([2, 301, 210]), numbers([2, 210, 130]));
        assert!(equal_parts(301 * 210 * 130, 301, 2).len() > 3);
        check("large", (a, true), (b, true));
    }
}
