//! Statistics of columns with gaps. A value that is missing or not finite is left out, and where
//! two columns are compared, so is its partner.

use serde::{Deserialize, Serialize};

/// Pearson's correlation of two columns over the rows where both are measured.
///
/// None with fewer than three such rows, or when either column is constant over them.
pub fn pearson(a: &[Option<f64>], b: &[Option<f64>]) -> Option<f64> {
    let pairs = pairs(a, b);
    if pairs.len() < 3 {
        return None;
    }
    let a = deviations(pairs.iter().map(|(_, a, _)| *a))?;
    let b = deviations(pairs.iter().map(|(_, _, b)| *b))?;
    let dot = |x: &[f64], y: &[f64]| sum(x.iter().zip(y).map(|(x, y)| x * y));
    let correlation = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
    // Rounding may carry a perfect correlation an ulp beyond 1.
    correlation
        .is_finite()
        .then(|| correlation.clamp(-1.0, 1.0))
}

/// Deviations from the mean, scaled so that the largest is ±1; none for a constant.
fn deviations(values: impl Iterator<Item = f64> + Clone) -> Option<Vec<f64>> {
    let first = values.clone().next()?;
    // Compared exactly: the mean of equal numbers may differ from them by an ulp.
    if values.clone().all(|value| value == first) {
        return None;
    }
    let mean = mean(values.clone())?;
    let scale = values
        .clone()
        .fold(0.0, |largest: f64, value| largest.max((value - mean).abs()));
    Some(values.map(|value| (value - mean) / scale).collect())
}

/// A share of counted cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// From 0 to 1.
    pub share: f64,
    /// The number of cases.
    pub of: usize,
}

impl Share {
    /// The share of cases that are true; none without a case.
    pub fn of(cases: impl Iterator<Item = bool>) -> Option<Self> {
        let (hits, of) = cases.fold((0_usize, 0_usize), |(hits, of), case| {
            (hits + usize::from(case), of + 1)
        });
        (of > 0).then(|| Self {
            share: hits as f64 / of as f64,
            of,
        })
    }
}

/// The changes of two columns from each row where both are measured to the next such row: (the
/// later row, change of `a`, change of `b`).
pub fn paired_changes(a: &[Option<f64>], b: &[Option<f64>]) -> Vec<(usize, f64, f64)> {
    let pairs = pairs(a, b);
    let steps = pairs.windows(2);
    steps
        .map(|pair| (pair[1].0, pair[1].1 - pair[0].1, pair[1].2 - pair[0].2))
        .collect()
}

/// The share of changes in which both columns go the same way.
///
/// Where neither changes there is no direction to compare, and the change is left out; where one
/// does and the other does not, they differ.
pub fn same_sign_share(changes: impl Iterator<Item = (f64, f64)>) -> Option<Share> {
    Share::of(
        changes
            .filter(|(a, b)| *a != 0.0 || *b != 0.0)
            .map(|(a, b)| (a > 0.0 && b > 0.0) || (a < 0.0 && b < 0.0)),
    )
}

/// A value and the step where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extreme {
    /// The value.
    pub value: f64,
    /// The step.
    pub step: u64,
}

/// The largest value and its step; the first of equal ones.
pub fn maximum(steps: &[u64], values: &[Option<f64>]) -> Option<Extreme> {
    extreme(steps, values, |value, best| value > best)
}

/// The smallest value and its step; the first of equal ones.
pub fn minimum(steps: &[u64], values: &[Option<f64>]) -> Option<Extreme> {
    extreme(steps, values, |value, best| value < best)
}

fn extreme(
    steps: &[u64],
    values: &[Option<f64>],
    beats: impl Fn(f64, f64) -> bool,
) -> Option<Extreme> {
    let mut best: Option<Extreme> = None;
    for (step, value) in steps.iter().zip(values) {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            continue;
        };
        if best.is_none_or(|best| beats(value, best.value)) {
            best = Some(Extreme { value, step: *step });
        }
    }
    best
}

/// The `q`-quantile, 0 ≤ q ≤ 1, interpolated linearly between the order statistics (Hyndman and
/// Fan's definition 7); none without a value, or for another q.
pub fn quantile(values: &[Option<f64>], q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = finite(values).collect();
    if sorted.is_empty() || !(0.0..=1.0).contains(&q) {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let position = q * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let part = position - position.floor();
    Some((1.0 - part) * sorted[below] + part * sorted[above])
}

/// The median; none without a value.
pub fn median(values: &[Option<f64>]) -> Option<f64> {
    quantile(values, 0.5)
}

/// How many values are there.
pub fn count(values: &[Option<f64>]) -> usize {
    finite(values).count()
}

/// The mean, its sum compensated; none without a value.
pub fn mean(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let count = values.clone().count();
    (count > 0).then(|| sum(values) / count as f64)
}

/// A sum with Neumaier's compensation: its error does not grow with the number of terms.
pub fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, lost) = values.fold((0.0_f64, 0.0_f64), |(sum, lost), value| {
        let next = sum + value;
        let rounded = if sum.abs() >= value.abs() {
            (sum - next) + value
        } else {
            (value - next) + sum
        };
        (next, lost + rounded)
    });
    sum + lost
}

