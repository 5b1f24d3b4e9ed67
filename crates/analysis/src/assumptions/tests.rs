use super::*;
use crate::Facts;
use crate::phases::Label;

const STEPS: usize = 20;

fn trace(columns: &[(&str, Vec<Option<f64>>)]) -> Trace {
    let facts = Facts {
        step_size: Some(0.02),
        ..Facts::default()
    };
    let trace = Trace::new(facts, (0..STEPS as u64).collect()).unwrap();
    columns.iter().fold(trace, |trace, (name, values)| {
        trace.with(name, values.clone()).unwrap()
    })
}

fn column(of: impl Fn(usize) -> f64) -> Vec<Option<f64>> {
    (0..STEPS).map(|row| Some(of(row))).collect()
}

/// The first half of the steps is before, the second in phase II.
fn labels() -> Vec<Label> {
    let label = |row| Label {
        phase: if row < STEPS / 2 {
            Phase::Before
        } else {
            Phase::II
        },
        cycle: u64::from(row >= STEPS / 2),
    };
    (0..STEPS).map(label).collect()
}

fn row(key: &str, columns: &[(&str, Vec<Option<f64>>)]) -> Assumption {
    let rows = assumptions(&trace(columns), &labels());
    rows.into_iter().find(|row| row.key == key).unwrap()
}

#[test]
fn nothing_measured_is_missing_everywhere_and_says_what_to_switch_on() {
    let rows = assumptions(&trace(&[("loss", column(|_| 1.0))]), &labels());
    assert_eq!(rows.len(), 8);
    for row in rows {
        assert_eq!(row.verdict, Verdict::Missing, "{}", row.key);
        assert!(row.by_phase.is_empty());
        let Measurement::Missing { needs } = row.overall else {
            panic!("{}", row.key);
        };
        assert!(needs.contains("[measure."), "{needs}");
    }
}

#[test]
fn sharpness_and_output_norm() {
    let key = "sharpness_follows_output_norm";
    let norm = |of: fn(usize) -> f64| {
        [
            ("lambda_1", column(|row| (row * row) as f64)),
            ("output_norm_sq", column(of)),
        ]
    };
    let holds = row(key, &norm(|row| 2.0 + 3.0 * (row * row) as f64));
    assert_eq!(holds.verdict, Verdict::Holds);
    assert_eq!(holds.overall.figure("pearson"), Some(1.0));
    assert_eq!(holds.overall.figure("same_sign_share"), Some(1.0));
    assert_eq!(holds.by_phase.len(), 2);
    let fails = row(key, &norm(|row| -(row as f64)));
    assert_eq!(fails.verdict, Verdict::Fails);
    assert_eq!(fails.overall.figure("same_sign_share"), Some(0.0));
    // Constant: no correlation, and no step in the same direction.
    let constant = row(key, &norm(|_| 1.0));
    assert_eq!(constant.verdict, Verdict::Fails);
    assert_eq!(constant.overall.figure("pearson"), None);
    // Rises at each step, but most of the way at the end.
    let partly = row(key, &norm(|row| (row as f64).exp()));
    assert_eq!(partly.verdict, Verdict::Partly);
}

#[test]
fn gauss_newton_error_is_relative_and_told_by_phase() {
    // Off by 5% before and by 30% in phase II.
    let off = |row| if row < STEPS / 2 { 95.0 } else { 130.0 };
    let columns = [
        ("lambda_1", column(|_| 100.0)),
        ("gram_lambda_1", column(off)),
    ];
    let row_ = row("gauss_newton_gives_sharpness", &columns);
    assert_eq!(row_.verdict, Verdict::Partly);
    assert_eq!(row_.overall.figure("share_within"), Some(0.5));
    assert!((row_.overall.figure("max").unwrap() - 0.3).abs() < 1e-15);
    let medians: Vec<f64> = row_
        .by_phase
        .iter()
        .filter_map(|entry| entry.measurement.figure("median"))
        .collect();
    assert!((medians[0] - 0.05).abs() < 1e-15 && (medians[1] - 0.3).abs() < 1e-15);
    // The spectrum of JᵀJ is that of M: it does as well.
    let columns = [
        ("lambda_1", column(|_| 100.0)),
        ("gauss_newton_lambda_1", column(|_| 99.0)),
    ];
    let row_ = row("gauss_newton_gives_sharpness", &columns);
    assert_eq!(row_.verdict, Verdict::Holds);
}

#[test]
fn a_maximum_says_where_it_stands() {
    let error = column(|row| if row == 13 { 0.5 } else { 0.01 });
    let found = row("first_order_step", &[("first_order_error", error)]);
    let Measurement::Measured { figures, steps } = &found.overall else {
        panic!("measured");
    };
    let max = figures.iter().find(|figure| figure.name == "max").unwrap();
    assert_eq!((max.value, max.step, *steps), (0.5, Some(13), STEPS));
    assert_eq!(found.verdict, Verdict::Holds);
    let fails = row(
        "first_order_step",
        &[("first_order_error", column(|_| 0.2))],
    );
    assert_eq!(fails.verdict, Verdict::Fails);
}

#[test]
fn a_phase_without_a_measurement_is_missing_alone() {
    let error = column(|row| if row < STEPS / 2 { 0.01 } else { f64::NAN });
    let found = row("first_order_step", &[("first_order_error", error)]);
    assert_eq!(found.verdict, Verdict::Holds);
    assert!(found.by_phase[0].measurement.figure("median").is_some());
    assert!(matches!(
        found.by_phase[1].measurement,
        Measurement::Missing { .. }
    ));
}

