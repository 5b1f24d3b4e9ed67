//! Which values of a program are computed together, in one pass over memory.
//!
//! Operations of one class ([`Rows`]) that follow from each other without anything else in between
//! form a chain. Each value gets a depth, such that whatever lies between two values of one class
//! and one depth is of that class too: the values of a depth can then be computed at once, and depth
//! after depth in order.

use std::collections::BTreeMap;

use super::chain::{Chain, Parts};
use super::repeat::repeated;
use super::rows::{Class, Level, Rows, is_view, reads};
use super::sums::Sums;
use super::{Graph, NodeId, Step};

/// What is executed at once.
#[derive(Debug, Clone)]
pub enum Unit {
    /// One operation.
    Step(Step),
    /// A sum of matrix products, a step with both arguments of each.
    Products(Step),
    /// Operations of one class, in one pass.
    Chain(Chain),
}

/// Units, and an order of the single operations in which those of a unit follow each other.
pub(super) struct Grouped {
    pub units: Vec<Unit>,
    pub order: Vec<NodeId>,
}

/// The values in `computed` (arguments first) grouped into units; those in `roots` are wanted.
///
/// Those that are `repeated` are computed in every chain that needs them.
pub(super) fn units(
    graph: &Graph,
    computed: &[NodeId],
    roots: &[NodeId],
    repeated: &[NodeId],
) -> Grouped {
    let sums = Sums::new(graph, computed, roots);
    let mut needed: Vec<NodeId> = computed.to_vec();
    needed.retain(|&id| !sums.is_within(id) && repeated.binary_search(&id).is_err());
    let rows = Rows::new(graph, &needed, |id| sums.is_sum(id));
    let mut grouping = Grouping::new(graph, sums, rows, &needed, roots);
    grouping.repeat(&needed);
    for &id in repeated {
        grouping.repeated[id.index()] = true;
    }
    let mut groups: BTreeMap<_, Vec<NodeId>> = BTreeMap::new();
    for &id in &needed {
        // Values of one class and depth are a chain; any other operation is by itself.
        let class = grouping.rows.class(id);
        let single = class.is_none().then_some(id);
        let key = (grouping.depth[id.index()], class, single);
        groups.entry(key).or_default().push(id);
    }
    let groups: Vec<Vec<NodeId>> = groups
        .into_values()
        .flat_map(|group| views_apart(graph, &grouping, group))
        .collect();
    Grouped {
        order: in_order(graph, computed, &groups),
        units: with_last_uses(&grouping, groups),
    }
}

/// All computed values, arguments first, those of a group one after the other: what takes operations
/// together as they come finds the groups again.
fn in_order(graph: &Graph, computed: &[NodeId], groups: &[Vec<NodeId>]) -> Vec<NodeId> {
    let mut missing = vec![false; graph.len()];
    computed.iter().for_each(|id| missing[id.index()] = true);
    let mut order = Vec::with_capacity(computed.len());
    let mut add = |id: NodeId, missing: &mut Vec<bool>| {
        // What a group lacks is computed just before it: parts of a sum of products, say.
        let mut stack = vec![(id, false)];
        while let Some((id, ready)) = stack.pop() {
            if !missing[id.index()] {
                continue;
            }
            if ready {
                missing[id.index()] = false;
                order.push(id);
                continue;
            }
            stack.push((id, true));
            let args = graph.node(id).args.iter().rev();
            stack.extend(args.map(|&arg| (arg, false)));
        }
    };
    for group in groups {
        let inside = |id: &NodeId| group.binary_search(id).is_ok();
        for &id in group {
            let others = graph.node(id).args.iter().filter(|arg| !inside(arg));
            others.for_each(|&arg| add(arg, &mut missing));
        }
        group.iter().for_each(|&id| add(id, &mut missing));
    }
    computed.iter().for_each(|&id| add(id, &mut missing));
    order
}

/// A group of views of values in memory is no pass.
fn views_apart(graph: &Graph, grouping: &Grouping<'_>, group: Vec<NodeId>) -> Vec<Vec<NodeId>> {
    let views = group.iter().all(|&id| is_view(&graph.node(id).op));
    let follow = group
        .iter()
        .any(|&id| reads(graph, id).iter().any(|arg| group.contains(arg)));
    if views && !follow && grouping.rows.class(group[0]).is_some() {
        return group.into_iter().map(|id| vec![id]).collect();
    }
    vec![group]
}

/// Depths of the computed values.
struct Grouping<'a> {
    graph: &'a Graph,
    sums: Sums<'a>,
    rows: Rows<'a>,
    computed: Vec<bool>,
    wanted: Vec<bool>,
    /// Values that every chain computes which needs them.
    repeated: Vec<bool>,
    depth: Vec<usize>,
    users: Vec<Vec<NodeId>>,
}

