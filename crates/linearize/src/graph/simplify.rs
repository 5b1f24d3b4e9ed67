//! Fewer functions for the same values: factors that are numbers go along until they can be part of
//! another function, and products are taken together with the sums that they are terms of.

use std::collections::HashMap;

use super::Binary;
use super::allocate::phases;
use super::chain::{Function, Joined, Operand};
use super::rows::Level;

/// Functions with their levels; each one's value is the register of its number.
type Functions = Vec<(Function, Level)>;

/// Which registers are outputs, with what belongs to these.
type Written = HashMap<usize, (usize, usize)>;

/// Factors beyond this, or below its reciprocal, do not wait: numbers without them could leave the
/// range of float32.
const LARGEST: f64 = 1e6;

/// As few functions as are found for the same values.
pub(super) fn simplify(functions: &Functions, written: &Written) -> (Functions, Written) {
    let (functions, written) = scaled(functions, written);
    joined(functions, written)
}

/// A value as a number's multiple of another.
#[derive(Clone, Copy)]
struct Multiple {
    factor: f64,
    of: Operand,
}

/// The functions with factors put off.
struct Scaling<'a> {
    old: &'a Functions,
    /// By old register.
    values: Vec<Multiple>,
    functions: Functions,
}

fn scaled(old: &Functions, written: &Written) -> (Functions, Written) {
    let mut scaling = Scaling {
        old,
        values: Vec::with_capacity(old.len()),
        functions: Vec::with_capacity(old.len()),
    };
    let mut outputs = Written::new();
    for (register, &(function, level)) in old.iter().enumerate() {
        let value = scaling.value(function, level);
        scaling.values.push(value);
        if let Some(&output) = written.get(&register) {
            let own = scaling.own(register, level, &outputs);
            outputs.insert(own, output);
        }
    }
    (scaling.functions, outputs)
}

impl Scaling<'_> {
    fn push(&mut self, function: Function, level: Level) -> Operand {
        self.functions.push((function, level));
        Operand::Register(self.functions.len() - 1)
    }

    /// An argument as a multiple, for a function of a level: numbers of rows take their factors
    /// themselves, because these would be taken for each element else.
    fn multiple(&mut self, x: Operand, level: Level) -> Multiple {
        match x {
            Operand::Register(register) if self.old[register].1 == level => self.values[register],
            _ => Multiple {
                factor: 1.0,
                of: self.plain(x),
            },
        }
    }

    /// An argument with its factor multiplied in.
    fn plain(&mut self, x: Operand) -> Operand {
        let Operand::Register(register) = x else {
            return x;
        };
        let Multiple { factor, of } = self.values[register];
        if factor == 1.0 {
            return of;
        }
        let of = self.push(Function::MulScalar(of, factor), self.old[register].1);
        self.values[register] = Multiple { factor: 1.0, of };
        of
    }

    /// The register of a value that is written: one of its own, as each output is written once.
    fn own(&mut self, register: usize, level: Level, outputs: &Written) -> usize {
        match self.values[register] {
            Multiple {
                factor: 1.0,
                of: Operand::Register(own),
            } if !outputs.contains_key(&own) => own,
            Multiple { factor, of } => {
                let own = self.functions.len();
                let of = self.push(Function::MulScalar(of, factor), level);
                self.values[register] = Multiple { factor: 1.0, of };
                own
            }
        }
    }

    fn value(&mut self, function: Function, level: Level) -> Multiple {
        match function {
            Function::MulScalar(x, c) => {
                let x = self.multiple(x, level);
                self.times(c * x.factor, x.of, level)
            }
            Function::Binary(Binary::Mul, x, y) => {
                let (x, y) = (self.multiple(x, level), self.multiple(y, level));
                let of = self.push(Function::Binary(Binary::Mul, x.of, y.of), level);
                self.times(x.factor * y.factor, of, level)
            }
            Function::Binary(Binary::Div, x, y) => {
                let (x, y) = (self.multiple(x, level), self.multiple(y, level));
                let of = self.push(Function::Binary(Binary::Div, x.of, y.of), level);
                self.times(x.factor / y.factor, of, level)
            }
            Function::Binary(Binary::Add, x, y) => self.sum(x, y, 1.0, level),
            Function::Binary(Binary::Sub, x, y) => self.sum(x, y, -1.0, level),
            Function::AddScalar(x, c) => {
                let x = self.multiple(x, level);
                let function = match x.factor {
                    1.0 => Function::AddScalar(x.of, c),
                    factor => Function::Affine(x.of, factor, c),
                };
                let of = self.push(function, level);
                Multiple { factor: 1.0, of }
            }
            Function::Sum(x) => {
                let x = self.multiple(x, Level::Element);
                let of = self.push(Function::Sum(x.of), level);
                self.times(x.factor, of, level)
            }
            other => {
                for arg in other.operands().into_iter().flatten() {
                    self.plain(arg);
                }
                let function = other.on(|arg| match arg {
                    Operand::Register(register) => self.values[register].of,
                    input => input,
                });
                let of = self.push(function, level);
                Multiple { factor: 1.0, of }
            }
        }
    }

    /// x + sign·y.
    fn sum(&mut self, x: Operand, y: Operand, sign: f64, level: Level) -> Multiple {
        let (x, y) = (self.multiple(x, level), self.multiple(y, level));
        let function = match sign * y.factor / x.factor {
            1.0 => Function::Binary(Binary::Add, x.of, y.of),
            -1.0 => Function::Binary(Binary::Sub, x.of, y.of),
            factor => Function::AddScaled(x.of, y.of, factor),
        };
        let of = self.push(function, level);
        self.times(x.factor, of, level)
    }

    /// A multiple, whose factor waits unless it is extreme.
    fn times(&mut self, factor: f64, of: Operand, level: Level) -> Multiple {
        if factor == 1.0 || (LARGEST.recip()..LARGEST).contains(&factor.abs()) {
            return Multiple { factor, of };
        }
        let of = self.push(Function::MulScalar(of, factor), level);
        Multiple { factor: 1.0, of }
    }
}

