//! Runs a program on any device that Burn dispatches to.
//!
//! Ranks are dynamic at this level. A batched value has the block's dimension in front; how an
//! operation meets it is decided here, once for each operation, so that a block of tangents becomes
//! one tall matrix product wherever it can.

#[cfg(feature = "flex")]
mod ahead;
#[cfg(feature = "flex")]
mod chain;
mod contract;
#[cfg(feature = "flex")]
mod convolution;
#[cfg(feature = "flex")]
mod copy;
mod elementwise;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;
#[cfg(feature = "flex")]
mod matrix;
#[cfg(feature = "flex")]
mod pooling;
#[cfg(feature = "flex")]
mod real;
mod structure;
mod vector;
#[cfg(feature = "flex")]
mod view;

#[cfg(feature = "flex")]
use std::collections::{BTreeMap, BTreeSet};
#[cfg(feature = "flex")]
use std::sync::Arc;

use burn::backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::backend::{Dispatch, DispatchDevice, DispatchTensor, TensorMetadata};
use burn::tensor::{BoolDType, FloatDType, IntDType, Shape, TensorData};

use crate::error::LinearizeError;
#[cfg(feature = "flex")]
use crate::graph::{Chain, Unit};
use crate::graph::{Graph, Kind, Node, NodeId, Op, Schedule, Step};
#[cfg(feature = "flex")]
pub(crate) use matrix::Staircase;
#[cfg(feature = "flex")]
use matrix::{Pending, Product};

/// Where and in which types a program runs.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub device: DispatchDevice,
    pub float: FloatDType,
    pub int: IntDType,
    pub bool: BoolDType,
    /// Whether Brink's own code is used where the device allows it.
    pub fusion: bool,
    /// Bytes that a block's values may take at a time in a product.
    pub block_bytes: usize,
}

impl Target {
    /// Whether values live in memory that the processor computes on.
    fn is_cpu(&self) -> bool {
        match self.device {
            #[cfg(feature = "flex")]
            DispatchDevice::Flex(_) => true,
            #[cfg(feature = "ndarray")]
            DispatchDevice::NdArray(_) => true,
            _ => false,
        }
    }

    /// Whether chains of elementwise operations, convolutions and poolings run in our own kernels.
    pub fn fuses(&self) -> bool {
        #[cfg(feature = "flex")]
        return self.fusion && matches!(self.device, DispatchDevice::Flex(_));
        #[cfg(not(feature = "flex"))]
        false
    }

    /// A value that is used again and again, such as the transpose of the inputs, with its last
    /// dimension innermost: the matrix products' kernels read that faster.
    pub fn laid_out(&self, value: DispatchTensor) -> DispatchTensor {
        #[cfg(feature = "flex")]
        if self.fuses() {
            return real::contiguous_float(value);
        }
        value
    }
}

/// Values by node.
#[derive(Debug, Default, Clone)]
pub(crate) struct Values {
    values: Vec<Option<DispatchTensor>>,
    /// Matrices among them whose rows end in zeros.
    #[cfg(feature = "flex")]
    staircases: Vec<(NodeId, Arc<Staircase>)>,
}

impl Values {
    pub fn new(len: usize) -> Self {
        Self {
            values: vec![None; len],
            #[cfg(feature = "flex")]
            staircases: Vec::new(),
        }
    }

    /// Keeps a value; of a graph that has grown since, too.
    pub fn set(&mut self, id: NodeId, value: DispatchTensor) {
        if id.index() >= self.values.len() {
            self.values.resize(id.index() + 1, None);
        }
        self.values[id.index()] = Some(value);
    }

    /// Notes where the rows of a matrix end.
    #[cfg(feature = "flex")]
    pub fn set_staircase(&mut self, id: NodeId, staircase: Arc<Staircase>) {
        self.staircases.push((id, staircase));
    }

