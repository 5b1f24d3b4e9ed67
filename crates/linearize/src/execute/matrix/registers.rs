//! Sums of products of two small matrices in float32, a few rows of the result at a time, whose sums
//! stay in registers.

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::Simd;

use crate::execute::ahead::ahead;

/// Numbers that the rows of a second matrix are filled up to a multiple of: the widest vector.
pub(super) const WIDTH: usize = 16;

/// Rows that are multiplied with all columns before the next ones.
const STRIP: usize = 12;

/// A first matrix as it lies in memory: rows or columns whose elements follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct First<'a> {
    pub values: &'a [f32],
    /// Distance of rows, if their elements follow each other, else of columns.
    pub distance: usize,
    pub by_rows: bool,
}

/// A second matrix by rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Second<'a> {
    pub values: &'a [f32],
    /// Distance of rows, which have a number for each column of the result rounded up to whole
    /// vectors of [`WIDTH`].
    pub distance: usize,
}

/// Two factors, the length of their inner dimension, and what is read after them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factors<'a> {
    pub first: First<'a>,
    pub second: Second<'a>,
    pub inner: usize,
    pub soon: &'a [f32],
}

/// Writes some `rows` of the sum of products, `[rows, columns]`.
pub(super) fn multiply(
    factors: &[Factors<'_>],
    rows: Range<usize>,
    columns: usize,
    to: &mut [MaybeUninit<f32>],
) {
    pulp::Arch::new().dispatch(Products {
        factors,
        rows,
        columns,
        to: Fresh(to),
    });
}

/// The same over numbers that are there already.
pub(super) fn overwrite(
    factors: &[Factors<'_>],
    rows: Range<usize>,
    columns: usize,
    to: &mut [f32],
) {
    // SAFETY: nothing but numbers is written to where numbers are.
    let to = unsafe { &mut *(std::ptr::from_mut(to) as *mut [MaybeUninit<f32>]) };
    multiply(factors, rows, columns, to);
}

/// Adds the sum of products, `[rows, columns]` with whole vectors of [`WIDTH`] columns, to `to`.
pub(super) fn add_to(factors: &[Factors<'_>], rows: usize, columns: usize, to: &mut [f32]) {
    pulp::Arch::new().dispatch(Products {
        factors,
        rows: 0..rows,
        columns,
        to: Sums(to),
    });
}

struct Products<'a, 'b, R> {
    factors: &'a [Factors<'b>],
    rows: Range<usize>,
    columns: usize,
    to: R,
}

/// Where sums of products go.
trait Room {
    /// What vectors from `at` on are before anything is added.
    fn start<S: Simd, const V: usize>(&self, simd: S, at: usize) -> [S::f32s; V];
    /// Writes vectors from `at` on.
    fn put<S: Simd, const V: usize>(&mut self, at: usize, sums: [S::f32s; V]);
}

/// Memory in which nothing is yet.
struct Fresh<'a>(&'a mut [MaybeUninit<f32>]);

/// Sums so far.
struct Sums<'a>(&'a mut [f32]);

impl Room for Fresh<'_> {
    #[inline(always)]
    fn start<S: Simd, const V: usize>(&self, simd: S, _: usize) -> [S::f32s; V] {
        [simd.splat_f32s(0.0); V]
    }

    #[inline(always)]
    fn put<S: Simd, const V: usize>(&mut self, at: usize, sums: [S::f32s; V]) {
        put::<S, V>(sums, &mut self.0[at..]);
    }
}

impl Room for Sums<'_> {
    #[inline(always)]
    fn start<S: Simd, const V: usize>(&self, simd: S, at: usize) -> [S::f32s; V] {
        let mut start = [simd.splat_f32s(0.0); V];
        let vectors = S::as_simd_f32s(&self.0[at..][..V * S::F32_LANES]).0;
        start.copy_from_slice(&vectors[..V]);
        start
    }

    #[inline(always)]
    fn put<S: Simd, const V: usize>(&mut self, at: usize, sums: [S::f32s; V]) {
        let room = &mut self.0[at..][..V * S::F32_LANES];
        S::as_mut_simd_f32s(room).0.copy_from_slice(&sums);
    }
}

