//! A network of any kind, built from a configuration and weights.

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    Param,
};
use burn::tensor::{Device, FloatDType, Tensor};

use crate::params::Source;
use crate::slot::{Change, Slot};
use crate::{BuildError, ModelConfig, NamedTensor, Params, Task, Weights, WeightsError};

/// A network of any kind; a Burn module.
///
/// It holds the parameters under their paths, and makes layers of them when it is applied: that
/// moves no values. So a network's file need not say how its parameters are visited, mapped or
/// named besides.
#[derive(Clone, Debug)]
pub struct Network {
    config: ModelConfig,
    task: Task,
    slots: Vec<Slot>,
}

impl Network {
    /// Builds the network that `config` describes for a task, with `weights` on `device` in
    /// precision `dtype`.
    ///
    /// # Errors
    /// An impossible configuration, weights of other names or shapes, or a device that does not
    /// compute in `dtype`.
    pub fn new(
        config: &ModelConfig,
        task: &Task,
        weights: &Weights,
        device: &Device,
        dtype: FloatDType,
    ) -> Result<Self, BuildError> {
        let declared = config.declare(task)?;
        weights.check(&declared.parameters)?;
        if !device.supports_dtype(dtype) {
            return Err(BuildError::Dtype { dtype });
        }
        let tensors = declared
            .parameters
            .iter()
            .filter_map(|p| weights.get(&p.name));
        let slots = tensors.map(|tensor| Slot::upload(tensor, device, dtype.into()));
        let network = Self {
            config: config.clone(),
            task: task.clone(),
            slots: slots.collect::<Result<_, _>>()?,
        };
        // What would be wrong in every forward pass is found here.
        let source = Source::Given(&network.slots);
        config.build(task, &Params::of(&source))?;
        Ok(network)
    }

    /// Outputs `[n, positions·outputs]` of inputs `[n, d]`.
    ///
    /// # Panics
    /// If parameters were removed from the module since [`new`](Self::new), which has built it once.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let source = Source::Given(&self.slots);
        match self.config.build(&self.task, &Params::of(&source)) {
            Ok(layers) => layers.forward(x).mul_scalar(self.config.output_factor),
            Err(error) => panic!("a network that was built once: {error}"),
        }
    }

    /// What it was built for.
    pub fn task(&self) -> &Task {
        &self.task
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

    fn changed(self, change: &impl Change) -> Self {
        let slots = self.slots.into_iter().map(|slot| slot.change(change));
        Self {
            slots: slots.collect(),
            ..self
        }
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

struct Fork<'a>(&'a Device);

impl Change for Fork<'_> {
    fn apply<M: Module>(&self, module: M) -> M {
        module.fork(self.0)
    }
}

struct ToDevice<'a>(&'a Device);

impl Change for ToDevice<'_> {
    fn apply<M: Module>(&self, module: M) -> M {
        module.to_device(self.0)
    }
}

struct Train;

impl Change for Train {
    fn apply<M: Module>(&self, module: M) -> M {
        module.train()
    }
}

struct Valid;

impl Change for Valid {
    fn apply<M: Module>(&self, module: M) -> M {
        module.valid()
    }
}

struct Materialize;

impl Change for Materialize {
    fn apply<M: Module>(&self, module: M) -> M {
        module.materialize()
    }
}

/// Written by hand rather than derived: the paths are those that the network's kind has named.
impl Module for Network {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for slot in &self.slots {
            slot.visit(visitor);
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let slots = self.slots.into_iter().map(|slot| slot.map(mapper));
        Self {
            slots: slots.collect(),
            ..self
        }
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        let slots = self.slots.iter();
        slots.fold(devices, |devices, slot| slot.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        self.changed(&Fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.changed(&ToDevice(device))
    }

    fn train(self) -> Self {
        self.changed(&Train)
    }

    fn valid(&self) -> Self {
        self.clone().changed(&Valid)
    }

    fn materialize(self) -> Self {
        self.changed(&Materialize)
    }
}

impl ModuleDisplayDefault for Network {
    fn content(&self, content: Content) -> Option<Content> {
        let content = content.set_top_level_type("Network");
        let content = content.add_debug_attribute("kind", &self.config.kind);
        let parameters = self.slots.iter();
        parameters
            .fold(content, |content, slot| {
                content.add_debug_attribute(&slot.name, &slot.shape())
            })
            .optional()
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl ModuleDisplay for Network {}
