//! Operations that are computed together in one pass, as a small program on registers.

use std::collections::HashMap;

use super::allocate::allocate;
use super::rows::{Class, Columns, Level, Rows, reduced, spreads, summed};
use super::simplify::simplify;
use super::{Binary, Comparison, Graph, NodeId, Op, Scalar, Unary};

/// Where an instruction finds an argument, or leaves its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operand {
    /// An input of the chain, by number.
    Input(usize),
    /// One number for each row out of an input, by number.
    RowInput(usize),
    /// A value that is used in the same phase only.
    Register(usize),
    /// A value of whole rows, which later phases use.
    Kept(usize),
    /// One number for each row.
    Row(usize),
    /// One number for each column.
    Column(usize),
}

/// An operation on corresponding elements, or on the elements of each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// c.
    Fill(f64),
    /// f(x).
    Unary(Unary, Operand),
    /// f(x, y).
    Binary(Binary, Operand, Operand),
    /// x + c.
    AddScalar(Operand, f64),
    /// c·x.
    MulScalar(Operand, f64),
    /// a·x + b.
    Affine(Operand, f64, f64),
    /// x + c·y.
    AddScaled(Operand, Operand, f64),
    /// x·y, joined to z.
    Join(Operand, Operand, Joined, Operand),
    /// x^p.
    Power(Operand, f64),
    /// x between two bounds.
    Clamp(Operand, f64, f64),
    /// 1 where x ? c, else 0.
    Compare(Comparison, Operand, f64),
    /// The sum of each row's elements.
    Sum(Operand),
    /// The largest of each row's elements; not a number if one of them is not.
    Max(Operand),
    /// The sum of each column's elements.
    Columns(Operand, Columns),
}

/// How a product p and another number z make a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// p + z.
    Plus,
    /// p − z.
    Less,
    /// z − p.
    From,
}

/// A function and where its value goes; none of its arguments is there.
#[derive(Debug, Clone, Copy)]
pub struct Instruction {
    /// What is computed.
    pub function: Function,
    /// Where the value goes: a [`Register`](Operand::Register), [`Kept`](Operand::Kept), a
    /// [`Row`](Operand::Row), or a [`Column`](Operand::Column).
    pub to: Operand,
    /// Which of the chain's written outputs the value also is.
    pub output: Option<usize>,
}

/// What can be computed before the next sums over whole rows are complete.
#[derive(Debug, Clone, Default)]
pub struct Phase {
    /// Functions of one number a row.
    pub rows: Vec<Instruction>,
    /// Functions of elements, and the sums and maxima of rows that end with the phase.
    pub elements: Vec<Instruction>,
    /// The inputs that are read for each element, by number.
    pub inputs: Vec<usize>,
}

/// How many places for values a chain needs, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Registers {
    /// For [`Operand::Register`].
    pub elements: usize,
    /// For [`Operand::Kept`].
    pub kept: usize,
    /// For [`Operand::Row`].
    pub rows: usize,
    /// For [`Operand::Column`].
    pub columns: usize,
}

/// A value that a chain reads from memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The value.
    pub node: NodeId,
    /// Whether this is its last use.
    pub last: bool,
    /// Whether it has the block's dimension.
    pub batched: bool,
    /// Whether it is read for each element or for each row.
    pub level: Level,
    /// The shape to broadcast it to, without the block's dimension.
    pub shape: Vec<usize>,
}

/// How an output is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An instruction writes it: one number an element, a row, or a column.
    Written(Level),
    /// It is another output in another shape.
    Output(usize),
    /// It is an input in another shape.
    Input(usize),
}

/// A value that a chain leaves in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The value.
    pub node: NodeId,
    /// Its shape, without the block's dimension.
    pub shape: Vec<usize>,
    /// How it is had.
    pub source: Source,
}

/// Operations of one class.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Which values are computed.
    pub class: Class,
    /// Elements of a row; 1 where there are no rows.
    pub row: usize,
    /// Values from memory.
    pub inputs: Vec<Input>,
    /// Values that go to memory.
    pub outputs: Vec<Output>,
    /// The program.
    pub phases: Vec<Phase>,
    /// Where its intermediate values are.
    pub registers: Registers,
}

/// Whether an operation may be part of a chain; the interpreter of chains knows these.
pub(super) fn is_elementwise(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    match &node.op {
        // Seldom met, and not vectorised anyway.
        Op::Unary(f) => !matches!(f, Unary::Round | Unary::Floor | Unary::Ceil | Unary::Trunc),
        Op::Binary(f) => *f != Binary::Pow,
        Op::Full(_) | Op::Power(_) | Op::AddScalar(_) | Op::MulScalar(_) | Op::Clamp(..) => true,
        Op::ToFloat => matches!(graph.node(node.args[0]).op, Op::CompareScalar(..)),
        _ => false,
    }
}

