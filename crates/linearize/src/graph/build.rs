//! Constructors that simplify as they go: constants fold, identities vanish, views compose.

use super::{Binary, Comparison, Graph, Kind, Logic, Node, NodeId, Op, Range, Scalar, Unary};

/// The shape two shapes broadcast to, aligned at their last dimension.
fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], i: usize| {
        let missing = rank - shape.len();
        if i < missing { 1 } else { shape[i - missing] }
    };
    (0..rank).map(|i| at(a, i).max(at(b, i))).collect()
}

impl Graph {
    fn shape(&self, id: NodeId) -> Vec<usize> {
        self.node(id).shape.clone()
    }

    fn float(&mut self, op: Op, args: Vec<NodeId>, shape: Vec<usize>) -> NodeId {
        self.apply(op, args, shape, Kind::Float)
    }

    /// `value` everywhere; one for each vector of the block if `batched`.
    pub fn full(&mut self, value: f64, shape: Vec<usize>, batched: bool) -> NodeId {
        self.insert(Node {
            op: Op::Full(Scalar(value)),
            args: Vec::new(),
            shape,
            kind: Kind::Float,
            batched,
        })
    }

    /// The number that fills `id`, if it is a constant fill that no block multiplies.
    fn fill(&self, id: NodeId) -> Option<f64> {
        match self.node(id) {
            Node {
                op: Op::Full(Scalar(value)),
                batched: false,
                ..
            } => Some(*value),
            _ => None,
        }
    }

    /// `f(x)`.
    pub fn unary(&mut self, f: Unary, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        self.float(Op::Unary(f), vec![x], shape)
    }

    /// `x^p`, by multiplication where p is 0, 1 or 2, and by roots and reciprocals where exact.
    pub fn power(&mut self, x: NodeId, p: f64) -> NodeId {
        if p == 0.0 {
            let shape = self.shape(x);
            self.full(1.0, shape, false)
        } else if p == 1.0 {
            x
        } else if p == 2.0 {
            self.binary(Binary::Mul, x, x)
        } else if p == 0.5 {
            self.unary(Unary::Sqrt, x)
        } else if p == -1.0 {
            self.unary(Unary::Recip, x)
        } else {
            let shape = self.shape(x);
            self.float(Op::Power(Scalar(p)), vec![x], shape)
        }
    }

    /// `x + c`.
    pub fn add_scalar(&mut self, x: NodeId, c: f64) -> NodeId {
        if c == 0.0 {
            return x;
        }
        let shape = self.shape(x);
        match self.fill(x) {
            Some(value) => self.full(value + c, shape, false),
            None => self.float(Op::AddScalar(Scalar(c)), vec![x], shape),
        }
    }

    /// `c·x`.
    pub fn mul_scalar(&mut self, x: NodeId, c: f64) -> NodeId {
        if c == 1.0 {
            return x;
        }
        let shape = self.shape(x);
        if let Some(value) = self.fill(x) {
            return self.full(value * c, shape, false);
        }
        match self.node(x) {
            Node {
                op: Op::MulScalar(Scalar(inner)),
                args,
                ..
            } => {
                let (inner, x) = (*inner, args[0]);
                self.mul_scalar(x, inner * c)
            }
            _ => self.float(Op::MulScalar(Scalar(c)), vec![x], shape),
        }
    }

    /// `−x`.
    pub fn neg(&mut self, x: NodeId) -> NodeId {
        self.mul_scalar(x, -1.0)
    }

