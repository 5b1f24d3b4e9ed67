//! Where each parameter of a module lies in the flat vector.

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Shape, Tensor};

use crate::error::LinearizeError;

/// One trainable parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Path in the module, such as `layers.0.weight`.
    pub name: String,
    /// Shape in the module.
    pub shape: Vec<usize>,
    /// Where it begins in the flat vector.
    pub offset: usize,
}

impl Parameter {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The trainable float parameters of a module, in the order in which it visits them.
///
/// Frozen parameters and running statistics are not among them.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    parameters: Vec<Parameter>,
    pub(crate) trainable: Vec<bool>,
    pub(crate) flags: Vec<bool>,
}

impl Layout {
    /// The layout of a module as it would be trained.
    pub fn of<M: Module>(module: &M) -> Result<Self, LinearizeError> {
        // What trains is only said on an autodiff device; `valid` keeps running statistics apart.
        let live = module.valid().train();
        let mut visitor = Collect::default();
        live.visit(&mut visitor);
        if visitor.layout.parameters.is_empty() {
            return Err(LinearizeError::NoParameters);
        }
        Ok(visitor.layout)
    }

    /// The parameters, in order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Length P of the flat vector.
    pub fn len(&self) -> usize {
        self.parameters.last().map_or(0, |p| p.offset + p.len())
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }

    /// A module's trainable parameters as one vector `[P]`.
    pub fn flatten<M: Module>(&self, module: &M) -> Tensor<1> {
        let mut visitor = Flatten {
            layout: self,
            seen: 0,
            parts: Vec::new(),
        };
        module.valid().visit(&mut visitor);
        Tensor::cat(visitor.parts, 0)
    }

    /// The module with its trainable parameters taken from a vector `[P]`.
    pub fn unflatten<M: Module>(&self, module: &M, theta: &Tensor<1>) -> Result<M, LinearizeError> {
        if theta.dims()[0] != self.len() {
            return Err(LinearizeError::Shape {
                what: "the parameter vector",
                got: theta.dims().to_vec(),
                expected: format!("[{}]", self.len()),
            });
        }
        let mut mapper = Unflatten {
            layout: self,
            theta: theta.clone(),
            seen: 0,
            taken: 0,
        };
        Ok(module.valid().map(&mut mapper))
    }
}

#[derive(Default)]
struct Collect {
    layout: Layout,
    path: Vec<String>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let trainable = param.is_require_grad();
        self.layout.trainable.push(trainable);
        if trainable {
            let offset = self.layout.len();
            self.layout.parameters.push(Parameter {
                name: self.path.join("."),
                shape: param.shape().to_vec(),
                offset,
            });
        }
    }

    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.layout.flags.push(flag.is_enabled());
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

struct Flatten<'a> {
    layout: &'a Layout,
    seen: usize,
    parts: Vec<Tensor<1>>,
}

impl ModuleVisitor for Flatten<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.layout.trainable.get(self.seen) == Some(&true) {
            let value = param.val();
            let len = value.shape().num_elements();
            self.parts.push(value.reshape([len]));
        }
        self.seen += 1;
    }
}

struct Unflatten<'a> {
    layout: &'a Layout,
    theta: Tensor<1>,
    seen: usize,
    taken: usize,
}

impl ModuleMapper for Unflatten<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trainable = self.layout.trainable.get(self.seen) == Some(&true);
        self.seen += 1;
        if !trainable {
            return param;
        }
        let Some(parameter) = self.layout.parameters.get(self.taken) else {
            return param;
        };
        self.taken += 1;
        let range = parameter.offset..parameter.offset + parameter.len();
        let value = self
            .theta
            .clone()
            .slice(range)
            .reshape(Shape::from(parameter.shape.clone()));
        param.map(|_| value)
    }
}
