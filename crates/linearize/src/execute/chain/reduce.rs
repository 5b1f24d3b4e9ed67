//! Sums and maxima of rows, each in an order of its own that no number of threads changes.

use crate::execute::real::Real;

/// Partial results side by side, as many as make vectors of either precision.
const LANES: usize = 16;

/// The sum of a row.
#[inline(always)]
pub(super) fn sum<T: Real>(row: &[T]) -> T {
    fold(row, T::zero(), |sum, x| sum + x)
}

/// The largest of a row; not a number if one of them is not.
#[inline(always)]
pub(super) fn max<T: Real>(row: &[T]) -> T {
    fold(row, T::neg_infinity(), larger)
}

/// The larger of two; not a number if one of them is not.
#[inline(always)]
pub(super) fn larger<T: Real>(max: T, x: T) -> T {
    let larger = if x > max { x } else { max };
    if x.is_nan() { x } else { larger }
}

#[inline(always)]
fn fold<T: Real>(row: &[T], start: T, join: impl Fn(T, T) -> T) -> T {
    let mut lanes = [start; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = join(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = join(*lane, x);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_are_reduced() {
        for length in 1..70 {
            let row: Vec<f64> = (0..length).map(|x| f64::from(x % 7) - 9.0).collect();
            assert_eq!(sum(&row), row.iter().sum::<f64>());
            assert_eq!(max(&row), row.iter().copied().fold(f64::MIN, f64::max));
            for place in 0..row.len() {
                let mut row = row.clone();
                row[place] = f64::NAN;
                assert!(max(&row).is_nan() && sum(&row).is_nan());
            }
        }
        assert_eq!(max(&[f64::NEG_INFINITY; 3]), f64::NEG_INFINITY);
    }
}
