mod hand_made;
mod online;
mod random;

use super::*;
use crate::testing::THRESHOLD;

/// A series measured at every step.
fn series(values: &[f64]) -> Vec<(u64, Option<f64>, f64)> {
    (0..)
        .zip(values)
        .map(|(step, value)| (step, Some(*value), THRESHOLD))
        .collect()
}

/// The spans of a series as a text: `before 0-4, II.1 5-9, …` with the cycle after the dot.
fn told(series: &[(u64, Option<f64>, f64)], params: &PhaseParams) -> String {
    let steps: Vec<u64> = series.iter().map(|(step, _, _)| *step).collect();
    let spans = spans(&steps, &classify(series, params));
    let told = spans.iter().map(|span| match span.cycle {
        0 => format!("{} {}-{}", span.phase, span.from, span.to),
        cycle => format!("{}.{cycle} {}-{}", span.phase, span.from, span.to),
    });
    told.collect::<Vec<_>>().join(", ")
}

fn online(series: &[(u64, Option<f64>, f64)], params: &PhaseParams) -> Vec<Option<Label>> {
    let mut classifier = Classifier::new(*params);
    let see = |(step, sharpness, threshold): &(u64, Option<f64>, f64)| {
        let phase = classifier.see(*step, *sharpness, *threshold);
        assert_eq!(phase, classifier.label().map(|label| label.phase));
        classifier.label()
    };
    series.iter().map(see).collect()
}
