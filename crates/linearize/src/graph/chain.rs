//! Elementwise operations that are computed together, as a small program on registers.

use super::{Binary, Graph, NodeId, Op, Scalar, Unary};

/// Where an instruction finds an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// An input of the chain, by number.
    Input(usize),
    /// An intermediate value.
    Register(usize),
}

/// An operation on corresponding elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// f(x).
    Unary(Unary, Operand),
    /// f(x, y).
    Binary(Binary, Operand, Operand),
    /// x + c.
    AddScalar(Operand, f64),
    /// c·x.
    MulScalar(Operand, f64),
    /// x between two bounds.
    Clamp(Operand, f64, f64),
}

/// A function and the register that takes its value; none of its arguments is in that register.
#[derive(Debug, Clone, Copy)]
pub struct Instruction {
    /// What is computed.
    pub function: Function,
    /// Where the value goes.
    pub to: usize,
    /// The output of the chain that the value also is, by number.
    pub output: Option<usize>,
}

/// Elementwise operations on values of one shape.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Shape of its values, without the block's dimension. Inputs broadcast to it.
    pub shape: Vec<usize>,
    /// Whether its values have the block's dimension.
    pub batched: bool,
    /// Values from memory, each with whether this is its last use.
    pub inputs: Vec<(NodeId, bool)>,
    /// Values that go to memory.
    pub outputs: Vec<NodeId>,
    /// The program.
    pub code: Vec<Instruction>,
    /// Registers that it needs.
    pub registers: usize,
}

/// Whether an operation may be part of a chain; the interpreter of chains knows these.
pub(super) fn is_elementwise(op: &Op) -> bool {
    match op {
        Op::Unary(f) => !matches!(
            f,
            // Seldom met, and not vectorised anyway.
            Unary::Erf | Unary::Round | Unary::Floor | Unary::Ceil | Unary::Trunc
        ),
        Op::Binary(f) => *f != Binary::Pow,
        Op::AddScalar(_) | Op::MulScalar(_) | Op::Clamp(..) => true,
        _ => false,
    }
}

impl Chain {
    /// The chain of `nodes` (arguments first), all of one shape.
    pub(super) fn new(
        graph: &Graph,
        nodes: &[NodeId],
        inputs: Vec<(NodeId, bool)>,
        outputs: Vec<NodeId>,
    ) -> Self {
        let first = graph.node(nodes[0]);
        let last_use = |id: NodeId| {
            nodes
                .iter()
                .rposition(|&user| graph.node(user).args.contains(&id))
        };
        let mut place: Vec<(NodeId, usize)> = Vec::new();
        let (mut free, mut registers) = (Vec::new(), 0);
        let mut code = Vec::with_capacity(nodes.len());
        for (at, &id) in nodes.iter().enumerate() {
            let node = graph.node(id);
            let operands: Vec<Operand> = node
                .args
                .iter()
                .filter_map(|arg| {
                    let input = inputs.iter().position(|(input, _)| input == arg);
                    let register = || place.iter().find(|(value, _)| value == arg);
                    input
                        .map(Operand::Input)
                        .or_else(|| register().map(|&(_, register)| Operand::Register(register)))
                })
                .collect();
            let to = free.pop().unwrap_or_else(|| {
                registers += 1;
                registers - 1
            });
            if let Some(function) = function(&node.op, &operands) {
                code.push(Instruction {
                    function,
                    to,
                    output: outputs.iter().position(|&output| output == id),
                });
            }
            place.push((id, to));
            // Only now: a value never takes the place of an argument of its own.
            place.retain(|&(value, register)| {
                let needed = last_use(value).is_some_and(|last| last > at);
                if !needed {
                    free.push(register);
                }
                needed
            });
        }
        Self {
            shape: first.shape.clone(),
            batched: first.batched,
            inputs,
            outputs,
            code,
            registers,
        }
    }
}

fn function(op: &Op, operands: &[Operand]) -> Option<Function> {
    Some(match (op, operands) {
        (Op::Unary(f), &[x]) => Function::Unary(*f, x),
        (Op::Binary(f), &[x, y]) => Function::Binary(*f, x, y),
        (Op::AddScalar(Scalar(c)), &[x]) => Function::AddScalar(x, *c),
        (Op::MulScalar(Scalar(c)), &[x]) => Function::MulScalar(x, *c),
        (Op::Clamp(Scalar(low), Scalar(high)), &[x]) => Function::Clamp(x, *low, *high),
        _ => return None,
    })
}
