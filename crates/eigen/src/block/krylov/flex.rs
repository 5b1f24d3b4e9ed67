//! The same in the memory of burn-flex: a basis on each core, read twice a step.

use std::ops::{Add, AddAssign, Mul, SubAssign};

use burn::tensor::{DType, Tensor, TensorData};
use rayon::prelude::*;

use super::super::Stack;
use super::super::flex::{Real, Rows};
use super::Orthogonalised;

/// Elements that go through a basis together: they stay in the cache.
const PIECE: usize = 4096;

/// Elements summed in the element type before float64 takes over.
const CHUNK: usize = 512;

/// Vectors shorter than this stay in the cache whole.
const LONG: usize = 4096;

/// Sums side by side.
const LANES: usize = 16;

/// What is left of a vector is orthogonal to a basis if less than this share went: Parlett and Kahan's
/// "twice is enough" asks for no second time then.
const ENOUGH: f64 = 0.7;

/// An element type that loops compute on.
trait Number:
    Real + Entry<Self> + Add<Output = Self> + AddAssign + SubAssign + Mul<Output = Self>
{
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

/// What stands for a number in a basis.
trait Entry<T>: Copy + Sync {
    fn value(self) -> T;
}

impl Entry<f32> for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

impl Entry<f64> for f64 {
    #[inline(always)]
    fn value(self) -> f64 {
        self
    }
}

/// The upper half of a float32.
impl Entry<f32> for u16 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_bits(u32::from(self) << 16)
    }
}

/// A block's numbers in 16 bits, rounded; `None` for float64, and for blocks so short that nothing is
/// saved.
pub(super) fn halves(block: &Tensor<2>) -> Option<Vec<u16>> {
    if block.dtype() != DType::F32 || block.dims()[1] < LONG {
        return None;
    }
    let rows = Rows::of(&Stack::from(block.clone()))?;
    let elements = rows.elements::<f32>()?;
    let numbers = elements.first()?.par_iter();
    // Half of the last digit kept is added: the rest is cut off.
    let half = |number: &f32| (number.to_bits().saturating_add(0x8000) >> 16) as u16;
    Some(numbers.with_min_len(PIECE).map(half).collect())
}

/// `None` where the plain way is the only one.
pub(super) fn orthogonalise(
    blocks: &[Tensor<2>],
    halves: Option<&[Vec<u16>]>,
    image: &Tensor<2>,
    before: &[f64],
) -> Option<(Tensor<2>, Orthogonalised)> {
    let all = Rows::of(&Stack::from(blocks.to_vec()))?;
    match (image.dtype(), halves) {
        (DType::F32, Some(halves)) => {
            let halves: Vec<&[u16]> = halves.iter().map(Vec::as_slice).collect();
            typed(&all.elements::<f32>()?, &halves, image, before)
        }
        (DType::F32, None) => {
            let all = all.elements::<f32>()?;
            typed(&all, &all, image, before)
        }
        (DType::F64, _) => {
            let all = all.elements::<f64>()?;
            typed(&all, &all, image, before)
        }
        _ => None,
    }
}

fn typed<T: Number, E: Entry<T>>(
    blocks: &[&[T]],
    basis: &[&[E]],
    image: &Tensor<2>,
    before: &[f64],
) -> Option<(Tensor<2>, Orthogonalised)> {
    let [count, length] = image.dims();
    let images = Rows::of(&Stack::from(image.clone()))?;
    let images = images.elements::<T>()?;
    let images = images.first()?;
    let row = |at: usize| at * length..(at + 1) * length;
    let mut next = vec![T::of(0.0); count * length];
    let arch = pulp::Arch::new();
    let rows = next.par_chunks_mut(length.max(1)).enumerate();
    let found: Vec<(f64, f64)> = rows
        .map(|(at, next)| {
            let last = blocks.iter().rev().take(2);
            let last: Vec<&[T]> = last.map(|of| &of[row(at)]).collect();
            let basis: Vec<&[E]> = basis.iter().map(|of| &of[row(at)]).collect();
            next.copy_from_slice(&images[row(at)]);
            arch.dispatch(
                #[inline(always)]
                || one(next, &last, &basis, before[at]),
            )
        })
        .collect();
    let (along, lengths) = found.into_iter().unzip();
    let next = TensorData::new(next, [count, length]);
    let next = Tensor::from_data(next, (&image.device(), image.dtype()));
    let found = Orthogonalised {
        along,
        length: lengths,
    };
    Some((next, found))
}

/// Leaves of `x`, the image of the first of the `last` vectors, what is orthogonal to the basis; its
/// share along that vector, and the length of what is left.
#[inline(always)]
fn one<T: Number, E: Entry<T>>(
    x: &mut [T],
    last: &[&[T]],
    basis: &[&[E]],
    before: f64,
) -> (f64, f64) {
    let along = dot(x, last[0]);
    subtract(x, along, last[0]);
    if let Some(one_before) = last.get(1) {
        subtract(x, before, one_before);
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
fn project<T: Number, E: Entry<T>>(x: &mut [T], basis: &[&[E]]) {
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
            let rows = x.iter_mut().zip(a).zip(b).zip(c).zip(d);
            for ((((x, a), b), c), d) in rows {
                let first = p * a.value() + q * b.value();
                *x -= first + (r * c.value() + s * d.value());
            }
        }
        for (vector, share) in rest.iter().zip(shares_of_rest) {
            subtract(x, *share, &vector[from..to]);
        }
    }
}

#[inline(always)]
fn subtract<T: Number, E: Entry<T>>(x: &mut [T], share: f64, vector: &[E]) {
    let share = T::of(share);
    for (x, v) in x.iter_mut().zip(vector) {
        *x -= share * v.value();
    }
}

/// ⟨x, y⟩: short sums in the element type, added in float64.
#[inline(always)]
fn dot<T: Number, E: Entry<T>>(x: &[T], y: &[E]) -> f64 {
    let mut total = 0.0;
    for (x, y) in x.chunks(CHUNK).zip(y.chunks(CHUNK)) {
        let mut lanes = [T::of(0.0); LANES];
        let (x_lanes, x_rest) = x.as_chunks::<LANES>();
        let (y_lanes, y_rest) = y.as_chunks::<LANES>();
        for (x, y) in x_lanes.iter().zip(y_lanes) {
            for lane in 0..LANES {
                lanes[lane] += x[lane] * y[lane].value();
            }
        }
        let rest = x_rest.iter().zip(y_rest);
        let rest: f64 = rest.map(|(x, y)| x.double() * y.value().double()).sum();
        total += lanes.iter().map(|lane| lane.double()).sum::<f64>() + rest;
    }
    total
}
