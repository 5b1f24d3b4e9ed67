//! Burn's recorded operations, translated into the graph's.
//!
//! Burn records a hundred kinds of operation; the graph has a few dozen. Composite ones (linear
//! layers, backward passes of activations) are written out here, from exact formulas: Burn's own
//! `gelu_backward`, for one, differentiates the tanh approximation of GELU with rounded constants,
//! which is off by 1e-4.

mod activation;
mod base;
mod float;
mod integers;
mod module;
mod numeric;

use std::collections::HashMap;

use burn::backend::capture::CapturedGraph;
use burn::backend::ir::{NumericOperationIr, OperationIr, TensorId, TensorIr};
use burn::tensor::DType;

use crate::error::LinearizeError;
use crate::graph::{Graph, Kind, NodeId};

/// The element kind behind a recorded data type.
fn kind(dtype: DType) -> Kind {
    if dtype.is_bool() {
        Kind::Bool
    } else if dtype.is_float() {
        Kind::Float
    } else {
        Kind::Int
    }
}

/// Translates one recorded graph; values already `bound` are taken as they are.
pub(crate) fn import(
    graph: &mut Graph,
    captured: &CapturedGraph,
    bound: HashMap<TensorId, NodeId>,
) -> Result<Imported, LinearizeError> {
    let total = captured.graph.operations.len();
    let mut importer = Importer {
        graph,
        captured,
        values: bound,
        reciprocals: reciprocals(captured),
        place: String::new(),
        name: String::new(),
    };
    for (index, operation) in captured.graph.operations.iter().enumerate() {
        let mut outputs = operation.outputs().peekable();
        if outputs.peek().is_none() || outputs.all(|out| importer.values.contains_key(&out.id)) {
            continue;
        }
        importer.place = place(operation, index, total);
        importer.name = operation_name(operation);
        importer.operation(operation)?;
    }
    Ok(Imported(importer.values))
}

/// Which node each recorded tensor became.
pub(crate) struct Imported(HashMap<TensorId, NodeId>);

impl Imported {
    /// The node of a recorded tensor.
    pub fn node(&self, id: TensorId) -> Result<NodeId, LinearizeError> {
        self.0.get(&id).copied().ok_or_else(|| {
            LinearizeError::Internal(format!("{id} was never produced by the recorded graph"))
        })
    }
}

/// Burn's name of an operation: the last variant around its payload.
fn operation_name(operation: &OperationIr) -> String {
    let debug = format!("{operation:?}");
    let head = debug.split("OpIr").next().unwrap_or(&debug);
    let variants: Vec<&str> = head.split('(').collect();
    let variant = variants
        .len()
        .checked_sub(2)
        .and_then(|i| variants.get(i))
        .unwrap_or(&head);
    variant
        .rsplit(", ")
        .next()
        .unwrap_or(variant)
        .trim()
        .to_owned()
}

fn place(operation: &OperationIr, index: usize, total: usize) -> String {
    let shapes = |tensors: Vec<&TensorIr>| {
        tensors
            .iter()
            .map(|t| format!("{:?}", t.shape.to_vec()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!(
        "operation {} of {total} in the recorded program, from {} to {}",
        index + 1,
        shapes(operation.inputs().collect()),
        shapes(operation.outputs().collect()),
    )
}

/// Reciprocals that burn-autodiff rounds to float32, by the bits they are recorded with.
///
/// It differentiates x/c as a product with 1/c in float32, whatever the precision; the exact 1/c is
/// known from the forward pass.
fn reciprocals(captured: &CapturedGraph) -> HashMap<u64, f64> {
    captured
        .graph
        .operations
        .iter()
        .filter_map(|operation| match operation {
            OperationIr::NumericFloat(_, NumericOperationIr::DivScalar(o)) => {
                let divisor: f64 = o.rhs.elem();
                let rounded = f64::from(1.0 / divisor as f32);
                Some((rounded.to_bits(), 1.0 / divisor))
            }
            _ => None,
        })
        .collect()
}

struct Importer<'a> {
    graph: &'a mut Graph,
    captured: &'a CapturedGraph,
    values: HashMap<TensorId, NodeId>,
    reciprocals: HashMap<u64, f64>,
    place: String,
    name: String,
}

type Step = Result<(), LinearizeError>;

impl Importer<'_> {
    fn operation(&mut self, operation: &OperationIr) -> Step {
        match operation {
            OperationIr::BaseFloat(op) | OperationIr::BaseInt(op) | OperationIr::BaseBool(op) => {
                self.base(op)
            }
            OperationIr::NumericFloat(_, op) => self.numeric(op),
            OperationIr::NumericInt(_, op) => self.numeric_int(op),
            OperationIr::Float(_, op) => self.float(op),
            OperationIr::Int(op) => self.int(op),
            OperationIr::Bool(op) => self.bool(op),
            OperationIr::Module(op) => self.module(op),
            OperationIr::Activation(op) => self.activation(op),
            // Their values are looked up when they are used.
            OperationIr::Init(_) | OperationIr::Drop(_) => Ok(()),
            OperationIr::Custom(_) | OperationIr::Distributed(_) => self.unsupported(),
        }
    }

    fn unsupported(&self) -> Step {
        Err(LinearizeError::UnsupportedOperation {
            operation: self.name.clone(),
            place: self.place.clone(),
        })
    }

    fn random(&self) -> Step {
        Err(LinearizeError::Random {
            place: self.place.clone(),
        })
    }

    /// The node of an argument; a constant of the trace becomes a node when it is first used.
    fn get(&mut self, tensor: &TensorIr) -> Result<NodeId, LinearizeError> {
        if let Some(&node) = self.values.get(&tensor.id) {
            return Ok(node);
        }
        let data = self.captured.values.get(&tensor.id).ok_or_else(|| {
            LinearizeError::Internal(format!("{} has no value at {}", tensor.id, self.place))
        })?;
        let node = self.graph.constant(data.clone(), kind(data.dtype()));
        self.values.insert(tensor.id, node);
        Ok(node)
    }

    /// An argument as floats.
    fn get_float(&mut self, tensor: &TensorIr) -> Result<NodeId, LinearizeError> {
        let node = self.get(tensor)?;
        Ok(self.graph.as_float(node))
    }

    fn set(&mut self, out: &TensorIr, node: NodeId) -> Step {
        let (got, expected) = (&self.graph.node(node).shape, out.shape.to_vec());
        if *got != expected {
            return Err(LinearizeError::Internal(format!(
                "{} gives {got:?} where Burn recorded {expected:?} ({})",
                self.name, self.place
            )));
        }
        self.values.insert(out.id, node);
        Ok(())
    }
}
