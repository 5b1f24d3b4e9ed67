//! Reading weight files: ours, PyTorch's, and their transposes.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata};
use safetensors::{SafeTensorError, SafeTensors};

use super::layout::{Layout, decide};
use super::names::{Entry, Group, group};
use super::{NamedTensor, WeightFileError, WeightFileFault, Weights};
use crate::{LayerKind, LayerSpec, bias_name, weight_name};

/// Bytes before the header that hold its length.
const LENGTH_BYTES: usize = 8;

impl Weights {
    /// Reads the parameters of `layers` from a `.safetensors` file of float32 or float64 values.
    ///
    /// Any names `<prefix>.weight` and `<prefix>.bias` are accepted: ours (`layers.0`), those of
    /// PyTorch's `Sequential` (`0`, `net.2`) or of attributes (`fc1`). Prefixes that differ in
    /// their numbers only are in numeric order; where names differ otherwise (`conv1`, `conv2`,
    /// `head`), shapes must leave no choice of the next layer.
    ///
    /// Linear weights may be `[out, in]`, PyTorch's layout, or `[in, out]`: the metadata key
    /// `layout` (`"out_in"` or `"in_out"`) says which, and otherwise the shapes do, for the whole
    /// file at once. When every linear weight is square, `[out, in]` is taken.
    ///
    /// # Errors
    /// See [`WeightFileFault`]; each names the tensor.
    pub fn read(path: &Path, layers: &[LayerSpec]) -> Result<Self, WeightFileError> {
        fs::read(path)
            .map_err(|source| WeightFileFault::Read { source })
            .and_then(|bytes| decode(&bytes, layers))
            .map_err(|fault| WeightFileError::new(path, fault))
    }
}

fn decode(bytes: &[u8], layers: &[LayerSpec]) -> Result<Weights, WeightFileFault> {
    let (metadata, entries) = parse(bytes).map_err(|source| WeightFileFault::Format { source })?;
    let groups = group(entries)?;
    let (layout, order) = decide(&groups, layers, declared_layout(&metadata)?)?;
    let mut tensors = Vec::new();
    for (index, (layer, &group)) in layers.iter().zip(&order).enumerate() {
        let group = &groups[group];
        tensors.push(read_weight(index, layer, &group.weight, layout)?);
        tensors.extend(read_bias(index, layer, group)?);
    }
    Ok(Weights::of_distinct(tensors))
}

/// Splits a file into its metadata and its tensors, these in the order of their bytes.
fn parse(bytes: &[u8]) -> Result<(Metadata, Vec<Entry<'_>>), SafeTensorError> {
    let (header, metadata) = SafeTensors::read_metadata(bytes)?;
    let data = &bytes[LENGTH_BYTES + header..];
    let mut entries = Vec::new();
    for name in metadata.offset_keys() {
        let info =
            (metadata.info(&name)).ok_or_else(|| SafeTensorError::TensorNotFound(name.clone()))?;
        let (start, end) = info.data_offsets;
        entries.push(Entry {
            dtype: info.dtype,
            shape: info.shape.clone(),
            bytes: &data[start..end],
            name,
        });
    }
    Ok((metadata, entries))
}

fn declared_layout(metadata: &Metadata) -> Result<Option<Layout>, WeightFileFault> {
    let pairs = metadata.metadata().as_ref();
    let Some(name) = pairs.and_then(|pairs| pairs.get("layout")) else {
        return Ok(None);
    };
    match Layout::from_name(name) {
        Some(layout) => Ok(Some(layout)),
        None => Err(WeightFileFault::UnknownLayout {
            layout: name.clone(),
        }),
    }
}

/// The weight of one layer, in Burn's layout; `decide` has seen to its shape.
fn read_weight(
    index: usize,
    layer: &LayerSpec,
    entry: &Entry<'_>,
    layout: Layout,
) -> Result<NamedTensor, WeightFileFault> {
    let values = read_values(entry)?;
    let values = match (layer.kind, layout) {
        (LayerKind::Linear { inputs, outputs }, Layout::OutIn) => {
            transpose(&values, outputs, inputs)
        }
        _ => values,
    };
    Ok(NamedTensor {
        name: weight_name(index),
        shape: layer.weight_shape(),
        values,
    })
}

/// The bias of one layer, if it is to have one.
fn read_bias(
    index: usize,
    layer: &LayerSpec,
    group: &Group<'_>,
) -> Result<Option<NamedTensor>, WeightFileFault> {
    let expected = vec![layer.outputs()];
    match &group.bias {
        None if layer.bias => Err(WeightFileFault::MissingTensor {
            tensor: format!("{}.bias", group.prefix),
            advice: "set model.bias = false, or add the bias",
        }),
        None => Ok(None),
        Some(entry) if !layer.bias => Err(WeightFileFault::ExtraTensor {
            tensor: entry.name.clone(),
            advice: "set model.bias = true, or remove the bias",
        }),
        Some(entry) if entry.shape != expected => Err(WeightFileFault::BiasShape {
            tensor: entry.name.clone(),
            got: entry.shape.clone(),
            expected,
        }),
        Some(entry) => Ok(Some(NamedTensor {
            name: bias_name(index),
            shape: expected,
            values: read_values(entry)?,
        })),
    }
}

fn read_values(entry: &Entry<'_>) -> Result<Vec<f64>, WeightFileFault> {
    let values: Vec<f64> = match entry.dtype {
        Dtype::F32 => (entry.bytes.as_chunks().0.iter())
            .map(|&bytes| f64::from(f32::from_le_bytes(bytes)))
            .collect(),
        Dtype::F64 => (entry.bytes.as_chunks().0.iter())
            .map(|&bytes| f64::from_le_bytes(bytes))
            .collect(),
        dtype => {
            return Err(WeightFileFault::Dtype {
                tensor: entry.name.clone(),
                dtype,
            });
        }
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(WeightFileFault::NonFinite {
            tensor: entry.name.clone(),
            index,
            value: values[index],
        }),
        None => Ok(values),
    }
}

/// The transpose of a row-major `[rows, columns]` matrix.
pub(super) fn transpose(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}
