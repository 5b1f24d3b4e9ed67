//! A traced loss of a module: a differentiable function of a flat parameter vector.

use burn::backend::{DispatchTensor, TensorMetadata};
use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};

use crate::batch::Batch;
use crate::counters::{Count, Counters};
use crate::error::LinearizeError;
use crate::execute::{Target, Values, constant, run};
use crate::graph::Op;
use crate::layout::Layout;
use crate::linearization::Linearization;
use crate::programs::Programs;
use crate::trace::Subject;

/// Loss and outputs at an iterate.
#[derive(Debug, Clone)]
pub struct Evaluation<const D: usize> {
    /// L(θ), shape [1].
    pub loss: Tensor<1>,
    /// F(θ), in the model's own shape.
    pub outputs: Tensor<D>,
}

/// Loss, outputs and gradient at an iterate.
#[derive(Debug, Clone)]
pub struct Gradient<const D: usize> {
    /// L(θ), shape [1].
    pub loss: Tensor<1>,
    /// F(θ), in the model's own shape.
    pub outputs: Tensor<D>,
    /// ∇L(θ), shape [P].
    pub gradient: Tensor<1>,
}

/// The loss of a module over a batch, as a function of θ ∈ ℝ^P, with outputs of rank `D`.
///
/// Traced once; evaluated and linearised at any iterate.
#[derive(Debug)]
pub struct Objective<const D: usize> {
    layout: Layout,
    pub(crate) programs: Programs,
    pub(crate) target: Target,
    pub(crate) counters: Counters,
    device: Device,
    /// Batch, constants, and what follows from them.
    fixed: Values,
}

impl<const D: usize> Objective<D> {
    /// Traces `loss(forward(module, batch), batch)`.
    ///
    /// The closures run a few times on stand-ins of the module and the batch, on a device that
    /// computes nothing: they must be plain tensor code, without reading values back, and without
    /// randomness. The batch's first float tensor decides device and precision.
    ///
    /// # Errors
    ///
    /// [`LinearizeError`], naming the operation and its place when one has no rule.
    pub fn trace<M: Module>(
        module: &M,
        batch: &Batch,
        forward: impl Fn(&M, &Batch) -> Tensor<D>,
        loss: impl Fn(Tensor<D>, &Batch) -> Tensor<1>,
    ) -> Result<Self, LinearizeError> {
        let device = batch.device().ok_or_else(|| LinearizeError::Shape {
            what: "the batch",
            got: vec![batch.len()],
            expected: "at least one float tensor, which decides device and precision".into(),
        })?;
        let precision = batch
            .tensors()
            .iter()
            .find(|(kind, _)| *kind == crate::graph::Kind::Float)
            .map(|(_, tensor)| FloatDType::from(tensor.dtype()))
            .unwrap_or(FloatDType::F32);
        let settings = device.settings();
        let target = Target {
            device: device.as_dispatch().clone(),
            float: precision,
            int: settings.int_dtype,
            bool: settings.bool_dtype,
            fusion: true,
        };
        let layout = Layout::of(module)?;
        let programs = Programs::trace(
            &Subject {
                module,
                layout: &layout,
                batch,
                precision,
            },
            &forward,
            &loss,
        )?;
        let mut objective = Self {
            layout,
            fixed: Values::new(programs.graph.len()),
            programs,
            target,
            counters: Counters::default(),
            device,
        };
        objective.bind(batch)?;
        Ok(objective)
    }

    /// Binds other data of the same shapes, such as another batch of as many samples.
    ///
    /// # Errors
    ///
    /// [`LinearizeError::Shape`] or [`LinearizeError::Placement`] if they differ from the traced ones.
    pub fn bind(&mut self, batch: &Batch) -> Result<(), LinearizeError> {
        let graph = &self.programs.graph;
        let mut fixed = Values::new(graph.len());
        if batch.len() != self.programs.data.len() {
            return Err(LinearizeError::Shape {
                what: "the batch",
                got: vec![batch.len()],
                expected: format!("{} tensors", self.programs.data.len()),
            });
        }
        for (&node, (_, tensor)) in self.programs.data.iter().zip(batch.tensors()) {
            let (got, expected) = (tensor.shape().to_vec(), &graph.node(node).shape);
            if got != *expected {
                return Err(LinearizeError::Shape {
                    what: "a tensor of the batch",
                    got,
                    expected: format!("{expected:?}"),
                });
            }
            fixed.set(node, tensor.clone());
        }
        for index in 0..graph.len() as u32 {
            let id = crate::graph::NodeId(index);
            if let Op::Constant(number) = graph.node(id).op {
                let data = graph.constants()[number].clone();
                fixed.set(id, constant(&self.target, data));
            }
        }
        let hoisted = &self.programs.hoisted;
        let values = run(graph, hoisted, &self.target, 1, &fixed)?;
        for (&id, value) in hoisted.roots.iter().zip(values) {
            fixed.set(id, value);
        }
        self.fixed = fixed;
        Ok(())
    }