/// Sums with a product as their term in one function each, where the product is there for them alone.
fn joined(mut functions: Functions, written: Written) -> (Functions, Written) {
    let phases = phases(&functions);
    let mut uses = vec![0_usize; functions.len()];
    for (function, _) in &functions {
        function.registers().for_each(|value| uses[value] += 1);
    }
    for at in 0..functions.len() {
        let (function, level) = functions[at];
        // The arguments of an argument that is for this function alone, and computed beside it.
        let alone = |x: Operand| match x {
            Operand::Register(value)
                if uses[value] == 1
                    && !written.contains_key(&value)
                    && (phases[value], functions[value].1) == (phases[at], level) =>
            {
                Some(functions[value].0)
            }
            _ => None,
        };
        let product = |x: Operand| match alone(x) {
            Some(Function::Binary(Binary::Mul, a, b)) => Some((a, b)),
            _ => None,
        };
        let more_by_one = |x: Operand| match alone(x) {
            Some(Function::AddScalar(a, 1.0)) => Some((a, Joined::Plus)),
            Some(Function::AddScalar(a, -1.0)) => Some((a, Joined::Less)),
            _ => None,
        };
        let found = match function {
            Function::Binary(Binary::Add, x, y) => product(x)
                .map(|(a, b)| Function::Join(a, b, Joined::Plus, y))
                .or_else(|| product(y).map(|(a, b)| Function::Join(a, b, Joined::Plus, x))),
            Function::Binary(Binary::Sub, x, y) => product(x)
                .map(|(a, b)| Function::Join(a, b, Joined::Less, y))
                .or_else(|| product(y).map(|(a, b)| Function::Join(a, b, Joined::From, x))),
            // (a ± 1)·b = a·b ± b.
            Function::Binary(Binary::Mul, x, y) if x != y => more_by_one(x)
                .map(|(a, how)| Function::Join(a, y, how, y))
                .or_else(|| more_by_one(y).map(|(a, how)| Function::Join(a, x, how, x))),
            _ => None,
        };
        // Uses count as before: those of the product's arguments pass to the sum.
        if let Some(found) = found {
            functions[at].0 = found;
        }
    }
    without_unused(&functions, &written)
}

/// The functions that an output follows from.
fn without_unused(functions: &Functions, written: &Written) -> (Functions, Written) {
    let mut used = vec![false; functions.len()];
    for (value, (function, _)) in functions.iter().enumerate().rev() {
        used[value] |= written.contains_key(&value);
        if used[value] {
            function.registers().for_each(|arg| used[arg] = true);
        }
    }
    let mut places: Vec<usize> = Vec::with_capacity(functions.len());
    let mut kept = 0;
    for used in &used {
        places.push(kept);
        kept += usize::from(*used);
    }
    let place = |operand: Operand| match operand {
        Operand::Register(value) => Operand::Register(places[value]),
        other => other,
    };
    let numbered = functions.iter().zip(&used).filter(|(_, used)| **used);
    let functions = numbered
        .map(|((function, level), _)| (function.on(place), *level))
        .collect();
    let written = written
        .iter()
        .map(|(&value, &output)| (places[value], output));
    (functions, written.collect())
}

#[cfg(test)]
mod tests {
    use super::Level::{Element, Row};
    use super::*;

    const X: Operand = Operand::Input(0);
    const Y: Operand = Operand::Input(1);
    const Z: Operand = Operand::Input(2);
    const R: [Operand; 3] = [
        Operand::Register(0),
        Operand::Register(1),
        Operand::Register(2),
    ];

    fn binary(f: Binary, x: Operand, y: Operand) -> Function {
        Function::Binary(f, x, y)
    }

