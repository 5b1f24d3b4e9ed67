//! Saving, under names that say whose part something is.

use burn::tensor::{DType, Tensor, TensorData};
use serde::Serialize;

use crate::state::{Array, Element};
use crate::{State, StateError};

/// A place in a state that things are saved to.
#[derive(Debug)]
pub struct Saver<'s> {
    state: &'s mut State,
    place: String,
}

impl<'s> Saver<'s> {
    pub(crate) fn new(state: &'s mut State) -> Self {
        Self {
            state,
            place: String::new(),
        }
    }

    /// The place of a part.
    pub fn part(&mut self, name: &str) -> Saver<'_> {
        let place = joined(&self.place, name);
        Saver {
            state: self.state,
            place,
        }
    }

    /// Saves a tensor of float32 or float64 here, read from its device.
    ///
    /// # Errors
    /// [`StateError::ReadBack`], [`StateError::Element`].
    pub fn tensor<const D: usize>(&mut self, tensor: &Tensor<D>) -> Result<(), StateError> {
        let data = tensor.clone().try_into_data();
        let data = data.map_err(|error| StateError::ReadBack {
            name: self.place.clone(),
            message: error.to_string(),
        })?;
        let array = self.array(data)?;
        self.state.arrays.insert(self.place.clone(), array);
        Ok(())
    }

    /// Saves numbers here.
    pub fn numbers(&mut self, numbers: &[f64]) {
        let array = Array::row(numbers);
        self.state.arrays.insert(self.place.clone(), array);
    }

    /// Saves something here that JSON holds exactly: no fractions.
    ///
    /// # Errors
    /// [`StateError::Json`]
    pub fn value(&mut self, value: &impl Serialize) -> Result<(), StateError> {
        let json = serde_json::to_value(value).map_err(|source| StateError::Json {
            name: self.place.clone(),
            source,
        })?;
        self.state.values.insert(self.place.clone(), json);
        Ok(())
    }

    fn array(&self, data: TensorData) -> Result<Array, StateError> {
        let (element, size) = match data.dtype() {
            DType::F32 => (Element::F32, size_of::<f32>()),
            DType::F64 => (Element::F64, size_of::<f64>()),
            other => {
                return Err(StateError::Element {
                    name: self.place.clone(),
                    dtype: format!("{other:?}"),
                });
            }
        };
        let mut bytes = data.as_bytes().to_vec();
        if cfg!(target_endian = "big") {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Ok(Array {
            element,
            shape: data.shape().to_vec(),
            bytes,
        })
    }
}

/// The name of a part of a place.
pub(crate) fn joined(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        _ => format!("{place}/{name}"),
    }
}
