//! Writing weight files.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::atomic::write_atomically;
use super::layout::Layout;
use super::read::transpose;
use super::{NamedTensor, WeightFileError, WeightFileFault, Weights};
use crate::Parameter;

/// How values are stored in a file, or computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// IEEE float32; exact for weights that come from [`Weights::random`] or a float32 run.
    F32,
    /// IEEE float64.
    F64,
}

impl Precision {
    /// The name that configs and messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// Whether a value is a finite number in this precision.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::F32 => (value as f32).is_finite(),
            Self::F64 => value.is_finite(),
        }
    }

    /// The format's name for this element type.
    fn element(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F64 => "F64",
        }
    }

    fn encode(self, values: &[f64], bytes: &mut Vec<u8>) {
        for &value in values {
            match self {
                Self::F32 => bytes.extend((value as f32).to_le_bytes()),
                Self::F64 => bytes.extend(value.to_le_bytes()),
            }
        }
    }
}

impl Weights {
    /// Writes a `.safetensors` file of a network's `parameters` that PyTorch and JAX code can load:
    /// under their paths, the matrices of linear layers as `[out, in]`, a convolution's weight as
    /// `[out, in, kernel, kernel]`.
    ///
    /// Its metadata says `format = "brink"` and `layout = "out_in"`, then has the `extra` pairs,
    /// where those two keys are ignored. Equal calls write equal bytes. The file appears whole or
    /// not at all, and replaces one of the same name.
    ///
    /// # Errors
    /// The file system refuses: [`WeightFileFault::Write`].
    pub fn write(
        &self,
        path: &Path,
        parameters: &[Parameter],
        precision: Precision,
        extra: &[(&str, &str)],
    ) -> Result<(), WeightFileError> {
        let bytes = self.encode(parameters, precision, extra);
        write_atomically(path, &bytes)
            .map_err(|source| WeightFileError::new(path, WeightFileFault::Write { source }))
    }

    /// The bytes of the file: header length, header in JSON, values.
    ///
    /// Not left to the `safetensors` crate, which writes metadata in a random order.
    fn encode(
        &self,
        parameters: &[Parameter],
        precision: Precision,
        extra: &[(&str, &str)],
    ) -> Vec<u8> {
        let transposed: HashSet<&str> = (parameters.iter())
            .filter(|parameter| parameter.transposed)
            .map(|parameter| parameter.name.as_str())
            .collect();
        let mut metadata = Map::new();
        for &(key, value) in extra {
            metadata.insert(key.to_owned(), json!(value));
        }
        metadata.insert("format".to_owned(), json!("brink"));
        metadata.insert("layout".to_owned(), json!(Layout::OutIn.name()));

        let mut header = Map::new();
        header.insert("__metadata__".to_owned(), Value::Object(metadata));
        let mut data = Vec::new();
        for NamedTensor {
            name,
            shape,
            values,
        } in self.tensors()
        {
            let start = data.len();
            let shape = match shape[..] {
                [inputs, outputs] if transposed.contains(name.as_str()) => {
                    precision.encode(&transpose(values, inputs, outputs), &mut data);
                    vec![outputs, inputs]
                }
                _ => {
                    precision.encode(values, &mut data);
                    shape.clone()
                }
            };
            let offsets = [start, data.len()];
            header.insert(
                name.clone(),
                json!({"dtype": precision.element(), "shape": shape, "data_offsets": offsets}),
            );
        }

        let mut header = Value::Object(header).to_string().into_bytes();
        // Readers that map the file into memory need the values aligned to their size.
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.append(&mut header);
        bytes.append(&mut data);
        bytes
    }
}
