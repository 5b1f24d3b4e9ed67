//! The range of values that an axis shows.

/// A closed interval of finite values, never empty, never a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Whether distances are ratios.
    pub log: bool,
}

// Far enough from the ends of float64 that sums and differences of ends stay finite.
const LARGEST: f64 = 1e300;
const SMALLEST: f64 = 1e-300;

impl Range {
    /// Holds all finite values with a margin; 0 to 1 if there are none.
    pub fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extremes(values, f64::is_finite).unwrap_or((0.0, 1.0));
        // A constant would fill no axis, and digits beyond a float's are no range.
        let size = low.abs().max(high.abs());
        let least = if size > 0.0 {
            (1e-4 * size).max(SMALLEST)
        } else {
            1e-3
        };
        let span = (high - low).max(least);
        let margin = if high - low < least {
            span * 500.0
        } else {
            span * 0.06
        };
        let (low, high) = (low - margin, high + margin);
        Self {
            low,
            high,
            log: false,
        }
    }

    /// Holds zero and all finite values, with a margin on the sides that values reach.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extremes(values, f64::is_finite).unwrap_or((0.0, 1.0));
        let (low, high) = (low.min(0.0), high.max(0.0));
        let span = (high - low).max(SMALLEST);
        Self {
            low: if low < 0.0 { low - 0.06 * span } else { 0.0 },
            high: if high > 0.0 || low == 0.0 {
                high + 0.06 * span
            } else {
                0.0
            },
            log: false,
        }
    }

    /// Holds all positive finite values on a logarithmic scale; none if there are none.
    ///
    /// Values beyond 1e±140 are taken for those ends, so that ratios are finite.
    pub fn logarithmic(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = extremes(values, |value| value.is_finite() && value > 0.0)?;
        let (low, high) = (low.clamp(1e-140, 1e140), high.clamp(1e-140, 1e140));
        let margin = if high / low < 1.0001 {
            1.5
        } else {
            (high / low).powf(0.06)
        };
        Some(Self {
            low: low / margin,
            high: high * margin,
            log: true,
        })
    }

    /// The whole steps that a run took.
    pub fn steps(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extremes(values, f64::is_finite).unwrap_or((0.0, 1.0));
        // A step from 1e16 would be none in float64.
        let step = (1e-9 * low.abs()).max(1.0);
        Self {
            low,
            high: if high > low { high } else { low + step },
            log: false,
        }
    }
}

fn extremes(
    values: impl IntoIterator<Item = f64>,
    keep: impl Fn(f64) -> bool,
) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|value| keep(*value))
        .map(|value| value.clamp(-LARGEST, LARGEST))
        .fold(None, |ends, value| match ends {
            None => Some((value, value)),
            Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
        })
}

/// A ceiling that keeps the last steps of a diverging run from flattening all others.
///
/// Returns one only if the largest value exceeds by five times whichever is larger, the median
/// or `reference`.
pub fn ceiling(values: impl IntoIterator<Item = f64>, reference: f64) -> Option<f64> {
    let mut finite: Vec<f64> = values
        .into_iter()
        .filter(|value| value.is_finite())
        .collect();
    finite.sort_by(f64::total_cmp);
    let largest = *finite.last()?;
    let median = *finite.get(finite.len() / 2)?;
    let typical = median.max(reference);
    (typical > 0.0 && largest > 5.0 * typical).then_some(2.5 * typical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_never_empty() {
        let awkward: [&[f64]; 8] = [
            &[1e16],
            &[],
            &[3.0],
            &[0.0, 0.0],
            &[f64::NAN, f64::INFINITY],
            &[-1.7e308, 1.7e308],
            &[5e-324, 0.0],
            &[1e-300, 1e300],
        ];
        for values in awkward {
            for range in [
                Range::linear(values.iter().copied()),
                Range::from_zero(values.iter().copied()),
                Range::steps(values.iter().copied()),
            ] {
                assert!(
                    range.low.is_finite() && range.high.is_finite(),
                    "{values:?} {range:?}"
                );
                assert!(range.low < range.high, "{values:?} {range:?}");
            }
            if let Some(range) = Range::logarithmic(values.iter().copied()) {
                assert!(0.0 < range.low && range.low < range.high, "{range:?}");
                assert!(range.high.is_finite(), "{values:?} {range:?}");
            }
        }
        assert_eq!(Range::logarithmic([0.0, -1.0, f64::NAN]), None);
    }

    #[test]
    fn only_a_blow_up_gets_a_ceiling() {
        let sawtooth = (0..100).map(|t| 100.0 + 2.0 * f64::from(t));
        assert_eq!(ceiling(sawtooth.clone(), 200.0), None);
        // Progressive sharpening far below the threshold is no blow-up.
        let rise = (0..100).map(|t| f64::from(t).powi(3));
        assert_eq!(ceiling(rise, 1e6), None);
        let blow_up = sawtooth.chain((0..30).map(|t| 10f64.powi(t)));
        let ceiling = ceiling(blow_up, 200.0);
        assert!(ceiling.is_some_and(|ceiling| (500.0..600.0).contains(&ceiling)));
    }
}
