//! Many products with small second matrices in float32: those of an attention's heads, or of a layer
//! of some dozen units with the samples.
//!
//! What a general product spends on bringing both matrices into an order of its own costs more than
//! such a product itself.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::multiply::Term;
use super::operand::Matrices;
use super::registers::{self, Factors, First, Second, WIDTH};
use crate::execute::real::Real;

/// Numbers of a result's second matrices at most: they stay in a core's own cache.
const MOST_NUMBERS: usize = 1 << 14;

/// Numbers of a first matrix by columns at most, of which a few are read in each.
const MOST_BY_COLUMNS: usize = 1 << 15;

/// Multiplications of a task at least.
const LEAST_WORK: usize = 1 << 18;

/// Tasks at most, about: more than a machine has cores, so that they end together.
const TASKS: usize = 64;

/// Rows of a part of a result, if that is cut.
const ROWS: usize = 96;

/// A part of one result.
struct Piece<'a> {
    index: usize,
    rows: Range<usize>,
    to: &'a mut [MaybeUninit<f32>],
}

/// The `count` sums of products `[rows, columns]`; `None` where a general product serves better, or
/// where numbers are not in float32.
pub(super) fn multiply<T: Real>(
    terms: &[Term<T>],
    count: usize,
    rows: usize,
    columns: usize,
) -> Option<Vec<T>> {
    let pairs = pairs(terms, rows, columns)?;
    let inner: usize = pairs.iter().map(|[a, _]| a.columns).sum();
    if count * rows * columns == 0 {
        return None;
    }
    let mut results: Vec<f32> = Vec::with_capacity(count * rows * columns);
    let room = &mut results.spare_capacity_mut()[..count * rows * columns];
    let part = if count < TASKS { ROWS } else { rows };
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    for (index, result) in room.chunks_exact_mut(rows * columns).enumerate() {
        for (at, to) in result.chunks_mut(part * columns).enumerate() {
            let rows = at * part..at * part + to.len() / columns;
            pieces.push(Piece { index, rows, to });
        }
    }
    let work = part * columns * inner;
    let of_task = LEAST_WORK.div_ceil(work).max(pieces.len() / TASKS);
    let run = |packed: &mut Vec<Packed>, pieces: &mut [Piece<'_>]| {
        packed.resize_with(pairs.len(), Packed::default);
        let after: Vec<(usize, Range<usize>)> = pieces[1..]
            .iter()
            .map(|piece| (piece.index, piece.rows.clone()))
            .collect();
        for (at, Piece { index, rows, to }) in pieces.iter_mut().enumerate() {
            for (packed, [_, b]) in packed.iter_mut().zip(&pairs) {
                packed.hold(b, *index);
            }
            let both = pairs.iter().zip(packed.iter());
            let factors: Vec<Factors<'_>> = both
                .map(|([a, b], packed)| Factors {
                    first: a.first(*index),
                    second: packed.second(b, *index),
                    inner: a.columns,
                    soon: match after.get(at) {
                        Some((index, rows)) => a.rows(*index, rows),
                        None => &[],
                    },
                })
                .collect();
            registers::multiply(&factors, rows.clone(), columns, to);
        }
    };
    if pieces.len() > of_task {
        let tasks = pieces.par_chunks_mut(of_task);
        tasks.for_each_init(Vec::new, run);
    } else {
        run(&mut Vec::new(), &mut pieces);
    }
    // SAFETY: the pieces cover all of the results, and each is written.
    unsafe { results.set_len(count * rows * columns) };
    T::from_single(results)
}

/// The factors of products `[rows, columns]`, if they are small and in float32.
pub(super) fn pairs<T: Real>(
    terms: &[Term<T>],
    rows: usize,
    columns: usize,
) -> Option<Vec<[Matrices<'_>; 2]>> {
    let pairs = terms.iter().map(|term| {
        let (a, b) = (term.a.single()?, term.b.single()?);
        let by_columns = !a.by_rows && rows * a.columns > MOST_BY_COLUMNS;
        let fits = term.stairs.is_none() && a.columns > 0 && !by_columns;
        fits.then_some([a, b])
    });
    let pairs: Vec<[Matrices<'_>; 2]> = pairs.collect::<Option<_>>()?;
    let inner: usize = pairs.iter().map(|[a, _]| a.columns).sum();
    (inner * columns <= MOST_NUMBERS).then_some(pairs)
}

/// The rows of a second matrix in whole vectors, unless they lie so in memory.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// Where the matrix that is held begins: that of the next result is often the same.
    held: Option<usize>,
    values: Vec<f32>,
    width: usize,
}

impl Packed {
    pub fn hold(&mut self, b: &Matrices<'_>, index: usize) {
        let start = b.starts[index];
        if is_whole(b) || self.held == Some(start) {
            return;
        }
        self.held = Some(start);
        self.width = b.columns.next_multiple_of(WIDTH);
        self.values.resize(b.rows * self.width, 0.0);
        let values = &b.values[start..];
        if b.by_rows {
            let rows = self.values.chunks_exact_mut(self.width);
            for (to, from) in rows.zip(values.chunks(b.distance)) {
                to[..b.columns].copy_from_slice(&from[..b.columns]);
            }
            return;
        }
        for (column, from) in values.chunks(b.distance).take(b.columns).enumerate() {
            let column = self.values[column..].iter_mut().step_by(self.width);
            for (to, from) in column.zip(&from[..b.rows]) {
                *to = *from;
            }
        }
    }

