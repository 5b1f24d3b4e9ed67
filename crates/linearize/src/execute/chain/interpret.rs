//! The interpreter of a chain's program: some thousand elements, or some rows, at a time.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::access::{Place, Values};
use super::aligned::Aligned;
use super::columns::Shares;
use super::compute::{Fused, compute};
use super::given::Given;
use super::reduce;
use crate::execute::ahead::ahead;
use crate::execute::matrix::Scratch;
use crate::execute::real::Real;
use crate::graph::{Chain, Function, Instruction, Level, Operand, Source};

/// Elements that go through the program together: enough to make an instruction's overhead small,
/// few enough for the registers of most chains to fit the innermost cache. A longer row goes
/// through it in parts.
pub(super) const CHUNK: usize = 1024;

/// Elements of one task of a thread, about.
const TASK: usize = 16 * CHUNK;

/// What the chain writes, over so many elements, in the order of its outputs. As many elements as are
/// a `whole` are not cut: a row, and whole rows of products.
pub(super) fn interpret<T: Real>(
    chain: &Chain,
    inputs: &[Given<'_, T>],
    elements: usize,
    whole: usize,
) -> Vec<Vec<T>> {
    let chunk = whole * (CHUNK / whole).max(1);
    let of_task = chunk * (TASK / chunk).max(1);
    let shares = Shares::new(chain.class.elements, elements, of_task);
    // Numbers of each output, and those of one task; those of columns are sums of each task.
    let sizes: Vec<(Level, usize, usize)> = chain
        .outputs
        .iter()
        .filter_map(|output| match output.source {
            Source::Written(Level::Element) => Some((Level::Element, elements, of_task)),
            Source::Written(Level::Row) => {
                Some((Level::Row, elements / chain.row, of_task / chain.row))
            }
            Source::Written(Level::Column) => {
                let own = shares.sums(output.shape.iter().product());
                Some((Level::Column, elements.div_ceil(of_task) * own, own))
            }
            _ => None,
        })
        .collect();
    let mut outputs: Vec<Vec<T>> = sizes
        .iter()
        .map(|(_, all, _)| Vec::with_capacity(*all))
        .collect();
    let mut tasks: Vec<Vec<&mut [MaybeUninit<T>]>> = Vec::new();
    tasks.resize_with(elements.div_ceil(of_task), Vec::new);
    for (output, (_, all, own)) in outputs.iter_mut().zip(&sizes) {
        let parts = output.spare_capacity_mut()[..*all].chunks_mut(*own);
        for (task, part) in tasks.iter_mut().zip(parts) {
            task.push(part);
        }
    }
    let arch = pulp::Arch::new();
    let work = |registers: &mut Registers<T>,
                (number, mut outputs): (usize, Vec<&mut [MaybeUninit<T>]>)| {
        let from = number * of_task;
        let task = Task {
            chain,
            inputs,
            from,
            elements: of_task.min(elements - from),
            chunk,
            shares,
        };
        arch.dispatch(Run {
            task,
            registers,
            outputs: &mut outputs,
        });
    };
    let registers = || Registers::new(chain, chunk, shares);
    if tasks.len() > 1 {
        let tasks = tasks.into_par_iter().enumerate();
        tasks.for_each_init(registers, work);
    } else {
        let mut registers = registers();
        let tasks = tasks.into_iter().enumerate();
        tasks.for_each(|task| work(&mut registers, task));
    }
    for (output, (_, all, _)) in outputs.iter_mut().zip(&sizes) {
        // SAFETY: the tasks' parts cover as many numbers, and each task writes all of its parts,
        // because every written output is that of one instruction (`Chain::outputs`).
        unsafe { output.set_len(*all) };
    }
    for (output, (level, _, own)) in outputs.iter_mut().zip(&sizes) {
        if *level == Level::Column {
            *output = shares.join(output, *own);
        }
    }
    outputs
}

/// A task, as a function that is compiled for the widest instructions: of a closure only the call is.
struct Run<'a, 'o, T> {
    task: Task<'a, T>,
    registers: &'o mut Registers<T>,
    outputs: &'o mut [&'a mut [MaybeUninit<T>]],
}

impl<T: Real> pulp::WithSimd for Run<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        // All vector instructions that are known here come with them.
        let fused = Fused(!S::IS_SCALAR);
        self.task.run(fused, self.registers, self.outputs);
    }
}

/// Some of the elements.
struct Task<'a, T> {
    chain: &'a Chain,
    inputs: &'a [Given<'a, T>],
    from: usize,
    elements: usize,
    chunk: usize,
    shares: Shares,
}

