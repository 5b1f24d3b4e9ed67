//! The same in the memory of burn-flex, where a basis is read at most twice a step: once to measure how
//! far a new vector is from orthogonal to it, and where that is not near enough, to make it so.

use std::ops::{Add, AddAssign, Mul, SubAssign};

use burn::tensor::{DType, Tensor, TensorData};
use rayon::prelude::*;

use super::super::Stack;
use super::super::flex::{Real, Rows};
use super::Orthogonalised;

/// Elements that go through a basis together: they stay in the cache.
const PIECE: usize = 4096;

/// Elements of one task of a thread.
const TASK: usize = 4 * PIECE;

/// Elements summed in the element type before float64 takes over.
const CHUNK: usize = 512;

/// Sums side by side.
const LANES: usize = 16;

/// What is left of a vector is orthogonal to a basis if less than this share went: Parlett and Kahan's
/// "twice is enough" asks for no second time then.
const ENOUGH: f64 = 0.7;

/// An element type that loops compute on.
trait Number: Real + Copy + Add<Output = Self> + AddAssign + SubAssign + Mul<Output = Self> {
    /// Shares of a unit vector below this are left in it: a 32nd of the root of the distance from 1 to
    /// the next number. Up to that root, the tridiagonal matrix is right to rounding (Simon, Linear
    /// Algebra Appl. 61, 1984).
    const NEGLIGIBLE: f64;

    fn double(self) -> f64;
}

impl Number for f32 {
    const NEGLIGIBLE: f64 = 1.1e-5;