fn finite(values: &[Option<f64>]) -> impl Iterator<Item = f64> {
    let present = values.iter().flatten().copied();
    present.filter(|value| value.is_finite())
}

/// The rows where both are measured.
fn pairs(a: &[Option<f64>], b: &[Option<f64>]) -> Vec<(usize, f64, f64)> {
    let rows = a.iter().zip(b).enumerate();
    rows.filter_map(|(row, (a, b))| Some((row, (*a)?, (*b)?)))
        .filter(|(_, a, b)| a.is_finite() && b.is_finite())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn correlation_of_lines_and_of_a_known_set() {
        let x = some(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(pearson(&x, &some(&[2.0, 4.0, 6.0, 8.0, 10.0])), Some(1.0));
        assert_eq!(pearson(&x, &some(&[5.0, 4.0, 3.0, 2.0, 1.0])), Some(-1.0));
        // By hand: deviations (−2 −1 0 1 2) and (−1 0 −1 1 1): 5/√(10·4).
        let r = pearson(&x, &some(&[1.0, 2.0, 1.0, 3.0, 3.0])).unwrap();
        assert!((r - 5.0 / 40.0_f64.sqrt()).abs() < 1e-15, "{r}");
    }

    #[test]
    fn correlation_survives_a_large_offset_and_a_large_scale() {
        let x = some(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        for (scale, offset) in [(1.0, 1e9), (1e200, 0.0), (1e-200, 0.0)] {
            let y: Vec<f64> = [1.0, 2.0, 1.0, 3.0, 3.0]
                .iter()
                .map(|y| y * scale + offset)
                .collect();
            let r = pearson(&x, &some(&y)).unwrap();
            assert!((r - 5.0 / 40.0_f64.sqrt()).abs() < 1e-12, "{r}");
        }
    }

    #[test]
    fn correlation_needs_three_pairs_and_variance() {
        let gaps = [Some(1.0), None, Some(3.0), Some(f64::NAN), Some(4.0)];
        let other = [Some(2.0), Some(9.0), Some(6.0), Some(9.0), None];
        assert_eq!(pearson(&gaps, &other), None);
        assert_eq!(pearson(&some(&[0.1; 7]), &some(&[1.0; 7])), None);
        // The pair that is not measured on both sides counts for nothing.
        let gaps = [Some(1.0), None, Some(3.0), Some(4.0)];
        let other = [Some(2.0), Some(-99.0), Some(6.0), Some(8.0)];
        assert_eq!(pearson(&gaps, &other), Some(1.0));
    }

    #[test]
    fn signs_of_change_are_counted_over_common_rows() {
        let a = [Some(1.0), Some(2.0), None, Some(1.0), Some(1.0), Some(1.0)];
        let b = [
            Some(0.0),
            Some(5.0),
            Some(9.0),
            Some(6.0),
            Some(6.0),
            Some(7.0),
        ];
        let changes = paired_changes(&a, &b);
        assert_eq!(
            changes,
            [(1, 1.0, 5.0), (3, -1.0, 1.0), (4, 0.0, 0.0), (5, 0.0, 1.0)]
        );
        let share = same_sign_share(changes.iter().map(|(_, a, b)| (*a, *b))).unwrap();
        assert_eq!(share.of, 3);
        assert!((share.share - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!(same_sign_share([(0.0, 0.0)].into_iter()), None);
    }

    #[test]
    fn quantiles_interpolate() {
        let values = [Some(4.0), None, Some(1.0), Some(3.0), Some(2.0)];
        assert_eq!(median(&values), Some(2.5));
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(quantile(&values, 0.25), Some(1.75));
        assert_eq!(median(&[Some(7.0)]), Some(7.0));
        assert_eq!(median(&[None, Some(f64::INFINITY)]), None);
        assert_eq!(quantile(&values, 1.5), None);
    }

    #[test]
    fn extremes_know_their_step() {
        let values = [
            Some(1.0),
            Some(f64::INFINITY),
            Some(5.0),
            Some(5.0),
            Some(-2.0),
        ];
        let steps = [0, 10, 20, 30, 40];
        let at = |value, step| Some(Extreme { value, step });
        assert_eq!(maximum(&steps, &values), at(5.0, 20));
        assert_eq!(minimum(&steps, &values), at(-2.0, 40));
        assert_eq!(maximum(&steps, &[None; 5]), None);
    }

    #[test]
    fn sums_do_not_lose_small_terms() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100].into_iter()), 2.0);
    }
}
