//! Products of two long matrices with a small result in float32: the gradient of a layer's weight, which
//! is a sum over all samples and places.
//!
//! The inner dimension is cut into parts, each with sums of its own, which are added in their order,
//! whatever the number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::multiply::Term;
use super::operand::Matrices;
use super::registers::{self, Factors, First, Second, WIDTH};
use crate::execute::real::Real;

/// Numbers of a result at most: the sums of a part stay in a core's own cache.
const MOST_NUMBERS: usize = 1 << 15;

/// Length of the inner dimension at least, for each row or column of the result.
const LEAST_RATIO: usize = 8;

/// Multiplications of a part at least.
const LEAST_WORK: usize = 1 << 20;

/// Parts at most, about, of all results together.
const PARTS: usize = 32;

/// Length of the inner dimension that is multiplied before the next begins: as much of some columns of
/// a second matrix as fits the innermost cache.
const DEPTH: usize = 128;

/// The `count` sums of products `[rows, columns]`; `None` where another product serves better, or
/// where numbers are not in float32.
pub(super) fn multiply<T: Real>(
    terms: &[Term<T>],
    count: usize,
    rows: usize,
    columns: usize,
) -> Option<Vec<T>> {
    let pairs = terms.iter().map(|term| {
        let (a, b) = (term.a.single()?, term.b.single()?);
        let long = a.columns >= LEAST_RATIO * rows.max(columns);
        let fits = term.stairs.is_none() && long && !a.by_rows && b.by_rows;
        fits.then_some([a, b])
    });
    let pairs: Vec<[Matrices<'_>; 2]> = pairs.collect::<Option<_>>()?;
    let width = columns.next_multiple_of(WIDTH);
    if count * rows * columns == 0 || rows * width > MOST_NUMBERS {
        return None;
    }
    let inner: usize = pairs.iter().map(|[a, _]| a.columns).sum();
    let parts = PARTS
        .div_ceil(count)
        .min(inner * rows * columns / LEAST_WORK)
        .max(1);
    let mut sums = vec![0.0_f32; count * parts * rows * width];
    let tasks = sums.par_chunks_exact_mut(rows * width).enumerate();
    tasks
        .with_max_len(1)
        .for_each_init(Vec::new, |packed, (at, sums)| {
            let (index, part) = (at / parts, at % parts);
            for [a, b] in &pairs {
                let share = |part: usize| part * a.columns / parts;
                let mut from = share(part);
                let end = share(part + 1);
                while from < end {
                    let to = end.min(from + DEPTH);
                    add(a, b, index, from..to, packed, sums);
                    from = to;
                }
            }
        });
    let mut results = Vec::with_capacity(count * rows * columns);
    for sums in sums.chunks_exact_mut(parts * rows * width) {
        let (first, others) = sums.split_at_mut(rows * width);
        for other in others.chunks_exact(rows * width) {
            first.iter_mut().zip(other).for_each(|(sum, x)| *sum += *x);
        }
        let rows = first.chunks_exact(width);
        rows.for_each(|row| results.extend_from_slice(&row[..columns]));
    }
    T::from_single(results)
}

/// Adds the product over a part of the inner dimension to the sums.
fn add(
    a: &Matrices<'_>,
    b: &Matrices<'_>,
    index: usize,
    part: Range<usize>,
    packed: &mut Vec<f32>,
    sums: &mut [f32],
) {
    let width = b.columns.next_multiple_of(WIDTH);
    let inner = part.len();
    let below = &b.values[b.starts[index] + part.start * b.distance..];
    let second = if width == b.columns {
        Second {
            values: below,
            distance: b.distance,
        }
    } else {
        packed.resize(DEPTH * width, 0.0);
        let rows = packed.chunks_exact_mut(width).zip(below.chunks(b.distance));
        for (to, from) in rows.take(inner) {
            to[..b.columns].copy_from_slice(&from[..b.columns]);
        }
        Second {
            values: packed,
            distance: width,
        }
    };
    let factors = Factors {
        first: First {
            values: &a.values[a.starts[index] + part.start * a.distance..],
            distance: a.distance,
            by_rows: false,
        },
        second,
        inner,
        soon: &[],
    };
    registers::add_to(&[factors], a.rows, width, sums);
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, Tensor, TensorData};

    use super::super::operand::Operand;
    use super::*;
    use crate::execute::real::flex;

    /// Small whole numbers, whose sums are exact in any order.
    fn numbers(count: usize, shift: usize) -> Vec<f32> {
        let values = (0..count).map(|at| (((at + shift) * 7919) % 31) as f32 - 15.0);
        values.collect()
    }

    fn operand(values: &[f32], shape: [usize; 3], transposed: bool, count: usize) -> Operand<f32> {
        let data = TensorData::new(values.to_vec(), shape);
        let tensor = Tensor::<3>::from_data(data, (&Device::flex(), DType::F32));
        let tensor = match transposed {
            true => tensor.swap_dims(1, 2),
            false => tensor,
        };
        let tensor = flex(tensor.into_dispatch()).expect("a tensor of burn-flex");
        Operand::new(tensor, true, true, &[count])
    }

    /// Checks the sum of two products, `[count, inner, rows]` transposed by `[of_b, inner, columns]`,
    /// by plain loops.
    fn check([count, of_b]: [usize; 2], inner: usize, rows: usize, columns: usize) {
        let a = numbers(count * inner * rows, 0);
        let b = numbers(of_b * inner * columns, 5);
        let mut expected = vec![0.0_f64; count * rows * columns];
        for index in 0..count {
            for at in 0..inner {
                for row in 0..rows {
                    for column in 0..columns {
                        let a = a[(index * inner + at) * rows + row];
                        let b = b[((index % of_b) * inner + at) * columns + column];
                        let place = (index * rows + row) * columns + column;
                        expected[place] += 2.0 * f64::from(a) * f64::from(b);
                    }
                }
            }
        }
        let term = || Term {
            a: operand(&a, [count, inner, rows], true, count),
            b: operand(&b, [of_b, inner, columns], false, count),
            stairs: None,
        };
        let found = multiply(&[term(), term()], count, rows, columns).expect("a long product");
        let found: Vec<f64> = found.into_iter().map(f64::from).collect();
        assert_eq!(found, expected, "{count}, {inner}, {rows}, {columns}");
    }

    #[test]
    fn sums_of_products_are_those_of_plain_loops() {
        for (rows, columns) in [(2, 1), (3, 17), (7, 32), (13, 40), (32, 64), (50, 130)] {
            check([1, 1], 1100, rows, columns);
        }
        check([3, 3], 300, 5, 33);
        check([3, 1], 1500, 32, 96);
        check([1, 1], 7001, 33, 20);
    }

    #[test]
    fn what_is_not_long_or_lies_otherwise_is_left_to_others() {
        let of = |inner: usize, rows: usize, columns: usize, lies: [bool; 2]| {
            let a = numbers(inner * rows, 0);
            let b = numbers(inner * columns, 5);
            let shape = |length: usize, turned: bool| match turned {
                true => [1, length, inner],
                false => [1, inner, length],
            };
            let term = Term {
                a: operand(&a, shape(rows, lies[0]), !lies[0], 1),
                b: operand(&b, shape(columns, lies[1]), lies[1], 1),
                stairs: None,
            };
            multiply(&[term], 1, rows, columns).is_some()
        };
        assert!(of(1000, 30, 40, [false, false]));
        assert!(!of(100, 30, 40, [false, false]));
        assert!(!of(1000, 30, 40, [true, false]));
        assert!(!of(1000, 30, 40, [false, true]));
        assert!(!of(3000, 300, 300, [false, false]));
    }
}
