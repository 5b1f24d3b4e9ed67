//! A network of either kind, built from a configuration and weights.

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    Param,
};
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

use crate::config::image_side;
use crate::{
    Architecture, BuildError, Cnn, Mlp, ModelConfig, NamedTensor, Weights, WeightsError, bias_name,
    weight_name,
};

/// A network of either kind; a Burn module.
///
/// Its visitor paths are `layers.<i>.weight` and `layers.<i>.bias` whatever the kind.
#[derive(Clone, Debug)]
pub enum Network {
    /// Fully connected.
    Mlp(Mlp),
    /// Convolutional.
    Cnn(Cnn),
}

/// Evaluates an expression for whichever network there is; `Self(..)` wraps it up again.
macro_rules! either {
    ($network:expr, $inner:ident => Self($value:expr)) => {
        match $network {
            Network::Mlp($inner) => Network::Mlp($value),
            Network::Cnn($inner) => Network::Cnn($value),
        }
    };
    ($network:expr, $inner:ident => $value:expr) => {
        match $network {
            Network::Mlp($inner) => $value,
            Network::Cnn($inner) => $value,
        }
    };
}

impl Network {
    /// Builds the network that `config` describes, from `inputs` values a sample to `outputs`,
    /// with `weights` on `device` in precision `dtype`.
    ///
    /// # Errors
    /// An impossible configuration, weights of other names or shapes, or a device that does not
    /// compute in `dtype`.
    pub fn new(
        config: &ModelConfig,
        inputs: usize,
        outputs: usize,
        weights: &Weights,
        device: &Device,
        dtype: FloatDType,
    ) -> Result<Self, BuildError> {
        let layers = config.layers(inputs, outputs)?;
        weights.check(&layers)?;
        if !device.supports_dtype(dtype) {
            return Err(BuildError::Dtype { dtype });
        }
        let build = Builder {
            weights,
            device,
            dtype: dtype.into(),
        };
        let activation = config.activation;
        match config.architecture()? {
            Architecture::Mlp { .. } => {
                let layers = (0..layers.len()).map(|index| build.linear(index));
                Ok(Self::Mlp(Mlp {
                    layers: layers.collect::<Result<_, _>>()?,
                    activation,
                    output_factor: config.output_factor,
                }))
            }
            Architecture::Cnn {
                channels, pooling, ..
            } => {
                let convs = (0..channels.len()).map(|index| build.conv(index));
                Ok(Self::Cnn(Cnn {
                    side: image_side(inputs)?,
                    convs: convs.collect::<Result<_, _>>()?,
                    head: build.linear(channels.len())?,
                    activation,
                    pooling,
                    output_factor: config.output_factor,
                }))
            }
        }
    }

    /// Outputs `[n, c]` of inputs `[n, d]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        either!(self, network => network.forward(x))
    }

    /// Copies the parameters back to the host, in the visitor's order.
    ///
    /// # Errors
    /// The device failed to deliver them.
    pub fn weights(&self) -> Result<Weights, WeightsError> {
        let mut reader = Reader::default();
        self.visit(&mut reader);
        Weights::new(reader.tensors?)
    }
}

/// Turns named host values into layers on a device.
struct Builder<'a> {
    weights: &'a Weights,
    device: &'a Device,
    dtype: DType,
}

impl Builder<'_> {
    fn linear(&self, layer: usize) -> Result<Linear, WeightsError> {
        Ok(Linear {
            weight: self.required(weight_name(layer))?,
            bias: self.optional(&bias_name(layer)),
        })
    }

    fn conv(&self, layer: usize) -> Result<Conv2d, WeightsError> {
        let weight: Param<Tensor<4>> = self.required(weight_name(layer))?;
        let [_, _, height, width] = weight.dims();
        Ok(Conv2d {
            weight,
            bias: self.optional(&bias_name(layer)),
            stride: [1, 1],
            kernel_size: [height, width],
            dilation: [1, 1],
            groups: 1,
            padding: PaddingConfig2d::Same,
        })
    }

    fn required<const D: usize>(&self, name: String) -> Result<Param<Tensor<D>>, WeightsError> {
        (self.optional(&name)).ok_or(WeightsError::Missing { name })
    }

    fn optional<const D: usize>(&self, name: &str) -> Option<Param<Tensor<D>>> {
        let tensor = self.weights.get(name)?;
        let data = TensorData::new(tensor.values.clone(), tensor.shape.clone());
        let tensor = Tensor::from_data(data, (self.device, self.dtype));
        Some(Param::from_tensor(tensor))
    }
}

/// Reads parameters to the host under their paths, up to the first failure.
struct Reader {
    path: Vec<String>,
    tensors: Result<Vec<NamedTensor>, WeightsError>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            path: Vec::new(),
            tensors: Ok(Vec::new()),
        }
    }
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Ok(tensors) = &mut self.tensors else {
            return;
        };
        let name = self.path.join(".");
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        match tensor.try_into_vec_as::<f64>() {
            Ok(values) => tensors.push(NamedTensor {
                name,
                shape,
                values,
            }),
            Err(source) => self.tensors = Err(WeightsError::Read { name, source }),
        }
    }
}

/// Written by hand rather than derived: a derived enum puts its variant's name into every path.
impl Module for Network {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        either!(self, network => network.visit(visitor));
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        either!(self, network => Self(network.map(mapper)))
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        either!(self, network => network.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        either!(self, network => Self(network.fork(device)))
    }

    fn to_device(self, device: &Device) -> Self {
        either!(self, network => Self(network.to_device(device)))
    }

    fn train(self) -> Self {
        either!(self, network => Self(network.train()))
    }

    fn valid(&self) -> Self {
        either!(self, network => Self(network.valid()))
    }

    fn materialize(self) -> Self {
        either!(self, network => Self(network.materialize()))
    }
}

impl ModuleDisplayDefault for Network {
    fn content(&self, content: Content) -> Option<Content> {
        either!(self, network => network.content(content))
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl ModuleDisplay for Network {}
