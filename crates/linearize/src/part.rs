//! A part of the batch: traced programs with its data bound to them.

use std::sync::{Arc, OnceLock};

use burn::backend::{DispatchTensor, TensorMetadata};
use burn::tensor::Tensor;

use crate::batch::Batch;
use crate::error::LinearizeError;
#[cfg(feature = "flex")]
use crate::execute::Staircase;
use crate::execute::{Target, Values, constant, run};
use crate::graph::{NodeId, Op};
use crate::primal::Primal;
use crate::programs::Programs;
use crate::third::Third;

/// The programs of one shape of data, with their constants on the device.
#[derive(Debug)]
pub(crate) struct Traced {
    pub programs: Programs,
    constants: Values,
    third: OnceLock<Third>,
}

impl Traced {
    pub fn new(programs: Programs, target: &Target) -> Self {
        let graph = &programs.graph;
        let mut constants = Values::new(graph.len());
        for index in 0..graph.len() as u32 {
            let id = NodeId(index);
            if let Op::Constant(number) = graph.node(id).op {
                let data = graph.constants()[number].clone();
                constants.set(id, constant(target, data));
            }
        }
        Self {
            programs,
            constants,
            third: OnceLock::new(),
        }
    }

    /// The third derivative, which is built when it is first asked for.
    pub fn third(&self) -> Result<&Third, LinearizeError> {
        if let Some(third) = self.third.get() {
            return Ok(third);
        }
        let third = Third::new(&self.programs)?;
        Ok(self.third.get_or_init(|| third))
    }

    #[cfg(all(test, feature = "flex"))]
    pub fn has_third(&self) -> bool {
        self.third.get().is_some()
    }

    /// n, the length of the outputs' first dimension.
    pub fn samples(&self) -> usize {
        self.programs.output_shape.first().copied().unwrap_or(0)
    }
}

/// What a batch's hoisted values, which depend on the data alone, do between evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hoisted {
    /// They stay on the device.
    Kept,
    /// They are computed anew, so that only the data itself takes up memory.
    Recomputed,
}

/// One chunk of the batch, or all of it.
#[derive(Debug)]
pub(crate) struct Part {
    pub traced: Arc<Traced>,
    data: Vec<DispatchTensor>,
    /// Of the data, by node: where the rows of a matrix end, if in zeros.
    #[cfg(feature = "flex")]
    staircases: Vec<(NodeId, Arc<Staircase>)>,
    /// In the order of the hoisting schedule's roots, if they are kept.
    hoisted: Option<Vec<DispatchTensor>>,
}

impl Part {
    /// Binds a batch, which must have the traced shapes.
    pub fn bind(
        traced: &Arc<Traced>,
        batch: &Batch,
        target: &Target,
        hoisted: Hoisted,
    ) -> Result<Self, LinearizeError> {
        let programs = &traced.programs;
        if batch.len() != programs.data.len() {
            return Err(LinearizeError::Shape {
                what: "the batch",
                got: vec![batch.len()],
                expected: format!("{} tensors", programs.data.len()),
            });
        }
        for (&node, (kind, tensor)) in programs.data.iter().zip(batch.tensors()) {
            let (got, node) = (tensor.shape().to_vec(), programs.graph.node(node));
            if got != node.shape || *kind != node.kind {
                return Err(LinearizeError::Shape {
                    what: "a tensor of the batch",
                    got,
                    expected: format!("{:?} of kind {:?}", node.shape, node.kind),
                });
            }
        }
        let tensors = batch.tensors().iter();
        let mut part = Self {
            traced: Arc::clone(traced),
            #[cfg(feature = "flex")]
            staircases: tensors
                .clone()
                .zip(&programs.data)
                .filter_map(|((_, tensor), &id)| Some((id, Arc::new(Staircase::of(tensor)?))))
                .collect(),
            data: tensors.map(|(_, tensor)| tensor.clone()).collect(),
            hoisted: None,
        };
        if hoisted == Hoisted::Kept {
            let hoisted = part.hoist(&part.given(), target)?.into_iter();
            part.hoisted = Some(hoisted.map(|value| target.laid_out(value)).collect());
        }
        Ok(part)
    }

    pub fn samples(&self) -> usize {
        self.traced.samples()
    }

    /// Number of outputs N.
    pub fn outputs(&self) -> usize {
        self.traced.programs.output_shape.iter().product()
    }

    /// The part at θ, nothing evaluated yet.
    pub fn at<'a>(
        &'a self,
        theta: &Tensor<1>,
        target: &'a Target,
    ) -> Result<Primal<'a>, LinearizeError> {
        let programs = &self.traced.programs;
        let mut values = self.given();
        let hoisted = match &self.hoisted {
            Some(kept) => kept.clone(),
            None => self.hoist(&values, target)?,
        };
        for (&id, value) in programs.hoisted.roots.iter().zip(hoisted) {
            values.set(id, value);
        }
        values.set(programs.theta, theta.clone().into_dispatch());
        Ok(Primal::new(&self.traced, target, values))
    }

    /// Constants and data.
    fn given(&self) -> Values {
        let mut values = self.traced.constants.clone();
        for (&id, tensor) in self.traced.programs.data.iter().zip(&self.data) {
            values.set(id, tensor.clone());
        }
        #[cfg(feature = "flex")]
        for (id, staircase) in &self.staircases {
            values.set_staircase(*id, Arc::clone(staircase));
        }
        values
    }

    fn hoist(
        &self,
        given: &Values,
        target: &Target,
    ) -> Result<Vec<DispatchTensor>, LinearizeError> {
        let programs = &self.traced.programs;
        run(&programs.graph, &programs.hoisted, target, 1, given)
    }
}
