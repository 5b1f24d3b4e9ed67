//! Eigenvalues of directions in which the loss does not change: exact zeros.

use crate::eigen::{End, Solution};
use crate::record::Eigenvalue;
use crate::spectrum::index;

/// The `count` outermost eigenvalues of a Hessian that has `flat` eigenvalues 0 besides those that
/// were solved for: `values`, from the outermost inwards, all that there are or `count` of them.
///
/// A zero is exact; which place it has is known as well as the values around it.
pub fn with_flat_directions(
    values: &[Eigenvalue],
    count: usize,
    flat: usize,
    end: End,
) -> Vec<Eigenvalue> {
    if flat == 0 {
        return values.to_vec();
    }
    let sign = match end {
        End::Largest => 1.0,
        End::Smallest => -1.0,
    };
    let outer = values.iter().filter(|e| sign * e.value >= 0.0).count();
    // With every value as far out, and as far in, as its bound allows.
    let extreme = |direction: f64| {
        let moved = values.iter();
        let moved = moved.map(|e| sign * e.value + direction * e.error_bound);
        let mut all: Vec<f64> = moved.chain(std::iter::repeat_n(0.0, flat)).collect();
        all.sort_by(|a, b| b.total_cmp(a));
        all
    };
    let (farthest, nearest) = (extreme(1.0), extreme(-1.0));
    let all_converged = values.iter().all(|e| e.converged);
    let count = count.min(values.len() + flat);
    let places = (0..count).filter_map(|place| {
        let here = values.get(place);
        if place < outer {
            return here.copied();
        }
        if place >= outer + flat {
            let moved = values.get(place - flat)?;
            let index = index(place, end);
            return Some(Eigenvalue { index, ..*moved });
        }
        let error_bound = farthest[place].max(-nearest[place]).max(0.0);
        Some(Eigenvalue {
            index: index(place, end),
            value: 0.0,
            residual: 0.0,
            error_bound,
            certainty: values.first()?.certainty,
            converged: error_bound == 0.0 || here.map_or(all_converged, |e| e.converged),
            kind: values.first()?.kind,
            products: here.map_or(0, |e| e.products),
        })
    });
    places.collect()
}

/// The largest eigenvalue of a map that is zero in `flat` directions besides, and its error bound.
pub fn largest_of(solution: &Solution, flat: usize) -> Option<(f64, f64)> {
    let pair = solution.pairs.first()?;
    if flat > 0 && pair.value < 0.0 {
        return Some((0.0, (pair.value + pair.error_bound).max(0.0)));
    }
    Some((pair.value, pair.error_bound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eigen::Certainty;
    use crate::record::EigenvalueKind;

    fn solved(values: &[f64], bound: f64, end: End) -> Vec<Eigenvalue> {
        let value = |(place, value): (usize, &f64)| Eigenvalue {
            index: index(place, end),
            value: *value,
            residual: bound,
            error_bound: bound,
            certainty: Certainty::Bounded,
            converged: true,
            kind: EigenvalueKind::Solved,
            products: 3,
        };
        values.iter().enumerate().map(value).collect()
    }

    fn shown(values: &[Eigenvalue]) -> Vec<(i64, f64, f64)> {
        let shown = |e: &Eigenvalue| (e.index, e.value, e.error_bound);
        values.iter().map(shown).collect()
    }

    #[test]
    fn zeros_stand_between_the_signs() {
        let values = solved(&[5.0, 2.0, -1.0, -4.0], 0.5, End::Largest);
        let all = with_flat_directions(&values, 7, 3, End::Largest);
        let expected = [
            (1, 5.0, 0.5),
            (2, 2.0, 0.5),
            (3, 0.0, 0.0),
            (4, 0.0, 0.0),
            (5, 0.0, 0.0),
            (6, -1.0, 0.5),
            (7, -4.0, 0.5),
        ];
        assert_eq!(shown(&all), expected);
        assert!(all.iter().all(|e| e.converged));
        let all = with_flat_directions(&values, 4, 1, End::Largest);
        assert_eq!(
            shown(&all),
            [expected[0], expected[1], expected[2], (4, -1.0, 0.5)]
        );
    }

    #[test]
    fn the_smallest_end_is_the_same_from_below() {
        let values = solved(&[-4.0, -1.0, 2.0], 0.5, End::Smallest);
        let all = with_flat_directions(&values, 5, 2, End::Smallest);
        let expected = [
            (-1, -4.0, 0.5),
            (-2, -1.0, 0.5),
            (-3, 0.0, 0.0),
            (-4, 0.0, 0.0),
            (-5, 2.0, 0.5),
        ];
        assert_eq!(shown(&all), expected);
    }

    #[test]
    fn a_value_that_may_have_the_other_sign_widens_the_bounds_of_the_zeros() {
        // The first may be −0.2 in truth, the third 0.1.
        let values = solved(&[0.3, -0.4], 0.5, End::Largest);
        let all = with_flat_directions(&values, 4, 2, End::Largest);
        let bounds: Vec<f64> = all.iter().map(|e| e.error_bound).collect();
        let expected = [0.5, 0.1, 0.2, 0.5];
        for (bound, expected) in bounds.iter().zip(expected) {
            assert!((bound - expected).abs() < 1e-15, "{bounds:?}");
        }
    }

    #[test]
    fn without_flat_directions_nothing_changes() {
        let values = solved(&[1.0, -1.0], 0.0, End::Largest);
        assert_eq!(with_flat_directions(&values, 2, 0, End::Largest), values);
    }
}
