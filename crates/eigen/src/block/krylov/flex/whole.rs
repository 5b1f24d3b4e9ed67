//! Orthogonal to a whole basis.

use super::ENOUGH;
use super::kernels::dot;
use super::loops::{Along, Number, add, each, each_mut, shares_in, take};

/// Leaves of `x` what is orthogonal to a basis; its length, which was `length`.
pub(super) fn all_of<T: Number>(x: &mut [T], basis: &[Along<'_, T>], mut length: f64) -> f64 {
    for _ in 0..3 {
        // A NaN ends it, too.
        if length.is_nan() || length <= 0.0 {
            break;
        }
        // Classical Gram–Schmidt: all shares first, then all subtractions.
        let mut shares = vec![0.0; basis.len()];
        for of_task in each(x, |from, x| shares_in(x, from, basis)) {
            add(&mut shares, &of_task);
        }
        let left = each_mut(x, |from, x| {
            take(x, from, basis, &shares);
            dot(x, x)
        });
        let left = left.sqrt();
        let enough = left >= ENOUGH * length;
        length = left;
        if enough {
            break;
        }
    }
    length
}
