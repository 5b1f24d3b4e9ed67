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
    pub shape: Vec<usize>,
    pub elements: Elements,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Elements {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl State {
    /// Where things are saved to.
    pub fn saver(&mut self) -> Saver<'_> {
        Saver::new(self)
    }

    /// The numbers of an array in row-major order, as float64, which holds float32 exactly.
    pub fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        Some(match &self.arrays.get(name)?.elements {
            Elements::F32(numbers) => numbers.iter().copied().map(f64::from).collect(),
            Elements::F64(numbers) => numbers.clone(),
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
            shape: vec![numbers.len()],
            elements: Elements::F64(numbers.to_vec()),
        }
    }
}
