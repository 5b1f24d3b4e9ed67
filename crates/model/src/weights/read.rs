//! Reading weight files: ours, PyTorch's, and their transposes.

use std::io::Read;
use std::path::Path;

use safetensors::tensor::Dtype;

use super::header::{self, Header, LENGTH_BYTES};
use super::layout::{Layout, decide};
use super::names::{Entry, Group, group};
use super::{NamedTensor, Precision, WeightFileError, WeightFileFault, Weights, named};
use crate::{LayerSpec, Parameter};

impl Weights {
    /// Reads a network's parameters from a `.safetensors` file of float32 or float64 values, to
    /// compute with them in `precision`.
    ///
    /// They have the names that the network gives them, which are those of PyTorch's state dict for
    /// the same architecture; statistics that PyTorch keeps besides (`running_mean`, …) are passed
    /// over. The matrix of a tied head may be there under its name, under that of the tokens' vectors,
    /// which is ours, or under both.
    ///
    /// Of a plain sequence of layers (`mlp`, `cnn`), any names `<prefix>.weight` and `<prefix>.bias` are accepted: ours (`layers.0`), those of
    /// PyTorch's `Sequential` (`0`, `net.2`) or of attributes (`fc1`). Prefixes that differ in
    /// their numbers only are in numeric order; where names differ otherwise (`conv1`, `conv2`,
    /// `head`), shapes must leave no choice of the next layer.
    ///
    /// Linear weights may be `[out, in]`, PyTorch's layout, or `[in, out]`: the metadata key
    /// `layout` (`"out_in"` or `"in_out"`) says which, and otherwise the shapes do, for the whole
    /// file at once. When every linear weight is square, `[out, in]` is taken.
    ///
    /// What cannot belong to these layers is refused by the file's header, before its values are
    /// read.
    ///
    /// # Errors
    /// See [`WeightFileFault`]; each names the tensor.
    pub fn read(
        path: &Path,
        parameters: &[Parameter],
        precision: Precision,
    ) -> Result<Self, WeightFileError> {
        brink_files::open(path)
            .map_err(|source| WeightFileFault::Read { source })
            .and_then(|(file, bytes)| Source { file, bytes }.weights(parameters, precision))
            .map_err(|fault| WeightFileError::new(path, fault))
    }

    /// The same from the bytes of such a file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(
        file: &[u8],
        parameters: &[Parameter],
        precision: Precision,
    ) -> Result<Self, WeightFileFault> {
        let bytes = file.len() as u64;
        Source { file, bytes }.weights(parameters, precision)
    }
}

/// A file at its beginning, and its size.
struct Source<R> {
    file: R,
    bytes: u64,
}

impl<R: Read> Source<R> {
    fn weights(
        mut self,
        parameters: &[Parameter],
        precision: Precision,
    ) -> Result<Weights, WeightFileFault> {
        if self.bytes < LENGTH_BYTES {
            return Err(WeightFileFault::Length {
                bytes: self.bytes,
                described: LENGTH_BYTES,
            });
        }
        let mut first = [0; LENGTH_BYTES as usize];
        (self.file.read_exact(&mut first)).map_err(unreadable)?;
        let header = self.next(header::length(first, self.bytes)?)?;
        let Header { layout, entries } = Header::parse(&header, self.bytes)?;
        let layout = declared_layout(layout)?;
        let plan = match LayerSpec::sequence(parameters) {
            Some(layers) => plan_of_layers(&layers, parameters, entries, layout)?,
            None => named::plan(parameters, entries, layout)?,
        };
        for read in &plan {
            check_elements(&read.stored.entry)?;
            if let Some(again) = &read.again {
                check_elements(&again.entry)?;
            }
        }
        // Shapes and element types are the network's, so that these bytes are no more than it
        // needs.
        let values = self.next(self.bytes - LENGTH_BYTES - header.len() as u64)?;
        let values = Values {
            bytes: &values,
            precision,
        };
        let tensors = plan.iter().map(|read| values.tensor(read));
        Ok(Weights::of_distinct(tensors.collect::<Result<_, _>>()?))
    }

