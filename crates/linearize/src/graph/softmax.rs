//! Derivatives of a softmax p = e/Σe, e = exp u, in p alone: neither e nor Σe is needed then.

use super::{Binary, Graph, NodeId, Op, Scalar, Unary};

impl Graph {
    /// p·(g − Σ p·g), where `x`·`y` is the gradient e·(g/Σe − Σ g·e/(Σe)²) that reverse mode makes of
    /// the operations one by one.
    pub(super) fn softmax_gradient(&mut self, x: NodeId, y: NodeId) -> Option<NodeId> {
        let (e, slope) = match (self.is_exponential(x), self.is_exponential(y)) {
            (true, false) => (x, y),
            (false, true) => (y, x),
            _ => return None,
        };
        let [first, second] = self.args_of(slope, Binary::Add)?;
        let (g, sum, rest) =
            [(first, second), (second, first)]
                .into_iter()
                .find_map(|(direct, rest)| {
                    let (g, sum) = self.divided(direct)?;
                    Some((g, sum, rest))
                })?;
        let axes = self.sum_of(sum, e)?;
        // −Σ g·e/(Σe)², with the sign anywhere.
        let (mut factor, row) = self.without_factor(rest);
        let product = match &self.node(row).op {
            Op::Sum(same) if *same == axes => self.node(row).args[0],
            _ => return None,
        };
        let mut strip = |id: NodeId| {
            let (c, id) = self.without_factor(id);
            factor *= c;
            id
        };
        let product = strip(product);
        let [first, second] = self.args_of(product, Binary::Mul)?;
        let quotient = match g {
            g if g == first => second,
            g if g == second => first,
            _ => return None,
        };
        let quotient = strip(quotient);
        let [numerator, square] = self.args_of(quotient, Binary::Div)?;
        let fits = strip(numerator) == e
            && self.args_of(square, Binary::Mul) == Some([sum, sum])
            && factor == -1.0;
        if !fits {
            return None;
        }
        let p = self.binary(Binary::Div, e, sum);
        Some(self.along_softmax(p, g, axes))
    }

    /// The tangent of p = `x`/`y`, where that is a softmax: p·(du − Σ p·du).
    pub fn softmax_tangent(
        &mut self,
        p: NodeId,
        [x, y]: [NodeId; 2],
        dx: NodeId,
        dy: NodeId,
    ) -> Option<NodeId> {
        let axes = self.sum_of(y, x).filter(|_| self.is_exponential(x))?;
        let same = self.sum_of(dy, dx)? == axes;
        let [first, second] = self.args_of(dx, Binary::Mul)?;
        let du = match x {
            x if x == first => second,
            x if x == second => first,
            _ => return None,
        };
        let whole = self.node(du).shape == self.node(x).shape;
        (same && whole).then(|| self.along_softmax(p, du, axes))
    }

    /// p·(d − Σ p·d).
    fn along_softmax(&mut self, p: NodeId, d: NodeId, axes: Vec<usize>) -> NodeId {
        let weighted = self.mul(p, d);
        let mean = self.sum(weighted, axes);
        let common = self.mul(p, mean);
        self.sub(weighted, common)
    }

    fn is_exponential(&self, id: NodeId) -> bool {
        self.node(id).op == Op::Unary(Unary::Exp)
    }

    /// Both arguments of a binary operation, if it is that.
    fn args_of(&self, id: NodeId, f: Binary) -> Option<[NodeId; 2]> {
        let node = self.node(id);
        (node.op == Op::Binary(f)).then(|| [node.args[0], node.args[1]])
    }

    /// x and y of a product x·(1/y).
    fn divided(&self, id: NodeId) -> Option<(NodeId, NodeId)> {
        let [first, second] = self.args_of(id, Binary::Mul)?;
        let divisor = |id: NodeId| {
            let node = self.node(id);
            (node.op == Op::Unary(Unary::Recip)).then(|| node.args[0])
        };
        let found = divisor(second).map(|y| (first, y));
        found.or_else(|| divisor(first).map(|y| (second, y)))
    }

    /// The axes that `sum` sums `of` over, if it does.
    fn sum_of(&self, sum: NodeId, of: NodeId) -> Option<Vec<usize>> {
        let node = self.node(sum);
        match &node.op {
            Op::Sum(axes) if node.args[0] == of => Some(axes.clone()),
            _ => None,
        }
    }

    /// c and x of c·x.
    fn without_factor(&self, id: NodeId) -> (f64, NodeId) {
        let node = self.node(id);
        match node.op {
            Op::MulScalar(Scalar(c)) => (c, node.args[0]),
            _ => (1.0, id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::tangents;
    use crate::graph::Kind;

    #[test]
    fn derivatives_of_a_softmax_take_no_exponentials() {
        let mut graph = Graph::default();
        let u = graph.input(vec![5, 7], Kind::Float, false);
        let g = graph.input(vec![5, 7], Kind::Float, false);
        let e = graph.unary(Unary::Exp, u);
        let total = graph.sum(e, vec![1]);
        let p = graph.binary(Binary::Div, e, total);
        // As reverse mode writes it.
        let inverse = graph.unary(Unary::Recip, total);
        let direct = graph.mul(g, inverse);
        let negative = graph.neg(e);
        let square = graph.mul(total, total);
        let quotient = graph.binary(Binary::Div, negative, square);
        let product = graph.mul(g, quotient);
        let rest = graph.sum(product, vec![1]);
        let slope = graph.add(direct, rest);
        let gradient = graph.mul(e, slope);
        let expected = graph.along_softmax(p, g, vec![1]);
        assert_eq!(gradient, expected);
        // The other sign is no softmax's.
        let quotient = graph.binary(Binary::Div, e, square);
        let product = graph.mul(g, quotient);
        let rest = graph.sum(product, vec![1]);
        let slope = graph.add(direct, rest);
        let other = graph.mul(e, slope);
        assert_eq!(graph.args_of(other, Binary::Mul), Some([e, slope]));

        let du = graph.input(vec![5, 7], Kind::Float, true);
        let found = tangents(&mut graph, &[(u, du)], &[p]).expect("rules for all of it");
        let expected = graph.along_softmax(p, du, vec![1]);
        assert_eq!(found, [Some(expected)]);
        // What is divided by another sum is no softmax.
        let other = graph.sum(g, vec![1]);
        let quotient = graph.binary(Binary::Div, e, other);
        let found = tangents(&mut graph, &[(u, du)], &[quotient]).expect("rules for all of it");
        let de = graph.mul(du, e);
        let inverse = graph.unary(Unary::Recip, other);
        assert_eq!(found, [Some(graph.mul(de, inverse))]);
    }
}
