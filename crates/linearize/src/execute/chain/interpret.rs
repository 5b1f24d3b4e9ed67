//! Runs a chain's program, a few hundred elements at a time.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::access::{Access, Place};
use crate::execute::real::Real;
use crate::graph::{Binary, Chain, Function, Operand, Unary};

/// Elements that go through the program together: enough to make an instruction's overhead small,
/// few enough for the registers of most chains to fit the innermost cache.
const CHUNK: usize = 512;

/// Elements of one task of a thread.
const TASK: usize = 32 * CHUNK;

/// The outputs of `chain`, of `len` elements each.
pub(super) fn interpret<T: Real>(
    chain: &Chain,
    inputs: &[Access<'_, T>],
    len: usize,
) -> Vec<Vec<T>> {
    let mut outputs: Vec<Vec<T>> = chain
        .outputs
        .iter()
        .map(|_| Vec::with_capacity(len))
        .collect();
    let mut tasks: Vec<Vec<&mut [MaybeUninit<T>]>> = Vec::new();
    tasks.resize_with(len.div_ceil(TASK), Vec::new);
    for output in &mut outputs {
        let room = &mut output.spare_capacity_mut()[..len];
        for (task, part) in tasks.iter_mut().zip(room.chunks_mut(TASK)) {
            task.push(part);
        }
    }
    let arch = pulp::Arch::new();
    let work = |(number, mut outputs): (usize, Vec<&mut [MaybeUninit<T>]>)| {
        arch.dispatch(
            #[inline(always)]
            || task(chain, inputs, number * TASK, &mut outputs),
        );
    };
    if tasks.len() > 1 {
        tasks.into_par_iter().enumerate().for_each(work);
    } else {
        tasks.into_iter().enumerate().for_each(work);
    }
    for output in &mut outputs {
        // SAFETY: the tasks' parts cover `len` elements, and each task writes all of its parts,
        // because every output is that of one instruction (`Chain::outputs`).
        unsafe { output.set_len(len) };
    }
    outputs
}

/// Computes the elements from `from` on into parts of the outputs.
#[inline(always)]
fn task<T: Real>(
    chain: &Chain,
    inputs: &[Access<'_, T>],
    from: usize,
    outputs: &mut [&mut [MaybeUninit<T>]],
) {
    let len = outputs.first().map_or(0, |output| output.len());
    let mut registers = vec![vec![T::zero(); CHUNK]; chain.registers];
    let mut scratch = vec![vec![T::zero(); CHUNK]; inputs.len()];
    let mut places = vec![Place::Gathered; inputs.len()];
    for start in (0..len).step_by(CHUNK) {
        let size = CHUNK.min(len - start);
        for ((input, scratch), place) in inputs.iter().zip(&mut scratch).zip(&mut places) {
            *place = input.find(from + start, &mut scratch[..size]);
        }
        for instruction in &chain.code {
            let mut to = std::mem::take(&mut registers[instruction.to]);
            let at = |operand: Operand| match operand {
                Operand::Input(i) => inputs[i].get(places[i], &scratch[i][..size]),
                Operand::Register(i) => &registers[i][..size],
            };
            compute(instruction.function, at, &mut to[..size]);
            if let Some(output) = instruction.output {
                let room = outputs[output][start..start + size].iter_mut();
                for (room, &value) in room.zip(&to) {
                    room.write(value);
                }
            }
            registers[instruction.to] = to;
        }
    }
}

#[inline(always)]
fn compute<'a, T: Real>(function: Function, at: impl Fn(Operand) -> &'a [T], to: &mut [T]) {
    match function {
        Function::Unary(f, x) => unary(f, at(x), to),
        Function::Binary(f, x, y) => {
            let (x, y) = (at(x), at(y));
            match f {
                Binary::Add => zip(x, y, to, |x, y| x + y),
                Binary::Sub => zip(x, y, to, |x, y| x - y),
                Binary::Mul => zip(x, y, to, |x, y| x * y),
                Binary::Div => zip(x, y, to, |x, y| x / y),
                Binary::Pow => unreachable!("no part of chains"),
            }
        }
        Function::AddScalar(x, c) => {
            let c = T::of(c);
            map(at(x), to, |x| x + c);
        }
        Function::MulScalar(x, c) => {
            let c = T::of(c);
            map(at(x), to, |x| x * c);
        }
        Function::Clamp(x, low, high) => {
            let (low, high) = (T::of(low), T::of(high));
            // NaN stays NaN.
            map(at(x), to, |x| {
                let x = if x < low { low } else { x };
                if x > high { high } else { x }
            });
        }
    }
}

#[inline(always)]
fn unary<T: Real>(f: Unary, x: &[T], to: &mut [T]) {
    let (zero, one) = (T::zero(), T::one());
    match f {
        Unary::Exp => in_place(x, to, T::exponential),
        Unary::Log => map(x, to, T::ln),
        Unary::Log1p => map(x, to, T::ln_1p),
        Unary::Sqrt => map(x, to, T::sqrt),
        Unary::Recip => map(x, to, |x| one / x),
        Unary::Tanh => in_place(x, to, T::hyperbolic_tangent),
        Unary::Sin => map(x, to, T::sin),
        Unary::Cos => map(x, to, T::cos),
        Unary::Abs => map(x, to, T::abs),
        Unary::Sign => map(x, to, |x| {
            let positive = if x > zero { one } else { x };
            if x < zero { -one } else { positive }
        }),
        Unary::Sigmoid => in_place(x, to, T::logistic),
        // −(max(−x, 0) + ln(1 + e^−|x|)): no overflow, and no cancellation for large x.
        Unary::LogSigmoid => map(x, to, |x| {
            let below = if x < zero { -x } else { zero };
            -(below + (-x.abs()).exp().ln_1p())
        }),
        Unary::Relu => map(x, to, |x| if x < zero { zero } else { x }),
        Unary::Erf | Unary::Round | Unary::Floor | Unary::Ceil | Unary::Trunc => {
            unreachable!("no part of chains")
        }
    }
}

#[inline(always)]
fn in_place<T: Real>(x: &[T], to: &mut [T], f: impl Fn(&mut [T])) {
    to.copy_from_slice(x);
    f(to);
}

#[inline(always)]
fn map<T: Real>(x: &[T], to: &mut [T], f: impl Fn(T) -> T) {
    for (to, &x) in to.iter_mut().zip(x) {
        *to = f(x);
    }
}

#[inline(always)]
fn zip<T: Real>(x: &[T], y: &[T], to: &mut [T], f: impl Fn(T, T) -> T) {
    for ((to, &x), &y) in to.iter_mut().zip(x).zip(y) {
        *to = f(x, y);
    }
}
