//! Restoring.

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde::de::DeserializeOwned;

use crate::saver::joined;
use crate::state::{Array, Element};
use crate::{State, StateError};

/// A place in a state that things are restored from.
#[derive(Debug, Clone)]
pub struct Loader<'s> {
    state: &'s State,
    device: &'s Device,
    place: String,
}

impl<'s> Loader<'s> {
    pub(crate) fn new(state: &'s State, device: &'s Device) -> Self {
        Self {
            state,
            device,
            place: String::new(),
        }
    }

    /// The place of a part.
    pub fn part(&self, name: &str) -> Loader<'s> {
        Loader {
            place: joined(&self.place, name),
            ..*self
        }
    }

    /// The tensor saved here, if there is one, in the element type that it had.
    ///
    /// # Errors
    /// [`StateError::Unsuitable`] for one of another rank.
    pub fn tensor<const D: usize>(&self) -> Result<Option<Tensor<D>>, StateError> {
        let Some(array) = self.array() else {
            return Ok(None);
        };
        let shape = array.shape.clone();
        if shape.len() != D {
            return Err(self.unsuitable(format!("its shape is {shape:?}, not of {D} dimensions")));
        }
        let (data, dtype) = match array.element {
            Element::F32 => (TensorData::new(array.singles(), shape), DType::F32),
            Element::F64 => (TensorData::new(array.doubles(), shape), DType::F64),
        };
        Ok(Some(Tensor::from_data(data, (self.device, dtype))))
    }

    /// The numbers saved here, if there are any.
    ///
    /// # Errors
    /// [`StateError::Unsuitable`] for an array that is no row of float64.
    pub fn numbers(&self) -> Result<Option<Vec<f64>>, StateError> {
        match self.array() {
            None => Ok(None),
            Some(array) if array.shape.len() == 1 && array.element == Element::F64 => {
                Ok(Some(array.doubles()))
            }
            Some(other) => {
                Err(self.unsuitable(format!("an array of shape {:?} is there", other.shape)))
            }
        }
    }

    fn array(&self) -> Option<&'s Array> {
        self.state.arrays.get(&self.place)
    }

    /// The value saved here.
    ///
    /// # Errors
    /// [`StateError::Missing`]; [`StateError::Unsuitable`] for one of another kind.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, StateError> {
        self.state.value(&self.place)
    }

    /// That nothing is saved here.
    pub fn missing(&self) -> StateError {
        StateError::Missing {
            name: self.place.clone(),
        }
    }

    /// That what is saved here does not suit.
    pub fn unsuitable(&self, message: String) -> StateError {
        StateError::Unsuitable {
            name: self.place.clone(),
            message,
        }
    }
}