/// Intermediate values.
struct Registers<T> {
    elements: Vec<Aligned<T>>,
    kept: Vec<Aligned<T>>,
    rows: Vec<Aligned<T>>,
    /// Sums of a task's columns so far.
    columns: Vec<Aligned<T>>,
    /// Of inputs that are not in memory as they should be.
    scratch: Vec<Aligned<T>>,
    places: Vec<Place>,
    /// Of inputs that are products.
    products: Vec<Scratch>,
}

/// Where in the task an instruction is at.
#[derive(Clone, Copy)]
struct Part {
    /// The first element of the chunk, in the outputs' parts.
    chunk: usize,
    /// Rows of the chunk.
    rows: usize,
    /// The elements, in the chunk.
    from: usize,
    size: usize,
    /// Elements of a row among them.
    row: usize,
}

impl<T: Real> Registers<T> {
    fn new(chain: &Chain, chunk: usize, shares: Shares) -> Self {
        let values = |count: usize, size: usize| {
            let zeros = std::iter::repeat_with(|| Aligned::zeros(size));
            zeros.take(count).collect()
        };
        let mut columns: Vec<Aligned<T>> = values(chain.registers.columns, 0);
        for instruction in chain.phases.iter().flat_map(|phase| &phase.elements) {
            if let (Function::Columns(_, of), Operand::Column(place)) =
                (instruction.function, instruction.to)
            {
                columns[place] = Aligned::zeros(shares.sums(of.count));
            }
        }
        Self {
            columns,
            elements: values(chain.registers.elements, chunk.min(CHUNK)),
            kept: values(chain.registers.kept, chunk),
            rows: values(chain.registers.rows, chunk / chain.row),
            scratch: values(chain.inputs.len(), chunk.min(CHUNK)),
            places: vec![Place::Gathered; chain.inputs.len()],
            products: std::iter::repeat_with(Scratch::default)
                .take(chain.inputs.len())
                .collect(),
        }
    }

    /// Takes the memory for a value away, so that the others can be read beside it.
    #[inline(always)]
    fn lend(&mut self, to: Operand) -> Aligned<T> {
        std::mem::take(self.memory(to))
    }

    #[inline(always)]
    fn memory(&mut self, of: Operand) -> &mut Aligned<T> {
        match of {
            Operand::Register(place) => &mut self.elements[place],
            Operand::Kept(place) => &mut self.kept[place],
            Operand::Row(place) => &mut self.rows[place],
            Operand::Column(place) => &mut self.columns[place],
            Operand::Input(_) | Operand::RowInput(_) => unreachable!("an input is not written"),
        }
    }
}

