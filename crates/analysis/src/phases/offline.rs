//! The same rule with hindsight: changes count from when they began.

use super::classifier::{Classifier, Event, Standing};
use super::{Label, Phase, PhaseParams};

const UNKNOWN: Label = Label {
    phase: Phase::Before,
    cycle: 0,
};

/// The label of every step of a series (step, Λ if measured, threshold 2/η), steps increasing.
///
/// The rule is that of the [module](super): crossings and turns at their true steps. Steps before
/// the first measured Λ are [`Phase::Before`].
pub fn classify(series: &[(u64, Option<f64>, f64)], params: &PhaseParams) -> Vec<Label> {
    let mut classifier = Classifier::new(*params);
    let mut events: Vec<Event> = Vec::new();
    let mut first = None;
    for (step, sharpness, threshold) in series {
        events.extend(classifier.observe(*step, *sharpness, *threshold));
        if first.is_none() {
            first = classifier.above().map(|above| (*step, above));
        }
    }
    let Some((start, above)) = first else {
        return vec![UNKNOWN; series.len()];
    };
    // Confirmed in another order than they began: a turn can wait longer than a crossing.
    events.sort_by_key(|event| event.since);
    let mut events = events.into_iter().peekable();
    let mut standing = Standing::first(above);
    let label = |(step, _, _): &(u64, Option<f64>, f64)| {
        while let Some(event) = events.next_if(|event| event.since <= *step) {
            standing.apply(event.change);
        }
        if *step < start {
            UNKNOWN
        } else {
            standing.label()
        }
    };
    series.iter().map(label).collect()
}
