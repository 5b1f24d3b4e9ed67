//! The network on its data, as the problem that gradient descent runs on.

use std::cell::RefCell;
use std::ops::Range;

use brink_data::{SampleShape, Subset, Targets};
use brink_dynamics::minibatch::{Minibatches, RandomBatches, Take};
use brink_dynamics::{Accuracy, LayerWeight, Problem};
use brink_linearize::{Batch, LinearizeError, Objective};
use brink_model::{Declared, Input, Loss, Network, Task};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::compression::Compressed;
use crate::config::{Dtype, MinibatchConfig};
use crate::error::Error;

/// Inputs and targets of a subset on a device.
pub struct Tensors {
    /// `[n_c, d]` of each chunk.
    inputs: Vec<Tensor<2>>,
    /// Y, `[n, c]`.
    pub targets: Tensor<2>,
    /// What the targets are.
    pub kind: Targets,
    /// How many positions of a sample have a target.
    pub positions: usize,
}

impl Tensors {
    /// Uploads a subset in the run's precision, its inputs in coordinates if there are any.
    ///
    /// Inputs go up in chunks of `microbatch` samples, if it is given: no more than one of them is
    /// on the host at a time.
    pub fn upload(
        subset: &Subset,
        coordinates: Option<&Compressed>,
        device: &Device,
        dtype: Dtype,
        microbatch: Option<usize>,
    ) -> Self {
        let samples = subset.samples();
        let precision = burn_dtype(dtype);
        let coordinates =
            coordinates.map(|compressed| (compressed.coordinates(), compressed.inputs()));
        let rows = |rows: Range<usize>| -> TensorData {
            let shape = [rows.len(), subset.features()];
            match (&coordinates, dtype) {
                (Some((width, values)), _) => {
                    let shape = [rows.len(), *width];
                    TensorData::new(values[rows.start * width..rows.end * width].to_vec(), shape)
                }
                (None, Dtype::Float32) => TensorData::new(subset.rows_f32(rows), shape),
                (None, Dtype::Float64) => TensorData::new(subset.rows_f64(rows), shape),
            }
        };
        let targets = TensorData::new(subset.targets(), [samples, subset.columns()]);
        Self {
            inputs: chunks(samples, microbatch)
                .map(|chunk| Tensor::from_data(rows(chunk), (device, precision)))
                .collect(),
            targets: Tensor::from_data(targets, (device, precision)),
            kind: subset.targets_kind(),
            positions: subset.positions(),
        }
    }

    /// Inputs and targets of given samples.
    fn taken(&self) -> Take {
        let (inputs, targets) = (Tensor::cat(self.inputs.clone(), 0), self.targets.clone());
        Box::new(move |samples| {
            let places: Vec<i64> = samples.iter().map(|&sample| sample as i64).collect();
            let places = TensorData::new(places, [samples.len()]);
            let places = Tensor::<1, Int>::from_data(places, &targets.device());
            let rows = |of: &Tensor<2>| of.clone().select(0, places.clone());
            Batch::new().with(rows(&inputs)).with(rows(&targets))
        })
    }

    /// Inputs and targets of each chunk.
    fn batches(&self) -> Vec<Batch> {
        let mut from = 0;
        let mut batches = Vec::with_capacity(self.inputs.len());
        for inputs in &self.inputs {
            let [samples, _] = inputs.dims();
            let targets = self.targets.clone().narrow(0, from, samples);
            from += samples;
            batches.push(Batch::new().with(inputs.clone()).with(targets));
        }
        batches
    }
}

/// The samples by chunks of `microbatch`, the last one of what is left; in one chunk without it.
fn chunks(samples: usize, microbatch: Option<usize>) -> impl Iterator<Item = Range<usize>> {
    let length = microbatch.unwrap_or(samples).max(1);
    (0..samples)
        .step_by(length)
        .map(move |from| from..samples.min(from.saturating_add(length)))
}

/// What a network is asked to do with a subset.
pub fn task(subset: &Subset) -> Task {
    Task {
        input: match subset.shape() {
            SampleShape::Values(shape) => Input::Values(shape),
            SampleShape::Tokens { length, vocabulary } => Input::Tokens { length, vocabulary },
        },
        outputs: subset.outputs(),
        positions: subset.positions(),
    }
}

/// Burn's name for a precision.
pub fn burn_dtype(dtype: Dtype) -> DType {
    match dtype {
        Dtype::Float32 => DType::F32,
        Dtype::Float64 => DType::F64,
    }
}