    fn double(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    const NEGLIGIBLE: f64 = 4.7e-10;

    fn double(self) -> f64 {
        self
    }
}

/// `None` where the plain way is the only one.
pub(super) fn orthogonalise(
    blocks: &[Tensor<2>],
    image: &Tensor<2>,
    before: &[f64],
    long: bool,
) -> Option<(Tensor<2>, Orthogonalised)> {
    match image.dtype() {
        DType::F32 => typed::<f32>(blocks, image, before, long),
        DType::F64 => typed::<f64>(blocks, image, before, long),
        _ => None,
    }
}

fn typed<T: Number>(
    blocks: &[Tensor<2>],
    image: &Tensor<2>,
    before: &[f64],
    long: bool,
) -> Option<(Tensor<2>, Orthogonalised)> {
    let blocks = Rows::of(&Stack::from(blocks.to_vec()))?;
    let blocks = blocks.elements::<T>()?;
    let [count, length] = image.dims();
    let images = Rows::of(&Stack::from(image.clone()))?;
    let images = images.elements::<T>()?;
    let images = images.first()?;
    let mut next = images.to_vec();
    let (mut along, mut lengths) = (Vec::with_capacity(count), Vec::with_capacity(count));
    // One basis after the other, by all cores: it stays in the cache from its first reading to its
    // second.
    for (at, next) in next.chunks_mut(length.max(1)).enumerate() {
        let row = at * length..(at + 1) * length;
        let basis: Vec<&[T]> = blocks.iter().map(|of| &of[row.clone()]).collect();
        let (own, left) = one(next, &basis, before[at], long);
        along.push(own);
        lengths.push(left);
    }
    let next = TensorData::new(next, [count, length]);
    let next = Tensor::from_data(next, (&image.device(), image.dtype()));
    let found = Orthogonalised {
        along,
        length: lengths,
    };
    Some((next, found))
}

/// Leaves of `x`, the image of the last vector of a basis, what is orthogonal to all of it; its share
/// along that vector, and the length of what is left.
fn one<T: Number>(x: &mut [T], basis: &[&[T]], before: f64, long: bool) -> (f64, f64) {
    let mut last = basis.iter().rev();
    let (first, second) = (last.next().copied().unwrap_or_default(), last.next());
    let along: f64 = each(x, |from, x| dot(x, part(first, from, x.len()))).sum();
    let squares = each_mut(x, |from, x| {
        subtract(x, along, part(first, from, x.len()));
        if let Some(one_before) = second {
            subtract(x, before, part(one_before, from, x.len()));
        }
        dot(x, x)
    });
    let mut length = squares.sqrt();
    for _ in 0..3 {
        // A NaN ends it, too.
        if length.is_nan() || length <= 0.0 {
            break;
        }
        // Classical Gram–Schmidt: all shares first, then all subtractions.
        let mut shares = vec![0.0; basis.len()];
        for of_task in each(x, |from, x| shares_in(x, from, basis)) {
            for (share, own) in shares.iter_mut().zip(of_task) {
                *share += own;
            }
        }
        let largest = shares
            .iter()
            .fold(0.0_f64, |most, share| most.max(share.abs()));
        if long && largest <= T::NEGLIGIBLE * length {
            break;
        }
        let left = each_mut(x, |from, x| {
            take(x, from, basis, &shares);
            dot(x, x)
        });
        let left = left.sqrt();
        let enough = left >= ENOUGH * length;
        length = left;
        if enough {
            break;
        }
    }
    (along, length)
}

/// What `work` makes of the tasks' parts of `x`, which begin at the places that it is told, in their
/// order: sums of it are the same on any number of cores.
fn each<T: Number, R: Send>(
    x: &[T],
    work: impl Fn(usize, &[T]) -> R + Sync,
) -> std::vec::IntoIter<R> {
    let arch = pulp::Arch::new();
    let tasks = x.par_chunks(TASK).enumerate().map(|(task, x)| {
        arch.dispatch(
            #[inline(always)]
            || work(task * TASK, x),
        )
    });
    tasks.collect::<Vec<R>>().into_iter()
}

/// The sum of what `work` makes of the parts, which it may change.
fn each_mut<T: Number>(x: &mut [T], work: impl Fn(usize, &mut [T]) -> f64 + Sync) -> f64 {
    let arch = pulp::Arch::new();
    let tasks = x.par_chunks_mut(TASK).enumerate().map(|(task, x)| {
        arch.dispatch(
            #[inline(always)]
            || work(task * TASK, x),
        )
    });
    tasks.collect::<Vec<f64>>().into_iter().sum()
}

#[inline(always)]
fn part<T>(vector: &[T], from: usize, length: usize) -> &[T] {
    &vector[from..from + length]
}

/// The shares of `x`, from place `start` on, along each vector of a basis.
#[inline(always)]
fn shares_in<T: Number>(x: &[T], start: usize, basis: &[&[T]]) -> Vec<f64> {
    let mut shares = vec![0.0; basis.len()];
    for (from, x) in (start..).step_by(PIECE).zip(x.chunks(PIECE)) {
        for (share, vector) in shares.iter_mut().zip(basis) {
            *share += dot(x, part(vector, from, x.len()));
        }
    }
    shares
}

/// Takes from `x`, from place `start` on, its shares along each vector of a basis.
#[inline(always)]
fn take<T: Number>(x: &mut [T], start: usize, basis: &[&[T]], shares: &[f64]) {
    for (from, x) in (start..).step_by(PIECE).zip(x.chunks_mut(PIECE)) {
        let length = x.len();
        let (fours, rest) = basis.as_chunks::<4>();
        let (shares_of_fours, shares_of_rest) = shares.as_chunks::<4>();
        for (four, share) in fours.iter().zip(shares_of_fours) {
            let [a, b, c, d] = four.map(|vector| part(vector, from, length));
            let [p, q, r, s] = share.map(T::of);
            let rows = x.iter_mut().zip(a).zip(b).zip(c).zip(d);
            for ((((x, a), b), c), d) in rows {
                let first = p * a + q * b;
                *x -= first + (r * c + s * d);
            }
        }
        for (vector, share) in rest.iter().zip(shares_of_rest) {
            subtract(x, *share, part(vector, from, length));
        }
    }
}

#[inline(always)]
fn subtract<T: Number>(x: &mut [T], share: f64, vector: &[T]) {
    let share = T::of(share);
    for (x, v) in x.iter_mut().zip(vector) {
        *x -= share * v;
    }
}

/// ⟨x, y⟩: short sums in the element type, added in float64.
#[inline(always)]
fn dot<T: Number>(x: &[T], y: &[T]) -> f64 {
    let mut total = 0.0;
    for (x, y) in x.chunks(CHUNK).zip(y.chunks(CHUNK)) {
        let mut lanes = [T::of(0.0); LANES];
        let (x_lanes, x_rest) = x.as_chunks::<LANES>();
        let (y_lanes, y_rest) = y.as_chunks::<LANES>();
        for (x, y) in x_lanes.iter().zip(y_lanes) {
            for lane in 0..LANES {
                lanes[lane] += x[lane] * y[lane];
            }
        }
        let rest = x_rest.iter().zip(y_rest);
        let rest: f64 = rest.map(|(x, y)| x.double() * y.double()).sum();
        total += lanes.iter().map(|lane| lane.double()).sum::<f64>() + rest;
    }
    total
}
