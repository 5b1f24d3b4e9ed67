//! Series whose labels can be told by eye.

use super::*;
use crate::testing::self_stabilising;

fn by_default(values: &[f64]) -> String {
    told(&series(values), &PhaseParams::default())
}

const RISE: [f64; 5] = [80.0, 85.0, 90.0, 95.0, 99.0];

fn after_rise(rest: &[f64]) -> Vec<f64> {
    [&RISE, rest].concat()
}

#[test]
fn one_cycle() {
    let values = after_rise(&[
        104.0, 110.0, 118.0, 125.0, // rises to its peak
        121.0, 112.0, 103.0, // falls
        92.0, 84.0, 76.0, 70.0, // below, to the trough
        73.0, 78.0, 83.0, 88.0, // rises again
    ]);
    assert_eq!(
        by_default(&values),
        "before 0-4, II.1 5-8, III.1 9-11, IV.1 12-15, I.1 16-19"
    );
}

#[test]
fn several_cycles_agree_with_the_sign_of_each_step() {
    let points = self_stabilising(60.0, 600);
    let values: Vec<f64> = points.iter().map(|point| point.sharpness).collect();
    let labels = classify(&series(&values), &PhaseParams::default());
    // No noise here, so that the bare signs label every step after the first crossing.
    let (mut cycle, mut above) = (0, false);
    for (step, pair) in values.windows(2).enumerate() {
        let (rising, now) = (pair[1] > pair[0], pair[1] >= THRESHOLD);
        cycle += u64::from(now && !above);
        above = now;
        let phase = match (cycle, above, rising) {
            (0, ..) => Phase::Before,
            (_, false, true) => Phase::I,
            (_, true, true) => Phase::II,
            (_, true, false) => Phase::III,
            (_, false, false) => Phase::IV,
        };
        assert_eq!(
            labels[step + 1],
            Label { phase, cycle },
            "step {}",
            step + 1
        );
    }
    assert!(cycle >= 4, "{cycle} cycles");
}

#[test]
fn never_crosses() {
    let rising: Vec<f64> = (0..50).map(|step| 40.0 + f64::from(step)).collect();
    assert_eq!(by_default(&rising), "before 0-49");
    // Touches, within the band, again and again.
    let touching: Vec<f64> = (0..40)
        .map(|step| 99.5 + 0.4 * f64::from(step % 4))
        .collect();
    assert_eq!(by_default(&touching), "before 0-39");
    assert_eq!(by_default(&[]), "");
}

#[test]
fn an_initial_dip_is_before_even_from_above() {
    let values = [
        308.0, 260.0, 200.0, 150.0, 110.0, 98.0, 90.0, 84.0, 80.0, 83.0, 88.0, 94.0, 99.0, 101.5,
        105.0, 109.0, 115.0,
    ];
    assert_eq!(by_default(&values), "before 0-12, II.1 13-16");
    // Above from the start, and never below: nothing has been crossed upward.
    let above: Vec<f64> = (0..30).map(|step| 130.0 + f64::from(step % 7)).collect();
    assert_eq!(by_default(&above), "before 0-29");
    // A dip under the threshold that is not held does not count as having been below.
    let dip = [120.0, 110.0, 99.5, 97.0, 105.0, 112.0, 118.0, 124.0];
    assert_eq!(by_default(&dip), "before 0-7");
}

#[test]
fn noise_within_the_hysteresis_changes_nothing() {
    // ±1% on a rise of 1% a step: the sign of single steps alternates.
    let noise = |step: i32| if step % 2 == 0 { 1.01 } else { 0.99 };
    let up = (0..40).map(|step| (80.0 + f64::from(step)) * noise(step));
    let down = (0..60).map(|step| (119.0 - f64::from(step)) * noise(step));
    let again = (0..20).map(|step| (60.0 + f64::from(step)) * noise(step));
    let values: Vec<f64> = up.chain(down).chain(again).collect();
    let labels = classify(&series(&values), &PhaseParams::default());
    let order: Vec<Phase> = labels
        .chunk_by(|a, b| a == b)
        .map(|chunk| chunk[0].phase)
        .collect();
    assert_eq!(
        order,
        [Phase::Before, Phase::II, Phase::III, Phase::IV, Phase::I]
    );
    assert!(labels.iter().all(|label| label.cycle <= 1));
}

#[test]
fn flips_inside_the_spike_do_not_count() {
    let values = after_rise(&[
        104.0, 110.0, 104.0, 118.0, // a flip of a step while it rises
        131.0, 120.0, 124.0, 135.0, // back for two steps
        126.0, 117.0, 121.0, 108.0, // a flip while it falls
        99.0, 102.0, 93.0, 84.0, // a flip across the threshold
        75.0, 66.0, 68.0, 63.0, 60.0, // a flip below
        63.0, 67.0, 72.0,
    ]);
    assert_eq!(
        by_default(&values),
        "before 0-4, II.1 5-12, III.1 13-18, IV.1 19-25, I.1 26-28"
    );
}

