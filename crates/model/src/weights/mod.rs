//! Named parameter values on the host, and the files that hold them.

mod atomic;
mod error;
mod header;
mod layout;
mod named;
mod names;
mod read;
mod write;

use std::collections::HashSet;

use crate::parameter::Parameter;
use crate::{BuildError, ModelConfig, Task};

pub use error::{WeightFileError, WeightFileFault, WeightsError};
pub use write::Precision;

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its path, such as `layers.<i>.weight`.
    pub name: String,
    /// As in the Burn module: a linear weight is `[in, out]`, a convolution's
    /// `[out, in, kernel, kernel]`, a bias `[out]`.
    pub shape: Vec<usize>,
    /// Row-major; as many as the shape says.
    pub values: Vec<f64>,
}

/// All parameters of a network, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    tensors: Vec<NamedTensor>,
}

impl Weights {
    /// Takes tensors in the order given.
    ///
    /// # Errors
    /// Two tensors of one name, or a shape that does not fit its values.
    pub fn new(tensors: Vec<NamedTensor>) -> Result<Self, WeightsError> {
        let mut seen = HashSet::new();
        for NamedTensor {
            name,
            shape,
            values,
        } in &tensors
        {
            if !seen.insert(name) {
                return Err(WeightsError::Duplicate { name: name.clone() });
            }
            let expected = shape.iter().try_fold(1, |n: usize, &d| n.checked_mul(d));
            if expected != Some(values.len()) {
                return Err(WeightsError::Length {
                    name: name.clone(),
                    shape: shape.clone(),
                    values: values.len(),
                });
            }
        }
        Ok(Self { tensors })
    }

    /// Takes tensors whose names are known to differ and whose shapes are known to fit.
    pub(crate) fn of_distinct(tensors: Vec<NamedTensor>) -> Self {
        Self { tensors }
    }

    /// The initial weights that `config` asks for, to compute with them in `precision`: its file
    /// where it names one, drawn otherwise.
    ///
    /// # Errors
    /// An impossible configuration, or a file that cannot be used.
    pub fn initial(
        config: &ModelConfig,
        task: &Task,
        precision: Precision,
    ) -> Result<Self, BuildError> {
        let declared = config.declare(task)?;
        match &config.weights {
            Some(path) => Ok(Self::read(path, &declared.parameters, precision)?),
            None => Ok(Self::random(&declared.parameters, config.init, config.seed)),
        }
    }

    /// The same with each value rounded to a precision.
    #[must_use]
    pub fn rounded(mut self, precision: Precision) -> Self {
        if precision == Precision::F32 {
            let values = self
                .tensors
                .iter_mut()
                .flat_map(|tensor| &mut tensor.values);
            values.for_each(|value| *value = f64::from(*value as f32));
        }
        self
    }

    /// The tensors, in order.
    pub fn tensors(&self) -> &[NamedTensor] {
        &self.tensors
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.tensors.iter().map(|tensor| tensor.values.len()).sum()
    }

    /// Checks that these are a network's parameters: every one there, none besides, each of its
    /// shape.
    ///
    /// # Errors
    /// The first tensor that is missing, superfluous or of another shape.
    pub fn check(&self, parameters: &[Parameter]) -> Result<(), WeightsError> {
        let mut expected = HashSet::new();
        for Parameter { name, shape, .. } in parameters {
            match self.get(name) {
                None => return Err(WeightsError::Missing { name: name.clone() }),
                Some(tensor) if tensor.shape != *shape => {
                    return Err(WeightsError::Shape {
                        name: name.clone(),
                        got: tensor.shape.clone(),
                        expected: shape.clone(),
                    });
                }
                Some(_) => expected.insert(name),
            };
        }
        match (self.tensors.iter()).find(|tensor| !expected.contains(&tensor.name)) {
            Some(tensor) => Err(WeightsError::Unexpected {
                name: tensor.name.clone(),
            }),
            None => Ok(()),
        }
    }
}