/// Which values a chain is made of.
pub(super) struct Parts<'a> {
    pub graph: &'a Graph,
    pub rows: &'a Rows<'a>,
    pub class: Class,
    /// Its values, arguments first.
    pub nodes: &'a [NodeId],
    /// Values that every chain computes which needs them.
    pub repeated: &'a [bool],
}

impl Chain {
    /// The chain that computes those of the nodes that are `wanted` in memory.
    pub(super) fn new(parts: &Parts<'_>, wanted: impl Fn(NodeId) -> bool) -> Self {
        let mut code = Code {
            parts,
            values: HashMap::new(),
            inputs: Vec::new(),
            functions: Vec::new(),
        };
        let mut outputs: Vec<Output> = Vec::new();
        // By register: which output it is, and which of those that are written.
        let mut written: HashMap<usize, (usize, usize)> = HashMap::new();
        for &node in parts.nodes.iter().filter(|&&id| wanted(id)) {
            let source = match code.value(node, parts.rows.level(node)) {
                Operand::Input(input) | Operand::RowInput(input) => Source::Input(input),
                Operand::Register(value)
                | Operand::Kept(value)
                | Operand::Row(value)
                | Operand::Column(value) => match written.get(&value) {
                    Some(&(output, _)) => Source::Output(output),
                    None => {
                        written.insert(value, (outputs.len(), written.len()));
                        Source::Written(parts.rows.level(node))
                    }
                },
            };
            let shape = parts.graph.node(node).shape.clone();
            outputs.push(Output {
                node,
                shape,
                source,
            });
        }
        let (functions, written) = simplify(&code.functions, &written);
        let (phases, registers) = allocate(&functions, &written);
        Self {
            class: parts.class,
            row: parts.rows.row(parts.class),
            inputs: code.inputs,
            outputs,
            phases,
            registers,
        }
    }
}

/// The program being written: each function's value is a register of its own.
struct Code<'a> {
    parts: &'a Parts<'a>,
    values: HashMap<NodeId, Operand>,
    inputs: Vec<Input>,
    functions: Vec<(Function, Level)>,
}

impl Code<'_> {
    /// Where the value of a node, of a level, is.
    fn value(&mut self, id: NodeId, level: Level) -> Operand {
        if let Some(&known) = self.values.get(&id) {
            return known;
        }
        let graph = self.parts.graph;
        let node = graph.node(id);
        let arg = |code: &mut Self, index: usize| code.operand(node.args[index], id, level);
        let function = match &node.op {
            Op::Reshape | Op::StopGradient => {
                let same = arg(self, 0);
                self.values.insert(id, same);
                return same;
            }
            Op::Sum(_) => match (level, summed(graph, id)) {
                (Level::Column, Some((of, columns))) => {
                    Function::Columns(self.whole_operand(of), columns)
                }
                _ => Function::Sum(self.row_operand(id)),
            },
            Op::Gather(_) => Function::Max(self.row_operand(id)),
            Op::ToFloat => {
                let mask = graph.node(node.args[0]);
                let x = self.operand(mask.args[0], id, level);
                match mask.op {
                    Op::CompareScalar(comparison, Scalar(c)) => Function::Compare(comparison, x, c),
                    _ => unreachable!("a mask of numbers: `is_elementwise`"),
                }
            }
            Op::Full(Scalar(c)) => Function::Fill(*c),
            Op::Unary(f) => Function::Unary(*f, arg(self, 0)),
            Op::Binary(f) => {
                let x = arg(self, 0);
                Function::Binary(*f, x, arg(self, 1))
            }
            Op::Power(Scalar(p)) => Function::Power(arg(self, 0), *p),
            Op::AddScalar(Scalar(c)) => Function::AddScalar(arg(self, 0), *c),
            Op::MulScalar(Scalar(c)) => Function::MulScalar(arg(self, 0), *c),
            Op::Clamp(Scalar(low), Scalar(high)) => Function::Clamp(arg(self, 0), *low, *high),
            _ => unreachable!("no part of chains: `Rows`"),
        };
        let value = self.push(function, level);
        self.values.insert(id, value);
        value
    }

    fn push(&mut self, function: Function, level: Level) -> Operand {
        self.functions.push((function, level));
        Operand::Register(self.functions.len() - 1)
    }

    /// Where `user`, of a level, finds `arg`.
    fn operand(&mut self, arg: NodeId, user: NodeId, level: Level) -> Operand {
        let (graph, rows) = (self.parts.graph, self.parts.rows);
        if !self.is_inside(arg) {
            let (of_arg, of_user) = (graph.node(arg), graph.node(user));
            let row = rows.row(self.parts.class);
            let by_row = row > 1
                && level == Level::Element
                && of_arg.len() * row == of_user.len()
                && spreads(&of_arg.shape, &of_user.shape, row);
            if by_row && of_arg.batched == self.parts.class.batched {
                return by_rows(self.input(arg, Level::Row, of_arg.shape.clone()));
            }
            let same = of_arg.len() == of_user.len();
            let shape = if same { &of_arg.shape } else { &of_user.shape };
            return self.input(arg, level, shape.clone());
        }
        // What is computed again has as many elements as its user.
        let of_arg = match self.parts.repeated[arg.index()] {
            true => level,
            false => rows.level(arg),
        };
        let value = self.value(arg, of_arg);
        match of_arg == level {
            true => value,
            false => by_rows(value),
        }
    }

    /// What `user` has one number for each row of.
    fn row_operand(&mut self, user: NodeId) -> Operand {
        let arg = reduced(self.parts.graph, user).map_or(user, |(arg, _)| arg);
        self.whole_operand(arg)
    }

    /// A value of one number for each element.
    fn whole_operand(&mut self, arg: NodeId) -> Operand {
        if self.is_inside(arg) {
            return self.value(arg, Level::Element);
        }
        let shape = self.parts.graph.node(arg).shape.clone();
        self.input(arg, Level::Element, shape)
    }

    fn is_inside(&self, id: NodeId) -> bool {
        self.parts.repeated[id.index()] || self.parts.nodes.binary_search(&id).is_ok()
    }

    fn input(&mut self, node: NodeId, level: Level, shape: Vec<usize>) -> Operand {
        let input = Input {
            node,
            last: false,
            batched: self.parts.graph.node(node).batched,
            level,
            shape,
        };
        let known = self.inputs.iter().position(|known| *known == input);
        Operand::Input(known.unwrap_or_else(|| {
            self.inputs.push(input);
            self.inputs.len() - 1
        }))
    }
}

