//! Where a network's layers get their parameters.

use std::cell::RefCell;
use std::fmt::Display;

use burn::module::{Param, ParamId};
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::parameter::{Declared, Parameter, Role};
use crate::slot::Slot;
use crate::{BuildError, ConfigError, MAX_PARAMETERS, WeightsError};

/// Names, shapes and supplies the parameters under a path.
///
/// A network asks it for each of its layers, in the order of the forward pass. It is asked twice
/// for the same: first to learn which parameters there are, when no values exist yet, then to
/// put the values in. So what a network *is* stands in one place, and its parameters' names, initial
/// values, weight files and gradient follow from there.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    path: String,
    source: &'a Source<'a>,
}

/// What [`Params`] takes parameters from.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    /// From nowhere: they are noted, and stand for values that will be there later.
    Noted(RefCell<Notes>),
    /// From values that are there.
    Given(&'a [Slot]),
}

/// The parameters that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    parameters: Vec<Parameter>,
    output: Option<String>,
    count: usize,
}

/// A convolution's kernel and how it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Side of the square kernel, in pixels.
    pub kernel: usize,
    /// How far it moves from one output to the next, in pixels.
    pub stride: usize,
    /// Zeros around the image, in pixels.
    pub padding: usize,
    /// Whether it adds a bias.
    pub bias: bool,
}

impl Source<'_> {
    /// Notes what `build` asks for.
    pub fn note(
        build: impl FnOnce(&Params<'_>) -> Result<(), BuildError>,
    ) -> Result<Declared, BuildError> {
        let source = Source::Noted(RefCell::default());
        build(&Params::of(&source))?;
        let Source::Noted(notes) = source else {
            return Err(BuildError::NotDeclared);
        };
        let notes = notes.into_inner();
        let last = notes.parameters.iter().rev().find(|p| p.is_weight());
        Ok(Declared {
            output: notes.output.or(last.map(|p| p.name.clone())),
            parameters: notes.parameters,
        })
    }
}

impl<'a> Params<'a> {
    pub(crate) fn of(source: &'a Source<'a>) -> Self {
        Self {
            path: String::new(),
            source,
        }
    }

    /// The parameters of a part of the network: `params.at("layer1").at(0)` is `layer1.0`.
    #[must_use]
    pub fn at(&self, part: impl Display) -> Self {
        Self {
            path: self.name(part),
            source: self.source,
        }
    }

    fn name(&self, part: impl Display) -> String {
        match &*self.path {
            "" => part.to_string(),
            path => format!("{path}.{part}"),
        }
    }

    /// A parameter of this name, shape and role.
    ///
    /// # Errors
    /// A name asked for twice, too many parameters, or values of another shape.
    pub fn tensor<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        role: Role,
    ) -> Result<Param<Tensor<D>>, BuildError> {
        self.parameter(name, shape, role, false)
    }

    /// The same of a matrix `[in, out]` that multiplies from the right, whose transpose is in
    /// weight files.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    pub fn matrix(
        &self,
        name: &str,
        [inputs, outputs]: [usize; 2],
    ) -> Result<Param<Tensor<2>>, BuildError> {
        let role = Role::Weight {
            fan_in: inputs,
            fan_out: outputs,
        };
        self.parameter(name, [inputs, outputs], role, true)
    }

    /// A fully connected layer: `weight` of shape `[inputs, outputs]`, and `bias`.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    pub fn linear(&self, inputs: usize, outputs: usize, bias: bool) -> Result<Linear, BuildError> {
        Ok(Linear {
            weight: self.matrix("weight", [inputs, outputs])?,
            bias: self.bias(outputs, inputs, bias)?,
        })
    }

    /// A two-dimensional convolution: `weight` of shape `[out, in, kernel, kernel]`, and `bias`.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    pub fn conv2d(&self, of: Convolution) -> Result<Conv2d, BuildError> {
        let [inputs, outputs] = of.channels;
        let window = of.kernel.saturating_mul(of.kernel);
        let fan_in = inputs.saturating_mul(window);
        let role = Role::Weight {
            fan_in,
            fan_out: outputs.saturating_mul(window),
        };
        let shape = [outputs, inputs, of.kernel, of.kernel];
        Ok(Conv2d {
            weight: self.tensor("weight", shape, role)?,
            bias: self.bias(outputs, fan_in, of.bias)?,
            stride: [of.stride; 2],
            kernel_size: [of.kernel; 2],
            dilation: [1, 1],
            groups: 1,
            padding: PaddingConfig2d::Explicit(of.padding, of.padding, of.padding, of.padding),
        })
    }

    /// Says that a parameter is the output layer's weight, where it is not the last weight.
    pub fn is_output(&self, name: &str) {
        if let Source::Noted(notes) = self.source {
            notes.borrow_mut().output = Some(self.name(name));
        }
    }

    /// Says that a state dict may have a parameter, which was asked for, under another name too: in
    /// full, without this path before it.
    pub fn has_alias(&self, name: &str, alias: &str) {
        if let Source::Noted(notes) = self.source {
            let name = self.name(name);
            let mut notes = notes.borrow_mut();
            let parameters = &mut notes.parameters;
            if let Some(parameter) = parameters.iter_mut().find(|p| p.name == name) {
                parameter.alias = Some(alias.to_owned());
            }
        }
    }

    fn bias(
        &self,
        outputs: usize,
        fan_in: usize,
        wanted: bool,
    ) -> Result<Option<Param<Tensor<1>>>, BuildError> {
        let bias = wanted.then(|| self.tensor("bias", [outputs], Role::Bias { fan_in }));
        bias.transpose()
    }

    fn parameter<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        role: Role,
        transposed: bool,
    ) -> Result<Param<Tensor<D>>, BuildError> {
        let parameter = Parameter {
            name: self.name(name),
            shape: shape.to_vec(),
            role,
            transposed,
            alias: None,
        };
        match self.source {
            Source::Noted(notes) => {
                notes.borrow_mut().add(parameter)?;
                Ok(placeholder(shape))
            }
            Source::Given(slots) => {
                let Some(slot) = slots.iter().find(|slot| slot.name == parameter.name) else {
                    let name = parameter.name;
                    return Err(WeightsError::Missing { name }.into());
                };
                match slot.get() {
                    Some(param) if slot.shape() == shape => Ok(param),
                    _ => Err(WeightsError::Shape {
                        name: parameter.name,
                        got: slot.shape(),
                        expected: shape.to_vec(),
                    }
                    .into()),
                }
            }
        }
    }
}

impl Notes {
    fn add(&mut self, parameter: Parameter) -> Result<(), BuildError> {
        let same = |other: &Parameter| other.name == parameter.name;
        if self.parameters.iter().any(same) {
            let name = parameter.name;
            return Err(WeightsError::Duplicate { name }.into());
        }
        let too_large = ConfigError::TooLarge {
            max: MAX_PARAMETERS,
        };
        let count = parameter.count().and_then(|n| n.checked_add(self.count));
        match count {
            Some(count) if count <= MAX_PARAMETERS => self.count = count,
            _ => return Err(too_large.into()),
        }
        self.parameters.push(parameter);
        Ok(())
    }
}

/// A parameter whose values nobody asks for: on a device that computes nothing.
fn placeholder<const D: usize>(shape: [usize; D]) -> Param<Tensor<D>> {
    let zeros = move |device: &Device, _: bool| Tensor::zeros(shape, device);
    let device = Device::capture();
    Param::uninitialized(ParamId::new(), zeros, device, true, shape.into())
}
