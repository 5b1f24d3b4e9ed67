//! Programs as one directed acyclic graph of values, built once and shared by all of them.
//!
//! Equal nodes are the same node (hash-consing), so a forward pass that several programs need is
//! evaluated once, and what burn-autodiff computes again on the way back (tanh, for one) is not.

#[cfg(feature = "flex")]
mod allocate;
mod build;
#[cfg(feature = "flex")]
mod chain;
mod op;
mod operations;
#[cfg(feature = "flex")]
mod passes;
#[cfg(feature = "flex")]
mod repeat;
mod room;
#[cfg(feature = "flex")]
mod rows;
mod schedule;
#[cfg(feature = "flex")]
mod simplify;
mod softmax;
#[cfg(feature = "flex")]
mod sums;
#[cfg(feature = "flex")]
mod units;

use std::collections::HashMap;

use burn::tensor::TensorData;

#[cfg(feature = "flex")]
pub use chain::{Chain, Function, Instruction, Joined, Operand, Output, Source};
pub use op::{Binary, Comparison, Convolution, Kind, Logic, Op, Pooling, Range, Scalar, Unary};
pub use operations::Operations;
#[cfg(feature = "flex")]
pub use passes::Passes;
#[cfg(feature = "flex")]
pub use rows::{Columns, Level};
pub use schedule::{Schedule, Step};
#[cfg(feature = "flex")]
pub use units::Unit;

/// A value of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a value comes about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// Its arguments, all created before it.
    pub args: Vec<NodeId>,
    /// Shape of one value, without the block's dimension.
    pub shape: Vec<usize>,
    /// Element kind.
    pub kind: Kind,
    /// Whether there is one value for each vector of a block: shape `[k, ..shape]` when executed.
    pub batched: bool,
}

impl Node {
    /// Number of elements of one value.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// All programs of one objective.
#[derive(Debug, Default, Clone)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<Node, NodeId>,
    constants: Vec<TensorData>,
    inputs: usize,
    joins_products: bool,
}

impl Graph {
    /// A graph where sums over a batch of products are one long product if `joins_products`: that is
    /// faster where long products are computed in parts.
    pub fn new(joins_products: bool) -> Self {
        Self {
            joins_products,
            ..Self::default()
        }
    }

    /// The node behind an identifier.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Values fixed by the trace, in the order of [`Op::Constant`].
    pub fn constants(&self) -> &[TensorData] {
        &self.constants
    }

    /// A new input: unbatched, or one value a vector of the block.
    pub fn input(&mut self, shape: Vec<usize>, kind: Kind, batched: bool) -> NodeId {
        let op = Op::Input(self.inputs);
        self.inputs += 1;
        self.insert(Node {
            op,
            args: Vec::new(),
            shape,
            kind,
            batched,
        })
    }

    /// A value fixed by the trace.
    pub fn constant(&mut self, data: TensorData, kind: Kind) -> NodeId {
        let shape: Vec<usize> = data.shape().to_vec();
        let number = match self.constants.iter().position(|known| *known == data) {
            Some(number) => number,
            None => {
                self.constants.push(data);
                self.constants.len() - 1
            }
        };
        self.insert(Node {
            op: Op::Constant(number),
            args: Vec::new(),
            shape,
            kind,
            batched: false,
        })
    }

    /// The node, which is a known one if an equal one exists.
    fn insert(&mut self, node: Node) -> NodeId {
        if let Some(&id) = self.known.get(&node) {
            return id;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(node.clone());
        self.known.insert(node, id);
        id
    }

    /// A node of `op` over `args`; it is batched when one of them is.
    pub(crate) fn apply(
        &mut self,
        op: Op,
        args: Vec<NodeId>,
        shape: Vec<usize>,
        kind: Kind,
    ) -> NodeId {
        let batched = args.iter().any(|&arg| self.node(arg).batched);
        self.insert(Node {
            op,
            args,
            shape,
            kind,
            batched,
        })
    }

    /// Every node that the roots need, in an order in which arguments come first.
    pub fn ancestors(&self, roots: &[NodeId]) -> Vec<NodeId> {
        let mut needed = vec![false; self.nodes.len()];
        let mut stack = roots.to_vec();
        while let Some(id) = stack.pop() {
            if std::mem::replace(&mut needed[id.index()], true) {
                continue;
            }
            stack.extend(self.node(id).args.iter().copied());
        }
        (0..self.nodes.len() as u32)
            .map(NodeId)
            .filter(|id| needed[id.index()])
            .collect()
    }
}
