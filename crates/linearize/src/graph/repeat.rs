//! Which values are computed again where they are needed, because that is cheaper than to write them
//! to memory and to read them again.
//!
//! A value of a few additions and multiplications takes less time than its way through memory. What
//! is kept is a smallest set of values, by elements, from which all that is needed follows by such
//! operations: a minimum cut, as in the rematerialisation of Chen et al., *Training Deep Nets with
//! Sublinear Memory Cost* (2016), here for speed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Binary, Graph, NodeId, Op, Unary};

/// Values in memory at most that one is computed again from.
const MOST_SOURCES: usize = 3;

/// Values that are computed again by whoever needs them, among those that the `demanded` ones follow
/// from; the others stay, or are written, in memory. What is `kept` is there anyway.
pub(super) fn repeated(
    graph: &Graph,
    demanded: &[NodeId],
    kept: impl Fn(NodeId) -> bool,
) -> Vec<NodeId> {
    let mut cut = Cut::default();
    let mut stack = demanded.to_vec();
    let mut seen: BTreeMap<NodeId, bool> = BTreeMap::new();
    for &id in demanded {
        let (_, after) = cut.vertices(id);
        cut.connect(after, SINK, UNBOUNDED);
    }
    while let Some(id) = stack.pop() {
        if seen.contains_key(&id) {
            continue;
        }
        let repeats = !kept(id) && is_cheap(&graph.node(id).op);
        seen.insert(id, repeats);
        let (before, after) = cut.vertices(id);
        let cost = if kept(id) {
            0
        } else {
            graph.node(id).len() as u64
        };
        cut.connect(before, after, cost);
        if !repeats {
            cut.connect(SOURCE, before, UNBOUNDED);
            continue;
        }
        for &arg in &graph.node(id).args {
            // One number for many elements is read for nothing.
            if graph.node(arg).len() < graph.node(id).len() {
                continue;
            }
            let (_, after) = cut.vertices(arg);
            cut.connect(after, before, UNBOUNDED);
            stack.push(arg);
        }
    }
    let reached = cut.reached();
    let mut found: Vec<NodeId> = Vec::new();
    for (id, repeats) in seen {
        let (before, _) = cut.vertices(id);
        if repeats && !reached[before] {
            found.push(id);
        }
    }
    with_few_sources(graph, found)
}

/// Those of the values that follow from few values in memory: to read many of these takes longer than
/// to write the value itself and to read it again.
fn with_few_sources(graph: &Graph, mut repeated: Vec<NodeId>) -> Vec<NodeId> {
    let mut sources: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    // Arguments first: what is left out is a source of those behind it.
    repeated.retain(|&id| {
        let mut own = BTreeSet::new();
        for &arg in &graph.node(id).args {
            if graph.node(arg).len() < graph.node(id).len() {
                continue;
            }
            match sources.get(&arg) {
                Some(sources) => own.extend(sources),
                None => {
                    own.insert(arg);
                }
            }
        }
        let fits = own.len() <= MOST_SOURCES;
        if fits {
            sources.insert(id, own);
        }
        fits
    });
    repeated
}

/// Whether an operation takes less time than reading its value.
fn is_cheap(op: &Op) -> bool {
    match op {
        Op::Binary(f) => *f != Binary::Pow,
        Op::Unary(f) => matches!(
            f,
            Unary::Abs | Unary::Sign | Unary::Relu | Unary::Recip | Unary::Sqrt
        ),
        Op::Full(_) | Op::AddScalar(_) | Op::MulScalar(_) | Op::Clamp(..) => true,
        Op::Reshape | Op::StopGradient => true,
        _ => false,
    }
}

const SOURCE: usize = 0;
const SINK: usize = 1;
const UNBOUNDED: u64 = u64::MAX / 4;

/// A network of which each value is an edge between two vertices, with room for its elements.
#[derive(Default)]
struct Cut {
    places: BTreeMap<NodeId, usize>,
    /// By vertex: edges out of it, by number; edge n goes back as edge n ^ 1.
    edges: Vec<Vec<usize>>,
    ends: Vec<usize>,
    room: Vec<u64>,
}

