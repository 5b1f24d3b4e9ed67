//! Which values one pass over memory can compute together, and how they lie beside each other.
//!
//! Values of as many elements, whatever their shapes, are taken in the order of their elements. If
//! sums along the last dimensions occur among them, these elements are cut into rows, and values
//! with one number a row belong to the same pass: the mean and the variance of a normalisation, the
//! maximum and the sum of a softmax. Sums over the other dimensions, of samples, end with a pass too:
//! what they are of need not be written then.

use std::collections::{BTreeMap, HashMap};

use super::chain::is_elementwise;
use super::{Graph, Kind, NodeId, Op};

/// Elements of a row at most: the values of a row should fit a core's own cache.
const LONGEST: usize = 8192;

/// Rows at least: fewer would not keep all cores busy.
const FEWEST: usize = 64;

/// Columns that are summed in a pass at most: each task of a thread has sums of its own.
const MOST_COLUMNS: usize = 1024;

/// Elements at least whose columns are summed in a pass: less does not repay several tasks.
const LEAST_SUMMED: usize = 1 << 14;

/// Values that one pass can compute: of so many elements, of one value or of a block of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    /// Whether its values have the block's dimension.
    pub batched: bool,
    /// Elements of a value, without the block's dimension.
    pub elements: usize,
}

/// What a value has a number for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Each element.
    Element,
    /// Each row.
    Row,
    /// Each column.
    Column,
}

/// Columns of elements that are summed: that of element e is e / `inner` modulo `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Columns {
    /// How many there are.
    pub count: usize,
    /// Elements that follow each other in one.
    pub inner: usize,
}

/// The places of a program's values.
pub(super) struct Rows<'a> {
    graph: &'a Graph,
    places: Vec<Option<(Class, Level)>>,
    lengths: HashMap<Class, usize>,
}

impl<'a> Rows<'a> {
    /// Of the `computed` values (arguments first), of which those that are `by_themselves` are
    /// computed in another way.
    pub fn new(
        graph: &'a Graph,
        computed: &[NodeId],
        by_themselves: impl Fn(NodeId) -> bool,
    ) -> Self {
        let mut rows = Self {
            graph,
            places: vec![None; graph.len()],
            lengths: row_lengths(graph, computed),
        };
        for &id in computed {
            if !by_themselves(id) {
                rows.places[id.index()] = rows.find(id);
            }
        }
        rows.drop_lone_views(computed);
        rows
    }

    /// What a value is computed together with; `None` if it is by itself.
    pub fn class(&self, id: NodeId) -> Option<Class> {
        self.places[id.index()].map(|(class, _)| class)
    }

    /// Whether a value has a number for each element or for each row.
    pub fn level(&self, id: NodeId) -> Level {
        self.places[id.index()].map_or(Level::Element, |(_, level)| level)
    }

    /// Elements of a row; 1 if the class has no rows.
    pub fn row(&self, class: Class) -> usize {
        self.lengths.get(&class).copied().unwrap_or(1)
    }

    /// Whether `user` can take `arg` from the same pass.
    pub fn joins(&self, arg: NodeId, user: NodeId) -> bool {
        let (Some((class, of_arg)), Some((same, of_user))) =
            (self.places[arg.index()], self.places[user.index()])
        else {
            return false;
        };
        class == same
            && match (of_arg, of_user) {
                (Level::Element, Level::Element) | (Level::Row, Level::Row) => true,
                (Level::Element, Level::Row) => reduced(self.graph, user)
                    .is_some_and(|(of, length)| of == arg && length == self.row(class)),
                (Level::Row, Level::Element) => spreads(
                    &self.graph.node(arg).shape,
                    &self.graph.node(user).shape,
                    self.row(class),
                ),
                (Level::Element, Level::Column) => {
                    summed(self.graph, user).is_some_and(|(of, _)| of == arg)
                }
                _ => false,
            }
    }