    pub fn clear(&mut self, id: NodeId) {
        if let Some(value) = self.values.get_mut(id.index()) {
            *value = None;
        }
    }

    pub fn has(&self, id: NodeId) -> bool {
        self.get(id).is_some()
    }

    pub fn get(&self, id: NodeId) -> Option<&DispatchTensor> {
        self.values.get(id.index())?.as_ref()
    }
}

/// Runs `schedule` over blocks of `k`, taking its sources from `values`.
///
/// Returns the roots in the schedule's order. Values are moved into their last use, which lets the
/// backends work in place.
pub(crate) fn run(
    graph: &Graph,
    schedule: &Schedule,
    target: &Target,
    k: usize,
    values: &Values,
) -> Result<Vec<DispatchTensor>, LinearizeError> {
    let mut local = Local {
        graph,
        values: vec![None; graph.len()],
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        lifted: vec![None; graph.len()],
        #[cfg(feature = "flex")]
        staircases: &values.staircases,
        #[cfg(feature = "flex")]
        pending: BTreeMap::new(),
    };
    for &id in &schedule.sources {
        let value = values.get(id).cloned().ok_or_else(|| missing(graph, id))?;
        local.values[id.index()] = Some(value);
    }
    match target.fuses() {
        #[cfg(feature = "flex")]
        true => {
            let read = read_once(schedule);
            let waits = |unit: &Unit, step: &Step| {
                let product = matches!(unit, Unit::Products(_))
                    || matches!(graph.node(step.node).op, Op::Matmul);
                product && read.contains(&step.node)
            };
            for unit in &schedule.units {
                match unit {
                    Unit::Step(step) | Unit::Products(step) if waits(unit, step) => {
                        local.put_off(step, target, k)?;
                    }
                    Unit::Step(step) => local.step(step, target, k)?,
                    Unit::Products(step) => local.products(step, target, k)?,
                    Unit::Chain(chain) => local.chain(chain, target, k)?,
                }
            }
        }
        _ => {
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            local.lift(schedule, target);
            for step in &schedule.steps {
                #[cfg(any(feature = "wgpu", feature = "cuda"))]
                if !target.is_cpu() && local.split(step, schedule) {
                    continue;
                }
                local.step(step, target, k)?;
            }
        }
    }
    schedule
        .roots
        .iter()
        .map(|&id| local.take(id, false))
        .collect()
}

/// What one chain reads once, and nobody else.
#[cfg(feature = "flex")]
fn read_once(schedule: &Schedule) -> BTreeSet<NodeId> {
    let mut uses: BTreeMap<NodeId, (usize, bool)> = BTreeMap::new();
    for &root in &schedule.roots {
        uses.entry(root).or_default().0 += 1;
    }
    for unit in &schedule.units {
        match unit {
            Unit::Step(step) | Unit::Products(step) => {
                for (arg, _) in &step.args {
                    uses.entry(*arg).or_default().0 += 1;
                }
            }
            Unit::Chain(chain) => {
                for input in &chain.inputs {
                    let (count, by_chain) = uses.entry(input.node).or_default();
                    (*count, *by_chain) = (*count + 1, true);
                }
            }
        }
    }
    let once = uses
        .into_iter()
        .filter(|(_, (count, by_chain))| *count == 1 && *by_chain);
    once.map(|(node, _)| node).collect()
}

/// Values on the way.
struct Local<'a> {
    graph: &'a Graph,
    values: Vec<Option<DispatchTensor>>,
    /// Values that elementwise operations meet with a block, with its dimension in front.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    lifted: Vec<Option<DispatchTensor>>,
    #[cfg(feature = "flex")]
    staircases: &'a [(NodeId, Arc<Staircase>)],
    /// Products that a chain will compute itself.
    #[cfg(feature = "flex")]
    pending: BTreeMap<NodeId, Pending>,
}