impl Cut {
    /// A value's two vertices: where its arguments come in, and where its users take it from.
    fn vertices(&mut self, id: NodeId) -> (usize, usize) {
        let next = 2 + 2 * self.places.len();
        let before = *self.places.entry(id).or_insert(next);
        if self.edges.len() < before + 2 {
            self.edges.resize(before + 2, Vec::new());
        }
        (before, before + 1)
    }

    fn connect(&mut self, from: usize, to: usize, room: u64) {
        for (vertex, end, room) in [(from, to, room), (to, from, 0)] {
            self.edges[vertex].push(self.ends.len());
            self.ends.push(end);
            self.room.push(room);
        }
    }

    /// The vertices that the source still reaches when as much flows to the sink as can (Edmonds and
    /// Karp): the cut is behind them.
    fn reached(&mut self) -> Vec<bool> {
        self.edges.resize(self.edges.len().max(2), Vec::new());
        loop {
            let mut by: Vec<Option<usize>> = vec![None; self.edges.len()];
            let mut reached = vec![false; self.edges.len()];
            reached[SOURCE] = true;
            let mut queue = VecDeque::from([SOURCE]);
            while let Some(vertex) = queue.pop_front() {
                for &edge in &self.edges[vertex] {
                    let end = self.ends[edge];
                    if self.room[edge] > 0 && !reached[end] {
                        reached[end] = true;
                        by[end] = Some(edge);
                        queue.push_back(end);
                    }
                }
            }
            if !reached[SINK] {
                return reached;
            }
            let path = || {
                let back = |&edge: &usize| by[self.ends[edge ^ 1]];
                std::iter::successors(by[SINK], back)
            };
            let flow = path().map(|edge| self.room[edge]).min().unwrap_or(0);
            let path: Vec<usize> = path().collect();
            for edge in path {
                self.room[edge] -= flow;
                self.room[edge ^ 1] += flow;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Kind;

    #[test]
    fn one_value_is_kept_for_all_that_follows_from_it() {
        let mut graph = Graph::default();
        let x = graph.input(vec![50], Kind::Float, false);
        let exp = graph.unary(Unary::Exp, x);
        let shifted = graph.add_scalar(exp, 1.0);
        let halved = graph.mul_scalar(shifted, 0.5);
        let square = graph.mul(halved, halved);
        let again = repeated(&graph, &[shifted, halved, square], |id| id == x);
        assert_eq!(again, [shifted, halved, square]);
    }

    #[test]
    fn what_needs_more_to_be_read_than_it_is_itself_stays() {
        let mut graph = Graph::default();
        let x = graph.input(vec![50], Kind::Float, false);
        let (exp, tanh) = (graph.unary(Unary::Exp, x), graph.unary(Unary::Tanh, x));
        let product = graph.mul(exp, tanh);
        assert_eq!(repeated(&graph, &[product], |id| id == x), []);
        // Where both are in memory anyway it does not.
        let kept = |id| id == exp || id == tanh;
        assert_eq!(repeated(&graph, &[product], kept), [product]);
        // A sum of many values in memory is read faster than these.
        let mut sum = x;
        let mut sums = Vec::new();
        for _ in 0..=MOST_SOURCES {
            let more = graph.input(vec![50], Kind::Float, false);
            sum = graph.add(sum, more);
            sums.push(sum);
        }
        let inputs = |id: NodeId| !sums.contains(&id);
        let again = repeated(&graph, &[sum], inputs);
        assert_eq!(again, [&sums[..MOST_SOURCES - 1], &[sum]].concat());
        // Small factors are read for nothing.
        let factor = graph.input(vec![1], Kind::Float, false);
        let scaled = graph.mul(x, factor);
        assert_eq!(repeated(&graph, &[scaled], |id| id == x), [scaled]);
    }
}