    fn find(&self, id: NodeId) -> Option<(Class, Level)> {
        let node = self.graph.node(id);
        if node.kind != Kind::Float {
            return None;
        }
        let of = |id: NodeId| {
            let node = self.graph.node(id);
            Class {
                batched: node.batched,
                elements: node.len(),
            }
        };
        if let Some((arg, length)) = reduced(self.graph, id) {
            let class = of(arg);
            let fits = class.batched == node.batched && self.lengths.get(&class) == Some(&length);
            return fits.then_some((class, Level::Row));
        }
        if let Some((arg, _)) = summed(self.graph, id) {
            return Some((of(arg), Level::Column));
        }
        if !is_elementwise(self.graph, id) && !is_view(&node.op) {
            return None;
        }
        // A function of one number a row is one number a row.
        let by_row = reads(self.graph, id).into_iter().find_map(|arg| {
            let (class, level) = self.places[arg.index()]?;
            let fits = level == Level::Row
                && class.batched == node.batched
                && self.graph.node(arg).len() == node.len();
            fits.then_some((class, level))
        });
        by_row.or(Some((of(id), Level::Element)))
    }

    /// Another shape of a value that is in memory already, for no one in the pass, costs nothing as
    /// an operation of its own.
    fn drop_lone_views(&mut self, computed: &[NodeId]) {
        let mut joined = vec![false; self.graph.len()];
        for &id in computed {
            for arg in reads(self.graph, id) {
                if self.joins(arg, id) {
                    joined[arg.index()] = true;
                    joined[id.index()] = true;
                }
            }
        }
        for &id in computed {
            if is_view(&self.graph.node(id).op) && !joined[id.index()] {
                self.places[id.index()] = None;
            }
        }
    }
}

/// Whether an operation leaves the elements and their order as they are.
pub(super) fn is_view(op: &Op) -> bool {
    matches!(op, Op::Reshape | Op::StopGradient)
}

/// What a pass reads to compute a value: a maximum no indices, and a mask as numbers no mask.
pub(super) fn reads(graph: &Graph, id: NodeId) -> Vec<NodeId> {
    let node = graph.node(id);
    match node.op {
        Op::Gather(_) if reduced(graph, id).is_some() => vec![node.args[0]],
        Op::ToFloat if is_elementwise(graph, id) => graph.node(node.args[0]).args.clone(),
        _ => node.args.clone(),
    }
}

/// What a sum or a maximum over the last dimensions is of, and how many elements each has.
pub(super) fn reduced(graph: &Graph, id: NodeId) -> Option<(NodeId, usize)> {
    let node = graph.node(id);
    let (arg, axes) = match &node.op {
        Op::Sum(axes) => (node.args[0], axes.clone()),
        Op::Gather(dim) => {
            let place = graph.node(node.args[1]);
            let largest = place.op == Op::ArgMax(*dim) && place.args == [node.args[0]];
            if !largest {
                return None;
            }
            (node.args[0], vec![*dim])
        }
        _ => return None,
    };
    let shape = &graph.node(arg).shape;
    let first = *axes.iter().min()?;
    let whole = (first..shape.len()).all(|dim| shape[dim] == 1 || axes.contains(&dim));
    whole.then(|| (arg, shape[first..].iter().product()))
}

/// What a sum over the first dimensions, and maybe over the last ones, is of, and its columns; `None`
/// if the sum is not worth a pass.
pub(super) fn summed(graph: &Graph, id: NodeId) -> Option<(NodeId, Columns)> {
    let node = graph.node(id);
    let Op::Sum(axes) = &node.op else {
        return None;
    };
    let arg = node.args[0];
    let of = graph.node(arg);
    let kept = |dim: &usize| of.shape[*dim] > 1 && !axes.contains(dim);
    let first = (0..of.shape.len()).find(kept)?;
    let last = (0..of.shape.len()).rfind(kept)?;
    let beside = (first..last).any(|dim| of.shape[dim] > 1 && !kept(&dim));
    let columns = Columns {
        count: of.shape[first..=last].iter().product(),
        inner: of.shape[last + 1..].iter().product(),
    };
    let fits = of.kind == Kind::Float
        && of.batched == node.batched
        && of.len() >= LEAST_SUMMED
        && columns.count <= MOST_COLUMNS
        && of.len() > columns.count * columns.inner;
    (fits && !beside).then_some((arg, columns))
}