impl<'a> Grouping<'a> {
    fn new(
        graph: &'a Graph,
        sums: Sums<'a>,
        rows: Rows<'a>,
        computed: &[NodeId],
        roots: &[NodeId],
    ) -> Self {
        let mark = |ids: &[NodeId]| {
            let mut marks = vec![false; graph.len()];
            ids.iter().for_each(|id| marks[id.index()] = true);
            marks
        };
        let mut grouping = Self {
            graph,
            sums,
            rows,
            computed: mark(computed),
            wanted: mark(roots),
            repeated: vec![false; graph.len()],
            depth: vec![0; graph.len()],
            users: vec![Vec::new(); graph.len()],
        };
        for &id in computed {
            let args = grouping.args(id);
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

    /// What is read to compute a value.
    fn args(&self, id: NodeId) -> Vec<NodeId> {
        match self.rows.class(id) {
            Some(_) => reads(self.graph, id),
            None => self.sums.args(id),
        }
    }

    fn distance(&self, arg: NodeId, user: NodeId) -> usize {
        usize::from(!self.rows.joins(arg, user))
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
        if self.rows.class(id).is_some() {
            // Later it must find its arguments in memory: at most one may be there for it alone.
            let internal = users.iter().all(|&user| self.rows.joins(id, user));
            let mut kept: Vec<NodeId> = self.args(id);
            kept.sort_unstable();
            kept.dedup();
            kept.retain(|&arg| self.rows.joins(arg, id) && !self.is_written(arg, id));
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
                && (!self.rows.joins(id, user)
                    || self.depth[user.index()] != self.depth[id.index()])
        };
        self.wanted[id.index()] || self.users[id.index()].iter().any(outside)
    }

    /// Chooses what is computed again by chains after the first, instead of being written there and
    /// read again.
    fn repeat(&mut self, computed: &[NodeId]) {
        let at_elements = |id: NodeId| {
            let fits = self.computed[id.index()] && self.rows.level(id) == Level::Element;
            self.rows.class(id).filter(|_| fits)
        };
        let crosses = |id: NodeId, user: NodeId| self.depth[user.index()] != self.depth[id.index()];
        // Whatever anyone but a chain over the same elements reads is in memory.
        let written = |id: NodeId| {
            let class = at_elements(id);
            let mut users = self.users[id.index()].iter();
            class.is_none()
                || self.wanted[id.index()]
                || users.any(|&user| crosses(id, user) && at_elements(user) != class)
        };
        let demanded: Vec<NodeId> = computed
            .iter()
            .copied()
            .filter(|&id| {
                let mut users = self.users[id.index()].iter();
                !written(id) && users.any(|&user| crosses(id, user))
            })
            .collect();
        for id in repeated(self.graph, &demanded, written) {
            self.repeated[id.index()] = true;
        }
    }

    /// The `wanted` values of a group as one unit, its arguments not yet given away; `None` if there
    /// are none.
    fn unit(&self, group: &[NodeId], wanted: impl Fn(NodeId) -> bool) -> Option<Unit> {
        if !group.iter().any(|&id| wanted(id)) {
            return None;
        }
        let node = group[0];
        let lone_view = group.len() == 1 && is_view(&self.graph.node(node).op);
        if let Some(class) = self.rows.class(node).filter(|_| !lone_view) {
            return Some(Unit::Chain(self.chain(class, group, wanted)));
        }
        let args = self.sums.args(node);
        let step = Step {
            node,
            args: args.into_iter().map(|arg| (arg, false)).collect(),
        };
        Some(match self.sums.is_sum(node) {
            true => Unit::Products(step),
            false => Unit::Step(step),
        })
    }

    fn chain(&self, class: Class, nodes: &[NodeId], wanted: impl Fn(NodeId) -> bool) -> Chain {
        let parts = Parts {
            graph: self.graph,
            rows: &self.rows,
            class,
            nodes,
            repeated: &self.repeated,
        };
        Chain::new(&parts, wanted)
    }
}

/// The groups as units, each argument with whether its last use is there.
fn with_last_uses(grouping: &Grouping<'_>, groups: Vec<Vec<NodeId>>) -> Vec<Unit> {
    // Sources are never freed: they belong to others.
    let mut kept: Vec<bool> = grouping.computed.iter().map(|computed| !computed).collect();
    for (kept, wanted) in kept.iter_mut().zip(&grouping.wanted) {
        *kept |= wanted;
    }
    let mut units = Vec::with_capacity(groups.len());
    for group in groups.into_iter().rev() {
        // Going backwards, a value is wanted if it is a root or a later unit reads it.
        let Some(mut unit) = grouping.unit(&group, |id| kept[id.index()]) else {
            continue;
        };
        // The first use met is the last one in time.
        let mut give = |arg: NodeId| !std::mem::replace(&mut kept[arg.index()], true);
        match &mut unit {
            Unit::Step(step) | Unit::Products(step) => {
                for (arg, last) in step.args.iter_mut().rev() {
                    *last = give(*arg);
                }
            }
            Unit::Chain(chain) => {
                for input in chain.inputs.iter_mut().rev() {
                    input.last = give(input.node);
                }
            }
        }
        units.push(unit);
    }
    units.reverse();
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::chain::Source;
    use crate::graph::{Binary, Comparison, Kind, Op, Schedule, Unary};

    /// Each unit's values: a chain's are its outputs, and how many operations it has.
    fn described(graph: &Graph, roots: &[NodeId]) -> Vec<(usize, Vec<NodeId>)> {
        let units = Schedule::new(graph, roots, |_| false).units;
        let describe = |unit: &Unit| match unit {
            Unit::Step(step) | Unit::Products(step) => (0, vec![step.node]),
            Unit::Chain(chain) => {
                let outputs = chain.outputs.iter().map(|output| output.node);
                (operations(chain), outputs.collect())
            }
        };
        units.iter().map(describe).collect()
    }

    fn operations(chain: &Chain) -> usize {
        let phases = chain.phases.iter();
        phases
            .map(|phase| phase.rows.len() + phase.elements.len())
            .sum()
    }

    #[test]
    fn what_follows_from_each_other_is_one_chain() {
        let mut graph = Graph::default();
        let x = graph.input(vec![2, 3], Kind::Float, false);
        let y = graph.unary(Unary::Tanh, x);
        let square = graph.mul(y, y);
        let scaled = graph.mul_scalar(square, 3.0);
        let sum = graph.add(scaled, x);
        // The factor is part of the sum.
        assert_eq!(described(&graph, &[sum]), [(3, vec![sum])]);
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
    fn blocks_and_single_values_do_not_mix() {
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
        let inputs = |chain: &Chain| -> Vec<(NodeId, bool)> {
            let given = chain.inputs.iter();
            given.map(|input| (input.node, input.last)).collect()
        };
        assert_eq!(inputs(first), [(x, false)]);
        assert_eq!(second.args, [(before, false), (before, false)]);
        assert_eq!(inputs(third), [(before, true), (product, true)]);
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
    fn a_softmax_and_its_scores_in_another_shape_are_one_chain() {
        let mut graph = Graph::default();
        let scores = graph.input(vec![50, 4, 6], Kind::Float, false);
        let place = graph.apply(Op::ArgMax(2), vec![scores], vec![50, 4, 1], Kind::Int);
        let max = graph.gather(scores, 2, place);
        let held = graph.apply(Op::StopGradient, vec![max], vec![50, 4, 1], Kind::Float);
        let shifted = graph.sub(scores, held);
        let exp = graph.unary(Unary::Exp, shifted);
        let sum = graph.sum(exp, vec![2]);
        let shares = graph.binary(Binary::Div, exp, sum);
        let flat = graph.reshape(shares, vec![200, 6]);
        let doubled = graph.mul_scalar(flat, 2.0);
        // Max, less, exp, sum, divided, doubled; no index is computed.
        assert_eq!(described(&graph, &[doubled]), [(6, vec![doubled])]);
        // The same memory in two shapes.
        let units = Schedule::new(&graph, &[shares, flat], |_| false).units;
        let [Unit::Chain(chain)] = &units[..] else {
            panic!("{units:?}");
        };
        let sources: Vec<Source> = chain.outputs.iter().map(|output| output.source).collect();
        let written = Source::Written(Level::Element);
        assert_eq!((chain.row, sources), (6, vec![written, Source::Output(0)]));
    }

    #[test]
    fn a_slope_of_relu_needs_no_mask() {
        let mut graph = Graph::default();
        let x = graph.input(vec![3, 3], Kind::Float, false);
        let mask = graph.compare_scalar(Comparison::Greater, x, 0.0);
        let slope = graph.as_float(mask);
        let after = graph.mul(slope, x);
        assert_eq!(described(&graph, &[after]), [(2, vec![after])]);
        // Where the mask is wanted itself it is computed.
        let units = Schedule::new(&graph, &[after, mask], |_| false).units;
        assert_eq!(units.len(), 2);
    }

    #[test]
    fn a_sum_over_samples_ends_a_chain() {
        let mut graph = Graph::default();
        let x = graph.input(vec![2048, 8], Kind::Float, false);
        let square = graph.mul(x, x);
        let sum = graph.sum(square, vec![0]);
        let halved = graph.mul_scalar(sum, 0.5);
        // The squares are not written.
        assert_eq!(
            described(&graph, &[halved]),
            [(2, vec![sum]), (1, vec![halved])]
        );
        let units = Schedule::new(&graph, &[sum, square], |_| false).units;
        let [Unit::Chain(chain)] = &units[..] else {
            panic!("{units:?}");
        };
        let sources: Vec<Source> = chain.outputs.iter().map(|output| output.source).collect();
        let [elements, columns] = [Level::Element, Level::Column].map(Source::Written);
        assert_eq!(sources, [elements, columns]);
        // A few numbers are left to the backend.
        let few = graph.input(vec![8, 8], Kind::Float, false);
        let sum = graph.sum(few, vec![0]);
        let units = Schedule::new(&graph, &[sum], |_| false).units;
        assert!(matches!(units[..], [Unit::Step(_)]));
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
        assert_eq!((operations(chain), chain.registers.elements), (20, 3));
    }
}
