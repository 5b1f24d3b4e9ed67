//! Convolutions of many images, and their two transposes: directly where that serves, else with matrix
//! products of unfolded images.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::direct::{self, Direct};
use super::geometry::Geometry;
use super::unfold::{fold, unfold};
use crate::execute::real::Real;

/// Sums over images are taken in so many parts, whatever the number of threads, so that they are
/// the same on every machine.
const PARTS: usize = 32;

/// An argument; a block of them one after the other where `batched`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operand<'a, T> {
    pub values: &'a [T],
    pub batched: bool,
}

impl<'a, T: Real> Operand<'a, T> {
    /// The same if it is in float32.
    fn single(self) -> Option<Operand<'a, f32>> {
        Some(Operand {
            values: T::single(self.values)?,
            batched: self.batched,
        })
    }
}

impl<'a, T> Operand<'a, T> {
    /// Part `at` of as many as are `size` long, of the block's vector `index`.
    pub fn part(&self, index: usize, parts: usize, at: usize, size: usize) -> &'a [T] {
        let index = if self.batched { index } else { 0 };
        &self.values[(index * parts + at) * size..][..size]
    }
}

/// Outputs `[k, images, o, ..]` of `x` and `weight`; k is 1 if neither is a block.
pub(super) fn convolve<T: Real>(
    g: &Geometry,
    (k, images): (usize, usize),
    x: Operand<'_, T>,
    weight: Operand<'_, T>,
) -> Vec<T> {
    if let (Some(x), Some(weight)) = (x.single(), weight.single())
        && let Some(direct) = Direct::of(g)
        && let Some(outputs) = T::from_single(direct.convolve((k, images), x, weight))
    {
        return outputs;
    }
    let mut outputs = vec![T::zero(); k * images * g.result()];
    // An image is unfolded once for all weights.
    let tasks = by_image(&mut outputs, g.result(), images, x.batched);
    tasks.into_par_iter().enumerate().for_each_init(
        || vec![T::zero(); g.window() * g.places()],
        |columns, (at, mut outputs)| {
            let image = x.part(at / images, images, at % images, g.image());
            for group in 0..g.groups {
                unfold(g, &image[share(g, g.image(), group)], columns);
                for (index, output) in &mut outputs {
                    let weight = weight.part(*index, 1, 0, g.weight());
                    let filters = matrix(&weight[share(g, g.weight(), group)], g.filters());
                    let output = &mut output[share(g, g.result(), group)];
                    product(output, Accum::Replace, filters, matrix(columns, g.window()));
                }
            }
        },
    );
    outputs
}

/// The gradient by the input, `[k, images, i, ..]`, from that by the output.
pub(super) fn by_input<T: Real>(
    g: &Geometry,
    (k, images): (usize, usize),
    weight: Operand<'_, T>,
    grad: Operand<'_, T>,
) -> Vec<T> {
    if let (Some(weight), Some(grad)) = (weight.single(), grad.single())
        && let Some(inputs) = direct::by_input(g, (k, images), weight, grad)
        && let Some(inputs) = T::from_single(inputs)
    {
        return inputs;
    }
    let mut inputs = vec![T::zero(); k * images * g.image()];
    inputs
        .par_chunks_exact_mut(g.image())
        .enumerate()
        .for_each_init(
            || vec![T::zero(); g.window() * g.places()],
            |columns, (at, input)| {
                let weight = weight.part(at / images, 1, 0, g.weight());
                let grad = grad.part(at / images, images, at % images, g.result());
                for group in 0..g.groups {
                    let filters = matrix(&weight[share(g, g.weight(), group)], g.filters());
                    let grad = matrix(&grad[share(g, g.result(), group)], g.filters());
                    product(columns, Accum::Replace, filters.transpose(), grad);
                    fold(g, columns, &mut input[share(g, g.image(), group)]);
                }
            },
        );
    inputs
}

/// The gradient by the weight, `[k, o, i/groups, ..]`, from that by the output.
pub(super) fn by_weight<T: Real>(
    g: &Geometry,
    (k, images): (usize, usize),
    x: Operand<'_, T>,
    grad: Operand<'_, T>,
) -> Vec<T> {
    if let (Some(x), Some(grad)) = (x.single(), grad.single())
        && let Some(direct) = Direct::of(g)
        && let Some(weights) = T::from_single(direct.by_weight((k, images), x, grad))
    {
        return weights;
    }
    parts(g, k, images, |range| {
        by_weight_over(g, (k, images), range, x, grad)
    })
}

/// The sum of the weights `[k, o, i/groups, ..]` that some work finds over ranges of the images.
pub(super) fn parts<T: Real>(
    g: &Geometry,
    k: usize,
    images: usize,
    work: impl Fn(Range<usize>) -> Vec<T> + Sync,
) -> Vec<T> {
    let parts: Vec<Vec<T>> = (0..PARTS.min(images))
        .into_par_iter()
        .map(|part| {
            let images_of = |part: usize| part * images / PARTS.min(images);
            work(images_of(part)..images_of(part + 1))
        })
        .collect();
    let mut sum = vec![T::zero(); k * g.weight()];
    for part in parts {
        for (sum, part) in sum.iter_mut().zip(part) {
            *sum += part;
        }
    }
    sum
}

fn by_weight_over<T: Real>(
    g: &Geometry,
    (k, images): (usize, usize),
    range: Range<usize>,
    x: Operand<'_, T>,
    grad: Operand<'_, T>,
) -> Vec<T> {
    let mut weights = vec![T::zero(); k * g.weight()];
    let mut columns = vec![T::zero(); g.window() * g.places()];
    for image in range {
        for group in 0..g.groups {
            for (index, weight) in weights.chunks_exact_mut(g.weight()).enumerate() {
                if index == 0 || x.batched {
                    let x = x.part(index, images, image, g.image());
                    unfold(g, &x[share(g, g.image(), group)], &mut columns);
                }
                let grad = grad.part(index, images, image, g.result());
                let grad = matrix(&grad[share(g, g.result(), group)], g.filters());
                let weight = &mut weight[share(g, g.weight(), group)];
                let columns = matrix(&columns, g.window()).transpose();
                product(weight, Accum::Add, grad, columns);
            }
        }
    }
    weights
}

/// The outputs of each image, of `size` elements, with the number of the block's vector: those of one image
/// for all vectors where the images are not `batched`.
pub(super) fn by_image<T>(
    outputs: &mut [T],
    size: usize,
    images: usize,
    batched: bool,
) -> Vec<Vec<(usize, &mut [T])>> {
    let mut tasks: Vec<Vec<(usize, &mut [T])>> = Vec::new();
    for (at, output) in outputs.chunks_exact_mut(size).enumerate() {
        let task = if batched { at } else { at % images };
        if task == tasks.len() {
            tasks.push(Vec::new());
        }
        tasks[task].push((at / images, output));
    }
    tasks
}

/// The part of a group in `size` elements.
pub(super) fn share(g: &Geometry, size: usize, group: usize) -> Range<usize> {
    let size = size / g.groups;
    group * size..(group + 1) * size
}

fn matrix<T>(values: &[T], rows: usize) -> MatRef<'_, T> {
    MatRef::from_row_major_slice(values, rows, values.len() / rows)
}

fn product<T: Real>(to: &mut [T], how: Accum, a: MatRef<'_, T>, b: MatRef<'_, T>) {
    let to = MatMut::from_row_major_slice_mut(to, a.nrows(), b.ncols());
    matmul(to, how, a, b, T::one(), Par::Seq);
}
