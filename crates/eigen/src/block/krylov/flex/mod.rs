//! The same in the memory of burn-flex, in place. A basis is read only where its vectors have lost their
//! orthogonality, as their recurrence tells.

mod kernels;
mod level;
mod loops;
mod partial;
mod recurrence;
mod whole;

use burn::tensor::{DType, Tensor, TensorData};
use rayon::prelude::*;

use super::super::Stack;
use super::super::flex::Rows;
use super::Orthogonalised;
use level::Level;
use loops::{Along, Number};

/// What is left of a vector is orthogonal to a basis if less than this share went: Parlett and Kahan's
/// "twice is enough" asks for no second time then.
const ENOUGH: f64 = 0.7;

/// Vectors are made orthogonal again where they may share more than this part of √ε.
const LOST: f64 = 0.25;

/// A share of no more than so many roundings is left.
const TAKEN: f64 = 2.0;

/// Lengths that vectors may keep: their images and the squares of these have room in float32.
const KEPT: std::ops::Range<f64> = 1e-6..1e6;

/// How bases are kept orthonormal.
#[derive(Debug)]
pub(super) struct Kept {
    /// Estimates for each basis of how orthogonal it is; none where all that comes is made orthogonal to
    /// the whole of it.
    levels: Option<Vec<Level>>,
    /// By block, how long each of its rows is. Scaling them to unit length would read and write them
    /// once more.
    lengths: Vec<Vec<f64>>,
}

impl Kept {
    /// Of `count` bases that are made orthogonal at each step.
    pub fn always(count: usize) -> Self {
        Self {
            levels: None,
            lengths: vec![vec![1.0; count]],
        }
    }

    /// For so many bases of the Lanczos process, of vectors of so many numbers.
    pub fn estimated([count, dim]: [usize; 2], dtype: DType) -> Self {
        let epsilon = match dtype {
            DType::F64 => f64::EPSILON,
            _ => f32::EPSILON.into(),
        };
        Self {
            levels: Some((0..count).map(|_| Level::new(epsilon, dim)).collect()),
            ..Self::always(count)
        }
    }

    /// Leaves of the images of the last block what is orthogonal to the bases; the last block, too, is
    /// made orthogonal to the others where that is needed.
    pub fn orthogonalise(
        &mut self,
        blocks: &mut [Tensor<2>],
        image: Tensor<2>,
        before: &[f64],
    ) -> Option<(Tensor<2>, Orthogonalised)> {
        match image.dtype() {
            DType::F32 => self.typed::<f32>(blocks, image, before),
            DType::F64 => self.typed::<f64>(blocks, image, before),
            _ => None,
        }
    }

    fn typed<T: Number>(
        &mut self,
        blocks: &mut [Tensor<2>],
        image: Tensor<2>,
        before: &[f64],
    ) -> Option<(Tensor<2>, Orthogonalised)> {
        let [count, size] = image.dims();
        let (device, dtype) = (image.device(), image.dtype());
        let mut data = image.into_data();
        let next = data.as_mut_slice::<T>().ok()?;
        let (last, others) = blocks.split_last_mut()?;
        let other_rows = match others.is_empty() {
            true => None,
            false => Some(Rows::of(&Stack::from(others.to_vec()))?),
        };
        let others: Vec<&[T]> = match &other_rows {
            Some(rows) => rows.elements::<T>()?,
            None => Vec::new(),
        };
        let mut found = Orthogonalised {
            along: Vec::with_capacity(count),
            length: Vec::with_capacity(count),
        };
        // One basis after the other, by all cores: it stays in the cache from its first reading to its
        // second.
        {
            let last_rows = Rows::of(&Stack::from(last.clone()))?;
            let own = *last_rows.elements::<T>()?.first()?;
            let all: Vec<&[T]> = others.iter().copied().chain([own]).collect();
            for (at, x) in next.chunks_mut(size.max(1)).enumerate() {
                let basis = self.basis(&all, size, at);
                let (along, mut length) = recurrence::recur(x, &basis, before[at]);
                if self.levels.is_none() {
                    length = whole::all_of(x, &basis, length);
                }
                found.along.push(along);
                found.length.push(length);
            }
        }
        let found_so = found.along.iter().zip(&found.length);
        let estimates: Vec<f64> = (self.levels.iter_mut().flatten().zip(found_so))
            .map(|(level, (along, length))| level.next(*along, *length))
            .collect();
        // What one basis loses soon the others lose, too.
        let most = LOST * T::EPSILON.sqrt();
        if estimates.iter().any(|estimate| *estimate > most) {
            let least = TAKEN * T::EPSILON;
            // Nothing else holds the last block now: it is changed in place.
            let mut own = std::mem::replace(last, Tensor::empty([0, 0], &device)).into_data();
            let own_rows = own.as_mut_slice::<T>().ok()?.chunks_mut(size.max(1));
            let rows = next.chunks_mut(size.max(1)).zip(own_rows);
            for (at, (x, own)) in rows.enumerate() {
                let basis = self.basis(&others, size, at);
                let own = (own, self.lengths[others.len()][at]);
                let measured = partial::both(x, own, &basis, found.length[at], least);
                if let (Some(now), Some(levels)) = (measured, &mut self.levels) {
                    levels[at].renew(estimates[at], &now.shares, least);
                    found.length[at] = now.length;
                }
            }
            *last = Tensor::from_data(own, (&device, dtype));
        }
        Some((Tensor::from_data(data, (&device, dtype)), found))
    }

    /// What makes unit rows of those of the last block.
    #[cfg(test)]
    pub fn last_factors(&self) -> Option<Vec<f64>> {
        let lengths = self.lengths.last()?.iter();
        Some(lengths.map(|length| length.recip()).collect())
    }

    /// The vectors of one basis in the first blocks.
    fn basis<'a, T>(&self, blocks: &[&'a [T]], size: usize, at: usize) -> Vec<Along<'a, T>> {
        let blocks = blocks.iter().zip(&self.lengths);
        let row = |rows: &'a [T]| &rows[at * size..(at + 1) * size];
        blocks
            .map(|(rows, lengths)| Along::new(row(rows), lengths[at]))
            .collect()
    }

    /// The next block: each row times its factor, which makes it a unit row or zeros, or as long as it is
    /// where lengths are kept.
    pub fn extend(&mut self, next: Tensor<2>, factors: &[f64]) -> Tensor<2> {
        let keeps = |factor: &f64| self.levels.is_some() && KEPT.contains(&factor.recip());
        let (applied, lengths): (Vec<f64>, Vec<f64>) = (factors.iter())
            .map(|factor| match keeps(factor) {
                true => (1.0, factor.recip()),
                false => (*factor, 1.0),
            })
            .unzip();
        self.lengths.push(lengths);
        match applied.iter().all(|factor| *factor == 1.0) {
            true => next,
            false => scaled(next, &applied),
        }
    }
}

/// Numbers of a type that loops compute on, in memory of their own.
pub(super) fn suits(rows: &Tensor<2>) -> bool {
    matches!(rows.dtype(), DType::F32 | DType::F64)
}

/// Each row times its factor, in place where nothing else uses the rows.
fn scaled(rows: Tensor<2>, factors: &[f64]) -> Tensor<2> {
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
    rows.for_each(|(row, factor)| kernels::scale(row, *factor));
}
