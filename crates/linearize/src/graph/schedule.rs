//! In which order a program's values are computed, and when each may be freed.

#[cfg(feature = "flex")]
use super::chain::is_elementwise;
#[cfg(feature = "flex")]
use super::repeat::repeated;
#[cfg(feature = "flex")]
use super::rows::is_view;
#[cfg(feature = "flex")]
use super::units::{Unit, units};
use super::{Graph, NodeId, Op};

/// One value to compute.
#[derive(Debug, Clone)]
pub struct Step {
    /// The value.
    pub node: NodeId,
    /// Its arguments, each with whether this is its last use.
    pub args: Vec<(NodeId, bool)>,
}

/// A program: the values between some that are given and some that are wanted.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// What to compute, in order, one operation at a time; operations that could be taken together
    /// follow each other.
    pub steps: Vec<Step>,
    /// The same with elementwise operations taken together, in an order of its own.
    #[cfg(feature = "flex")]
    pub units: Vec<Unit>,
    /// Values taken from outside: inputs, constants and those that `given` held.
    pub sources: Vec<NodeId>,
    /// What is wanted, in the order asked for.
    pub roots: Vec<NodeId>,
}

impl Schedule {
    /// The program that computes `roots` from inputs, constants and every node for which `given`.
    ///
    /// Values that are given are never freed; the others are, at their last use.
    pub fn new(graph: &Graph, roots: &[NodeId], given: impl Fn(NodeId) -> bool) -> Self {
        Self::repeating(graph, roots, given, &[])
    }

    /// The program from a block and from primal values to `root`, with some of these computed in it
    /// again: as few elements as can be are then given and read.
    #[cfg(feature = "flex")]
    pub fn of_block(graph: &Graph, root: NodeId) -> Self {
        let plain = Self::new(graph, &[root], |id| !graph.node(id).batched);
        // What anyone but a pass over as many elements takes is in memory.
        let mut kept = vec![false; graph.len()];
        let mut readers: Vec<NodeId> = plain.steps.iter().map(|step| step.node).collect();
        let again = loop {
            let mut more = false;
            for &reader in &readers {
                let elementwise = is_elementwise(graph, reader) || is_view(&graph.node(reader).op);
                for &arg in &graph.node(reader).args {
                    let alike = graph.node(arg).len() == graph.node(reader).len();
                    if !(kept[arg.index()] || elementwise && alike) {
                        kept[arg.index()] = true;
                        more = true;
                    }
                }
            }
            let primal = plain.sources.iter().copied();
            let demanded: Vec<NodeId> = primal
                .filter(|&id| !graph.node(id).batched && !kept[id.index()])
                .collect();
            let again = repeated(graph, &demanded, |id| {
                kept[id.index()] || matches!(graph.node(id).op, Op::Input(_) | Op::Constant(_))
            });
            // What is computed again reads values, too.
            readers.clone_from(&again);
            if !more {
                break again;
            }
        };
        let given = |id: NodeId| !graph.node(id).batched && again.binary_search(&id).is_err();
        Self::repeating(graph, &[root], given, &again)
    }

    /// As [`new`](Self::new), with values that every pass computes which needs them.
    fn repeating(
        graph: &Graph,
        roots: &[NodeId],
        given: impl Fn(NodeId) -> bool,
        again: &[NodeId],
    ) -> Self {
        #[cfg(not(feature = "flex"))]
        let _ = again;
        let is_source =
            |id: NodeId| given(id) || matches!(graph.node(id).op, Op::Input(_) | Op::Constant(_));
        let mut state = vec![false; graph.len()];
        let mut stack = roots.to_vec();
        let mut needed = Vec::new();
        while let Some(id) = stack.pop() {
            if std::mem::replace(&mut state[id.index()], true) {
                continue;
            }
            needed.push(id);
            if !is_source(id) {
                stack.extend(graph.node(id).args.iter().copied());
            }
        }
        // Arguments are always created before the nodes that use them.
        needed.sort_unstable();
        let (sources, computed): (Vec<_>, Vec<_>) =
            needed.into_iter().partition(|&id| is_source(id));

        #[cfg(feature = "flex")]
        let (units, computed) = {
            let grouped = units(graph, &computed, roots, again);
            (grouped.units, grouped.order)
        };
        let mut kept = vec![false; graph.len()];
        for &id in roots.iter().chain(&sources) {
            kept[id.index()] = true;
        }
        let computed = rearrangements_first(graph, computed, &sources);
        let mut steps: Vec<Step> = Vec::with_capacity(computed.len());
        for &node in computed.iter().rev() {
            // Going backwards, the first use met is the last one in time.
            let mut args: Vec<(NodeId, bool)> = graph
                .node(node)
                .args
                .iter()
                .map(|&arg| (arg, false))
                .collect();
            for (arg, last) in args.iter_mut().rev() {
                *last = !std::mem::replace(&mut kept[arg.index()], true);
            }
            steps.push(Step { node, args });
        }
        steps.reverse();
        Self {
            #[cfg(feature = "flex")]
            units,
            steps,
            sources,
            roots: roots.to_vec(),
        }
    }
}

/// The same order, but with slices and other shapes of what is given in front: between operations of
/// numbers they would keep a GPU from taking these together.
fn rearrangements_first(graph: &Graph, order: Vec<NodeId>, sources: &[NodeId]) -> Vec<NodeId> {
    let mut given = vec![false; graph.len()];
    for source in sources {
        given[source.index()] = true;
    }
    let (mut first, rest): (Vec<_>, Vec<_>) = order.into_iter().partition(|&id| {
        let node = graph.node(id);
        let early = is_rearrangement(&node.op) && node.args.iter().all(|arg| given[arg.index()]);
        given[id.index()] |= early;
        early
    });
    first.extend(rest);
    first
}

fn is_rearrangement(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape | Op::Permute(_) | Op::Expand | Op::Slice(_) | Op::StopGradient
    )
}