impl<R: Room> pulp::WithSimd for Products<'_, '_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // As many sums as leave registers for the factors: of 32 with the widest vectors, else 16.
        let most = if S::F32_LANES == WIDTH { 4 } else { 2 };
        let vectors = self.columns.div_ceil(S::F32_LANES);
        let all = self.rows.len();
        for row in (0..all).step_by(STRIP) {
            let strip = row..all.min(row + STRIP);
            // Last columns first: what they write beyond their row is written again.
            let mut end = vectors;
            while end > 0 {
                let size = match end % most {
                    0 => most,
                    3 => 1,
                    size => size,
                };
                end -= size;
                let column = end * S::F32_LANES;
                match size {
                    4 => self.strip::<S, 4, 6>(simd, strip.clone(), column),
                    2 if most == 4 => self.strip::<S, 2, 12>(simd, strip.clone(), column),
                    2 => self.strip::<S, 2, 6>(simd, strip.clone(), column),
                    _ => self.strip::<S, 1, 12>(simd, strip.clone(), column),
                }
            }
            for factors in self.factors {
                let share = |row: usize| row * factors.soon.len() / all;
                let (from, to) = (share(strip.start), share(strip.end));
                ahead(factors.soon, from, to - from);
            }
        }
    }
}

impl<R: Room> Products<'_, '_, R> {
    /// V vectors of columns from `column` on, M rows at a time.
    #[inline(always)]
    fn strip<S: Simd, const V: usize, const M: usize>(
        &mut self,
        simd: S,
        rows: Range<usize>,
        column: usize,
    ) {
        let mut row = rows.start;
        while row < rows.end {
            row += match rows.end - row {
                left if left >= M => self.block::<S, V, M>(simd, row, column),
                8.. => self.block::<S, V, 8>(simd, row, column),
                4.. => self.block::<S, V, 4>(simd, row, column),
                2.. => self.block::<S, V, 2>(simd, row, column),
                _ => self.block::<S, V, 1>(simd, row, column),
            };
        }
    }

    /// M rows from `row` on by V vectors of columns; says how many rows.
    #[inline(always)]
    fn block<S: Simd, const V: usize, const M: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
    ) -> usize {
        let mut sums = [[simd.splat_f32s(0.0); V]; M];
        for (at, sums) in sums.iter_mut().enumerate() {
            let place = (row + at) * self.columns + column;
            *sums = self.to.start::<S, V>(simd, place);
        }
        for factors in self.factors {
            let Factors { first, inner, .. } = *factors;
            let from = self.rows.start + row;
            let second = &factors.second.values[column..];
            let distance = factors.second.distance;
            if first.by_rows {
                let mut rows = [&first.values[..0]; M];
                for (at, row) in rows.iter_mut().enumerate() {
                    *row = &first.values[(from + at) * first.distance..][..inner];
                }
                for at in 0..inner {
                    let second = &second[at * distance..][..V * S::F32_LANES];
                    add::<S, V, M>(simd, |m| rows[m][at], second, &mut sums);
                }
            } else {
                for at in 0..inner {
                    let column = &first.values[at * first.distance + from..][..M];
                    let second = &second[at * distance..][..V * S::F32_LANES];
                    add::<S, V, M>(simd, |m| column[m], second, &mut sums);
                }
            }
        }
        for (at, sums) in sums.into_iter().enumerate() {
            let place = (row + at) * self.columns + column;
            self.to.put::<S, V>(place, sums);
        }
        M
    }
}

/// Adds the products of M numbers with V vectors.
#[inline(always)]
fn add<S: Simd, const V: usize, const M: usize>(
    simd: S,
    first: impl Fn(usize) -> f32,
    second: &[f32],
    sums: &mut [[S::f32s; V]; M],
) {
    let second = S::as_simd_f32s(second).0;
    let mut vectors = [simd.splat_f32s(0.0); V];
    vectors.copy_from_slice(&second[..V]);
    let first: [f32; M] = std::array::from_fn(first);
    for m in 0..M {
        let factor = simd.splat_f32s(first[m]);
        for v in 0..V {
            sums[m][v] = simd.mul_add_e_f32s(factor, vectors[v], sums[m][v]);
        }
    }
}

/// Writes vectors, or as many of their numbers as there is room for.
#[inline(always)]
fn put<S: Simd, const V: usize>(sums: [S::f32s; V], to: &mut [MaybeUninit<f32>]) {
    let whole = V * S::F32_LANES;
    let mut numbers = [MaybeUninit::new(0.0_f32); 4 * WIDTH];
    let fits = to.len() >= whole;
    let room = if fits {
        &mut to[..whole]
    } else {
        &mut numbers[..whole]
    };
    let (vectors, _) = S::as_uninit_mut_simd_f32s(room);
    for (vector, sum) in vectors.iter_mut().zip(sums) {
        vector.write(sum);
    }
    if !fits {
        to.copy_from_slice(&numbers[..to.len()]);
    }
}
