//! Forward mode: from values to their derivatives along a tangent, node by node.
//!
//! The tangents are nodes of the same graph, batched if the seed is. They are linear in the seed, and
//! they refer to primal values (a factor 1 − tanh², a layer's input) that do not depend on it:
//! evaluating those once and the batched nodes for each block is the linearisation. A tangent that is
//! zero is no node. Tangents are made of operations that have a rule, so they can be differentiated
//! again.

mod rules;

use std::collections::HashMap;

use crate::error::LinearizeError;
use crate::graph::{Graph, NodeId};

/// Derivatives of `targets` along the directions that `seeds` give to some nodes.
///
/// `None` where a target does not depend on any seed.
pub(crate) fn tangents(
    graph: &mut Graph,
    seeds: &[(NodeId, NodeId)],
    targets: &[NodeId],
) -> Result<Vec<Option<NodeId>>, LinearizeError> {
    let mut tangents: HashMap<NodeId, NodeId> = seeds.iter().copied().collect();
    for id in graph.ancestors(targets) {
        if tangents.contains_key(&id) {
            continue;
        }
        let along: Vec<Option<NodeId>> = graph
            .node(id)
            .args
            .iter()
            .map(|arg| tangents.get(arg).copied())
            .collect();
        if along.iter().all(Option::is_none) {
            continue;
        }
        if let Some(tangent) = rules::tangent(graph, id, &along)? {
            tangents.insert(id, tangent);
        }
    }
    Ok(targets
        .iter()
        .map(|target| tangents.get(target).copied())
        .collect())
}
