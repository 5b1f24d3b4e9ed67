//! How much arithmetic a program takes.

use super::{Graph, Node, Op, Schedule};

/// Multiplications and additions for one vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    /// Of matrix products.
    pub matrix: u64,
    /// Of all else, such as convolutions.
    pub other: u64,
}

impl Operations {
    /// All of them.
    pub fn total(self) -> u64 {
        self.matrix + self.other
    }
}

impl Schedule {
    /// Those of the whole program: two for each term of a product, one for each element of anything
    /// else but a view.
    pub fn operations(&self, graph: &Graph) -> Operations {
        let of = |node: &Node| {
            let shape = |arg: usize| graph.node(node.args[arg]).shape.as_slice();
            let len = |arg: usize| graph.node(node.args[arg]).len();
            // Terms behind each output pixel of a convolution: `[o, i, height, width]` without o.
            let window = |weight: &[usize]| weight[1..].iter().product::<usize>();
            match &node.op {
                Op::Matmul => 2 * node.len() * shape(0).last().copied().unwrap_or(0),
                Op::Conv2d(_) => 2 * node.len() * window(shape(1)),
                Op::Conv2dInput(_) => 2 * len(1) * window(shape(0)),
                Op::Conv2dWeight(_) => 2 * len(1) * window(&node.shape),
                Op::Reshape | Op::Permute(_) | Op::Expand | Op::Slice(_) => 0,
                _ => node.len(),
            }
        };
        let mut sum = Operations::default();
        for step in &self.steps {
            let node = graph.node(step.node);
            match node.op {
                Op::Matmul => sum.matrix += of(node) as u64,
                _ => sum.other += of(node) as u64,
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, Kind, Op, Schedule, Unary};

    #[test]
    fn products_count_two_a_term_and_the_rest_one_an_element() {
        let mut graph = Graph::default();
        let x = graph.input(vec![10, 4], Kind::Float, false);
        let weight = graph.input(vec![4, 3], Kind::Float, true);
        let product = graph.apply(Op::Matmul, vec![x, weight], vec![10, 3], Kind::Float);
        let tanh = Op::Unary(Unary::Tanh);
        let root = graph.apply(tanh, vec![product], vec![10, 3], Kind::Float);
        let schedule = Schedule::new(&graph, &[root], |_| false);
        let operations = schedule.operations(&graph);
        assert_eq!(
            (operations.matrix, operations.other),
            (2 * 10 * 3 * 4, 10 * 3)
        );
    }

    #[test]
    fn the_three_products_of_a_convolution_count_the_same() {
        let mut graph = Graph::default();
        let plain = || crate::graph::Convolution {
            stride: [1, 1],
            padding: [(0, 0), (0, 0)],
            dilation: [1, 1],
            groups: 1,
        };
        let (x, w, y) = (vec![5, 2, 8, 8], vec![3, 2, 3, 3], vec![5, 3, 6, 6]);
        let input = graph.input(x.clone(), Kind::Float, true);
        let weight = graph.input(w.clone(), Kind::Float, false);
        let output = graph.input(y.clone(), Kind::Float, true);
        let roots = [
            (Op::Conv2d(plain()), [input, weight], y),
            (Op::Conv2dInput(plain()), [weight, output], x),
            (Op::Conv2dWeight(plain()), [input, output], w),
        ];
        for (op, args, shape) in roots {
            let root = graph.apply(op, args.to_vec(), shape, Kind::Float);
            let schedule = Schedule::new(&graph, &[root], |_| false);
            assert_eq!(
                schedule.operations(&graph).other,
                2 * 5 * 3 * 6 * 6 * (2 * 3 * 3)
            );
        }
    }
}
