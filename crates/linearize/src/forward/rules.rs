//! One rule for each operation: how its value moves when its arguments do.

use std::f64::consts::PI;

use crate::error::LinearizeError;
use crate::graph::{Binary, Comparison, Graph, Kind, NodeId, Op, Scalar, Unary};

type Tangent = Option<NodeId>;

/// The tangent of `id`, given those of its arguments, at least one of which is not zero.
pub(super) fn tangent(
    graph: &mut Graph,
    id: NodeId,
    along: &[Tangent],
) -> Result<Tangent, LinearizeError> {
    let node = graph.node(id).clone();
    let args = node.args.as_slice();
    let shape = node.shape;
    let dx = along[0];
    let batched = along.iter().flatten().any(|&d| graph.node(d).batched);
    Ok(match node.op {
        Op::Input(_) | Op::Constant(_) | Op::Full(_) => None,
        // Masks and indices are locally constant.
        Op::Compare(_)
        | Op::CompareScalar(..)
        | Op::Logic(_)
        | Op::ToFloat
        | Op::StopGradient
        | Op::ArgMax(_)
        | Op::ArgMin(_)
        | Op::MaxPool2dIndices(_) => None,

        Op::Unary(f) => match (dx, slope(graph, f, args[0], id)) {
            (Some(dx), Some(slope)) => Some(graph.mul(dx, slope)),
            _ => None,
        },
        Op::Power(Scalar(p)) => dx.map(|dx| {
            let power = graph.power(args[0], p - 1.0);
            let slope = graph.mul_scalar(power, p);
            graph.mul(dx, slope)
        }),
        Op::AddScalar(_) => dx,
        Op::MulScalar(Scalar(c)) => dx.map(|dx| graph.mul_scalar(dx, c)),
        Op::Clamp(Scalar(low), Scalar(high)) => dx.map(|dx| {
            let above = graph.compare_scalar(Comparison::GreaterEqual, args[0], low);
            let below = graph.compare_scalar(Comparison::LowerEqual, args[0], high);
            let inside = graph.logic(crate::graph::Logic::And, vec![above, below]);
            let slope = graph.as_float(inside);
            graph.mul(dx, slope)
        }),
        Op::Binary(f) => binary(graph, f, id, args, [dx, along[1]]),
        Op::MaskWhere => {
            let chosen = graph.as_float(args[1]);
            let kept = {
                let negative = graph.neg(chosen);
                graph.add_scalar(negative, 1.0)
            };
            let tensor = dx.map(|dx| graph.mul(dx, kept));
            let value = along[2].map(|dv| graph.mul(dv, chosen));
            sum(graph, tensor, value).map(|d| graph.expand(d, shape))
        }

        Op::Reshape => dx.map(|dx| graph.reshape(dx, shape)),
        Op::Permute(axes) => dx.map(|dx| graph.permute(dx, axes)),
        Op::Expand => dx.map(|dx| graph.expand(dx, shape)),
        Op::Slice(ranges) => dx.map(|dx| graph.slice(dx, ranges)),
        Op::SliceAssign(ranges) => {
            let base = or_zeros(graph, dx, args[0], batched);
            let value = or_zeros(graph, along[1], args[1], batched);
            Some(graph.slice_assign(base, ranges, value))
        }
        Op::Concat(dim) => {
            let parts = args
                .iter()
                .zip(along)
                .map(|(&arg, &d)| or_zeros(graph, d, arg, batched))
                .collect();
            Some(graph.concat(parts, dim))
        }
        Op::Flip(_) | Op::CumulativeSum(_) | Op::AvgPool2d(_) | Op::AvgPool2dInput(_) => {
            dx.map(|dx| graph.apply(node.op, vec![dx], shape, Kind::Float))
        }
        Op::Sum(axes) => dx.map(|dx| graph.sum(dx, axes)),
        Op::Gather(dim) => dx.map(|dx| graph.gather(dx, dim, args[1])),
        Op::Select(_) => dx.map(|dx| graph.apply(node.op, vec![dx, args[1]], shape, Kind::Float)),
        Op::ScatterAdd(_) | Op::SelectAdd(_) => {
            let base = or_zeros(graph, dx, args[0], batched);
            match along[2] {
                Some(value) => {
                    Some(graph.apply(node.op, vec![base, args[1], value], shape, Kind::Float))
                }
                None => Some(base),
            }
        }

        Op::Matmul => {
            let left = dx.map(|da| graph.matmul(da, args[1]));
            let right = along[1].map(|db| graph.matmul(args[0], db));
            sum(graph, left, right)
        }
        Op::Conv2d(_) | Op::Conv2dInput(_) | Op::Conv2dWeight(_) => {
            let op = &node.op;
            let mut product =
                |a, b| graph.apply(op.clone(), vec![a, b], shape.clone(), Kind::Float);
            let left = dx.map(|da| product(da, args[1]));
            let right = along[1].map(|db| product(args[0], db));
            sum(graph, left, right)
        }
    })
}

