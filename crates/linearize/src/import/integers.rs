//! Arithmetic on integers that no parameter and no data decide, such as the positions behind a causal
//! mask: it is done while the trace is read.

use burn::backend::ir::{NumericOperationIr, TensorIr};
use burn::tensor::TensorData;

use super::{Importer, Step};
use crate::graph::{Graph, Kind, NodeId, Op, Range};

/// Known integers, row by row.
#[derive(Debug, Clone, PartialEq)]
struct Integers {
    shape: Vec<usize>,
    values: Vec<i64>,
}

impl Importer<'_> {
    /// Integer operations with known arguments, and comparisons of any.
    pub(super) fn numeric_int(&mut self, op: &NumericOperationIr) -> Step {
        use NumericOperationIr as N;
        match op {
            N::Add(o) => self.of_two(&o.lhs, &o.rhs, &o.out, i64::checked_add),
            N::Sub(o) => self.of_two(&o.lhs, &o.rhs, &o.out, i64::checked_sub),
            N::Mul(o) => self.of_two(&o.lhs, &o.rhs, &o.out, i64::checked_mul),
            N::AddScalar(o) => self.of_one(&o.lhs, &o.out, |x| x.checked_add(o.rhs.elem())),
            N::SubScalar(o) => self.of_one(&o.lhs, &o.out, |x| x.checked_sub(o.rhs.elem())),
            N::MulScalar(o) => self.of_one(&o.lhs, &o.out, |x| x.checked_mul(o.rhs.elem())),
            N::Neg(o) => self.of_one(&o.input, &o.out, i64::checked_neg),
            N::Abs(o) => self.of_one(&o.input, &o.out, i64::checked_abs),
            N::Full(o) => self.filled_integers(o.value.elem(), &o.out),
            N::Greater(_)
            | N::GreaterEqual(_)
            | N::Lower(_)
            | N::LowerEqual(_)
            | N::GreaterElem(_)
            | N::GreaterEqualElem(_)
            | N::LowerElem(_)
            | N::LowerEqualElem(_)
            | N::IntRandom(_) => self.numeric(op),
            _ => self.unsupported(),
        }
    }

    /// One integer everywhere.
    pub(super) fn filled_integers(&mut self, value: i64, out: &TensorIr) -> Step {
        let shape = out.shape.to_vec();
        let values = vec![value; shape.iter().product()];
        self.known(Integers { shape, values }, out)
    }

    fn of_one(&mut self, x: &TensorIr, out: &TensorIr, f: impl Fn(i64) -> Option<i64>) -> Step {
        let x = self.get(x)?;
        let computed = integers(self.graph, x).and_then(|x| {
            let values = x.values.into_iter().map(f).collect::<Option<_>>()?;
            Some(Integers {
                shape: x.shape,
                values,
            })
        });
        match computed {
            Some(integers) => self.known(integers, out),
            None => self.unsupported(),
        }
    }

    fn of_two(
        &mut self,
        x: &TensorIr,
        y: &TensorIr,
        out: &TensorIr,
        f: impl Fn(i64, i64) -> Option<i64>,
    ) -> Step {
        let (x, y) = (self.get(x)?, self.get(y)?);
        let shape = out.shape.to_vec();
        let spread = |id| integers(self.graph, id).and_then(|known| known.spread(&shape));
        let computed = spread(x).zip(spread(y)).and_then(|(x, y)| {
            let pairs = x.values.into_iter().zip(y.values);
            let values = pairs.map(|(x, y)| f(x, y)).collect::<Option<_>>()?;
            Some(Integers {
                shape: shape.clone(),
                values,
            })
        });
        match computed {
            Some(integers) => self.known(integers, out),
            None => self.unsupported(),
        }
    }

    fn known(&mut self, integers: Integers, out: &TensorIr) -> Step {
        let data = TensorData::new(integers.values, integers.shape);
        let node = self.graph.constant(data, Kind::Int);
        self.set(out, node)
    }
}

/// The integers of a value, if they are known.
fn integers(graph: &Graph, id: NodeId) -> Option<Integers> {
    let node = graph.node(id);
    if node.kind != Kind::Int {
        return None;
    }
    let of = |index: usize| integers(graph, node.args[index]);
    match &node.op {
        Op::Constant(number) => Some(Integers {
            shape: node.shape.clone(),
            values: graph.constants()[*number].iter::<i64>().collect(),
        }),
        Op::Reshape => Some(Integers {
            shape: node.shape.clone(),
            values: of(0)?.values,
        }),
        Op::Expand => of(0)?.spread(&node.shape),
        Op::Permute(axes) => {
            let given = of(0)?;
            let place = |at: &[usize]| {
                let mut from = vec![0; at.len()];
                axes.iter().zip(at).for_each(|(&axis, &at)| from[axis] = at);
                Some(from)
            };
            given.picked(&node.shape, place)
        }
        Op::Slice(ranges) => {
            let place = |at: &[usize]| {
                let inside = |(range, &at): (&Range, &usize)| {
                    let step = usize::try_from(range.step).ok()?;
                    Some(range.start + at * step)
                };
                ranges.iter().zip(at).map(inside).collect()
            };
            of(0)?.picked(&node.shape, place)
        }
        _ => None,
    }
}

impl Integers {
    /// Broadcast to `shape`.
    fn spread(&self, shape: &[usize]) -> Option<Self> {
        let missing = shape.len().checked_sub(self.shape.len())?;
        let place = |at: &[usize]| {
            let own = self.shape.iter().zip(&at[missing..]);
            let inside = |(&length, &at)| if length == 1 { 0 } else { at };
            Some(own.map(inside).collect())
        };
        self.picked(shape, place)
    }

    /// The integers of `shape` that lie at `place` of their own place.
    fn picked(
        &self,
        shape: &[usize],
        place: impl Fn(&[usize]) -> Option<Vec<usize>>,
    ) -> Option<Self> {
        let count = shape.iter().product();
        let mut values = Vec::with_capacity(count);
        let mut at = vec![0; shape.len()];
        for mut index in 0..count {
            for (at, &length) in at.iter_mut().zip(shape).rev() {
                *at = index % length;
                index /= length;
            }
            let from = place(&at)?;
            let dims = from.iter().zip(&self.shape);
            let linear = dims.fold(0, |linear, (&at, &length)| linear * length + at);
            values.push(*self.values.get(linear)?);
        }
        Some(Self {
            shape: shape.to_vec(),
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_known_integers_are_known() {
        let mut graph = Graph::default();
        let data = TensorData::new((0..6_i64).collect::<Vec<_>>(), [2, 3]);
        let given = graph.constant(data, Kind::Int);
        let turned = graph.permute(given, vec![1, 0]);
        let known = integers(&graph, turned).unwrap();
        assert_eq!(
            (known.shape, known.values),
            (vec![3, 2], vec![0, 3, 1, 4, 2, 5])
        );
        let range = |start, end, step| Range { start, end, step };
        let part = graph.slice(turned, vec![range(0, 3, 2), range(1, 2, 1)]);
        let known = integers(&graph, part).unwrap();
        assert_eq!((known.shape, known.values), (vec![2, 1], vec![3, 5]));
        let wide = graph.expand(part, vec![2, 2]);
        assert_eq!(integers(&graph, wide).unwrap().values, [3, 3, 5, 5]);
        let flat = graph.reshape(wide, vec![4]);
        assert_eq!(integers(&graph, flat).unwrap().values, [3, 3, 5, 5]);
        let free = graph.input(vec![2], Kind::Int, false);
        assert_eq!(integers(&graph, free), None);
    }
}