impl Local<'_> {
    /// A value, which is given away at its last use.
    fn take(&mut self, id: NodeId, last: bool) -> Result<DispatchTensor, LinearizeError> {
        let slot = &mut self.values[id.index()];
        let value = if last { slot.take() } else { slot.clone() };
        value.ok_or_else(|| missing(self.graph, id))
    }

    fn step(&mut self, step: &Step, target: &Target, k: usize) -> Result<(), LinearizeError> {
        let node = self.graph.node(step.node);
        let args = self.args(step)?;
        self.values[step.node.index()] = Some(Evaluation { node, target, k }.run(args)?);
        Ok(())
    }

    #[cfg(feature = "flex")]
    fn products(&mut self, step: &Step, target: &Target, k: usize) -> Result<(), LinearizeError> {
        let node = self.graph.node(step.node);
        let args = self.args(step)?;
        let sum = Evaluation { node, target, k }.multiply_flex(args)?;
        self.values[step.node.index()] = Some(sum);
        Ok(())
    }

    /// A sum of products that one chain reads and nobody else.
    #[cfg(feature = "flex")]
    fn put_off(&mut self, step: &Step, target: &Target, k: usize) -> Result<(), LinearizeError> {
        let node = self.graph.node(step.node);
        let args = self.args(step)?;
        match (Evaluation { node, target, k }).product_later(args)? {
            Product::Pending(pending) => {
                self.pending.insert(step.node, pending);
            }
            Product::Value(value) => self.values[step.node.index()] = Some(value),
        }
        Ok(())
    }

    fn args(&mut self, step: &Step) -> Result<Vec<Arg>, LinearizeError> {
        let mut args = Vec::with_capacity(step.args.len());
        for &(id, last) in &step.args {
            let mut arg = Arg::new(self.graph.node(id), self.take(id, last)?);
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            if let Some(lifted) = self.lifted_for(step.node, id) {
                (arg.value, arg.batched) = (lifted, true);
            }
            #[cfg(feature = "flex")]
            {
                arg.staircase = self.staircase(id);
            }
            args.push(arg);
        }
        Ok(args)
    }

    /// Where the rows of a matrix end, and whether the value is its transpose.
    #[cfg(feature = "flex")]
    fn staircase(&self, id: NodeId) -> Option<(Arc<Staircase>, bool)> {
        let node = self.graph.node(id);
        let transposed = matches!(&node.op, Op::Permute(axes) if axes[..] == [1, 0]);
        let matrix = if transposed { node.args[0] } else { id };
        let mut known = self.staircases.iter();
        let (_, staircase) = known.find(|(known, _)| *known == matrix)?;
        Some((Arc::clone(staircase), transposed))
    }

    #[cfg(feature = "flex")]
    fn chain(&mut self, chain: &Chain, target: &Target, k: usize) -> Result<(), LinearizeError> {
        let mut inputs = Vec::with_capacity(chain.inputs.len());
        for input in &chain.inputs {
            inputs.push(match self.pending.remove(&input.node) {
                Some(pending) => Product::Pending(pending),
                None => Product::Value(self.take(input.node, input.last)?),
            });
        }
        let found = chain::run(chain, target, k, inputs)?;
        for (output, value) in chain.outputs.iter().zip(found) {
            self.values[output.node.index()] = Some(value);
        }
        Ok(())
    }
}

fn missing(graph: &Graph, id: NodeId) -> LinearizeError {
    LinearizeError::Internal(format!(
        "value {} ({}) was needed but not at hand",
        id.0,
        graph.node(id).op.name()
    ))
}

/// An argument's value, and whether the block's dimension is in front of it.
struct Arg {
    value: DispatchTensor,
    kind: Kind,
    batched: bool,
    /// Whether its elements are not in memory in their order, or may not be.
    permuted: bool,
    /// Where its rows end, and whether it is the transpose of the matrix with these rows.
    #[cfg(feature = "flex")]
    staircase: Option<(Arc<Staircase>, bool)>,
}

