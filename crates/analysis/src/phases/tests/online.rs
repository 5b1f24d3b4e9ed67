//! The online labels and their lag.

use super::*;
use crate::testing::self_stabilising;

/// The steps at which the online label is not the offline one, as (first, last).
fn late(series: &[(u64, Option<f64>, f64)], params: &PhaseParams) -> Vec<(usize, usize)> {
    let offline = classify(series, params);
    let differs: Vec<usize> = online(series, params)
        .iter()
        .zip(&offline)
        .enumerate()
        .filter(|(_, (online, offline))| online.as_ref() != Some(*offline))
        .map(|(row, _)| row)
        .collect();
    differs
        .chunk_by(|a, b| a + 1 == *b)
        .map(|chunk| (chunk[0], chunk[chunk.len() - 1]))
        .collect()
}

fn with(hysteresis: u64, margin: f64, turn: f64) -> PhaseParams {
    PhaseParams {
        hysteresis,
        margin,
        turn,
    }
}

#[test]
fn a_crossing_is_late_by_the_hysteresis_or_by_the_time_in_the_band() {
    // 2 a step from 90: at 100 in step 5.
    let steep = series(
        &(0..20)
            .map(|t| 90.0 + 2.0 * f64::from(t))
            .collect::<Vec<_>>(),
    );
    assert_eq!(late(&steep, &with(3, 0.01, 0.02)), [(5, 7)]);
    assert_eq!(late(&steep, &with(6, 0.01, 0.02)), [(5, 10)]);
    assert_eq!(late(&steep, &with(0, 0.0, 0.02)), []);
    // 0.5 a step from 97: at 100 in step 6; leaves a band of 4 at step 14.
    let flat = series(
        &(0..30)
            .map(|t| 97.0 + 0.5 * f64::from(t))
            .collect::<Vec<_>>(),
    );
    assert_eq!(late(&flat, &with(3, 0.04, 0.02)), [(6, 13)]);
}

#[test]
fn a_turn_is_late_by_the_hysteresis_or_by_the_time_it_takes() {
    // Up by 5 a step to 150 at step 12, crossing 100 at step 2; then down by `fall`.
    let tent = |fall: f64| {
        let up = (0..=12).map(|t| 90.0 + 5.0 * f64::from(t));
        let down = (1..=15).map(move |t| 150.0 - fall * f64::from(t));
        series(&up.chain(down).collect::<Vec<_>>())
    };
    // Down by 3 a step, the means are 148.5, 145.5, …: away by 2% at the second step, and the
    // hysteresis decides: max(3, 2) − 1 = 2.
    assert_eq!(late(&tent(3.0), &with(3, 0.01, 0.02)), [(2, 4), (13, 14)]);
    // By 0.5 a step: 149.75, 149.25, …, away by 2% at the seventh: max(3, 7) − 1 = 6.
    assert_eq!(late(&tent(0.5), &with(3, 0.01, 0.02)), [(2, 4), (13, 18)]);
}

#[test]
fn clean_cycles_are_late_by_the_hysteresis_at_most() {
    // Each turn and crossing of this triangle is faster than the hysteresis of 3 steps.
    let triangle = |step: usize| {
        let phase = step % 32;
        if phase < 16 {
            70.0 + 4.0 * phase as f64
        } else {
            70.0 + 4.0 * (32 - phase) as f64
        }
    };
    let series = series(&(0..320).map(triangle).collect::<Vec<_>>());
    let params = PhaseParams::default();
    let late = late(&series, &params);
    // Four changes a cycle, the first turn of the first cycle among those before.
    assert_eq!(late.len(), 4 * 10 - 1, "{late:?}");
    for (from, to) in &late {
        assert!(
            (to - from + 1) as u64 <= params.hysteresis,
            "{from} to {to}"
        );
    }
}

#[test]
fn the_online_labels_of_a_cycle_follow_the_offline_ones() {
    let values: Vec<f64> = self_stabilising(60.0, 600)
        .iter()
        .map(|point| point.sharpness)
        .collect();
    let series = series(&values);
    let params = PhaseParams::default();
    let offline = classify(&series, &params);
    let online: Vec<Label> = online(&series, &params).into_iter().flatten().collect();
    let order = |labels: &[Label]| {
        let chunks = labels.chunk_by(|a, b| a == b);
        chunks.map(|chunk| chunk[0]).collect::<Vec<_>>()
    };
    assert_eq!(order(&online), order(&offline));
}

#[test]
fn labels_are_causal() {
    let values: Vec<f64> = self_stabilising(60.0, 300)
        .iter()
        .map(|point| point.sharpness)
        .collect();
    let series = series(&values);
    let params = PhaseParams::default();
    let whole = online(&series, &params);
    for end in [1, 50, 61, 90, 150] {
        assert_eq!(online(&series[..end], &params), whole[..end]);
    }
}

#[test]
fn a_classifier_holds_no_more_after_a_long_run() {
    let mut classifier = Classifier::new(PhaseParams::default());
    let mut changes = 0;
    for step in 0..100_000_u64 {
        // A cycle is 20 steps long.
        let sharpness = 100.0 + 50.0 * (step as f64 * std::f64::consts::TAU / 20.0).sin();
        let confirmed = classifier.observe(step, Some(sharpness), 100.0).len();
        assert!(confirmed <= 2, "{confirmed} at step {step}");
        changes += confirmed;
    }
    assert!(changes > 10_000, "{changes}");
}