/// A value of one number a row, taken for each element.
fn by_rows(operand: Operand) -> Operand {
    match operand {
        Operand::Input(input) => Operand::RowInput(input),
        value => value,
    }
}

impl Function {
    /// Whether it takes whole rows.
    pub fn reduces(self) -> bool {
        matches!(self, Self::Sum(_) | Self::Max(_))
    }

    /// The registers that it reads.
    pub(super) fn registers(self) -> impl Iterator<Item = usize> {
        let operands = self.operands().into_iter().flatten();
        operands.filter_map(|operand| match operand {
            Operand::Register(value) => Some(value),
            _ => None,
        })
    }

    /// Its arguments.
    pub(super) fn operands(self) -> [Option<Operand>; 3] {
        match self {
            Self::Fill(_) => [None; 3],
            Self::Binary(_, x, y) | Self::AddScaled(x, y, _) => [Some(x), Some(y), None],
            Self::Join(x, y, _, z) => [Some(x), Some(y), Some(z)],
            Self::Unary(_, x)
            | Self::Power(x, _)
            | Self::AddScalar(x, _)
            | Self::MulScalar(x, _)
            | Self::Affine(x, ..)
            | Self::Clamp(x, ..)
            | Self::Compare(_, x, _)
            | Self::Sum(x)
            | Self::Max(x)
            | Self::Columns(x, _) => [Some(x), None, None],
        }
    }

    /// The same function of other arguments.
    pub(super) fn on(self, place: impl Fn(Operand) -> Operand) -> Self {
        match self {
            Self::Fill(c) => Self::Fill(c),
            Self::Unary(f, x) => Self::Unary(f, place(x)),
            Self::Binary(f, x, y) => Self::Binary(f, place(x), place(y)),
            Self::Affine(x, a, b) => Self::Affine(place(x), a, b),
            Self::AddScaled(x, y, c) => Self::AddScaled(place(x), place(y), c),
            Self::Join(x, y, how, z) => Self::Join(place(x), place(y), how, place(z)),
            Self::Power(x, p) => Self::Power(place(x), p),
            Self::AddScalar(x, c) => Self::AddScalar(place(x), c),
            Self::MulScalar(x, c) => Self::MulScalar(place(x), c),
            Self::Clamp(x, low, high) => Self::Clamp(place(x), low, high),
            Self::Compare(comparison, x, c) => Self::Compare(comparison, place(x), c),
            Self::Sum(x) => Self::Sum(place(x)),
            Self::Max(x) => Self::Max(place(x)),
            Self::Columns(x, columns) => Self::Columns(place(x), columns),
        }
    }
}
