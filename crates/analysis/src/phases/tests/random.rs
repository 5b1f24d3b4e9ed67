//! What holds for any series: random walks around the threshold.

use super::classifier::Change;
use super::*;
use crate::testing::Random;

fn walk(random: &mut Random, steps: u64) -> Vec<(u64, Option<f64>, f64)> {
    let mut value = 70.0 + 60.0 * random.unit();
    let size = 12.0 * random.unit();
    let mut drift = 0.0;
    let step = |step| {
        if random.unit() < 0.1 {
            drift = size * (random.unit() - 0.5);
        }
        // Drawn to the threshold, or the walk would leave it for good.
        value += drift + size * (random.unit() - 0.5) + 0.05 * (THRESHOLD - value);
        (step, (random.unit() < 0.9).then_some(value), THRESHOLD)
    };
    (0..steps).map(step).collect()
}

fn params(random: &mut Random) -> PhaseParams {
    PhaseParams {
        hysteresis: (5.0 * random.unit()) as u64,
        margin: 0.05 * random.unit(),
        turn: 0.05 * random.unit(),
    }
}

#[test]
fn phases_follow_each_other_as_documented() {
    use Phase::{Before, I, II, III, IV};
    let legal = [
        (Before, II),
        (I, II),
        (I, IV),
        (II, III),
        (II, IV),
        (III, II),
        (III, IV),
        (IV, I),
        (IV, II),
    ];
    let mut random = Random(1);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let series = walk(&mut random, 300);
        let labels = classify(&series, &params(&mut random));
        for pair in labels.windows(2).filter(|pair| pair[0] != pair[1]) {
            let change = (pair[0].phase, pair[1].phase);
            assert!(legal.contains(&change), "{change:?}");
            let crossed = change.1 == II && change.0 != III;
            assert_eq!(pair[1].cycle, pair[0].cycle + u64::from(crossed));
            seen.insert(change);
        }
    }
    assert_eq!(seen.len(), legal.len(), "{seen:?}");
}

#[test]
fn labels_keep_to_the_side_and_change_at_measured_steps_only() {
    let mut random = Random(2);
    for _ in 0..200 {
        let series = walk(&mut random, 200);
        let params = params(&mut random);
        let labels = classify(&series, &params);
        assert_eq!(labels.len(), series.len());
        let measured: Vec<usize> = (0..series.len())
            .filter(|row| series[*row].1.is_some())
            .collect();
        for (row, pair) in labels.windows(2).enumerate() {
            assert!(pair[0] == pair[1] || series[row + 1].1.is_some());
        }
        // Beyond the band for longer than the hysteresis, the side is the true one.
        for rows in measured.windows(2 + params.hysteresis as usize) {
            let side = |above: bool| {
                rows.iter().all(|row| {
                    let excess = series[*row].1.unwrap_or(THRESHOLD) / THRESHOLD - 1.0;
                    (excess > params.margin && above) || (excess < -params.margin && !above)
                })
            };
            let phase = labels[rows[0]].phase;
            if side(true) {
                assert!(!matches!(phase, Phase::I | Phase::IV));
            }
            if side(false) {
                assert!(!matches!(phase, Phase::II | Phase::III));
            }
        }
    }
}

#[test]
fn online_and_offline_differ_only_while_a_change_waits() {
    let mut random = Random(4);
    let mut waited = 0;
    for _ in 0..300 {
        let series = walk(&mut random, 200);
        let params = params(&mut random);
        let mut classifier = Classifier::new(params);
        let mut waits = Vec::new();
        for (step, sharpness, threshold) in &series {
            let events = classifier.observe(*step, *sharpness, *threshold);
            waits.extend(events.iter().map(|event| event.since..*step));
        }
        let offline = classify(&series, &params);
        for ((step, ..), (online, offline)) in series
            .iter()
            .zip(online(&series, &params).iter().zip(&offline))
        {
            let waiting = waits.iter().any(|wait| wait.contains(step));
            assert!(waiting || online.is_none_or(|online| online == *offline));
            waited += usize::from(waiting);
        }
    }
    assert!(waited > 0);
}

#[test]
fn a_crossing_waits_exactly_as_long_as_documented() {
    let mut random = Random(5);
    let mut crossings = 0;
    for _ in 0..200 {
        let series: Vec<_> = walk(&mut random, 200)
            .into_iter()
            .filter_map(|(_, sharpness, _)| sharpness)
            .collect();
        let params = params(&mut random);
        let mut classifier = Classifier::new(params);
        for (step, value) in (0..).zip(&series) {
            for event in classifier.observe(step, Some(*value), THRESHOLD) {
                let Change::Side { above } = event.change else {
                    continue;
                };
                let stay = &series[event.since as usize..=step as usize];
                assert!(stay.iter().all(|value| (*value >= THRESHOLD) == above));
                let before = series[event.since as usize - 1];
                assert_ne!(before >= THRESHOLD, above);
                let outside = |value: &f64| (value / THRESHOLD - 1.0).abs() >= params.margin;
                let leaves = stay.iter().position(outside).unwrap() as u64;
                assert_eq!(step - event.since, params.hysteresis.max(leaves));
                crossings += 1;
            }
        }
    }
    assert!(crossings > 200, "{crossings}");
}