    /// `f(x, y)`, broadcasting.
    pub fn binary(&mut self, f: Binary, x: NodeId, y: NodeId) -> NodeId {
        let shape = broadcast(&self.node(x).shape, &self.node(y).shape);
        let (x, y) = self.narrowed(x, y, &shape);
        let (fill_x, fill_y) = (self.fill(x), self.fill(y));
        let keeps_x = self.node(x).shape == shape;
        let keeps_y = self.node(y).shape == shape;
        match (f, fill_x, fill_y) {
            (Binary::Add, _, Some(c)) if keeps_x => return self.add_scalar(x, c),
            (Binary::Add, Some(c), _) if keeps_y => return self.add_scalar(y, c),
            (Binary::Sub, _, Some(c)) if keeps_x => return self.add_scalar(x, -c),
            (Binary::Sub, Some(c), _) if keeps_y => {
                let negative = self.neg(y);
                return self.add_scalar(negative, c);
            }
            (Binary::Mul, _, Some(c)) if keeps_x => return self.mul_scalar(x, c),
            (Binary::Mul, Some(c), _) if keeps_y => return self.mul_scalar(y, c),
            // A fill that only broadcasts, as the gradient of a sum is written.
            (Binary::Mul, Some(c), _) => {
                let scaled = self.mul_scalar(y, c);
                return self.expand(scaled, shape);
            }
            (Binary::Div, _, Some(c)) if keeps_x => return self.mul_scalar(x, 1.0 / c),
            _ => {}
        }
        if f == Binary::Mul
            && let Some(gradient) = self.softmax_gradient(x, y)
        {
            return gradient;
        }
        if f == Binary::Add
            && let Some(whole) = self.put_together(x, y)
        {
            return whole;
        }
        let commutes = matches!(f, Binary::Add | Binary::Mul);
        let args = if commutes && y < x {
            vec![y, x]
        } else {
            vec![x, y]
        };
        self.float(Op::Binary(f), args, shape)
    }

    /// The sum of two values that are zero but for neighbouring parts, as the gradient of a split is
    /// written: one value with both parts.
    fn put_together(&mut self, x: NodeId, y: NodeId) -> Option<NodeId> {
        let part = |id: NodeId| match self.node(id) {
            Node {
                op: Op::SliceAssign(ranges),
                args,
                ..
            } if self.fill(args[0]) == Some(0.0) => Some((args[0], ranges.clone(), args[1])),
            _ => None,
        };
        let ((zeros, of_x, first), (_, of_y, second)) = (part(x)?, part(y)?);
        if self.node(x).shape != self.node(y).shape {
            return None;
        }
        let mut differ = (0..of_x.len()).filter(|&dim| of_x[dim] != of_y[dim]);
        let (Some(dim), None) = (differ.next(), differ.next()) else {
            return None;
        };
        let (mut before, mut after) = ((of_x[dim], first), (of_y[dim], second));
        if before.0.start > after.0.start {
            std::mem::swap(&mut before, &mut after);
        }
        if before.0.end != after.0.start || before.0.step != 1 || after.0.step != 1 {
            return None;
        }
        let mut ranges = of_x;
        ranges[dim].start = before.0.start;
        ranges[dim].end = after.0.end;
        // Parts that broadcast would have to be spread first.
        let fits = |part: NodeId, length: usize| {
            let shape = &self.node(part).shape;
            let at = |d: usize| {
                if d == dim {
                    length
                } else {
                    ranges[d].end - ranges[d].start
                }
            };
            shape.len() == ranges.len()
                && (0..ranges.len()).all(|d| ranges[d].step == 1 && shape[d] == at(d))
        };
        let length = |range: Range| range.end - range.start;
        if !fits(before.1, length(before.0)) || !fits(after.1, length(after.0)) {
            return None;
        }
        let both = self.concat(vec![before.1, after.1], dim);
        Some(self.slice_assign(zeros, ranges, both))
    }

    /// Two arguments, less the broadcasting that an operation of them does anyway.
    fn narrowed(&self, x: NodeId, y: NodeId, shape: &[usize]) -> (NodeId, NodeId) {
        let before = |id: NodeId| match self.node(id).op {
            Op::Expand => self.node(id).args[0],
            _ => id,
        };
        let fits = |x, y| broadcast(&self.node(x).shape, &self.node(y).shape) == shape;
        let narrow = before(x);
        let x = if fits(narrow, y) { narrow } else { x };
        let narrow = before(y);
        let y = if fits(x, narrow) { narrow } else { y };
        (x, y)
    }

    /// `x + y`.
    pub fn add(&mut self, x: NodeId, y: NodeId) -> NodeId {
        self.binary(Binary::Add, x, y)
    }

