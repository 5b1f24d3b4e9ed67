//! Orthogonal again to a basis to which orthogonality is lost (Simon, Math. Comp. 42, 1984: partial
//! reorthogonalisation).

use rayon::prelude::*;

use super::ENOUGH;
use super::kernels::{dot, subtract};
use super::loops::{Along, Number, PIECE, TASK, add, each, shares_of_both, take_of_both};
use super::whole::all_of;

/// What was measured of a basis' next vector and its last one, and what was done.
pub(super) struct Measured {
    /// Along each vector before the last: the share of the next unit vector, and of the last one.
    pub shares: Vec<[f64; 2]>,
    /// The next vector's length.
    pub length: f64,
}

/// Makes `next`, of that `length`, and `last`, the last vector of a basis as it is kept, orthogonal to the
/// `others` along which one of them has a share of more than `least`, in one reading of all to measure the
/// shares and one of those to take them away; the next alone would soon have them again from the last.
/// The next one is also made orthogonal to the last once more.
pub(super) fn both<T: Number>(
    next: &mut [T],
    last: (&mut [T], f64),
    others: &[Along<'_, T>],
    length: f64,
    least: f64,
) -> Option<Measured> {
    if length.is_nan() || length <= 0.0 {
        return None;
    }
    let (last, length_of_last) = last;
    let mut shares = [vec![0.0; others.len()], vec![0.0; others.len()]];
    let mut on_last = 0.0;
    for (of_both, along) in each(next, |from, next| {
        let last = &last[from..from + next.len()];
        (shares_of_both(next, last, from, others), dot(next, last))
    }) {
        on_last += along / length_of_last;
        for (shares, own) in shares.iter_mut().zip(&of_both) {
            add(shares, own);
        }
    }
    let [of_next, of_last] = shares;
    let measured = of_next.iter().zip(&of_last);
    let measured: Vec<[f64; 2]> = measured
        .map(|(next, last)| [next / length, last / length_of_last])
        .collect();
    let (mut lost, mut taken) = (Vec::new(), Vec::new());
    for (k, both) in measured.iter().enumerate() {
        if both.iter().any(|share| share.abs() > least) {
            lost.push(others[k]);
            taken.push([of_next[k], of_last[k]]);
        }
    }
    let tasks = next.par_chunks_mut(TASK).zip(last.par_chunks_mut(TASK));
    let squares = tasks.enumerate().map(|(task, (next, last))| {
        let from = task * TASK;
        let pieces = next.chunks_mut(PIECE).zip(last.chunks_mut(PIECE));
        for (from, (next, last)) in (from..).step_by(PIECE).zip(pieces) {
            subtract(next, on_last / length_of_last, last);
            take_of_both([next, last], from, &lost, &taken);
        }
        dot(next, next)
    });
    let squares: Vec<f64> = squares.collect();
    let left = squares.into_iter().sum::<f64>().sqrt();
    let left = match left < ENOUGH * length {
        // Most of it was rounding, and what is left has little of the digits that made it orthogonal.
        true => {
            let last = Along::new(last, length_of_last);
            let basis: Vec<Along<'_, T>> = others.iter().copied().chain([last]).collect();
            all_of(next, &basis, left)
        }
        false => left,
    };
    Some(Measured {
        shares: measured,
        length: left,
    })
}