    pub fn second<'a>(&'a self, b: &Matrices<'a>, index: usize) -> Second<'a> {
        if is_whole(b) {
            return Second {
                values: &b.values[b.starts[index]..],
                distance: b.distance,
            };
        }
        Second {
            values: &self.values,
            distance: self.width,
        }
    }
}

/// Whether the rows of second matrices are whole vectors where they lie in memory.
fn is_whole(b: &Matrices<'_>) -> bool {
    b.by_rows && b.columns.is_multiple_of(WIDTH)
}

impl<'a> Matrices<'a> {
    /// Where some rows of a first matrix lie, or all of it if it lies by columns.
    pub fn rows(&self, index: usize, rows: &Range<usize>) -> &'a [f32] {
        let values = &self.values[self.starts[index]..];
        let numbers = match self.by_rows {
            true => rows.start * self.distance..rows.end * self.distance,
            false => 0..self.columns * self.distance,
        };
        &values[numbers.start.min(values.len())..numbers.end.min(values.len())]
    }

    pub fn first(&self, index: usize) -> First<'a> {
        First {
            values: &self.values[self.starts[index]..],
            distance: self.distance,
            by_rows: self.by_rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, Tensor, TensorData};

    use super::super::operand::Operand;
    use super::*;
    use crate::execute::real::flex;

    /// Small whole numbers, whose sums are exact in any order.
    fn numbers<const D: usize>(shape: [usize; D]) -> Tensor<D> {
        let count = shape.iter().product();
        let values = (0..count).map(|at: usize| ((at * 7919) % 101) as f32 - 50.0);
        let data = TensorData::new(values.collect::<Vec<_>>(), shape);
        Tensor::from_data(data, (&Device::flex(), DType::F32))
    }

    /// Checks the sum of two products of batches by Burn's.
    fn check(a: &Tensor<3>, b: &Tensor<3>) {
        let expected = a.clone().matmul(b.clone());
        let [count, rows, columns] = expected.dims();
        let operand = |tensor: &Tensor<3>| {
            let tensor = flex(tensor.clone().into_dispatch()).expect("a tensor of burn-flex");
            Operand::<f32>::new(tensor, true, true, &[count])
        };
        let term = || Term {
            a: operand(a),
            b: operand(b),
            stairs: None,
        };
        let found = multiply(&[term(), term()], count, rows, columns);
        let expected: Vec<f32> = expected.mul_scalar(2.0).into_data().iter::<f32>().collect();
        assert_eq!(found, Some(expected), "{:?} by {:?}", a.dims(), b.dims());
    }

    #[test]
    fn products_of_any_size_are_those_of_burn() {
        for rows in [1, 2, 5, 12, 31] {
            for columns in [1, 8, 16, 17, 32, 48, 63, 64, 100] {
                let inner = 1 + (rows + columns) % 9;
                check(&numbers([3, rows, inner]), &numbers([3, inner, columns]));
            }
        }
        check(&numbers([1, 1000, 20]), &numbers([1, 20, 33]));
        check(&numbers([300, 63, 8]), &numbers([300, 8, 63]));
    }

    #[test]
    fn operands_are_read_as_they_lie_in_memory() {
        let (a, b) = (numbers([4, 13, 6]), numbers([4, 6, 32]));
        let (at, bt) = (
            numbers([4, 6, 13]).swap_dims(1, 2),
            numbers([4, 32, 6]).swap_dims(1, 2),
        );
        check(&at, &b);
        check(&a, &bt);
        check(&a, &numbers([1, 6, 32]));
        check(&a, &numbers([1, 32, 6]).swap_dims(1, 2));
        check(&numbers([1, 13, 6]), &b);
        check(&a, &numbers([4, 6, 80]).narrow(2, 40, 32));
        check(&a, &numbers([4, 6, 80]).narrow(2, 40, 21));
        let heads = numbers([5, 9, 4, 8]).swap_dims(1, 2).reshape([20, 9, 8]);
        check(&numbers([20, 7, 9]), &heads);
    }

    #[test]
    fn what_is_large_or_of_no_terms_is_left_to_others() {
        let operand = |tensor: Tensor<3>| {
            let tensor = flex(tensor.into_dispatch()).expect("a tensor of burn-flex");
            Operand::<f32>::new(tensor, true, true, &[1])
        };
        for (inner, columns) in [(200, 200), (0, 5)] {
            let term = Term {
                a: operand(numbers([1, 30, inner])),
                b: operand(numbers([1, inner, columns])),
                stairs: None,
            };
            assert_eq!(multiply(&[term], 1, 30, columns), None);
        }
    }
}
