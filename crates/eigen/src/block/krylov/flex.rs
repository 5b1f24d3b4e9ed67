//! The same in the memory of burn-flex, in place. A basis is read only where its vectors have lost their
//! orthogonality, as their recurrence tells.

use std::ops::{Add, AddAssign, Mul, MulAssign, SubAssign};

use burn::tensor::{DType, Tensor, TensorData};
use rayon::prelude::*;

use super::super::Stack;
use super::super::flex::{Real, Rows};
use super::Orthogonalised;
use super::level::Level;

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

/// A basis is made orthogonal again where a share may be larger than this part of √ε.
const LOST: f64 = 0.25;

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

/// Bases to which all that comes is made orthogonal, or which follow how orthogonal they are.
#[derive(Debug)]
pub(super) enum Care {
    Always,
    /// One for each basis.
    Estimated(Vec<Level>),
}

impl Care {
    /// For so many bases of the Lanczos process, of vectors of so many numbers.
    pub fn estimated([count, dim]: [usize; 2], dtype: DType) -> Self {
        let epsilon = match dtype {
            DType::F64 => f64::EPSILON,
            _ => f32::EPSILON.into(),
        };
        Self::Estimated((0..count).map(|_| Level::new(epsilon, dim)).collect())
    }
}

/// Numbers of a type that loops compute on, in memory of their own.
pub(super) fn suits(rows: &Tensor<2>) -> bool {
    matches!(rows.dtype(), DType::F32 | DType::F64)
}

/// Leaves of the images of the last block what is orthogonal to the bases; the last block, too, is made
/// orthogonal to the others where that is needed.
pub(super) fn orthogonalise(
    blocks: &mut [Tensor<2>],
    image: Tensor<2>,
    before: &[f64],
    care: &mut Care,
) -> Option<(Tensor<2>, Orthogonalised)> {
    match image.dtype() {
        DType::F32 => typed::<f32>(blocks, image, before, care),
        DType::F64 => typed::<f64>(blocks, image, before, care),
        _ => None,
    }
}

fn typed<T: Number>(
    blocks: &mut [Tensor<2>],
    image: Tensor<2>,
    before: &[f64],
    care: &mut Care,
) -> Option<(Tensor<2>, Orthogonalised)> {
    let [count, length] = image.dims();
    let (device, dtype) = (image.device(), image.dtype());
    let mut data = image.into_data();
    let next = data.as_mut_slice::<T>().ok()?;
    let (last, others) = blocks.split_last_mut()?;
    let basis_rows = (!others.is_empty()).then(|| Rows::of(&Stack::from(others.to_vec())));
    let basis_rows = match basis_rows {
        Some(rows) => Some(rows?),
        None => None,
    };
    let others: Vec<&[T]> = match &basis_rows {
        Some(rows) => rows.elements::<T>()?,
        None => Vec::new(),
    };
    let last_rows = Rows::of(&Stack::from(last.clone()))?;
    let own = last_rows.elements::<T>()?;
    let own = *own.first()?;
    let row = |at: usize| at * length..(at + 1) * length;
    let mut found = Orthogonalised {
        along: Vec::with_capacity(count),
        length: Vec::with_capacity(count),
    };
    for (at, x) in next.chunks_mut(length.max(1)).enumerate() {
        let second = others.last().map(|block| (before[at], &block[row(at)]));
        let (along, length) = recur(x, &own[row(at)], second);
        found.along.push(along);
        found.length.push(length);
    }
    // One basis after the other, by all cores: it stays in the cache from its first reading to its
    // second.
    match care {
        Care::Always => {
            for (at, x) in next.chunks_mut(length.max(1)).enumerate() {
                let basis = others.iter().chain([&own]);
                let basis: Vec<&[T]> = basis.map(|of| &of[row(at)]).collect();
                found.length[at] = all_of(x, &basis, found.length[at]);
            }
        }
        Care::Estimated(levels) => {
            let found_so = found.along.iter().zip(&found.length);
            let estimates: Vec<f64> = (levels.iter_mut().zip(found_so))
                .map(|(level, (along, length))| level.next(*along, *length))
                .collect();
            // What one basis loses soon the others lose, too.
            let lost = LOST * T::EPSILON.sqrt();
            if estimates.iter().any(|estimate| *estimate > lost) {
                let mut own = own.to_vec();
                for (at, x) in next.chunks_mut(length.max(1)).enumerate() {
                    let basis: Vec<&[T]> = others.iter().map(|of| &of[row(at)]).collect();
                    let (largest, left) = both(x, &mut own[row(at)], &basis, found.length[at]);
                    levels[at].renew(estimates[at], largest);
                    found.length[at] = left;
                }
                let own = TensorData::new(own, [count, length]);
                *last = Tensor::from_data(own, (&device, dtype));
            }
        }
    }
    Some((Tensor::from_data(data, (&device, dtype)), found))
}