#[test]
fn the_top_eigenvector() {
    let key = "top_eigenvector_moves_slowly";
    let columns = [
        ("v1_cos_previous", column(|row| 1.0 - 0.001 * row as f64)),
        ("v1_cos_start", column(|row| 1.0 - 0.04 * row as f64)),
    ];
    let found = row(key, &columns);
    // 0.99 or more at steps 0 to 10 of 20.
    assert_eq!(found.verdict, Verdict::Partly);
    assert_eq!(found.overall.figure("share_within"), Some(0.55));
    assert_eq!(found.overall.figure("start_min"), Some(0.24));
    assert_eq!(row(key, &columns[..1]).overall.figure("start_min"), None);
    assert_eq!(row(key, &columns[1..]).verdict, Verdict::Missing);
}

#[test]
fn the_second_eigenvalue() {
    let key = "only_top_eigenvalue_crosses";
    // 2/η = 100.
    let second = |of: fn(usize) -> f64| {
        row(
            key,
            &[
                ("gram_lambda_1", column(|_| 120.0)),
                ("gram_lambda_2", column(of)),
            ],
        )
    };
    let holds = second(|_| 60.0);
    assert_eq!(holds.verdict, Verdict::Holds);
    assert_eq!(holds.overall.figure("max"), Some(0.6));
    assert_eq!(holds.overall.figure("gap_median"), Some(2.0));
    let once = second(|row| if row == 7 { 101.0 } else { 60.0 });
    assert_eq!(once.verdict, Verdict::Partly);
    let often = second(|row| if row % 2 == 0 { 101.0 } else { 60.0 });
    assert_eq!(often.verdict, Verdict::Fails);
}

#[test]
fn a_bound_on_the_sharpness() {
    let found = |top: f64| {
        let values = column(move |row| if row == 3 { top } else { 100.0 });
        row("sharpness_stays_bounded", &[("lambda_1", values)])
    };
    // η = 0.02: ηΛ = 4 at Λ = 200.
    assert_eq!(found(199.0).verdict, Verdict::Holds);
    assert_eq!(found(201.0).verdict, Verdict::Fails);
    assert!((found(199.0).overall.figure("max").unwrap() - 3.98).abs() < 1e-12);
}

#[test]
fn a_run_that_diverged_has_no_bound_whatever_was_measured_before() {
    let facts = |outcome: &str| Facts {
        step_size: Some(0.02),
        outcome: Some(outcome.to_owned()),
        ..Facts::default()
    };
    let verdict = |outcome: &str, last: f64| {
        let trace = Trace::new(facts(outcome), vec![0, 1]).unwrap();
        let trace = trace.with("lambda_1", vec![Some(90.0), Some(last)]);
        assumptions(&trace.unwrap(), &labels()[..2])[5].verdict
    };
    assert_eq!(verdict("completed", 95.0), Verdict::Holds);
    assert_eq!(verdict("diverged", 95.0), Verdict::Fails);
    assert_eq!(verdict("completed", f64::INFINITY), Verdict::Fails);
}

#[test]
fn a_small_start() {
    // F = (f, 0), Y = (0, 2) or F along Y; D = F − Y.
    let start = |f: [f64; 2], y: [f64; 2]| {
        let d = [f[0] - y[0], f[1] - y[1]];
        let dot = |a: [f64; 2], b: [f64; 2]| a[0] * b[0] + a[1] * b[1];
        row(
            "small_start",
            &[
                ("residual_norm_sq", column(|_| dot(d, d))),
                ("residual_dot_output", column(|_| dot(d, f))),
                ("residual_dot_target", column(|_| dot(d, y))),
                ("target_norm_sq", column(|_| dot(y, y))),
            ],
        )
    };
    let holds = start([0.0, 0.1], [0.0, 2.0]);
    assert_eq!(holds.verdict, Verdict::Holds);
    let ratio = holds.overall.figure("output_to_target_norm").unwrap();
    assert!((ratio - 0.05).abs() < 1e-12, "{ratio}");
    // Small, but across the target: D·F = f² > 0.
    assert_eq!(start([0.1, 0.0], [0.0, 2.0]).verdict, Verdict::Partly);
    assert_eq!(start([0.0, 1.0], [0.0, 2.0]).verdict, Verdict::Partly);
    assert_eq!(start([3.0, 0.0], [0.0, 2.0]).verdict, Verdict::Fails);
    // Without targets there is no ratio.
    assert_eq!(start([3.0, 0.0], [0.0, 0.0]).verdict, Verdict::Missing);
}

#[test]
fn the_start_is_step_zero() {
    let columns = [
        "residual_norm_sq",
        "residual_dot_output",
        "residual_dot_target",
        "target_norm_sq",
    ];
    let mut late = Trace::new(Facts::default(), vec![5]).unwrap();
    for name in columns {
        late = late.with(name, vec![Some(1.0)]).unwrap();
    }
    assert_eq!(
        assumptions(&late, &labels()[..1])[6].verdict,
        Verdict::Missing
    );
}

#[test]
fn the_identity_is_held_against_the_change() {
    let columns = |error: f64| {
        [
            (
                "output_norm_sq_change",
                column(|row| if row == 0 { 0.0 } else { 1e-3 }),
            ),
            (
                "output_norm_sq_predicted",
                column(move |_| 1e-3 * (1.0 + error)),
            ),
        ]
    };
    let holds = row("output_norm_identity", &columns(1e-4));
    assert_eq!(holds.verdict, Verdict::Holds);
    assert!((holds.overall.figure("median").unwrap() - 1e-4).abs() < 1e-12);
    // A change of zero has no relative error.
    assert!(matches!(holds.overall, Measurement::Measured { steps, .. } if steps == STEPS - 1));
    let fails = row("output_norm_identity", &columns(-0.5));
    assert_eq!(fails.verdict, Verdict::Fails);
}