    /// The functions for some outputs, and the registers of these.
    fn of(functions: &[(Function, Level)], outputs: &[usize]) -> (Functions, Vec<usize>) {
        let numbered = outputs.iter().enumerate();
        let written = numbered.map(|(n, &register)| (register, (n, n))).collect();
        let (functions, written) = simplify(&functions.to_vec(), &written);
        let register = |n: usize| {
            let mut found = written.iter();
            found
                .find(|(_, output)| **output == (n, n))
                .map(|(own, _)| *own)
        };
        let registers = (0..outputs.len()).filter_map(register).collect();
        (functions, registers)
    }

    #[test]
    fn factors_wait_until_they_are_alike_or_part_of_a_sum() {
        let doubled = [
            (Function::MulScalar(X, 2.0), Element),
            (Function::MulScalar(Y, 2.0), Element),
            (binary(Binary::Add, R[0], R[1]), Element),
        ];
        let expected = vec![
            (binary(Binary::Add, X, Y), Element),
            (Function::MulScalar(R[0], 2.0), Element),
        ];
        assert_eq!(of(&doubled, &[2]), (expected, vec![1]));
        let scaled = [
            (Function::MulScalar(Y, -3.0), Element),
            (binary(Binary::Sub, X, R[0]), Element),
        ];
        let expected = vec![(Function::AddScaled(X, Y, 3.0), Element)];
        assert_eq!(of(&scaled, &[1]), (expected, vec![0]));
        let moved = [
            (Function::MulScalar(X, 0.5), Element),
            (Function::AddScalar(R[0], 1.0), Element),
        ];
        let expected = vec![(Function::Affine(X, 0.5, 1.0), Element)];
        assert_eq!(of(&moved, &[1]), (expected, vec![0]));
    }

    #[test]
    fn factors_move_from_elements_to_rows_and_never_back() {
        let mean = [
            (Function::MulScalar(X, 2.0), Element),
            (Function::Sum(R[0]), Row),
            (binary(Binary::Sub, X, R[1]), Element),
        ];
        let expected = vec![
            (Function::Sum(X), Row),
            (Function::MulScalar(R[0], 2.0), Row),
            (binary(Binary::Sub, X, R[1]), Element),
        ];
        assert_eq!(of(&mean, &[2]), (expected, vec![2]));
    }

    #[test]
    fn extreme_factors_do_not_wait() {
        for c in [1e-30, 0.0, f64::INFINITY] {
            let functions = [
                (Function::MulScalar(X, c), Element),
                (binary(Binary::Mul, R[0], Y), Element),
            ];
            assert_eq!(of(&functions, &[1]), (functions.to_vec(), vec![1]));
        }
    }

    #[test]
    fn each_output_is_written_once() {
        let functions = [
            (binary(Binary::Mul, X, Y), Element),
            (Function::MulScalar(R[0], 2.0), Element),
            (Function::MulScalar(R[1], 0.5), Element),
        ];
        let (_, registers) = of(&functions, &[0, 2]);
        assert_eq!(registers.len(), 2);
        assert_ne!(registers[0], registers[1]);
        let (_, registers) = of(&[(Function::MulScalar(X, 1.0), Element)], &[0]);
        assert_eq!(registers, [0]);
    }

    #[test]
    fn a_product_for_a_sum_alone_is_part_of_it() {
        let product = (binary(Binary::Mul, X, Y), Element);
        for (sum, how) in [
            (binary(Binary::Add, R[0], Z), Joined::Plus),
            (binary(Binary::Add, Z, R[0]), Joined::Plus),
            (binary(Binary::Sub, R[0], Z), Joined::Less),
            (binary(Binary::Sub, Z, R[0]), Joined::From),
        ] {
            let functions = [product, (sum, Element)];
            let expected = vec![(Function::Join(X, Y, how, Z), Element)];
            assert_eq!(of(&functions, &[1]), (expected, vec![0]));
            // What is wanted itself stays.
            assert_eq!(of(&functions, &[0, 1]), (functions.to_vec(), vec![0, 1]));
        }
        let functions = [
            (Function::AddScalar(X, -1.0), Element),
            (binary(Binary::Mul, R[0], Y), Element),
        ];
        let expected = vec![(Function::Join(X, Y, Joined::Less, Y), Element)];
        assert_eq!(of(&functions, &[1]), (expected, vec![0]));
    }

    #[test]
    fn a_product_of_an_earlier_phase_stays_there() {
        let functions = [
            (binary(Binary::Mul, X, Y), Element),
            (Function::Sum(X), Row),
            (binary(Binary::Mul, R[0], R[1]), Element),
        ];
        assert_eq!(of(&functions, &[2]), (functions.to_vec(), vec![2]));
        let functions = [
            (Function::Sum(X), Row),
            (binary(Binary::Mul, X, Y), Element),
            (binary(Binary::Sub, R[1], R[0]), Element),
        ];
        assert_eq!(of(&functions, &[2]), (functions.to_vec(), vec![2]));
    }
}
