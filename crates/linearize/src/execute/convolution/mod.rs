//! Convolutions on burn-flex: of strides 1 and 2 in float32 as sums of shifted planes, else as matrix products
//! of unfolded images.
//!
//! One image at a time on each core: what is made of it stays in the cache, and nothing is permuted
//! in memory, neither for a block of tangents nor for the transposes. Burn's own operations are the
//! plain way beside it.

mod correlate;
mod direct;
mod geometry;
mod planes;
mod product;
mod strided;
#[cfg(test)]
mod tests;
mod unfold;
mod weigh;

use burn::backend::DispatchTensor;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::FloatDType;

use geometry::Geometry;
use product::{Operand, by_input, by_weight, convolve};

use super::real::{Real, flex, float, zeros};
use super::{Arg, Evaluation};
use crate::error::LinearizeError;
use crate::graph::{Convolution, Op};

impl Evaluation<'_> {
    /// The value of a convolution or one of its transposes.
    pub(super) fn convolve_flex(&self, a: Arg, b: Arg) -> Result<DispatchTensor, LinearizeError> {
        match self.target.float {
            FloatDType::F64 => self.convolve_typed::<f64>(a, b),
            _ => self.convolve_typed::<f32>(a, b),
        }
    }

    fn convolve_typed<T: Real>(&self, a: Arg, b: Arg) -> Result<DispatchTensor, LinearizeError> {
        let k = if self.node.batched { self.k } else { 1 };
        let own = dims(&self.node.shape)?;
        let (first, second) = (lengths(&a)?, lengths(&b)?);
        if [own, first, second].iter().any(|shape| shape.contains(&0)) {
            // Sums over nothing.
            return Ok(zeros::<T>(&self.shape()));
        }
        let (a, b) = (Contiguous::new(a)?, Contiguous::new(b)?);
        let (a, b) = (a.operand::<T>(), b.operand::<T>());
        let values = match &self.node.op {
            Op::Conv2d(c) => {
                let g = geometry(c, first, own, second);
                convolve(&g, (k, own[0]), a, b)
            }
            Op::Conv2dInput(c) => {
                let g = geometry(c, own, second, first);
                by_input(&g, (k, own[0]), a, b)
            }
            Op::Conv2dWeight(c) => {
                let g = geometry(c, first, second, own);
                by_weight(&g, (k, first[0]), a, b)
            }
            other => {
                return Err(LinearizeError::Internal(format!(
                    "{} is no convolution",
                    other.name()
                )));
            }
        };
        Ok(float(values, &self.shape()))
    }
}

fn geometry(c: &Convolution, x: [usize; 4], y: [usize; 4], weight: [usize; 4]) -> Geometry {
    let [_, channels, height, width] = x;
    let [_, filters, high, wide] = y;
    let [_, _, kernel_height, kernel_width] = weight;
    Geometry::new(
        c,
        [channels, height, width],
        [filters, high, wide],
        [kernel_height, kernel_width],
    )
}

/// Lengths without the block's.
fn lengths(arg: &Arg) -> Result<[usize; 4], LinearizeError> {
    dims(&arg.value.shape().to_vec()[usize::from(arg.batched)..])
}

fn dims(shape: &[usize]) -> Result<[usize; 4], LinearizeError> {
    shape.try_into().map_err(|_| {
        LinearizeError::Internal(format!("a convolution met a tensor of shape {shape:?}"))
    })
}

/// An argument whose elements follow each other in memory.
struct Contiguous {
    tensor: FlexTensor,
    batched: bool,
}

impl Contiguous {
    fn new(arg: Arg) -> Result<Self, LinearizeError> {
        let tensor = flex(arg.value)?.to_contiguous();
        let batched = arg.batched;
        Ok(Self { tensor, batched })
    }

    fn operand<T: Real>(&self) -> Operand<'_, T> {
        let start = self.tensor.layout().start_offset();
        Operand {
            values: &T::storage(&self.tensor)[start..],
            batched: self.batched,
        }
    }
}