#[test]
fn alternation_from_step_to_step_is_no_trend() {
    // As Λ does in a spike that dies out: up and down by 8, less each time, on a slow rise.
    let alternating = (0..60_i32).map(|step| {
        let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
        112.0 + 0.3 * f64::from(step) + sign * 8.0 * 0.95_f64.powi(step)
    });
    let values: Vec<f64> = RISE.into_iter().chain(alternating).collect();
    assert_eq!(by_default(&values), "before 0-4, II.1 5-64");
}

#[test]
fn a_long_second_phase_is_one_span() {
    let slow = (0..80).map(|step| 100.0 + 0.4 * f64::from(step));
    let fall = [120.0, 105.0, 88.0, 70.0, 60.0, 58.0, 57.0];
    let values: Vec<f64> = RISE.into_iter().chain(slow).chain(fall).collect();
    assert_eq!(
        by_default(&values),
        "before 0-4, II.1 5-84, III.1 85-86, IV.1 87-91"
    );
}

#[test]
fn a_fall_through_the_threshold_within_a_step_skips_the_third_phase() {
    let values = after_rise(&[105.0, 112.0, 120.0, 126.0, 90.0, 70.0, 55.0, 50.0, 48.0]);
    assert_eq!(by_default(&values), "before 0-4, II.1 5-8, IV.1 9-13");
}

#[test]
fn hovering_above_the_threshold_stays_in_one_cycle() {
    // Up and down by a tenth, period 16, never below: II and III take turns.
    let hover =
        (0..80).map(|step| 114.0 - 9.0 * (f64::from(step) * std::f64::consts::FRAC_PI_8).cos());
    let values: Vec<f64> = RISE.into_iter().chain(hover).collect();
    let labels = classify(&series(&values), &PhaseParams::default());
    assert!(labels[5..].iter().all(|label| label.cycle == 1));
    let seen: Vec<Phase> = labels[5..]
        .chunk_by(|a, b| a == b)
        .map(|chunk| chunk[0].phase)
        .collect();
    assert_eq!(seen, [Phase::II, Phase::III].repeat(5));
    // Down by a hair under the threshold and up again, within the band: still one cycle.
    let graze: Vec<f64> = RISE
        .into_iter()
        .chain([
            103.0, 104.0, 103.0, 101.0, 99.5, 99.2, 99.3, 99.6, 100.5, 101.5, 102.0,
        ])
        .collect();
    assert!(
        classify(&series(&graze), &PhaseParams::default())[5..]
            .iter()
            .all(|label| label.cycle == 1 && matches!(label.phase, Phase::II | Phase::III))
    );
}

#[test]
fn turning_back_below_the_threshold_is_the_fourth_phase_again() {
    let values = after_rise(&[
        105.0, 112.0, 120.0, 110.0, 95.0, 85.0, 75.0, 70.0, // a cycle
        75.0, 80.0, 85.0, 90.0, // rises
        86.0, 80.0, 74.0, 70.0, // and falls without having crossed
    ]);
    assert_eq!(
        by_default(&values),
        "before 0-4, II.1 5-7, III.1 8-8, IV.1 9-12, I.1 13-16, IV.1 17-20"
    );
}

#[test]
fn unmeasured_steps_have_the_last_label() {
    let measured = after_rise(&[
        104.0, 110.0, 118.0, 125.0, 121.0, 112.0, 103.0, 92.0, 84.0, 76.0, 70.0, 73.0, 78.0,
    ]);
    let mut gaps = vec![(0, None, THRESHOLD), (1, Some(f64::NAN), THRESHOLD)];
    for (index, value) in (0..).zip(measured) {
        gaps.push((10 + 5 * index, Some(value), THRESHOLD));
        gaps.push((12 + 5 * index, None, THRESHOLD));
    }
    assert_eq!(
        told(&gaps, &PhaseParams::default()),
        "before 0-32, II.1 35-52, III.1 55-67, IV.1 70-87, I.1 90-97"
    );
    let unmeasured = vec![(0, None, THRESHOLD), (1, None, THRESHOLD)];
    assert_eq!(told(&unmeasured, &PhaseParams::default()), "before 0-1");
    assert_eq!(online(&unmeasured, &PhaseParams::default()), [None, None]);
}

#[test]
fn parameters_are_checked_and_unknown_keys_refused() {
    let params: PhaseParams = serde_json::from_str(r#"{"hysteresis": 5}"#).unwrap();
    assert_eq!(
        params,
        PhaseParams {
            hysteresis: 5,
            ..PhaseParams::default()
        }
    );
    assert!(serde_json::from_str::<PhaseParams>(r#"{"hysteresys": 5}"#).is_err());
    let params = PhaseParams {
        turn: 1.5,
        ..PhaseParams::default()
    };
    assert_eq!(
        params.validate().unwrap_err().to_string(),
        "`turn` is 1.5; use a number from 0 up to, but not including, 1"
    );
    assert!(PhaseParams::default().validate().is_ok());
}

#[test]
fn names_read_back() {
    for phase in Phase::ALL {
        assert_eq!(phase.name().parse(), Ok(phase));
        let json = serde_json::to_string(&phase).unwrap();
        assert_eq!(json, format!("\"{phase}\""));
    }
    assert!("V".parse::<Phase>().is_err());
}
