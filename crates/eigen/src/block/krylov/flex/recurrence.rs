//! The three-term recurrence of the Lanczos process.

use super::LOST;
use super::kernels::{dot, scale, subtract};
use super::loops::{Along, Number, each, each_mut};
use super::whole::all_of;

/// Makes of `x`, the image of a basis' last vector as it is kept, what the image of the unit vector
/// leaves without its share along that vector and a known one, `before`, along the one before; that
/// share, and the length of what is left. Where that is little, and with it the digits that make it
/// orthogonal to the two, they are made so once more.
pub(super) fn recur<T: Number>(x: &mut [T], basis: &[Along<'_, T>], before: f64) -> (f64, f64) {
    let Some((last, others)) = basis.split_last() else {
        return (f64::NAN, f64::NAN);
    };
    let second = others.last();
    let unit = last.length.recip();
    let inner: f64 = each(x, |from, x| dot(x, last.part(from, x.len()))).sum();
    let along = inner * unit * unit;
    let squares = each_mut(x, |from, x| {
        if unit != 1.0 {
            scale(x, unit);
        }
        subtract(x, along * unit, last.part(from, x.len()));
        if let Some(second) = second {
            subtract(x, before / second.length, second.part(from, x.len()));
        }
        dot(x, x)
    });
    let length = squares.sqrt();
    let size = along.abs() + before.abs() + length;
    if length > 0.0 && T::EPSILON * size > LOST * T::EPSILON.sqrt() * length {
        let two = &basis[basis.len().saturating_sub(2)..];
        return (along, all_of(x, two, length));
    }
    (along, length)
}