/// For every class the length of its rows: that of most sums.
fn row_lengths(graph: &Graph, computed: &[NodeId]) -> HashMap<Class, usize> {
    let mut counts: HashMap<Class, BTreeMap<usize, usize>> = HashMap::new();
    for &id in computed {
        let Some((arg, length)) = reduced(graph, id) else {
            continue;
        };
        let of = graph.node(arg);
        let rows = of.len() / length.max(1);
        if of.kind == Kind::Float && (2..=LONGEST).contains(&length) && rows >= FEWEST {
            let class = Class {
                batched: of.batched,
                elements: of.len(),
            };
            *counts.entry(class).or_default().entry(length).or_default() += 1;
        }
    }
    let most = |lengths: BTreeMap<usize, usize>| {
        let longest = lengths.into_iter().max_by_key(|&(_, count)| count);
        longest.map(|(length, _)| length)
    };
    let found = counts.into_iter();
    found
        .filter_map(|(class, lengths)| Some((class, most(lengths)?)))
        .collect()
}

/// Whether broadcasting `narrow` to `wide` repeats each of its numbers for one row of `row` elements.
pub(super) fn spreads(narrow: &[usize], wide: &[usize], row: usize) -> bool {
    let missing = wide.len() - narrow.len();
    let at = |dim: usize| dim.checked_sub(missing).map_or(1, |dim| narrow[dim]);
    let mut inner = 1;
    let mut dim = wide.len();
    while dim > 0 && inner < row {
        dim -= 1;
        inner *= wide[dim];
        if at(dim) != 1 {
            return false;
        }
    }
    inner == row && (0..dim).all(|dim| at(dim) == wide[dim])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_neighbouring_dimensions_behind_summed_ones() {
        let mut graph = Graph::default();
        let x = graph.input(vec![50, 8, 6, 10], Kind::Float, false);
        let mut of = |axes: &[usize]| {
            let sum = graph.sum(x, axes.to_vec());
            summed(&graph, sum).map(|(of, Columns { count, inner })| {
                assert_eq!(of, x);
                (count, inner)
            })
        };
        assert_eq!(of(&[0, 2, 3]), Some((8, 60)));
        assert_eq!(of(&[0]), Some((480, 1)));
        assert_eq!(of(&[0, 1]), Some((60, 1)));
        assert_eq!(of(&[0, 3]), Some((48, 10)));
        // Apart from each other, rows, and one number.
        assert_eq!(of(&[0, 2]), None);
        assert_eq!(of(&[2, 3]), None);
        assert_eq!(of(&[0, 1, 2, 3]), None);
        // More columns than are worth it, and too few numbers.
        let wide = graph.input(vec![4, 8192], Kind::Float, false);
        let short = graph.input(vec![4, 8], Kind::Float, false);
        for x in [wide, short] {
            let sum = graph.sum(x, vec![0]);
            assert_eq!(summed(&graph, sum), None);
        }
    }

    #[test]
    fn one_number_a_row_is_told_from_other_broadcasts() {
        assert!(spreads(&[6, 1], &[6, 4], 4));
        assert!(spreads(&[2, 3, 1, 1], &[2, 3, 2, 2], 4));
        assert!(spreads(&[1], &[1, 4], 4));
        assert!(!spreads(&[1, 4], &[6, 4], 4));
        assert!(!spreads(&[2, 1, 1, 1], &[2, 3, 2, 2], 4));
        assert!(!spreads(&[3, 1, 1], &[2, 3, 2, 2], 4));
        assert!(!spreads(&[6, 1], &[6, 4], 8));
    }

    #[test]
    fn a_normalisation_is_one_class_and_a_sum_over_samples_is_none() {
        let mut graph = Graph::default();
        let x = graph.input(vec![100, 8], Kind::Float, false);
        let sum = graph.sum(x, vec![1]);
        let mean = graph.mul_scalar(sum, 0.125);
        let centred = graph.sub(x, mean);
        let columns = graph.sum(centred, vec![0]);
        let narrow = graph.mul_scalar(columns, 2.0);
        let rows = Rows::new(&graph, &[sum, mean, centred, columns, narrow], |_| false);
        let class = rows.class(centred);
        assert_eq!((rows.class(sum), rows.class(mean)), (class, class));
        assert_eq!(class.map(|class| rows.row(class)), Some(8));
        assert_eq!(rows.level(mean), Level::Row);
        assert!(rows.joins(mean, centred) && rows.joins(sum, mean));
        assert_eq!(rows.class(columns), None);
        assert_ne!(rows.class(narrow), class);
    }
}
