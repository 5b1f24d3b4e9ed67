//! The named arrays and values.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Loader, Saver, StateError};

/// Named arrays with exact bits, and named values that JSON holds exactly.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub(crate) arrays: BTreeMap<String, Array>,
    pub(crate) values: Map<String, Value>,
}

/// Numbers in row-major order, and their shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub element: Element,
    pub shape: Vec<usize>,
    /// As the file has them: little-endian.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F32,
    F64,
}

impl State {
    /// Where things are saved to.
    pub fn saver(&mut self) -> Saver<'_> {
        Saver::new(self)
    }

    /// The numbers of an array in row-major order, as float64, which holds float32 exactly.
    pub fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        let array = self.arrays.get(name)?;
        Some(match array.element {
            Element::F32 => array.singles().into_iter().map(f64::from).collect(),
            Element::F64 => array.doubles(),
        })
    }

    /// The value of that name.
    ///
    /// # Errors
    /// [`StateError::Missing`]; [`StateError::Unsuitable`] for one of another kind.
    pub fn value<T: DeserializeOwned>(&self, name: &str) -> Result<T, StateError> {
        let value = self.values.get(name).cloned();
        let value = value.ok_or_else(|| StateError::Missing {
            name: name.to_owned(),
        })?;
        serde_json::from_value(value).map_err(|error| StateError::Unsuitable {
            name: name.to_owned(),
            message: error.to_string(),
        })
    }

    /// Whether the part of that name, or a part of it, has numbers.
    pub fn has_arrays(&self, part: &str) -> bool {
        let within = |name: &String| {
            let rest = name.strip_prefix(part);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.arrays.keys().any(within)
    }

    /// Where things are restored from, tensors on `device`.
    pub fn loader<'s>(&'s self, device: &'s Device) -> Loader<'s> {
        Loader::new(self, device)
    }
}

impl Array {
    /// Numbers in a row.
    pub fn row(numbers: &[f64]) -> Self {
        Self {
            element: Element::F64,
            shape: vec![numbers.len()],
            bytes: numbers.iter().flat_map(|n| n.to_le_bytes()).collect(),
        }
    }

    /// The numbers of an array of float32.
    pub fn singles(&self) -> Vec<f32> {
        let numbers = self.bytes.as_chunks().0.iter();
        numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// The numbers of an array of float64.
    pub fn doubles(&self) -> Vec<f64> {
        let numbers = self.bytes.as_chunks().0.iter();
        numbers.map(|bytes| f64::from_le_bytes(*bytes)).collect()
    }
}
