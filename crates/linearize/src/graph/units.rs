//! Which values of a program are computed together, in one pass over memory.
//!
//! Elementwise operations on values of one shape that follow from each other without anything else
//! in between form a chain. Each value gets a depth, such that whatever lies between two values of
//! one shape and one depth is elementwise and of that shape too: the values of a depth can then be
//! computed at once, and depth after depth in order.

use std::collections::BTreeMap;

use super::chain::{Chain, is_elementwise};
use super::sums::Sums;
use super::{Graph, Kind, NodeId, Step};

/// What is executed at once.
#[derive(Debug, Clone)]
pub enum Unit {
    /// One operation.
    Step(Step),
    /// A sum of matrix products, a step with both arguments of each.
    Products(Step),
    /// Elementwise operations, in one pass.
    Chain(Chain),
}

/// The values in `computed` (arguments first) grouped into units; those in `roots` are wanted.
pub(super) fn units(graph: &Graph, computed: &[NodeId], roots: &[NodeId]) -> Vec<Unit> {
    let sums = Sums::new(graph, computed, roots);
    let computed: Vec<NodeId> = computed
        .iter()
        .copied()
        .filter(|&id| !sums.is_within(id))
        .collect();
    let grouping = Grouping::new(graph, sums, &computed, roots);
    let mut groups: BTreeMap<_, Vec<NodeId>> = BTreeMap::new();
    for &id in &computed {
        // Values of one class and depth are a chain; any other operation is by itself.
        let class = grouping.class(id);
        let single = class.is_none().then_some(id);
        let key = (grouping.depth[id.index()], class, single);
        groups.entry(key).or_default().push(id);
    }
    let groups: Vec<Vec<NodeId>> = groups.into_values().collect();
    with_last_uses(graph, &grouping, groups)
}

/// Depths of the computed values.
struct Grouping<'a> {
    graph: &'a Graph,
    sums: Sums<'a>,
    computed: Vec<bool>,
    wanted: Vec<bool>,
    depth: Vec<usize>,
    users: Vec<Vec<NodeId>>,
}

impl<'a> Grouping<'a> {
    fn new(graph: &'a Graph, sums: Sums<'a>, computed: &[NodeId], roots: &[NodeId]) -> Self {
        let mark = |ids: &[NodeId]| {
            let mut marks = vec![false; graph.len()];
            ids.iter().for_each(|id| marks[id.index()] = true);
            marks
        };
        let mut grouping = Self {
            graph,
            sums,
            computed: mark(computed),
            wanted: mark(roots),
            depth: vec![0; graph.len()],
            users: vec![Vec::new(); graph.len()],
        };
        for &id in computed {
            let args = grouping.sums.args(id);
            let depths = args.iter().filter(|arg| grouping.computed[arg.index()]);
            let depth = depths
                .map(|&arg| grouping.depth[arg.index()] + grouping.distance(arg, id))
                .max();
            grouping.depth[id.index()] = depth.unwrap_or(0);
            for arg in args {
                grouping.users[arg.index()].push(id);
            }
        }
        for &id in computed.iter().rev() {
            grouping.sink(id);
        }
        grouping
    }

    /// Values of one class can be computed in one pass; `None` for other operations.
    fn class(&self, id: NodeId) -> Option<(bool, &[usize])> {
        let node = self.graph.node(id);
        let fits = self.computed[id.index()]
            && node.kind == Kind::Float
            && is_elementwise(&node.op)
            && !self.sums.is_sum(id);
        fits.then_some((node.batched, node.shape.as_slice()))
    }

    fn alike(&self, a: NodeId, b: NodeId) -> bool {
        self.class(a).is_some() && self.class(a) == self.class(b)
    }

    fn distance(&self, arg: NodeId, user: NodeId) -> usize {
        usize::from(!self.alike(arg, user))
    }

    /// Computes a value as late as it can be: it then lives shorter, or is not written at all.
    fn sink(&mut self, id: NodeId) {
        let index = id.index();
        if self.wanted[index] {
            return;
        }
        let users = &self.users[index];
        let latest = users
            .iter()
            .map(|&user| self.depth[user.index()] - self.distance(id, user))
            .min();
        let Some(latest) = latest.filter(|&latest| latest > self.depth[index]) else {
            return;
        };
        if self.class(id).is_some() {
            // Later it must find its arguments in memory: at most one may be there for it alone.
            let internal = users.iter().all(|&user| self.alike(id, user));
            let mut kept: Vec<NodeId> = self.graph.node(id).args.clone();
            kept.sort_unstable();
            kept.dedup();
            kept.retain(|&arg| self.alike(arg, id) && !self.is_written(arg, id));
            if !internal || kept.len() > 1 {
                return;
            }
        }
        self.depth[index] = latest;
    }

