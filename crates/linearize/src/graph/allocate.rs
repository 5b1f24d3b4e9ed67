//! In which phase each function of a chain is computed, and where its value is kept.

use std::collections::HashMap;

use super::chain::{Function, Instruction, Operand, Phase, Registers};
use super::rows::Level;

/// After how many sums over whole rows each function can be computed.
pub(super) fn phases(functions: &[(Function, Level)]) -> Vec<usize> {
    let mut phases: Vec<usize> = Vec::with_capacity(functions.len());
    for (function, _) in functions {
        let of = |value: usize| {
            // A sum is there only after the pass over the elements.
            let reduces = functions[value].0.reduces();
            phases[value] + usize::from(reduces)
        };
        phases.push(function.registers().map(of).max().unwrap_or(0));
    }
    phases
}

/// Places for values of one kind: as few as can be, each used again when its value is not needed.
#[derive(Default)]
struct Pool {
    free: Vec<usize>,
    count: usize,
}

impl Pool {
    fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }
}

/// The functions phase by phase, and where their values are.
pub(super) fn allocate(
    functions: &[(Function, Level)],
    written: &HashMap<usize, (usize, usize)>,
) -> (Vec<Phase>, Registers) {
    let phases = phases(functions);
    let by_row = |value: usize| functions[value].1 == Level::Row && !functions[value].0.reduces();
    let mut order: Vec<usize> = (0..functions.len()).collect();
    order.sort_by_key(|&value| (phases[value], !by_row(value)));
    let mut last_use: Vec<usize> = vec![0; functions.len()];
    let mut stays = vec![false; functions.len()];
    for (at, &value) in order.iter().enumerate() {
        last_use[value] = at;
        for arg in functions[value].0.registers() {
            last_use[arg] = at;
            stays[arg] |= phases[value] != phases[arg];
        }
    }
    // The instructions of a phase are repeated along the rows: what they share is given free behind
    // the last of them only.
    let end = |at: usize| {
        let phase = phases[order[at]];
        order.partition_point(|&value| phases[value] <= phase) - 1
    };
    let [mut local, mut kept, mut rows, mut columns] = <[Pool; 4]>::default();
    let mut places: Vec<Operand> = vec![Operand::Register(0); functions.len()];
    let mut alive: Vec<usize> = Vec::new();
    let mut code: Vec<Phase> = Vec::new();
    for (at, &value) in order.iter().enumerate() {
        let (function, level) = functions[value];
        let to = match (level, stays[value]) {
            (Level::Row, _) => Operand::Row(rows.take()),
            (Level::Column, _) => Operand::Column(columns.take()),
            (Level::Element, true) => Operand::Kept(kept.take()),
            (Level::Element, false) => Operand::Register(local.take()),
        };
        places[value] = to;
        code.resize_with(phases[value] + 1, Phase::default);
        let phase = &mut code[phases[value]];
        let function = function.on(|operand| match operand {
            Operand::Register(value) => places[value],
            input => input,
        });
        if !by_row(value) {
            for operand in function.operands().into_iter().flatten() {
                if let Operand::Input(input) = operand
                    && !phase.inputs.contains(&input)
                {
                    phase.inputs.push(input);
                }
            }
        }
        let instructions = match by_row(value) {
            true => &mut phase.rows,
            false => &mut phase.elements,
        };
        instructions.push(Instruction {
            function,
            to,
            output: written.get(&value).map(|&(_, number)| number),
        });
        alive.push(value);
        // Only now: a value never takes the place of an argument of its own.
        alive.retain(|&value| {
            let until = match places[value] {
                Operand::Register(_) => last_use[value],
                _ => end(last_use[value]),
            };
            if until > at {
                return true;
            }
            match places[value] {
                Operand::Kept(place) => kept.free.push(place),
                Operand::Row(place) => rows.free.push(place),
                Operand::Register(place) => local.free.push(place),
                // The sums of columns grow until the end.
                Operand::Input(_) | Operand::RowInput(_) | Operand::Column(_) => {}
            }
            false
        });
    }
    let registers = Registers {
        elements: local.count,
        kept: kept.count,
        rows: rows.count,
        columns: columns.count,
    };
    (code, registers)
}