/// Takes from `x`, the image of `first`, its share along that and a known one along the vector before;
/// the share, and the length of what is left. Where that is little, and with it the digits that make it
/// orthogonal to the two, they are made so once more.
fn recur<T: Number>(x: &mut [T], first: &[T], second: Option<(f64, &[T])>) -> (f64, f64) {
    let along: f64 = each(x, |from, x| dot(x, part(first, from, x.len()))).sum();
    let squares = each_mut(x, |from, x| {
        subtract(x, along, part(first, from, x.len()));
        if let Some((before, second)) = second {
            subtract(x, before, part(second, from, x.len()));
        }
        dot(x, x)
    });
    let (length, before) = (squares.sqrt(), second.map_or(0.0, |(before, _)| before));
    let size = along.abs() + before.abs() + length;
    if length > 0.0 && T::EPSILON * size > LOST * T::EPSILON.sqrt() * length {
        let two = second.into_iter().map(|(_, second)| second);
        let two: Vec<&[T]> = two.chain([first]).collect();
        return (along, all_of(x, &two, length));
    }
    (along, length)
}

/// Leaves of `x` what is orthogonal to a basis; its length, which was `length`.
fn all_of<T: Number>(x: &mut [T], basis: &[&[T]], mut length: f64) -> f64 {
    for _ in 0..3 {
        // A NaN ends it, too.
        if length.is_nan() || length <= 0.0 {
            break;
        }
        // Classical Gram–Schmidt: all shares first, then all subtractions.
        let mut shares = vec![0.0; basis.len()];
        for of_task in each(x, |from, x| shares_in(x, from, basis)) {
            add(&mut shares, &of_task);
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
    length
}

/// Makes the last vector of a basis and the `next` one, of that `length`, orthogonal to its others, in one
/// reading to measure their shares and one to take them away; the next alone would soon have them again
/// from the last. The next one is also made orthogonal to the last once more. Its largest share, and its
/// new length.
fn both<T: Number>(next: &mut [T], last: &mut [T], basis: &[&[T]], length: f64) -> (f64, f64) {
    if length.is_nan() || length <= 0.0 {
        return (f64::NAN, length);
    }
    let mut shares = [vec![0.0; basis.len()], vec![0.0; basis.len()]];
    let mut on_last = 0.0;
    for (of_both, along) in each(next, |from, next| {
        let last = part(last, from, next.len());
        (shares_of_both(next, last, from, basis), dot(next, last))
    }) {
        on_last += along;
        for (shares, own) in shares.iter_mut().zip(&of_both) {
            add(shares, own);
        }
    }
    let [of_next, of_last] = &shares;
    let arch = pulp::Arch::new();
    let tasks = next.par_chunks_mut(TASK).zip(last.par_chunks_mut(TASK));
    let squares = tasks.enumerate().map(|(task, (next, last))| {
        arch.dispatch(
            #[inline(always)]
            || {
                let from = task * TASK;
                let pieces = next.chunks_mut(PIECE).zip(last.chunks_mut(PIECE));
                for (from, (next, last)) in (from..).step_by(PIECE).zip(pieces) {
                    subtract(next, on_last, last);
                    take(next, from, basis, of_next);
                    take(last, from, basis, of_last);
                }
                dot(next, next)
            },
        )
    });
    let left = squares
        .collect::<Vec<f64>>()
        .into_iter()
        .sum::<f64>()
        .sqrt();
    let shares = of_next.iter().chain([&on_last]);
    let largest = shares.fold(0.0_f64, |most, share| most.max(share.abs()));
    let left = match left < ENOUGH * length {
        // Most of it was rounding, and what is left has little of the digits that made it orthogonal.
        true => {
            let basis: Vec<&[T]> = basis.iter().copied().chain([&*last]).collect();
            all_of(next, &basis, left)
        }
        false => left,
    };
    (largest / length, left)
}

fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// Each row times its factor, in place where nothing else uses the rows.
pub(super) fn scaled(rows: Tensor<2>, factors: &[f64]) -> Tensor<2> {
    let ([_, length], device, dtype) = (rows.dims(), rows.device(), rows.dtype());
    let mut data = rows.into_data();
    match dtype {
        DType::F64 => scale::<f64>(&mut data, length, factors),
        _ => scale::<f32>(&mut data, length, factors),
    }
    Tensor::from_data(data, (&device, dtype))
}

fn scale<T: Number>(data: &mut TensorData, length: usize, factors: &[f64]) {
    let Ok(rows) = data.as_mut_slice::<T>() else {
        return;
    };
    let rows = rows.par_chunks_mut(length.max(1)).zip(factors);
    rows.for_each(|(row, factor)| {
        let factor = T::of(*factor);
        for x in row {
            *x *= factor;
        }
    });
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

/// The same of two vectors at once.
#[inline(always)]
fn shares_of_both<T: Number>(x: &[T], y: &[T], start: usize, basis: &[&[T]]) -> [Vec<f64>; 2] {
    let mut shares = [vec![0.0; basis.len()], vec![0.0; basis.len()]];
    let pieces = x.chunks(PIECE).zip(y.chunks(PIECE));
    for (from, (x, y)) in (start..).step_by(PIECE).zip(pieces) {
        let [of_x, of_y] = &mut shares;
        for ((of_x, of_y), vector) in of_x.iter_mut().zip(of_y).zip(basis) {
            let vector = part(vector, from, x.len());
            *of_x += dot(x, vector);
            *of_y += dot(y, vector);
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