/// Traces the loss of `network` over the tensors.
pub fn trace(
    network: &Network,
    declared: &Declared,
    loss: Loss,
    tensors: &Tensors,
    compressed: Option<&Compressed>,
    minibatch: Option<&MinibatchConfig>,
) -> Result<Problem<2>, Error> {
    let objective = traced(network, loss, &tensors.batches())?;
    let minibatches = minibatch.map(|config| {
        let [samples, _] = tensors.targets.dims();
        let trace = |batch: &Batch| traced(network, loss, std::slice::from_ref(batch));
        Minibatches::new(config.sampling(samples), tensors.taken(), trace)
    });
    Ok(Problem {
        objective,
        fixed_parameters: compressed.map_or(0, |compressed| compressed.fixed_parameters),
        layers: (declared.weights().enumerate())
            .map(|(index, weight)| LayerWeight {
                fixed_norm_sq: match compressed {
                    Some(compressed) if index == 0 => compressed.fixed_norm_sq,
                    _ => 0.0,
                },
                ..LayerWeight::new(weight.layer(), weight.name.as_str())
            })
            .collect(),
        accuracy: accuracy(&tensors.targets, tensors.kind, tensors.positions),
        minibatches: minibatches.transpose()?.map(RefCell::new),
    })
}

/// The loss of `network` over random batches of `size` samples.
pub fn random_batches(
    (network, loss, fusion): (&Network, Loss, bool),
    tensors: &Tensors,
    size: usize,
    seed: u64,
) -> Result<RandomBatches<2>, Error> {
    let [samples, _] = tensors.targets.dims();
    let trace = |batch: &Batch| {
        let mut objective = traced(network, loss, std::slice::from_ref(batch))?;
        objective.set_fusion(fusion);
        Ok(objective)
    };
    let batches = RandomBatches::new([samples, size], seed, tensors.taken(), trace)?;
    Ok(batches)
}

/// The loss of `network` over a test set, and which of its samples are right.
pub fn test_set(
    (network, loss, fusion): (&Network, Loss, bool),
    tensors: &Tensors,
) -> Result<(Objective<2>, Option<Accuracy<2>>), Error> {
    let mut objective = traced(network, loss, &tensors.batches())?;
    objective.set_fusion(fusion);
    let right = accuracy(&tensors.targets, tensors.kind, tensors.positions);
    Ok((objective, right))
}

fn traced(
    network: &Network,
    loss: Loss,
    batches: &[Batch],
) -> Result<Objective<2>, LinearizeError> {
    Objective::trace_in_chunks(
        network,
        batches,
        |network, batch| network.forward(batch.float(0)),
        |outputs, batch| loss.forward(outputs, batch.float(1)),
    )
}

/// The samples whose output has the target's sign, or is largest where the target is; of sequences,
/// the positions where it is. None for targets that are real values.
///
/// Their mean is [`brink_model::accuracy`], computed where the outputs are.
fn accuracy(targets: &Tensor<2>, kind: Targets, positions: usize) -> Option<Accuracy<2>> {
    let targets = targets.clone();
    let precision = targets.dtype();
    match kind {
        Targets::Values => None,
        Targets::Binary => Some(Box::new(move |outputs| {
            let right = (outputs * targets.clone()).greater_elem(0.0);
            let samples = right.dims()[0];
            right.float().cast(precision).reshape([samples])
        })),
        Targets::OneHot => {
            let by_position = move |rows: Tensor<2>| {
                let [samples, columns] = rows.dims();
                rows.reshape([samples, positions, columns / positions])
            };
            let labels = by_position(targets).argmax(2);
            Some(Box::new(move |outputs| {
                let right = by_position(outputs).argmax(2).equal(labels.clone());
                let samples = right.dims()[0];
                right.float().cast(precision).reshape([samples * positions])
            }))
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    fn ones(right: Tensor<1>) -> f64 {
        right.into_data().iter::<f64>().sum()
    }

    #[test]
    fn chunks_cover_all_samples_in_order() {
        let of = |microbatch| {
            let chunks = chunks(5, microbatch);
            chunks.map(|c| (c.start, c.end)).collect::<Vec<_>>()
        };
        assert_eq!(of(Some(2)), [(0, 2), (2, 4), (4, 5)]);
        for all in [None, Some(5), Some(usize::MAX)] {
            assert_eq!(of(all), [(0, 5)]);
        }
    }

    #[test]
    fn accuracy_on_the_device_is_that_on_the_host() {
        let device = Device::flex();
        for (encoding, classes, targets) in [
            (Targets::Binary, 1, vec![1.0, -1.0, -1.0, 1.0, 1.0, 1.0]),
            (Targets::OneHot, 3, vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
        ] {
            for dtype in [DType::F32, DType::F64] {
                let outputs = vec![0.5, -0.25, 2.0, -1.0, 0.125, 0.75];
                let shape = [outputs.len() / classes, classes];
                let tensor = |values: &[f64]| {
                    Tensor::<2>::from_data(
                        TensorData::new(values.to_vec(), shape),
                        (&device, dtype),
                    )
                };
                let on_device = accuracy(&tensor(&targets), encoding, 1).unwrap()(tensor(&outputs));
                assert_eq!(on_device.dtype(), dtype);
                let [samples] = on_device.dims();
                let on_host = brink_model::accuracy(&outputs, &targets, classes).unwrap();
                assert_eq!(ones(on_device) / samples as f64, on_host);
            }
        }
    }
}