    /// `x − y`.
    pub fn sub(&mut self, x: NodeId, y: NodeId) -> NodeId {
        self.binary(Binary::Sub, x, y)
    }

    /// `x · y`.
    pub fn mul(&mut self, x: NodeId, y: NodeId) -> NodeId {
        self.binary(Binary::Mul, x, y)
    }

    /// A mask of `x ? y`.
    pub fn compare(&mut self, c: Comparison, x: NodeId, y: NodeId) -> NodeId {
        let shape = broadcast(&self.node(x).shape, &self.node(y).shape);
        self.apply(Op::Compare(c), vec![x, y], shape, Kind::Bool)
    }

    /// A mask of `x ? value`.
    pub fn compare_scalar(&mut self, c: Comparison, x: NodeId, value: f64) -> NodeId {
        let shape = self.shape(x);
        self.apply(
            Op::CompareScalar(c, Scalar(value)),
            vec![x],
            shape,
            Kind::Bool,
        )
    }

    /// A mask out of masks.
    pub fn logic(&mut self, logic: Logic, args: Vec<NodeId>) -> NodeId {
        let shape = args.iter().fold(Vec::new(), |shape, &arg| {
            broadcast(&shape, &self.node(arg).shape)
        });
        self.apply(Op::Logic(logic), args, shape, Kind::Bool)
    }

    /// A mask or indices as floats.
    pub fn as_float(&mut self, x: NodeId) -> NodeId {
        if self.node(x).kind == Kind::Float {
            return x;
        }
        let shape = self.shape(x);
        self.float(Op::ToFloat, vec![x], shape)
    }

    /// `mask ? value : tensor`.
    pub fn mask_where(&mut self, tensor: NodeId, mask: NodeId, value: NodeId) -> NodeId {
        let shape = broadcast(
            &broadcast(&self.node(tensor).shape, &self.node(mask).shape),
            &self.node(value).shape,
        );
        self.float(Op::MaskWhere, vec![tensor, mask, value], shape)
    }

    /// The same elements in another shape.
    pub fn reshape(&mut self, x: NodeId, shape: Vec<usize>) -> NodeId {
        if self.node(x).shape == shape {
            return x;
        }
        if let Some(value) = self.fill(x) {
            return self.full(value, shape, false);
        }
        let kind = self.node(x).kind;
        let x = match self.node(x).op {
            Op::Reshape => self.node(x).args[0],
            _ => x,
        };
        if self.node(x).shape == shape {
            return x;
        }
        self.apply(Op::Reshape, vec![x], shape, kind)
    }

    /// Dimensions reordered.
    pub fn permute(&mut self, x: NodeId, axes: Vec<usize>) -> NodeId {
        if axes.iter().enumerate().all(|(i, &axis)| i == axis) {
            return x;
        }
        let node = self.node(x);
        let kind = node.kind;
        let shape: Vec<usize> = axes.iter().map(|&axis| node.shape[axis]).collect();
        if let Some(value) = self.fill(x) {
            return self.full(value, shape, false);
        }
        if let Op::Permute(inner) = &self.node(x).op {
            let axes = axes.iter().map(|&axis| inner[axis]).collect();
            let x = self.node(x).args[0];
            return self.permute(x, axes);
        }
        self.apply(Op::Permute(axes), vec![x], shape, kind)
    }

    /// The last two dimensions swapped.
    pub fn transpose(&mut self, x: NodeId) -> NodeId {
        let rank = self.node(x).shape.len();
        let mut axes: Vec<usize> = (0..rank).collect();
        axes.swap(rank - 2, rank - 1);
        self.permute(x, axes)
    }

    /// Broadcast to `shape`.
    pub fn expand(&mut self, x: NodeId, shape: Vec<usize>) -> NodeId {
        if self.node(x).shape == shape {
            return x;
        }
        if let Some(value) = self.fill(x) {
            return self.full(value, shape, false);
        }
        let kind = self.node(x).kind;
        self.apply(Op::Expand, vec![x], shape, kind)
    }

