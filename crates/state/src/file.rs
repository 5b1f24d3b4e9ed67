//! The file: safetensors, whose metadata has the values, the version and the checksum.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::state::{Array, Element};
use crate::{State, StateError};

/// Of what is saved and how.
const VERSION: u64 = 1;

const VERSION_KEY: &str = "brink-state";
const VALUES_KEY: &str = "values";
const CHECKSUM_KEY: &str = "sha256";

impl State {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`StateError::Encode`], [`StateError::Json`].
    pub fn encode(&self) -> Result<Vec<u8>, StateError> {
        let values = self.values_text()?;
        let metadata = HashMap::from([
            (VERSION_KEY.to_owned(), VERSION.to_string()),
            (CHECKSUM_KEY.to_owned(), checksum(&values, &self.arrays)),
            (VALUES_KEY.to_owned(), values),
        ]);
        let encode = |error: safetensors::SafeTensorError| StateError::Encode {
            message: error.to_string(),
        };
        let views = self.arrays.iter().map(|(name, array)| {
            let (dtype, shape) = (array.element.dtype(), array.shape.clone());
            let view = TensorView::new(dtype, shape, &array.bytes);
            Ok((name.as_str(), view.map_err(encode)?))
        });
        let views = views.collect::<Result<Vec<_>, StateError>>()?;
        safetensors::serialize(views, Some(metadata)).map_err(encode)
    }

    /// The state that the bytes of a file hold.
    ///
    /// # Errors
    /// What the bytes are instead: [`StateError::Malformed`], [`StateError::Foreign`],
    /// [`StateError::Version`], [`StateError::Checksum`].
    pub fn decode(file: &[u8]) -> Result<Self, StateError> {
        let malformed = |error: safetensors::SafeTensorError| StateError::Malformed {
            message: error.to_string(),
        };
        let (_, header) = SafeTensors::read_metadata(file).map_err(malformed)?;
        let metadata = header.metadata().as_ref().ok_or(StateError::Foreign)?;
        let version = metadata.get(VERSION_KEY).ok_or(StateError::Foreign)?;
        let version: u64 = version.parse().map_err(|_| StateError::Foreign)?;
        if version != VERSION {
            return Err(StateError::Version {
                found: version,
                expected: VERSION,
            });
        }
        let metadata = |key| metadata.get(key).ok_or(StateError::Foreign);
        let (values, expected) = (metadata(VALUES_KEY)?, metadata(CHECKSUM_KEY)?);
        let tensors = SafeTensors::deserialize(file).map_err(malformed)?;
        let arrays = tensors.iter();
        let arrays = arrays.map(|(name, view)| Ok((name.to_owned(), array(name, &view)?)));
        let arrays = arrays.collect::<Result<BTreeMap<_, _>, StateError>>()?;
        let found = checksum(values, &arrays);
        if found != *expected {
            return Err(StateError::Checksum {
                found,
                expected: expected.clone(),
            });
        }
        let values: Map<String, Value> =
            serde_json::from_str(values).map_err(|error| StateError::Malformed {
                message: error.to_string(),
            })?;
        Ok(Self { arrays, values })
    }

    /// SHA-256 over all names, arrays and values, as the file has it.
    ///
    /// # Errors
    /// [`StateError::Json`]
    pub fn checksum(&self) -> Result<String, StateError> {
        Ok(checksum(&self.values_text()?, &self.arrays))
    }

    fn values_text(&self) -> Result<String, StateError> {
        serde_json::to_string(&self.values).map_err(|source| StateError::Json {
            name: VALUES_KEY.to_owned(),
            source,
        })
    }
}

impl Element {
    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F64 => Dtype::F64,
        }
    }
}

fn array(name: &str, view: &TensorView<'_>) -> Result<Array, StateError> {
    let element = match view.dtype() {
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        other => {
            return Err(StateError::Element {
                name: name.to_owned(),
                dtype: format!("{other:?}"),
            });
        }
    };
    Ok(Array {
        element,
        shape: view.shape().to_vec(),
        bytes: view.data().to_vec(),
    })
}

/// SHA-256 over the values, and over name, element type, shape and bytes of each array by name.
fn checksum(values: &str, arrays: &BTreeMap<String, Array>) -> String {
    let mut hasher = Sha256::new();
    let mut text = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    text(values);
    for (name, array) in arrays {
        text(name);
        text(&format!("{:?} {:?}", array.element, array.shape));
    }
    for array in arrays.values() {
        hasher.update(&array.bytes);
    }
    let digits = hasher.finalize();
    digits.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