    /// Whether elementwise operations that follow from each other are computed in one pass over
    /// memory, which burn-flex allows. On by default; off, each is one call of the backend.
    pub fn set_fusion(&mut self, on: bool) {
        self.target.fusion = on;
    }

    /// Where each parameter lies in θ.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// P.
    pub fn parameters(&self) -> usize {
        self.layout.len()
    }

    /// Shape of the model's outputs.
    pub fn output_shape(&self) -> &[usize] {
        &self.programs.output_shape
    }

    /// The device it is evaluated on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The precision it is evaluated in.
    pub fn precision(&self) -> FloatDType {
        self.target.float
    }

    /// Gradients, products, linearisations so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// L(θ) and F(θ).
    pub fn evaluate(&self, theta: &Tensor<1>) -> Result<Evaluation<D>, LinearizeError> {
        let values = self.at(theta)?;
        let program = &self.programs.evaluate;
        let [loss, outputs] = results(run(
            &self.programs.graph,
            program,
            &self.target,
            1,
            &values,
        )?)?;
        self.counters.add(Count::Evaluation, 1);
        Ok(Evaluation {
            loss: Tensor::from_dispatch(loss),
            outputs: Tensor::from_dispatch(outputs),
        })
    }

    /// L(θ), F(θ) and ∇L(θ).
    pub fn gradient(&self, theta: &Tensor<1>) -> Result<Gradient<D>, LinearizeError> {
        let values = self.at(theta)?;
        let program = &self.programs.gradient;
        let found = run(&self.programs.graph, program, &self.target, 1, &values)?;
        let [loss, outputs, gradient] = results(found)?;
        self.counters.add(Count::Gradient, 1);
        Ok(Gradient {
            loss: Tensor::from_dispatch(loss),
            outputs: Tensor::from_dispatch(outputs),
            gradient: Tensor::from_dispatch(gradient),
        })
    }

    /// The gradient at θ and, from the same evaluation, everything products at θ need.
    pub fn linearize(&self, theta: &Tensor<1>) -> Result<Linearization<'_, D>, LinearizeError> {
        let mut values = self.at(theta)?;
        let program = &self.programs.linearize;
        let found = run(&self.programs.graph, program, &self.target, 1, &values)?;
        for (&id, value) in program.roots.iter().zip(&found).skip(3) {
            values.set(id, value.clone());
        }
        let [loss, outputs, gradient] = results(found.into_iter().take(3).collect())?;
        self.counters.add(Count::Gradient, 1);
        self.counters.add(Count::Linearization, 1);
        Ok(Linearization::new(
            self,
            values,
            Gradient {
                loss: Tensor::from_dispatch(loss),
                outputs: Tensor::from_dispatch(outputs),
                gradient: Tensor::from_dispatch(gradient),
            },
        ))
    }

    /// The fixed values and θ.
    fn at(&self, theta: &Tensor<1>) -> Result<Values, LinearizeError> {
        self.check("the parameter vector", theta, &[self.layout.len()])?;
        let mut values = self.fixed.clone();
        values.set(self.programs.theta, theta.clone().into_dispatch());
        Ok(values)
    }

    /// An argument must have this shape, and live where the data live.
    pub(crate) fn check<const R: usize>(
        &self,
        what: &'static str,
        tensor: &Tensor<R>,
        expected: &[usize],
    ) -> Result<(), LinearizeError> {
        if tensor.dims() != *expected {
            return Err(LinearizeError::Shape {
                what,
                got: tensor.dims().to_vec(),
                expected: format!("{expected:?}"),
            });
        }
        let precision = FloatDType::from(tensor.dtype());
        let device = tensor.device();
        if device != self.device || precision != self.target.float {
            return Err(LinearizeError::Placement {
                what,
                got: format!("{precision:?} on {device:?}"),
                expected: format!("{:?} on {:?}", self.target.float, self.device),
            });
        }
        Ok(())
    }
}

fn results<const N: usize>(
    values: Vec<DispatchTensor>,
) -> Result<[DispatchTensor; N], LinearizeError> {
    let count = values.len();
    values.try_into().map_err(|_| {
        LinearizeError::Internal(format!("a program gave {count} values instead of {N}"))
    })
}
