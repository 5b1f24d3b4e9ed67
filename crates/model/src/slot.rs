//! One parameter of a network, whatever its rank.

use std::any::Any;

use burn::module::{Devices, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::{NamedTensor, WeightsError};

/// A parameter under its path.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// The path, its parts joined by dots.
    pub name: String,
    value: Value,
}

/// A network's parameters by rank, which Burn has in their type.
#[derive(Clone, Debug)]
enum Value {
    R1(Param<Tensor<1>>),
    R2(Param<Tensor<2>>),
    R3(Param<Tensor<3>>),
    R4(Param<Tensor<4>>),
}

macro_rules! ranks {
    ($($rank:literal: $variant:ident,)*) => {
        impl Slot {
            /// The parameter, if it has this rank.
            pub fn get<const D: usize>(&self) -> Option<Param<Tensor<D>>> {
                let param: &dyn Any = match &self.value {
                    $(Value::$variant(param) => param,)*
                };
                param.downcast_ref().cloned()
            }

            /// Uploads a parameter.
            pub fn upload(
                tensor: &NamedTensor,
                device: &Device,
                dtype: DType,
            ) -> Result<Self, WeightsError> {
                let data = TensorData::new(tensor.values.clone(), tensor.shape.clone());
                let value = match tensor.shape.len() {
                    $($rank => {
                        let tensor = Tensor::<$rank>::from_data(data, (device, dtype));
                        Value::$variant(Param::from_tensor(tensor))
                    })*
                    _ => {
                        return Err(WeightsError::Rank {
                            name: tensor.name.clone(),
                            shape: tensor.shape.clone(),
                        });
                    }
                };
                Ok(Self { name: tensor.name.clone(), value })
            }

            /// Its shape; its values need not exist.
            pub fn shape(&self) -> Vec<usize> {
                match &self.value {
                    $(Value::$variant(param) => param.lazy_shape().to_vec(),)*
                }
            }

            /// Shows the parameter to a visitor, under its path.
            pub fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
                for part in self.name.split('.') {
                    visitor.enter_module(part, "Network");
                }
                match &self.value {
                    $(Value::$variant(param) => Module::visit(param, visitor),)*
                }
                for part in self.name.rsplit('.') {
                    visitor.exit_module(part, "Network");
                }
            }

            /// Passes the parameter through a mapper, under its path.
            pub fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
                for part in self.name.split('.') {
                    mapper.enter_module(part, "Network");
                }
                let value = match self.value {
                    $(Value::$variant(param) => Value::$variant(Module::map(param, mapper)),)*
                };
                for part in self.name.rsplit('.') {
                    mapper.exit_module(part, "Network");
                }
                Self { value, ..self }
            }

            /// Passes the parameter through what Burn does to any module.
            pub fn change(self, change: &impl Change) -> Self {
                let value = match self.value {
                    $(Value::$variant(param) => Value::$variant(change.apply(param)),)*
                };
                Self { value, ..self }
            }

            /// Adds its device.
            pub fn collect_devices(&self, devices: Devices) -> Devices {
                match &self.value {
                    $(Value::$variant(param) => param.collect_devices(devices),)*
                }
            }
        }
    };
}

ranks! {
    1: R1,
    2: R2,
    3: R3,
    4: R4,
}

/// Something that Burn does to any module.
pub(crate) trait Change {
    /// Does it.
    fn apply<M: Module>(&self, module: M) -> M;
}