    /// A rectangular part.
    pub fn slice(&mut self, x: NodeId, ranges: Vec<Range>) -> NodeId {
        let node = self.node(x);
        let kind = node.kind;
        let whole = ranges
            .iter()
            .zip(&node.shape)
            .all(|(range, &len)| range.start == 0 && range.end == len && range.step == 1);
        if whole {
            return x;
        }
        let shape = ranges
            .iter()
            .map(|range| {
                (range.end.saturating_sub(range.start)).div_ceil(range.step.unsigned_abs())
            })
            .collect();
        self.apply(Op::Slice(ranges), vec![x], shape, kind)
    }

    /// The part of `tensor` at `ranges` replaced by `value`.
    pub fn slice_assign(&mut self, tensor: NodeId, ranges: Vec<Range>, value: NodeId) -> NodeId {
        let shape = self.shape(tensor);
        let whole = ranges.iter().zip(&shape).all(|(range, &length)| {
            *range
                == Range {
                    start: 0,
                    end: length,
                    step: 1,
                }
        });
        if whole && ranges.len() == shape.len() && self.node(value).shape == shape {
            return value;
        }
        let kind = self.node(tensor).kind;
        self.apply(Op::SliceAssign(ranges), vec![tensor, value], shape, kind)
    }

    /// Joined along `dim`.
    pub fn concat(&mut self, parts: Vec<NodeId>, dim: usize) -> NodeId {
        if let [single] = parts[..] {
            return single;
        }
        // A part that is itself joined of parts.
        let flat = |&part: &NodeId| match self.node(part).op {
            Op::Concat(inner) if inner == dim => self.node(part).args.clone(),
            _ => vec![part],
        };
        let parts: Vec<NodeId> = parts.iter().flat_map(flat).collect();
        let mut shape = self.shape(parts[0]);
        let kind = self.node(parts[0]).kind;
        shape[dim] = parts.iter().map(|&part| self.node(part).shape[dim]).sum();
        self.apply(Op::Concat(dim), parts, shape, kind)
    }

    /// Summed over `axes`, which keep length 1.
    pub fn sum(&mut self, x: NodeId, axes: Vec<usize>) -> NodeId {
        let mut shape = self.shape(x);
        let axes: Vec<usize> = axes.into_iter().filter(|&axis| shape[axis] != 1).collect();
        if axes.is_empty() {
            return x;
        }
        let count: usize = axes.iter().map(|&axis| shape[axis]).product();
        for &axis in &axes {
            shape[axis] = 1;
        }
        if let Some(value) = self.fill(x) {
            return self.full(value * count as f64, shape, false);
        }
        // One number repeated.
        if let Op::Expand = self.node(x).op {
            let narrow = self.node(x).args[0];
            let rank = shape.len();
            let of = &self.node(narrow).shape;
            if of.len() == rank && axes.iter().all(|&axis| of[axis] == 1) {
                let scaled = self.mul_scalar(narrow, count as f64);
                return self.expand(scaled, shape);
            }
        }
        if self.joins_products
            && let Some(whole) = self.joined_product(x, &axes)
        {
            return self.reshape(whole, shape);
        }
        self.float(Op::Sum(axes), vec![x], shape)
    }

    /// The sum over a batch of products Aᵀ·B, as the gradient of a weight is written that meets all
    /// places of all samples: one product of the matrices below each other.
    fn joined_product(&mut self, x: NodeId, axes: &[usize]) -> Option<NodeId> {
        let product = self.node(x);
        let rank = product.shape.len();
        let (Op::Matmul, Some(batch)) = (&product.op, rank.checked_sub(2)) else {
            return None;
        };
        let all = (0..batch).all(|axis| product.shape[axis] == 1 || axes.contains(&axis));
        if !all || axes.iter().any(|&axis| axis >= batch) {
            return None;
        }
        let (a, b) = (product.args[0], product.args[1]);
        let Op::Permute(order) = &self.node(a).op else {
            return None;
        };
        let turned = (0..rank).all(|dim| {
            let swapped = [rank - 1, batch].get(dim.wrapping_sub(batch)).copied();
            order[dim] == swapped.unwrap_or(dim)
        });
        let a = self.node(a).args[0];
        let (of_a, of_b) = (&self.node(a).shape, &self.node(b).shape);
        // What is not in memory in its order would have to be copied.
        let copied = |id: NodeId| matches!(self.node(id).op, Op::Permute(_) | Op::Expand);
        if !turned || of_a[..=batch] != of_b[..=batch] || copied(a) || copied(b) {
            return None;
        }
        let inner: usize = of_a[..=batch].iter().product();
        let (rows, columns) = (of_a[rank - 1], of_b[rank - 1]);
        let a = self.viewed(a, vec![inner, rows]);
        let a = self.transpose(a);
        let b = self.viewed(b, vec![inner, columns]);
        Some(self.matmul(a, b))
    }

