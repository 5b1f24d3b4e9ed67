//! The functions of a chain's program, over some hundred numbers each.

use num_traits::Float;

use super::access::{Part, Values};
use crate::execute::real::Real;
use crate::graph::{Binary, Comparison, Function, Joined, Operand, Unary};

/// Whether the processor has fused multiplications and additions: a library's take far longer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fused(pub bool);

impl Fused {
    /// x·y + z.
    #[inline(always)]
    fn sum<T: Real>(self, x: T, y: T, z: T) -> T {
        if self.0 {
            Float::mul_add(x, y, z)
        } else {
            x * y + z
        }
    }
}

/// A function of corresponding numbers, written to `to`.
#[inline(always)]
pub(super) fn compute<'a, T: Real>(
    function: Function,
    fused: Fused,
    at: impl Fn(Operand) -> Values<'a, T>,
    to: &mut [T],
) {
    match function {
        Function::Fill(c) => to.fill(T::of(c)),
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
        Function::Affine(x, a, b) => {
            let (a, b) = (T::of(a), T::of(b));
            map(at(x), to, |x| fused.sum(a, x, b));
        }
        Function::AddScaled(x, y, c) => {
            let c = T::of(c);
            zip(at(x), at(y), to, |x, y| fused.sum(c, y, x));
        }
        Function::Join(x, y, how, z) => {
            let (x, y, z) = (at(x), at(y), at(z));
            match how {
                Joined::Plus => zip_three(x, y, z, to, |x, y, z| fused.sum(x, y, z)),
                Joined::Less => zip_three(x, y, z, to, |x, y, z| fused.sum(x, y, -z)),
                Joined::From => zip_three(x, y, z, to, |x, y, z| fused.sum(-x, y, z)),
            }
        }
        Function::Power(x, p) => {
            let p = T::of(p);
            map(at(x), to, |x| x.powf(p));
        }
        Function::Clamp(x, low, high) => {
            let (low, high) = (T::of(low), T::of(high));
            // NaN stays NaN.
            map(at(x), to, |x| {
                let x = if x < low { low } else { x };
                if x > high { high } else { x }
            });
        }
        Function::Compare(comparison, x, c) => compare(comparison, at(x), T::of(c), to),
        Function::Sum(_) | Function::Max(_) | Function::Columns(..) => {
            unreachable!("not element by element")
        }
    }
}

#[inline(always)]
fn compare<T: Real>(comparison: Comparison, x: Values<'_, T>, c: T, to: &mut [T]) {
    let (zero, one) = (T::zero(), T::one());
    let number = |holds: bool| if holds { one } else { zero };
    match comparison {
        Comparison::Equal => map(x, to, |x| number(x == c)),
        Comparison::NotEqual => map(x, to, |x| number(x != c)),
        Comparison::Greater => map(x, to, |x| number(x > c)),
        Comparison::GreaterEqual => map(x, to, |x| number(x >= c)),
        Comparison::Lower => map(x, to, |x| number(x < c)),
        Comparison::LowerEqual => map(x, to, |x| number(x <= c)),
    }
}

#[inline(always)]
fn unary<T: Real>(f: Unary, x: Values<'_, T>, to: &mut [T]) {
    let (zero, one) = (T::zero(), T::one());
    match f {
        Unary::Exp => in_place(x, to, T::exponential),
        Unary::Log => map(x, to, T::ln),
        Unary::Log1p => map(x, to, T::ln_1p),
        Unary::Sqrt => map(x, to, T::sqrt),
        Unary::Recip => map(x, to, |x| one / x),
        Unary::Tanh => in_place(x, to, T::hyperbolic_tangent),
        Unary::Erf => in_place(x, to, T::error_function),
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
        Unary::Round | Unary::Floor | Unary::Ceil | Unary::Trunc => {
            unreachable!("no part of chains")
        }
    }
}

#[inline(always)]
fn in_place<T: Real>(x: Values<'_, T>, to: &mut [T], f: impl Fn(&mut [T])) {
    map(x, to, |x| x);
    f(to);
}

#[inline(always)]
fn map<T: Real>(x: Values<'_, T>, to: &mut [T], f: impl Fn(T) -> T) {
    match x {
        Values::Each(x) => {
            for (to, &x) in to.iter_mut().zip(x) {
                *to = f(x);
            }
        }
        Values::ByRow(x, length) => {
            for (to, &x) in to.chunks_mut(length).zip(x) {
                to.fill(f(x));
            }
        }
    }
}

#[inline(always)]
fn zip<T: Real>(x: Values<'_, T>, y: Values<'_, T>, to: &mut [T], f: impl Fn(T, T) -> T) {
    match (x, y) {
        (Values::Each(x), Values::Each(y)) => {
            for ((to, &x), &y) in to.iter_mut().zip(x).zip(y) {
                *to = f(x, y);
            }
        }
        (Values::Each(x), Values::ByRow(y, length)) => {
            for ((to, x), &y) in to.chunks_mut(length).zip(x.chunks(length)).zip(y) {
                map(Values::Each(x), to, |x| f(x, y));
            }
        }
        (Values::ByRow(x, length), Values::Each(y)) => {
            for ((to, y), &x) in to.chunks_mut(length).zip(y.chunks(length)).zip(x) {
                map(Values::Each(y), to, |y| f(x, y));
            }
        }
        (Values::ByRow(x, of_x), Values::ByRow(y, of_y)) => {
            // Rare: neither is one number an element.
            for (at, to) in to.iter_mut().enumerate() {
                *to = f(x[at / of_x], y[at / of_y]);
            }
        }
    }
}

/// A function of three numbers that is the same with the first two exchanged.
#[inline(always)]
fn zip_three<T: Real>(
    x: Values<'_, T>,
    y: Values<'_, T>,
    z: Values<'_, T>,
    to: &mut [T],
    f: impl Fn(T, T, T) -> T,
) {
    let (x, y) = match x {
        Values::Each(_) => (x, y),
        Values::ByRow(..) => (y, x),
    };
    let lengths = [x, y, z].map(|values| values.length(to.len()));
    let length = lengths.into_iter().fold(to.len(), usize::min).max(1);
    for (at, to) in to.chunks_mut(length).enumerate() {
        let (from, count) = (at * length, to.len());
        match (
            x.part(from, count),
            y.part(from, count),
            z.part(from, count),
        ) {
            (Part::Each(x), Part::Each(y), Part::Each(z)) => {
                for (((to, &x), &y), &z) in to.iter_mut().zip(x).zip(y).zip(z) {
                    *to = f(x, y, z);
                }
            }
            (Part::Each(x), Part::Each(y), Part::One(z)) => {
                for ((to, &x), &y) in to.iter_mut().zip(x).zip(y) {
                    *to = f(x, y, z);
                }
            }
            (Part::Each(x), Part::One(y), Part::Each(z)) => {
                for ((to, &x), &z) in to.iter_mut().zip(x).zip(z) {
                    *to = f(x, y, z);
                }
            }
            (Part::Each(x), Part::One(y), Part::One(z)) => {
                for (to, &x) in to.iter_mut().zip(x) {
                    *to = f(x, y, z);
                }
            }
            // Rare: neither of the first two is one number an element.
            (x, y, z) => {
                for (index, to) in to.iter_mut().enumerate() {
                    *to = f(x.get(index), y.get(index), z.get(index));
                }
            }
        }
    }
}
