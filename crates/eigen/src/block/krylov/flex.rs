//! The same in the memory of burn-flex: a basis on each core, read twice a step.

use std::ops::{Add, Mul, Sub};

use burn::tensor::{DType, Tensor, TensorData};
use rayon::prelude::*;

use super::super::Stack;
use super::super::flex::{Real, Rows};
use super::Orthogonalised;

/// Elements that go through a basis together: they stay in the cache.
const PIECE: usize = 4096;

/// Elements summed in the element type before float64 takes over.
const CHUNK: usize = 512;

/// Sums side by side.
const LANES: usize = 16;

/// What is left of a vector is orthogonal to a basis if less than this share went: Parlett and Kahan's
/// "twice is enough" asks for no second time then.
const ENOUGH: f64 = 0.7;

/// An element type that loops compute on.
trait Number: Real + Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    fn double(self) -> f64;
}

impl Number for f32 {
    fn double(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    fn double(self) -> f64 {
        self
    }
}

/// `None` where the plain way is the only one.
pub(super) fn orthogonalise(
    blocks: &[Tensor<2>],
    image: &Tensor<2>,
    before: &[f64],
) -> Option<(Tensor<2>, Orthogonalised)> {
    match image.dtype() {
        DType::F32 => typed::<f32>(blocks, image, before),
        DType::F64 => typed::<f64>(blocks, image, before),
        _ => None,
    }
}

fn typed<T: Number>(
    blocks: &[Tensor<2>],
    image: &Tensor<2>,
    before: &[f64],
) -> Option<(Tensor<2>, Orthogonalised)> {
    let [count, length] = image.dims();
    let blocks = Rows::of(&Stack::from(blocks.to_vec()))?;
    let blocks = blocks.elements::<T>()?;
    let images = Rows::of(&Stack::from(image.clone()))?;
    let images = images.elements::<T>()?;
    let images = images.first()?;
    let row = |at: usize| at * length..(at + 1) * length;
    let mut next = vec![T::of(0.0); count * length];
    let arch = pulp::Arch::new();
    let rows = next.par_chunks_mut(length.max(1)).enumerate();
    let found: Vec<(f64, f64)> = rows
        .map(|(at, next)| {
            let basis: Vec<&[T]> = blocks.iter().map(|of| &of[row(at)]).collect();
            next.copy_from_slice(&images[row(at)]);
            arch.dispatch(
                #[inline(always)]
                || one(next, &basis, before[at]),
            )
        })
        .collect();
    let (along, length_of) = found.into_iter().unzip();
    let next = TensorData::new(next, [count, length]);
    let next = Tensor::from_data(next, (&image.device(), image.dtype()));
    let found = Orthogonalised {
        along,
        length: length_of,
    };
    Some((next, found))
}

/// Leaves of `x`, the image of the last vector of `basis`, what is orthogonal to all of it; its share
/// along the last, and the length of what is left.
#[inline(always)]
fn one<T: Number>(x: &mut [T], basis: &[&[T]], before: f64) -> (f64, f64) {
    let last = basis[basis.len() - 1];
    let along = dot(x, last);
    subtract(x, along, last);
    if basis.len() > 1 {
        subtract(x, before, basis[basis.len() - 2]);
    }
    let mut length = dot(x, x).sqrt();
    for _ in 0..3 {
        // A NaN ends it, too.
        if length.is_nan() || length <= 0.0 {
            break;
        }
        project(x, basis);
        let left = dot(x, x).sqrt();
        let enough = left >= ENOUGH * length;
        length = left;
        if enough {
            break;
        }
    }
    (along, length)
}

/// Classical Gram–Schmidt: all shares first, then all subtractions.
#[inline(always)]
fn project<T: Number>(x: &mut [T], basis: &[&[T]]) {
    let mut shares = vec![0.0; basis.len()];
    for (from, x) in (0..).step_by(PIECE).zip(x.chunks(PIECE)) {
        for (share, vector) in shares.iter_mut().zip(basis) {
            *share += dot(x, &vector[from..from + x.len()]);
        }
    }
    for (from, x) in (0..).step_by(PIECE).zip(x.chunks_mut(PIECE)) {
        let to = from + x.len();
        let (fours, rest) = basis.as_chunks::<4>();
        let (shares_of_fours, shares_of_rest) = shares.as_chunks::<4>();
        for (four, share) in fours.iter().zip(shares_of_fours) {
            let [a, b, c, d] = four.map(|vector| &vector[from..to]);
            let [p, q, r, s] = share.map(T::of);
            for i in 0..x.len() {
                x[i] = x[i] - (p * a[i] + q * b[i] + (r * c[i] + s * d[i]));
            }
        }
        for (vector, share) in rest.iter().zip(shares_of_rest) {
            subtract(x, *share, &vector[from..to]);
        }
    }
}

#[inline(always)]
fn subtract<T: Number>(x: &mut [T], share: f64, vector: &[T]) {
    let share = T::of(share);
    for (x, v) in x.iter_mut().zip(vector) {
        *x = *x - share * *v;
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
                lanes[lane] = lanes[lane] + x[lane] * y[lane];
            }
        }
        let rest = x_rest.iter().zip(y_rest);
        let rest: f64 = rest.map(|(x, y)| x.double() * y.double()).sum();
        total += lanes.iter().map(|lane| lane.double()).sum::<f64>() + rest;
    }
    total
}