/// f′(x) as a primal value; `None` where it is zero almost everywhere.
fn slope(graph: &mut Graph, f: Unary, x: NodeId, y: NodeId) -> Option<NodeId> {
    Some(match f {
        Unary::Exp => y,
        Unary::Log => graph.unary(Unary::Recip, x),
        Unary::Log1p => {
            let shifted = graph.add_scalar(x, 1.0);
            graph.unary(Unary::Recip, shifted)
        }
        Unary::Sqrt => {
            let recip = graph.unary(Unary::Recip, y);
            graph.mul_scalar(recip, 0.5)
        }
        Unary::Recip => {
            let square = graph.mul(y, y);
            graph.neg(square)
        }
        Unary::Tanh => {
            // The form in which burn-autodiff writes it, so that the two are one value.
            let square = graph.mul(y, y);
            let negative = graph.neg(square);
            graph.add_scalar(negative, 1.0)
        }
        Unary::Erf => {
            let square = graph.mul(x, x);
            let exponent = graph.neg(square);
            let exp = graph.unary(Unary::Exp, exponent);
            graph.mul_scalar(exp, 2.0 / PI.sqrt())
        }
        Unary::Sin => graph.unary(Unary::Cos, x),
        Unary::Cos => {
            let sin = graph.unary(Unary::Sin, x);
            graph.neg(sin)
        }
        Unary::Abs => graph.unary(Unary::Sign, x),
        Unary::Sigmoid => {
            let negative = graph.neg(y);
            let complement = graph.add_scalar(negative, 1.0);
            graph.mul(y, complement)
        }
        Unary::LogSigmoid => {
            let negative = graph.neg(x);
            graph.unary(Unary::Sigmoid, negative)
        }
        Unary::Relu => {
            let mask = graph.compare_scalar(Comparison::Greater, x, 0.0);
            graph.as_float(mask)
        }
        Unary::Sign | Unary::Round | Unary::Floor | Unary::Ceil | Unary::Trunc => return None,
    })
}

fn binary(
    graph: &mut Graph,
    f: Binary,
    id: NodeId,
    args: &[NodeId],
    [dx, dy]: [Tangent; 2],
) -> Tangent {
    let (x, y) = (args[0], args[1]);
    let shape = graph.node(id).shape.clone();
    let tangent = match f {
        Binary::Add => sum(graph, dx, dy),
        Binary::Sub => match (dx, dy) {
            (Some(dx), Some(dy)) => Some(graph.sub(dx, dy)),
            (dx, dy) => dx.or_else(|| dy.map(|dy| graph.neg(dy))),
        },
        Binary::Mul => {
            // x·x has one tangent, twice.
            if x == y {
                return dx.map(|dx| {
                    let twice = graph.mul_scalar(x, 2.0);
                    graph.mul(dx, twice)
                });
            }
            let left = dx.map(|dx| graph.mul(dx, y));
            let right = dy.map(|dy| graph.mul(dy, x));
            sum(graph, left, right)
        }
        Binary::Div => {
            if let (Some(dx), Some(dy)) = (dx, dy)
                && let Some(tangent) = graph.softmax_tangent(id, [x, y], dx, dy)
            {
                return Some(tangent);
            }
            let inverse = graph.unary(Unary::Recip, y);
            let left = dx.map(|dx| graph.mul(dx, inverse));
            let right = dy.map(|dy| {
                let slope = graph.mul(id, inverse);
                let negative = graph.neg(slope);
                graph.mul(dy, negative)
            });
            sum(graph, left, right)
        }
        Binary::Pow => {
            let left = dx.map(|dx| {
                let lower = graph.add_scalar(y, -1.0);
                let power = graph.binary(Binary::Pow, x, lower);
                let slope = graph.mul(y, power);
                graph.mul(dx, slope)
            });
            let right = dy.map(|dy| {
                let log = graph.unary(Unary::Log, x);
                let slope = graph.mul(id, log);
                graph.mul(dy, slope)
            });
            sum(graph, left, right)
        }
    };
    // A tangent of the smaller argument alone has not been broadcast yet.
    tangent.map(|d| graph.expand(d, shape))
}

fn sum(graph: &mut Graph, a: Tangent, b: Tangent) -> Tangent {
    match (a, b) {
        (Some(a), Some(b)) => Some(graph.add(a, b)),
        (a, b) => a.or(b),
    }
}

/// The tangent, or zeros of the argument's shape: a block of them where other tangents are blocks.
fn or_zeros(graph: &mut Graph, tangent: Tangent, of: NodeId, batched: bool) -> NodeId {
    match tangent {
        Some(tangent) => tangent,
        None => {
            let shape = graph.node(of).shape.clone();
            graph.full(0.0, shape, batched)
        }
    }
}