impl<T: Real> Task<'_, T> {
    /// Computes the elements into parts of the outputs.
    #[inline(always)]
    fn run(
        &self,
        fused: Fused,
        registers: &mut Registers<T>,
        outputs: &mut [&mut [MaybeUninit<T>]],
    ) {
        let chain = self.chain;
        for sums in &mut registers.columns {
            sums.fill(T::zero());
        }
        for chunk in (0..self.elements).step_by(self.chunk) {
            let size = self.chunk.min(self.elements - chunk);
            let rows = size / chain.row;
            for (index, input) in self.inputs.iter().enumerate() {
                if chain.inputs[index].level == Level::Row {
                    let from = (self.from + chunk) / chain.row;
                    let scratch = &mut registers.scratch[index][..rows];
                    registers.places[index] = input.find(from, scratch);
                }
                if let Given::Product(_) = input {
                    let scratch = &mut registers.scratch[index][..size];
                    input.produce(self.from + chunk, &mut registers.products[index], scratch);
                }
            }
            for phase in &chain.phases {
                let by_row = Part {
                    chunk,
                    rows,
                    from: 0,
                    size: rows,
                    row: 1,
                };
                for instruction in &phase.rows {
                    self.by_row(instruction, fused, by_row, registers, outputs);
                }
                for instruction in &phase.elements {
                    match instruction.function {
                        Function::Sum(_) => registers.memory(instruction.to).fill(T::zero()),
                        Function::Max(_) => {
                            registers.memory(instruction.to).fill(T::neg_infinity());
                        }
                        _ => {}
                    }
                }
                for from in (0..size).step_by(CHUNK) {
                    let size = CHUNK.min(size - from);
                    let part = Part {
                        chunk,
                        rows,
                        from,
                        size,
                        row: chain.row.min(size),
                    };
                    for &input in &phase.inputs {
                        let scratch = &mut registers.scratch[input][..size];
                        registers.places[input] =
                            self.inputs[input].find(self.from + chunk + from, scratch);
                    }
                    for instruction in &phase.elements {
                        self.by_element(instruction, fused, part, registers, outputs);
                    }
                }
                for instruction in &phase.elements {
                    if let (true, Some(output)) =
                        (instruction.function.reduces(), instruction.output)
                    {
                        let values = &registers.memory(instruction.to)[..rows];
                        write(values, &mut outputs[output][chunk / chain.row..]);
                    }
                }
            }
        }
        for instruction in chain.phases.iter().flat_map(|phase| &phase.elements) {
            if let (Operand::Column(place), Some(output)) = (instruction.to, instruction.output) {
                write(&registers.columns[place], outputs[output]);
            }
        }
    }

    /// One number a row.
    #[inline(always)]
    fn by_row(
        &self,
        instruction: &Instruction,
        fused: Fused,
        part: Part,
        registers: &mut Registers<T>,
        outputs: &mut [&mut [MaybeUninit<T>]],
    ) {
        let mut to = registers.lend(instruction.to);
        let rows = part.rows;
        let at = |operand: Operand| match operand {
            Operand::Input(i) | Operand::RowInput(i) => {
                self.inputs[i].get(registers.places[i], &registers.scratch[i][..rows])
            }
            Operand::Row(i) => Values::Each(&registers.rows[i][..rows]),
            Operand::Register(_) | Operand::Kept(_) | Operand::Column(_) => {
                unreachable!("an element is no row, and a column neither")
            }
        };
        compute(instruction.function, fused, at, &mut to[..rows]);
        if let Some(output) = instruction.output {
            write(
                &to[..rows],
                &mut outputs[output][part.chunk / self.chain.row..],
            );
        }
        *registers.memory(instruction.to) = to;
    }

    /// Numbers of elements, or a part of a sum over rows or columns.
    #[inline(always)]
    fn by_element(
        &self,
        instruction: &Instruction,
        fused: Fused,
        part: Part,
        registers: &mut Registers<T>,
        outputs: &mut [&mut [MaybeUninit<T>]],
    ) {
        let mut to = registers.lend(instruction.to);
        let Part {
            from, size, row, ..
        } = part;
        let rows = size / row;
        let at = |operand: Operand| match operand {
            Operand::Input(i) => {
                self.inputs[i].get(registers.places[i], &registers.scratch[i][..size])
            }
            Operand::RowInput(i) => {
                let all =
                    self.inputs[i].get(registers.places[i], &registers.scratch[i][..part.rows]);
                match all {
                    Values::Each(values) => Values::ByRow(&values[..rows], row),
                    Values::ByRow(value, _) => Values::ByRow(value, size),
                }
            }
            Operand::Row(i) => Values::ByRow(&registers.rows[i][..rows], row),
            Operand::Register(i) => Values::Each(&registers.elements[i][..size]),
            Operand::Kept(i) => Values::Each(&registers.kept[i][from..from + size]),
            Operand::Column(_) => unreachable!("the sum of a column is complete at the end only"),
        };
        match (instruction.function, instruction.to) {
            (Function::Sum(x), _) => {
                fold(at(x), row, &mut to[..rows], |sum, x| sum + reduce::sum(x));
            }
            (Function::Max(x), _) => fold(at(x), row, &mut to[..rows], |max, x| {
                reduce::larger(max, reduce::max(x))
            }),
            (Function::Columns(x, columns), _) => {
                let repeated: Vec<T>;
                let x = match at(x) {
                    Values::Each(x) => x,
                    x => {
                        repeated = each(x);
                        &repeated
                    }
                };
                let from = self.from + part.chunk + from;
                self.shares.add(x, from, columns, &mut to);
            }
            (function, place) => {
                let start = if let Operand::Kept(_) = place {
                    from
                } else {
                    0
                };
                let result = &mut to[start..start + size];
                compute(function, fused, at, result);
                if let Some(output) = instruction.output {
                    let start = part.chunk + from;
                    write(result, &mut outputs[output][start..]);
                    ahead(outputs[output], start + size, size);
                }
            }
        }
        *registers.memory(instruction.to) = to;
    }
}

/// Copies values to the front of an output's part.
#[inline(always)]
fn write<T: Copy>(values: &[T], room: &mut [MaybeUninit<T>]) {
    for (room, &value) in room.iter_mut().zip(values) {
        room.write(value);
    }
}

/// Joins each row of `x` to what was found of it before.
#[inline(always)]
fn fold<T: Real>(x: Values<'_, T>, row: usize, to: &mut [T], join: impl Fn(T, &[T]) -> T) {
    let repeated: Vec<T>;
    let x = match x {
        Values::Each(x) => x,
        x => {
            repeated = each(x);
            &repeated
        }
    };
    for (to, x) in to.iter_mut().zip(x.chunks_exact(row)) {
        *to = join(*to, x);
    }
}

/// One number an element: rare, sums of what is constant along rows.
fn each<T: Real>(x: Values<'_, T>) -> Vec<T> {
    match x {
        Values::Each(x) => x.to_vec(),
        Values::ByRow(x, length) => {
            let each = x.iter().flat_map(|&x| std::iter::repeat_n(x, length));
            each.collect()
        }
    }
}