impl Arg {
    fn new(of: &Node, value: DispatchTensor) -> Self {
        Self {
            value,
            kind: of.kind,
            batched: of.batched,
            permuted: matches!(of.op, Op::Permute(_)),
            #[cfg(feature = "flex")]
            staircase: None,
        }
    }

    /// With the block's dimension in front, of length 1 if it had none.
    fn lifted(self) -> DispatchTensor {
        if self.batched {
            return self.value;
        }
        let mut shape = vec![1];
        shape.extend(self.value.shape().iter());
        let shape = shape_of(shape);
        match self.kind {
            // A view, where another shape would be a copy.
            Kind::Float if self.permuted => Dispatch::float_expand(self.value, shape),
            Kind::Float => Dispatch::float_reshape(self.value, shape),
            Kind::Int => Dispatch::int_reshape(self.value, shape),
            Kind::Bool => Dispatch::bool_reshape(self.value, shape),
        }
    }
}

/// One node being evaluated.
struct Evaluation<'a> {
    node: &'a Node,
    target: &'a Target,
    k: usize,
}

impl Evaluation<'_> {
    /// 1 when a block's dimension is in front, so that dimension d is at d + offset.
    fn offset(&self) -> usize {
        usize::from(self.node.batched)
    }

    /// The node's shape as executed.
    fn shape(&self) -> Vec<usize> {
        let block = self.node.batched.then_some(self.k);
        block
            .into_iter()
            .chain(self.node.shape.iter().copied())
            .collect()
    }

    /// Arguments as executed: lifted if the node is batched, as they are if not.
    fn aligned(&self, args: Vec<Arg>) -> Vec<DispatchTensor> {
        args.into_iter()
            .map(|arg| {
                if self.node.batched {
                    arg.lifted()
                } else {
                    arg.value
                }
            })
            .collect()
    }

    fn run(&self, args: Vec<Arg>) -> Result<DispatchTensor, LinearizeError> {
        Ok(match &self.node.op {
            Op::Input(_) | Op::Constant(_) => {
                return Err(LinearizeError::Internal(
                    "an input was scheduled for computation".into(),
                ));
            }
            op if is_elementwise(op) => self.elementwise(args)?,
            Op::Matmul
            | Op::Conv2d(_)
            | Op::Conv2dInput(_)
            | Op::Conv2dWeight(_)
            | Op::AvgPool2d(_)
            | Op::AvgPool2dInput(_)
            | Op::MaxPool2dIndices(_) => self.contract(args)?,
            _ => self.structure(args)?,
        })
    }
}

/// Whether each element of a value is made of the arguments' elements at its place.
fn is_elementwise(op: &Op) -> bool {
    matches!(
        op,
        Op::Full(_)
            | Op::Unary(_)
            | Op::Power(_)
            | Op::AddScalar(_)
            | Op::MulScalar(_)
            | Op::Clamp(..)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::CompareScalar(..)
            | Op::Logic(_)
            | Op::MaskWhere
            | Op::ToFloat
            | Op::StopGradient
    )
}

/// Burn's shape of a list of lengths.
fn shape_of(lengths: Vec<usize>) -> Shape {
    Shape::from(lengths)
}

fn reshape(value: DispatchTensor, shape: Vec<usize>) -> DispatchTensor {
    Dispatch::float_reshape(value, shape_of(shape))
}

/// A value fixed by the trace, on the target and in its precision.
pub(crate) fn constant(target: &Target, data: TensorData) -> DispatchTensor {
    let dtype = data.dtype();
    if dtype.is_float() {
        let data = data.convert_dtype(target.float.into());
        Dispatch::float_from_data(data, &target.device)
    } else if dtype.is_bool() {
        let data = data.convert_dtype(target.bool.into());
        Dispatch::bool_from_data(data, &target.device)
    } else {
        let data = data.convert_dtype(target.int.into());
        Dispatch::int_from_data(data, &target.device)
    }
}