    /// Whether `id` is in memory after its chain, whatever becomes of its user `besides`.
    fn is_written(&self, id: NodeId, besides: NodeId) -> bool {
        let outside = |&user: &NodeId| {
            user != besides
                && (!self.alike(id, user) || self.depth[user.index()] != self.depth[id.index()])
        };
        self.wanted[id.index()] || self.users[id.index()].iter().any(outside)
    }
}

/// The groups as units, each argument with whether its last use is there.
fn with_last_uses(graph: &Graph, grouping: &Grouping<'_>, groups: Vec<Vec<NodeId>>) -> Vec<Unit> {
    // Sources are never freed: they belong to others.
    let mut kept: Vec<bool> = grouping.computed.iter().map(|computed| !computed).collect();
    for (kept, wanted) in kept.iter_mut().zip(&grouping.wanted) {
        *kept |= wanted;
    }
    let mut units = Vec::with_capacity(groups.len());
    for group in groups.into_iter().rev() {
        let chained = grouping.class(group[0]).is_some();
        let mut args: Vec<(NodeId, bool)> = if chained {
            let inside = |id: &NodeId| group.binary_search(id).is_ok();
            let mut inputs: Vec<NodeId> = group
                .iter()
                .flat_map(|&id| graph.node(id).args.iter().copied())
                .filter(|id| !inside(id))
                .collect();
            inputs.sort_unstable();
            inputs.dedup();
            inputs.into_iter().map(|id| (id, false)).collect()
        } else {
            let args = grouping.sums.args(group[0]);
            args.into_iter().map(|arg| (arg, false)).collect()
        };
        // Going backwards, the first use met is the last one in time.
        for (arg, last) in args.iter_mut().rev() {
            *last = !std::mem::replace(&mut kept[arg.index()], true);
        }
        units.push(if chained {
            let outside = |&id: &NodeId| {
                let users = &grouping.users[id.index()];
                grouping.wanted[id.index()]
                    || users.iter().any(|user| group.binary_search(user).is_err())
            };
            let outputs = group.iter().copied().filter(outside).collect();
            Unit::Chain(Chain::new(graph, &group, args, outputs))
        } else {
            let node = group[0];
            let step = Step { node, args };
            if grouping.sums.is_sum(node) {
                Unit::Products(step)
            } else {
                Unit::Step(step)
            }
        });
    }
    units.reverse();
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Op, Schedule, Unary};

    /// Each unit's values: a chain's are its outputs, and how many operations it has.
    fn described(graph: &Graph, roots: &[NodeId]) -> Vec<(usize, Vec<NodeId>)> {
        let units = Schedule::new(graph, roots, |_| false).units;
        let describe = |unit: &Unit| match unit {
            Unit::Step(step) | Unit::Products(step) => (0, vec![step.node]),
            Unit::Chain(chain) => (chain.code.len(), chain.outputs.clone()),
        };
        units.iter().map(describe).collect()
    }

    #[test]
    fn what_follows_from_each_other_is_one_chain() {
        let mut graph = Graph::default();
        let x = graph.input(vec![2, 3], Kind::Float, false);
        let y = graph.unary(Unary::Tanh, x);
        let square = graph.mul(y, y);
        let scaled = graph.mul_scalar(square, 3.0);
        let sum = graph.add(scaled, x);
        assert_eq!(described(&graph, &[sum]), [(4, vec![sum])]);
    }

    #[test]
    fn a_product_in_between_parts_a_chain() {
        let mut graph = Graph::default();
        let x = graph.input(vec![3, 3], Kind::Float, false);
        let before = graph.unary(Unary::Tanh, x);
        let product = graph.matmul(before, x);
        // Needs both: computed after the product, though part of it could be before.
        let after = graph.mul(product, before);
        let expected = [(1, vec![before]), (0, vec![product]), (1, vec![after])];
        assert_eq!(described(&graph, &[after]), expected);
    }

    #[test]
    fn what_only_a_later_chain_uses_is_computed_there() {
        let mut graph = Graph::default();
        let x = graph.input(vec![3, 3], Kind::Float, false);
        let value = graph.unary(Unary::Tanh, x);
        let slope = graph.mul(value, value);
        let product = graph.matmul(value, x);
        let after = graph.mul(product, slope);
        let expected = [(1, vec![value]), (0, vec![product]), (2, vec![after])];
        assert_eq!(described(&graph, &[after]), expected);
    }

    #[test]
    fn shapes_and_blocks_do_not_mix() {
        let mut graph = Graph::default();
        let x = graph.input(vec![2, 3], Kind::Float, false);
        let tangent = graph.input(vec![2, 3], Kind::Float, true);
        let slope = graph.unary(Unary::Exp, x);
        let moved = graph.mul(tangent, slope);
        let scaled = graph.mul_scalar(moved, 2.0);
        let expected = [(1, vec![slope]), (2, vec![scaled])];
        assert_eq!(described(&graph, &[scaled]), expected);
    }

    #[test]
    fn arguments_are_given_away_at_their_last_use_and_sources_never() {
        let mut graph = Graph::default();
        let x = graph.input(vec![3, 3], Kind::Float, false);
        let before = graph.unary(Unary::Tanh, x);
        let product = graph.matmul(before, before);
        let after = graph.add(product, before);
        let units = Schedule::new(&graph, &[after], |_| false).units;
        let [Unit::Chain(first), Unit::Step(second), Unit::Chain(third)] = &units[..] else {
            panic!("{units:?}");
        };
        assert_eq!(first.inputs, [(x, false)]);
        assert_eq!(second.args, [(before, false), (before, false)]);
        assert_eq!(third.inputs, [(before, true), (product, true)]);
        assert!(matches!(graph.node(second.node).op, Op::Matmul));
    }

    #[test]
    fn two_products_for_a_sum_alone_are_one_operation() {
        let mut graph = Graph::default();
        let x = graph.input(vec![3, 3], Kind::Float, false);
        let y = graph.input(vec![3, 3], Kind::Float, false);
        let (first, second) = (graph.matmul(x, y), graph.matmul(y, x));
        let sum = graph.add(first, second);
        let after = graph.unary(Unary::Tanh, sum);
        let expected = [(0, vec![sum]), (1, vec![after])];
        assert_eq!(described(&graph, &[after]), expected);
        let units = Schedule::new(&graph, &[after], |_| false).units;
        let Unit::Products(products) = &units[0] else {
            panic!("{units:?}");
        };
        let args: Vec<NodeId> = products.args.iter().map(|(id, _)| *id).collect();
        assert_eq!(args, [x, y, y, x]);

        // One that is wanted itself stays an operation of its own.
        let units = Schedule::new(&graph, &[after, second], |_| false).units;
        assert!(matches!(
            units[..],
            [Unit::Step(_), Unit::Step(_), Unit::Chain(_)]
        ));
    }

    #[test]
    fn sums_of_sums_of_products_are_one_operation() {
        let mut graph = Graph::default();
        let x = graph.input(vec![3, 3], Kind::Float, false);
        let y = graph.input(vec![3, 3], Kind::Float, false);
        let pairs = [(x, y), (y, x), (x, x), (y, y)];
        let [a, b, c, d] = pairs.map(|(x, y)| graph.matmul(x, y));
        let (left, right) = (graph.add(a, b), graph.add(c, d));
        let sum = graph.add(left, right);
        assert_eq!(described(&graph, &[sum]), [(0, vec![sum])]);
        let units = Schedule::new(&graph, &[sum], |_| false).units;
        let Unit::Products(products) = &units[0] else {
            panic!("{units:?}");
        };
        let args: Vec<NodeId> = products.args.iter().map(|(id, _)| *id).collect();
        assert_eq!(args, pairs.map(|(x, y)| [x, y]).concat());

        // A part that is wanted itself stays an operation of its own.
        let outputs = |roots: &[NodeId]| -> Vec<Vec<NodeId>> {
            described(&graph, roots)
                .into_iter()
                .map(|(_, ids)| ids)
                .collect()
        };
        assert_eq!(outputs(&[sum, left]), [[left], [right], [sum]]);
    }

    #[test]
    fn registers_are_used_again() {
        let mut graph = Graph::default();
        let mut value = graph.input(vec![4], Kind::Float, false);
        for _ in 0..10 {
            let exp = graph.unary(Unary::Exp, value);
            value = graph.add(exp, value);
        }
        let units = Schedule::new(&graph, &[value], |_| false).units;
        let [Unit::Chain(chain)] = &units[..] else {
            panic!("{units:?}");
        };
        assert_eq!((chain.code.len(), chain.registers), (20, 3));
    }
}
