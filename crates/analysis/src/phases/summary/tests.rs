use super::*;
use crate::Facts;
use crate::phases::{PhaseParams, classify};
use crate::testing::{STEP_SIZE, THRESHOLD, self_stabilising};

fn trace(columns: &[(&str, Vec<Option<f64>>)]) -> Trace {
    let facts = Facts {
        step_size: Some(STEP_SIZE),
        ..Facts::default()
    };
    let steps = (0..columns[0].1.len() as u64).collect();
    let mut trace = Trace::new(facts, steps).unwrap();
    for (name, values) in columns {
        trace = trace.with(name, values.clone()).unwrap();
    }
    trace
}

fn label(phase: Phase) -> Label {
    Label { phase, cycle: 1 }
}

fn some(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

#[test]
fn growth_is_the_recurrence_s_own() {
    let points = self_stabilising(60.0, 400);
    let column = |of: fn(&crate::testing::Point) -> f64| points.iter().map(of).map(Some).collect();
    let trace = trace(&[
        ("lambda_1", column(|point| point.sharpness)),
        ("residual_on_v1", column(|point| point.residual)),
    ]);
    let labels = classify(&trace.sharpness(), &PhaseParams::default());
    let mut checked = 0;
    for row in phase_table(&trace, &labels) {
        let span = &points[row.from as usize..=row.to as usize];
        if !span.iter().all(|point| point.free) {
            continue;
        }
        let Some(growth) = row.growth else { continue };
        assert!((growth.measured / growth.predicted - 1.0).abs() < 1e-12);
        // A residual grows above 2/η and contracts below: from the recurrence, not from a log.
        assert_eq!(growth.measured > 1.0, span[0].sharpness > THRESHOLD);
        checked += 1;
    }
    assert!(checked >= 4, "{checked} spans");
}

#[test]
fn growth_is_a_geometric_mean_that_skips_what_has_no_logarithm() {
    // Factors 2 and 8 (mean 4), then a zero and a gap.
    let residual = [
        Some(1.0),
        Some(-2.0),
        Some(16.0),
        Some(0.0),
        Some(5.0),
        None,
    ];
    // |1 − ηΛ| = 2 and 8 at the first two.
    let sharpness = some(&[150.0, 450.0, 150.0, 150.0, 150.0, 150.0]);
    let trace = trace(&[("residual_on_v1", residual.into()), ("lambda_1", sharpness)]);
    let table = phase_table(&trace, &[label(Phase::II); 6]);
    let growth = table[0].growth.unwrap();
    assert!((growth.measured - 4.0).abs() < 1e-12, "{growth:?}");
    assert!((growth.predicted - 4.0).abs() < 1e-12, "{growth:?}");
    assert_eq!(growth.steps, 2);
}

#[test]
fn growth_needs_two_steps_and_a_measurement() {
    let rising = trace(&[
        ("residual_on_v1", some(&[1.0, 2.0, 4.0])),
        ("lambda_1", some(&[150.0, 150.0, 150.0])),
    ]);
    let labels = [label(Phase::II), label(Phase::III), label(Phase::III)];
    let table = phase_table(&rising, &labels);
    assert_eq!(table.len(), 2);
    assert!(table.iter().all(|row| row.growth.is_none()));
    let unmeasured = trace(&[("lambda_1", some(&[150.0; 3]))]);
    let table = phase_table(&unmeasured, &[label(Phase::II); 3]);
    assert_eq!(table[0].growth, None);
    assert_eq!(table[0].residual_dot_output, None);
    assert_eq!(table[0].loss_change, None);
}

#[test]
fn changes_add_up_to_the_run_s() {
    let trace = trace(&[
        ("lambda_1", some(&[90.0, 110.0, 130.0, 105.0, 80.0])),
        (
            "loss",
            vec![Some(4.0), None, Some(3.0), Some(f64::INFINITY), Some(5.0)],
        ),
    ]);
    let labels = [Phase::I, Phase::II, Phase::II, Phase::III, Phase::IV].map(label);
    let table = phase_table(&trace, &labels);
    let sharpness: Vec<_> = table.iter().map(|row| row.sharpness_change).collect();
    assert_eq!(sharpness, some(&[0.0, 40.0, -25.0, -25.0]));
    let loss: Vec<_> = table.iter().map(|row| row.loss_change).collect();
    assert_eq!(loss, [Some(0.0), Some(-1.0), None, Some(2.0)]);
    let spans: Vec<_> = table
        .iter()
        .map(|row| (row.from, row.to, row.steps))
        .collect();
    assert_eq!(spans, [(0, 0, 1), (1, 2, 2), (3, 3, 1), (4, 4, 1)]);
}

#[test]
fn signs_are_shares_of_the_measured_steps() {
    let column = vec![Some(-1.0), Some(-2.0), None, Some(0.0), Some(3.0)];
    let trace = trace(&[("residual_dot_output", column)]);
    let table = phase_table(&trace, &[label(Phase::I); 5]);
    let signs = table[0].residual_dot_output.unwrap();
    assert_eq!(
        signs,
        Signs {
            positive: 0.25,
            negative: 0.5,
            of: 4
        }
    );
}
