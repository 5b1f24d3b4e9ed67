//! Where a run's phases are on a horizontal axis.

use brink_analysis::phases::{Phase, PhaseParams, Span, classify, spans};

use crate::chart::Band;

/// The phases of a series (step, Λ if measured, threshold 2/η), steps increasing, as bands over
/// the steps; none if Λ never crosses 2/η.
pub fn bands(series: &[(u64, Option<f64>, f64)], params: &PhaseParams) -> Vec<Band> {
    over(&phase_spans(series, params), |step| step)
}

/// The spans of a series in one phase, by the offline rule.
pub(crate) fn phase_spans(series: &[(u64, Option<f64>, f64)], params: &PhaseParams) -> Vec<Span> {
    let labels = classify(series, params);
    let steps: Vec<u64> = series.iter().map(|(step, ..)| *step).collect();
    spans(&steps, &labels)
}

/// Bands over an axis on which step t is at `place(t)`. One phase gives way to the next halfway
/// between the steps that differ.
pub(crate) fn over(spans: &[Span], place: impl Fn(f64) -> f64) -> Vec<Band> {
    let edge = |before: &Span, after: &Span| (before.to as f64 + after.from as f64) / 2.0;
    let neighbours = |at: usize| {
        let from = at
            .checked_sub(1)
            .map(|before| edge(&spans[before], &spans[at]));
        let to = spans.get(at + 1).map(|after| edge(&spans[at], after));
        (from, to)
    };
    let bands = spans.iter().enumerate().map(|(at, span)| {
        let (from, to) = neighbours(at);
        Band {
            from: place(from.unwrap_or(span.from as f64)),
            to: place(to.unwrap_or(span.to as f64)),
            phase: span.phase,
        }
    });
    bands.filter(|band| band.phase != Phase::Before).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_meet_between_steps() {
        // Up through 100 at step 5, down again from step 12 on.
        let series: Vec<_> = (0..20_u64)
            .map(|t| {
                let value = if t < 12 {
                    60.0 + 9.0 * t as f64
                } else {
                    150.0 - 40.0 * (t as f64 - 11.0)
                };
                (t, Some(value), 100.0)
            })
            .collect();
        let bands = bands(&series, &PhaseParams::default());
        let phases: Vec<Phase> = bands.iter().map(|band| band.phase).collect();
        assert_eq!(phases, [Phase::II, Phase::III, Phase::IV]);
        assert_eq!(bands[0].from, 4.5);
        assert!(bands.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!(bands[2].to, 19.0);
    }

    #[test]
    fn a_run_that_does_not_cross_has_no_bands() {
        let series: Vec<_> = (0..20_u64).map(|t| (t, Some(t as f64), 100.0)).collect();
        assert!(bands(&series, &PhaseParams::default()).is_empty());
        assert!(bands(&[], &PhaseParams::default()).is_empty());
    }
}
