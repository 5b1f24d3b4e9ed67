//! Whether a sample's part of the loss depends on the other samples of its chunk.
//!
//! Means over chunks are the mean over the batch only if it does not. It is tried out on a chunk of
//! samples (A, B), at a point without symmetries: F(A, ·) must be the same beside other samples, and
//! a loss that is a mean of terms has 2·L(A, B) = L(A, A) + L(B, B).

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

use crate::batch::Batch;
use crate::error::LinearizeError;
use crate::execute::Target;
use crate::part::{Hoisted, Part, Traced};

/// Refuses a loss that mixes samples, as tried out on a chunk at `theta`.
///
/// # Errors
/// [`LinearizeError::MixesSamples`], or what evaluating the loss brings up.
pub(crate) fn refuse<const D: usize>(
    traced: &Arc<Traced>,
    chunk: &Batch,
    theta: &Tensor<1>,
    target: &Target,
) -> Result<(), LinearizeError> {
    let samples = traced.samples();
    let half = samples / 2;
    let (first, second, rest) = (0..half, half..2 * half, 2 * half..samples);
    let seen = |before: &Range<usize>, after: &Range<usize>| {
        let order = [before.clone(), after.clone(), rest.clone()];
        let batch = chunk.samples(samples, &order);
        evaluate::<D>(traced, &batch, theta, target)
    };
    let both = seen(&first, &second)?;
    let firsts = seen(&first, &first)?;
    let seconds = seen(&second, &second)?;

    let kept = both.outputs.len() / samples.max(1) * half;
    let (mut apart, mut size) = (0.0_f64, 0.0_f64);
    for (a, b) in both.outputs.iter().zip(&firsts.outputs).take(kept) {
        apart = apart.max((a - b).abs());
        size = size.max(a.abs()).max(b.abs());
    }
    let gap = 2.0 * both.loss - firsts.loss - seconds.loss;
    let losses = 2.0 * both.loss.abs() + firsts.loss.abs() + seconds.loss.abs();
    for (what, apart, size) in [("output", apart, size), ("loss", gap.abs(), losses)] {
        if apart > rounding(target.float) * size {
            return Err(LinearizeError::MixesSamples {
                what,
                samples,
                change: apart / size,
            });
        }
    }
    Ok(())
}

/// A point near `theta` at which no layer is zero, as an output layer may be at the start.
pub(crate) fn generic_point(theta: Tensor<1>, device: &Device, precision: FloatDType) -> Tensor<1> {
    let [size] = theta.dims();
    let precision = DType::from(precision);
    let moves: Vec<f64> = (0..size).map(|i| 0.01 * (i as f64).sin()).collect();
    let moves = Tensor::from_data(TensorData::new(moves, [size]), (device, precision));
    theta.to_device(device).cast(precision) + moves
}

/// Relative changes that another order of additions may bring about.
fn rounding(precision: FloatDType) -> f64 {
    match precision {
        FloatDType::F64 => f64::EPSILON.sqrt(),
        _ => f64::from(f32::EPSILON).sqrt(),
    }
}

struct Seen {
    loss: f64,
    outputs: Vec<f64>,
}

fn evaluate<const D: usize>(
    traced: &Arc<Traced>,
    batch: &Batch,
    theta: &Tensor<1>,
    target: &Target,
) -> Result<Seen, LinearizeError> {
    let part = Part::bind(traced, batch, target, Hoisted::Recomputed)?;
    let found = part.at(theta, target)?.evaluation::<D>()?;
    Ok(Seen {
        loss: read(found.loss)?.into_iter().sum(),
        outputs: read(found.outputs)?,
    })
}

fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, LinearizeError> {
    let data = tensor.try_into_data();
    let data = data.map_err(|error| LinearizeError::ReadBack {
        message: error.to_string(),
    })?;
    Ok(data.iter::<f64>().collect())
}
