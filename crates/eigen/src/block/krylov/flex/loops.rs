//! Loops over parts of vectors by all cores.

use std::ops::{Add, AddAssign, Mul, MulAssign, SubAssign};

use rayon::prelude::*;

use super::super::super::flex::Real;
use super::kernels::{dot, dots, subtract, subtract_four};

/// Elements that go through a basis together: they stay in the cache.
pub(super) const PIECE: usize = 8 * 1024;

/// Elements of one task of a thread.
pub(super) const TASK: usize = 4 * PIECE;

/// An element type that loops compute on.
pub(super) trait Number:
    Real + Copy + Add<Output = Self> + AddAssign + SubAssign + Mul<Output = Self> + MulAssign
{
    const EPSILON: f64;

    fn double(self) -> f64;
}

impl Number for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;

    fn double(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    const EPSILON: f64 = f64::EPSILON;

    fn double(self) -> f64 {
        self
    }
}

/// A unit vector, kept as another vector of that `length`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Along<'a, T> {
    kept: &'a [T],
    pub length: f64,
}

impl<'a, T> Along<'a, T> {
    pub fn new(kept: &'a [T], length: f64) -> Self {
        Self { kept, length }
    }

    /// `length` numbers of the vector as it is kept, from a place on.
    #[inline(always)]
    pub fn part(&self, from: usize, length: usize) -> &'a [T] {
        &self.kept[from..from + length]
    }
}

pub(super) fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// What `work` makes of the tasks' parts of `x`, which begin at the places that it is told, in their
/// order: sums of it are the same on any number of cores.
pub(super) fn each<T: Number, R: Send>(
    x: &[T],
    work: impl Fn(usize, &[T]) -> R + Sync,
) -> std::vec::IntoIter<R> {
    let tasks = x.par_chunks(TASK).enumerate();
    let made = tasks.map(|(task, x)| work(task * TASK, x));
    made.collect::<Vec<R>>().into_iter()
}

/// The sum of what `work` makes of the parts, which it may change.
pub(super) fn each_mut<T: Number>(
    x: &mut [T],
    work: impl Fn(usize, &mut [T]) -> f64 + Sync,
) -> f64 {
    let tasks = x.par_chunks_mut(TASK).enumerate();
    let made = tasks.map(|(task, x)| work(task * TASK, x));
    made.collect::<Vec<f64>>().into_iter().sum()
}

/// The shares of `x`, from place `start` on, along each vector of a basis.
pub(super) fn shares_in<T: Number>(x: &[T], start: usize, basis: &[Along<'_, T>]) -> Vec<f64> {
    let mut shares = vec![0.0; basis.len()];
    for (from, x) in (start..).step_by(PIECE).zip(x.chunks(PIECE)) {
        for (share, vector) in shares.iter_mut().zip(basis) {
            *share += dot(x, vector.part(from, x.len())) / vector.length;
        }
    }
    shares
}

/// The same of two vectors at once.
pub(super) fn shares_of_both<T: Number>(
    x: &[T],
    y: &[T],
    start: usize,
    basis: &[Along<'_, T>],
) -> [Vec<f64>; 2] {
    let mut shares = [vec![0.0; basis.len()], vec![0.0; basis.len()]];
    let pieces = x.chunks(PIECE).zip(y.chunks(PIECE));
    for (from, (x, y)) in (start..).step_by(PIECE).zip(pieces) {
        let [of_x, of_y] = &mut shares;
        for ((of_x, of_y), vector) in of_x.iter_mut().zip(of_y).zip(basis) {
            let [with_x, with_y] = dots(x, y, vector.part(from, x.len()));
            *of_x += with_x / vector.length;
            *of_y += with_y / vector.length;
        }
    }
    shares
}

/// Takes from `x`, from place `start` on, its shares along each vector of a basis.
pub(super) fn take<T: Number>(x: &mut [T], start: usize, basis: &[Along<'_, T>], shares: &[f64]) {
    for (from, x) in (start..).step_by(PIECE).zip(x.chunks_mut(PIECE)) {
        let length = x.len();
        let (fours, rest) = basis.as_chunks::<4>();
        let (shares_of_fours, shares_of_rest) = shares.as_chunks::<4>();
        for (four, share) in fours.iter().zip(shares_of_fours) {
            let shares = std::array::from_fn(|i| share[i] / four[i].length);
            subtract_four(x, shares, four.map(|vector| vector.part(from, length)));
        }
        for (vector, share) in rest.iter().zip(shares_of_rest) {
            subtract(x, share / vector.length, vector.part(from, length));
        }
    }
}

/// Takes from two vectors, from place `start` on, the shares that each has along each vector of a basis.
pub(super) fn take_of_both<T: Number>(
    [x, y]: [&mut [T]; 2],
    start: usize,
    basis: &[Along<'_, T>],
    shares: &[[f64; 2]],
) {
    let length = x.len();
    let (fours, rest) = basis.as_chunks::<4>();
    let (shares_of_fours, shares_of_rest) = shares.as_chunks::<4>();
    for (four, share) in fours.iter().zip(shares_of_fours) {
        let [of_x, of_y] =
            [0, 1].map(|which| std::array::from_fn(|i| share[i][which] / four[i].length));
        let four = four.map(|vector| vector.part(start, length));
        subtract_four(x, of_x, four);
        subtract_four(y, of_y, four);
    }
    for (vector, [of_x, of_y]) in rest.iter().zip(shares_of_rest) {
        let part = vector.part(start, length);
        subtract(x, of_x / vector.length, part);
        subtract(y, of_y / vector.length, part);
    }
}