    /// The next bytes, which are there by the file's size.
    fn next(&mut self, length: u64) -> Result<Vec<u8>, WeightFileFault> {
        let mut bytes = Vec::new();
        let read = (&mut self.file).take(length).read_to_end(&mut bytes);
        read.map_err(unreadable)?;
        if (bytes.len() as u64) < length {
            return Err(unreadable(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }
}

fn unreadable(error: std::io::Error) -> WeightFileFault {
    WeightFileFault::Read {
        source: error.into(),
    }
}

fn declared_layout(name: Option<String>) -> Result<Option<Layout>, WeightFileFault> {
    let Some(layout) = name else {
        return Ok(None);
    };
    match Layout::from_name(&layout) {
        Some(layout) => Ok(Some(layout)),
        None => Err(WeightFileFault::UnknownLayout { layout }),
    }
}

/// A tensor of the file for each parameter of a sequence of layers, in the layers' order.
fn plan_of_layers<'p>(
    layers: &[LayerSpec],
    parameters: &'p [Parameter],
    entries: Vec<Entry>,
    layout: Option<Layout>,
) -> Result<Vec<Reading<'p>>, WeightFileFault> {
    let mut groups: Vec<Option<Group>> = Vec::new();
    let (layout, order) = {
        let grouped = group(entries)?;
        let decided = decide(&grouped, layers, layout)?;
        groups.extend(grouped.into_iter().map(Some));
        decided
    };
    let groups = order.into_iter().filter_map(|place| groups[place].take());
    let mut rest = parameters.iter();
    let mut plan = Vec::with_capacity(parameters.len());
    for (layer, group) in layers.iter().zip(groups) {
        check_bias(layer, &group)?;
        for entry in std::iter::once(group.weight).chain(group.bias) {
            let parameter = rest.next().ok_or(WeightFileFault::ExtraTensor {
                tensor: entry.name.clone(),
                advice: "remove it",
            })?;
            plan.push(Reading {
                parameter,
                stored: Stored {
                    entry,
                    turned: parameter.transposed && layout == Layout::OutIn,
                },
                again: None,
            });
        }
    }
    Ok(plan)
}

/// Checks what `decide` does not: the bias of a layer.
fn check_bias(layer: &LayerSpec, group: &Group) -> Result<(), WeightFileFault> {
    let expected = vec![layer.outputs()];
    match &group.bias {
        None if layer.bias => Err(WeightFileFault::MissingTensor {
            tensor: format!("{}.bias", group.prefix),
            advice: "set model.bias = false, or add the bias",
        }),
        Some(entry) if !layer.bias => Err(WeightFileFault::ExtraTensor {
            tensor: entry.name.clone(),
            advice: "set model.bias = true, or remove the bias",
        }),
        Some(entry) if entry.shape != expected => Err(WeightFileFault::BiasShape {
            tensor: entry.name.clone(),
            got: entry.shape.clone(),
            expected,
        }),
        None | Some(_) => Ok(()),
    }
}

fn check_elements(entry: &Entry) -> Result<(), WeightFileFault> {
    if matches!(entry.dtype, Dtype::F32 | Dtype::F64) {
        return Ok(());
    }
    Err(WeightFileFault::Dtype {
        tensor: entry.name.clone(),
        dtype: entry.dtype,
    })
}

/// Which tensor of a file a parameter is read from.
pub(super) struct Reading<'p> {
    /// The parameter.
    pub parameter: &'p Parameter,
    /// The tensor.
    pub stored: Stored,
    /// That of its other name, where the file has both.
    pub again: Option<Stored>,
}

/// A tensor of a file that is a parameter or its transpose.
pub(super) struct Stored {
    /// Of the parameter's shape or its reverse.
    pub entry: Entry,
    /// Whether it is the transpose.
    pub turned: bool,
}

/// The bytes of all values, and what they are read for.
struct Values<'a> {
    bytes: &'a [u8],
    precision: Precision,
}

impl Values<'_> {
    /// A parameter as the network has it.
    fn tensor(&self, read: &Reading<'_>) -> Result<NamedTensor, WeightFileFault> {
        let values = self.stored(&read.stored)?;
        if let Some(again) = &read.again {
            let others = self.stored(again)?;
            if let Some(index) = (0..values.len()).find(|&i| values[i] != others[i]) {
                return Err(WeightFileFault::Untied {
                    tensors: [&read.stored, again].map(|stored| stored.entry.name.clone()),
                    index,
                    values: [values[index], others[index]],
                });
            }
        }
        Ok(NamedTensor {
            name: read.parameter.name.clone(),
            shape: read.parameter.shape.clone(),
            values,
        })
    }

    fn stored(&self, stored: &Stored) -> Result<Vec<f64>, WeightFileFault> {
        let values = self.of(&stored.entry)?;
        Ok(match (stored.turned, &stored.entry.shape[..]) {
            (true, &[rows, columns]) => transpose(&values, rows, columns),
            _ => values,
        })
    }

    fn of(&self, entry: &Entry) -> Result<Vec<f64>, WeightFileFault> {
        let bytes = &self.bytes[entry.place.clone()];
        let values: Vec<f64> = match entry.dtype {
            Dtype::F64 => (bytes.as_chunks().0.iter())
                .map(|&bytes| f64::from_le_bytes(bytes))
                .collect(),
            _ => (bytes.as_chunks().0.iter())
                .map(|&bytes| f64::from(f32::from_le_bytes(bytes)))
                .collect(),
        };
        match (values.iter()).position(|&value| !self.precision.holds(value)) {
            Some(index) => Err(WeightFileFault::NonFinite {
                tensor: entry.name.clone(),
                index,
                value: values[index],
                precision: self.precision,
            }),
            None => Ok(values),
        }
    }
}

/// The transpose of a row-major `[rows, columns]` matrix.
pub(super) fn transpose(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}
