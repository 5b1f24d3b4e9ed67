//! Means over windows and their gradient on burn-flex, all cores at planes.

use burn::backend::DispatchTensor;
use burn::backend::TensorMetadata;
use burn::tensor::FloatDType;
use rayon::prelude::*;

use super::real::{Real, flex, float, zeros};
use super::{Arg, Evaluation};
use crate::error::LinearizeError;
use crate::graph::{Op, Pooling};

/// Planes of one task: enough that starting it costs nothing beside it.
const PLANES: usize = 32;

impl Evaluation<'_> {
    /// The value of a mean over windows, or of its gradient.
    pub(super) fn pool_flex(&self, arg: Arg) -> Result<DispatchTensor, LinearizeError> {
        match self.target.float {
            FloatDType::F64 => self.pool_typed::<f64>(arg),
            _ => self.pool_typed::<f32>(arg),
        }
    }

    fn pool_typed<T: Real>(&self, arg: Arg) -> Result<DispatchTensor, LinearizeError> {
        let (from, to) = (
            plane(&arg.value.shape().to_vec())?,
            plane(&self.node.shape)?,
        );
        if from.contains(&0) || to.contains(&0) {
            return Ok(zeros::<T>(&self.shape()));
        }
        let tensor = flex(arg.value)?.to_contiguous();
        let elements = tensor.layout().num_elements();
        let values = &T::storage(&tensor)[tensor.layout().start_offset()..][..elements];
        let shape = self.shape();
        let mut result = vec![T::zero(); shape.iter().product()];
        let (small, large) = (from[0] * from[1], to[0] * to[1]);
        let tasks = values
            .par_chunks(PLANES * small)
            .zip(result.par_chunks_mut(PLANES * large));
        match &self.node.op {
            Op::AvgPool2d(p) => {
                let windows = Windows::new(p, from, to);
                tasks.for_each(|(x, y)| {
                    let planes = x.chunks_exact(small).zip(y.chunks_exact_mut(large));
                    planes.for_each(|(x, y)| windows.mean(x, y));
                });
            }
            Op::AvgPool2dInput(p) => {
                let windows = Windows::new(p, to, from);
                tasks.for_each(|(y, x)| {
                    let mut share = vec![T::zero(); from[1]];
                    let planes = y.chunks_exact(small).zip(x.chunks_exact_mut(large));
                    planes.for_each(|(y, x)| windows.spread(y, x, &mut share));
                });
            }
            other => {
                return Err(LinearizeError::Internal(format!(
                    "{} is no mean over windows",
                    other.name()
                )));
            }
        }
        Ok(float(result, &shape))
    }
}

/// Height and width.
fn plane(shape: &[usize]) -> Result<[usize; 2], LinearizeError> {
    match shape {
        [.., height, width] => Ok([*height, *width]),
        _ => Err(LinearizeError::Internal(format!(
            "a pooling met a tensor of shape {shape:?}"
        ))),
    }
}

/// The windows of a plane, as ranges of rows and of columns, and what their sums are divided by.
struct Windows {
    rows: Vec<Window>,
    columns: Vec<Window>,
    width: usize,
    /// Side of the windows, if they do not overlap and none is cut off.
    tiles: Option<usize>,
}

/// A stretch of a dimension.
struct Window {
    start: usize,
    end: usize,
    /// Its length as it counts in the mean.
    counted: usize,
}

impl Windows {
    /// The windows on planes of height and width `x`, one for each place of a plane `y`.
    fn new(p: &Pooling, x: [usize; 2], y: [usize; 2]) -> Self {
        let along = |d: usize| {
            (0..y[d])
                .map(|at| {
                    let (padding, from) = (p.padding[d], at * p.stride[d]);
                    // As places of the padded plane; a partial last window ends with it.
                    let to = (from + p.kernel[d]).min(x[d] + 2 * padding);
                    let start = from.saturating_sub(padding).min(x[d]);
                    let end = to.saturating_sub(padding).clamp(start, x[d]);
                    let counted = if p.count_include_pad {
                        to - from
                    } else {
                        end - start
                    };
                    Window {
                        start,
                        end,
                        counted,
                    }
                })
                .collect()
        };
        let side = p.kernel[0];
        let is_tiling = p.kernel == p.stride
            && p.kernel == [side; 2]
            && p.padding == [0, 0]
            && (0..2).all(|d| y[d] * side <= x[d]);
        Self {
            rows: along(0),
            columns: along(1),
            width: x[1],
            tiles: is_tiling.then_some(side),
        }
    }

    /// Means of a plane's windows.
    fn mean<T: Real>(&self, x: &[T], y: &mut [T]) {
        for (rows, y) in self.rows.iter().zip(y.chunks_exact_mut(self.columns.len())) {
            for row in x[rows.start * self.width..rows.end * self.width].chunks_exact(self.width) {
                match self.tiles {
                    Some(2) => add_tiles::<T, 2>(row, y),
                    _ => self.add_windows(row, y),
                }
            }
            self.divide(rows, y);
        }
    }

    /// Adds to each element its share of the gradients by the means of its windows.
    fn spread<T: Real>(&self, y: &[T], x: &mut [T], share: &mut [T]) {
        for (rows, y) in self.rows.iter().zip(y.chunks_exact(self.columns.len())) {
            share.copy_from_slice(y);
            self.divide(rows, share);
            let x = &mut x[rows.start * self.width..rows.end * self.width];
            for row in x.chunks_exact_mut(self.width) {
                match self.tiles {
                    Some(2) => fill_tiles::<T, 2>(share, row),
                    _ => self.spread_row(share, row),
                }
            }
        }
    }

    fn add_windows<T: Real>(&self, row: &[T], y: &mut [T]) {
        for (y, columns) in y.iter_mut().zip(&self.columns) {
            for x in &row[columns.start..columns.end] {
                *y += *x;
            }
        }
    }

    fn spread_row<T: Real>(&self, share: &[T], row: &mut [T]) {
        for (share, columns) in share.iter().zip(&self.columns) {
            for x in &mut row[columns.start..columns.end] {
                *x += *share;
            }
        }
    }

    fn divide<T: Real>(&self, rows: &Window, sums: &mut [T]) {
        for (sum, columns) in sums.iter_mut().zip(&self.columns) {
            let size: T = T::of((rows.counted * columns.counted) as f64);
            *sum /= size;
        }
    }
}

/// Adds to each sum its window of `SIDE` elements; windows follow each other.
fn add_tiles<T: Real, const SIDE: usize>(row: &[T], sums: &mut [T]) {
    let (tiles, _) = row.as_chunks::<SIDE>();
    for (sum, tile) in sums.iter_mut().zip(tiles) {
        *sum = tile.iter().fold(*sum, |sum, x| sum + *x);
    }
}

/// Gives its share to each element of a window of `SIDE`; windows follow each other.
fn fill_tiles<T: Real, const SIDE: usize>(shares: &[T], row: &mut [T]) {
    let (tiles, _) = row.as_chunks_mut::<SIDE>();
    for (tile, share) in tiles.iter_mut().zip(shares) {
        *tile = [*share; SIDE];
    }
}