    /// The same elements in another shape, as a view of the value, not of what it is a copy of.
    fn viewed(&mut self, x: NodeId, shape: Vec<usize>) -> NodeId {
        let node = self.node(x);
        let copy = matches!(node.op, Op::Reshape)
            && matches!(self.node(node.args[0]).op, Op::Permute(_) | Op::Expand);
        if copy && node.shape != shape {
            return self.float(Op::Reshape, vec![x], shape);
        }
        self.reshape(x, shape)
    }

    /// All elements summed into shape [1].
    pub fn sum_all(&mut self, x: NodeId) -> NodeId {
        let axes = (0..self.node(x).shape.len()).collect();
        let sum = self.sum(x, axes);
        self.reshape(sum, vec![1])
    }

    /// Matrix product over the last two dimensions, the others broadcasting.
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (sa, sb) = (self.shape(a), self.shape(b));
        let rank = sa.len();
        let mut shape = broadcast(&sa[..rank - 2], &sb[..sb.len() - 2]);
        shape.extend([sa[rank - 2], sb[sb.len() - 1]]);
        self.float(Op::Matmul, vec![a, b], shape)
    }

    /// Picked along `dim`, one index an element of `indices`.
    pub fn gather(&mut self, x: NodeId, dim: usize, indices: NodeId) -> NodeId {
        let shape = self.shape(indices);
        let kind = self.node(x).kind;
        self.apply(Op::Gather(dim), vec![x, indices], shape, kind)
    }

    /// `value` added to `x` at `indices` along `dim`.
    pub fn scatter_add(&mut self, x: NodeId, dim: usize, indices: NodeId, value: NodeId) -> NodeId {
        let shape = self.shape(x);
        self.float(Op::ScatterAdd(dim), vec![x, indices, value], shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_of_a_split_is_its_parts_joined() {
        let mut graph = Graph::default();
        let zeros = graph.full(0.0, vec![2, 6], false);
        let parts: Vec<NodeId> = (0..3)
            .map(|_| graph.input(vec![2, 2], Kind::Float, false))
            .collect();
        let placed: Vec<NodeId> = (0..3)
            .map(|at| {
                let range = |start, end| Range {
                    start,
                    end,
                    step: 1,
                };
                let ranges = vec![range(0, 2), range(2 * at, 2 * at + 2)];
                graph.slice_assign(zeros, ranges, parts[at])
            })
            .collect();
        let two = graph.add(placed[1], placed[0]);
        let all = graph.add(two, placed[2]);
        assert_eq!(graph.node(all).op, Op::Concat(1));
        assert_eq!(graph.node(all).args, parts);
        // Parts that are no neighbours stay a sum.
        let apart = graph.add(placed[0], placed[2]);
        assert_eq!(graph.node(apart).op, Op::Binary(Binary::Add));
    }

    #[test]
    fn broadcasting_is_left_to_the_operation_and_one_number_is_not_summed() {
        let mut graph = Graph::default();
        let row = graph.input(vec![3, 1], Kind::Float, false);
        let wide = graph.input(vec![3, 4], Kind::Float, false);
        let ones = graph.full(1.0, vec![3, 4], false);
        let spread = graph.mul(ones, row);
        assert_eq!(graph.node(spread).op, Op::Expand);
        let product = graph.mul(wide, spread);
        assert_eq!(graph.node(product).args, [row, wide]);
        let sum = graph.sum(spread, vec![1]);
        assert_eq!(graph.node(sum).op, Op::MulScalar(Scalar(4.0)));
    }
}
