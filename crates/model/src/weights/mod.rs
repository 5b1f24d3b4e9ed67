//! Named parameter values on the host, and the files that hold them.

mod atomic;
mod error;
mod header;
mod layout;
mod names;
mod read;
mod write;

use std::collections::HashSet;

use crate::{BuildError, LayerSpec, ModelConfig, bias_name, weight_name};

pub use error::{WeightFileError, WeightFileFault, WeightsError};
pub use write::Precision;

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// `layers.<i>.weight` or `layers.<i>.bias`.
    pub name: String,
    /// As in the Burn module: a linear weight is `[in, out]`, a convolution's
    /// `[out, in, kernel, kernel]`, a bias `[out]`.
    pub shape: Vec<usize>,
    /// Row-major; as many as the shape says.
    pub values: Vec<f64>,
}

/// All parameters of a network, in order: weight and bias of layer 0, then of layer 1, …
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
        inputs: usize,
        outputs: usize,
        precision: Precision,
    ) -> Result<Self, BuildError> {
        let layers = config.layers(inputs, outputs)?;
        match &config.weights {
            Some(path) => Ok(Self::read(path, &layers, precision)?),
            None => Ok(Self::random(&layers, config.init, config.seed)),
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

    /// Checks that these are the parameters of `layers`: every one there, none besides, each of
    /// its shape.
    ///
    /// # Errors
    /// The first tensor that is missing, superfluous or of another shape.
    pub fn check(&self, layers: &[LayerSpec]) -> Result<(), WeightsError> {
        let mut expected = HashSet::new();
        for (index, layer) in layers.iter().enumerate() {
            let bias = layer
                .bias
                .then(|| (bias_name(index), vec![layer.outputs()]));
            let weight = (weight_name(index), layer.weight_shape());
            for (name, shape) in std::iter::once(weight).chain(bias) {
                match self.get(&name) {
                    None => return Err(WeightsError::Missing { name }),
                    Some(tensor) if tensor.shape != shape => {
                        return Err(WeightsError::Shape {
                            name,
                            got: tensor.shape.clone(),
                            expected: shape,
                        });
                    }
                    Some(_) => expected.insert(name),
                };
            }
        }
        match (self.tensors.iter()).find(|tensor| !expected.contains(&tensor.name)) {
            Some(tensor) => Err(WeightsError::Unexpected {
                name: tensor.name.clone(),
            }),
            None => Ok(()),
        }
    }
}
