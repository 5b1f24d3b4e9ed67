//! Figures of awkward runs, and runs read back from their folders.

use brink_dynamics::observer::{Observer, Outcome, RunSummary};
use brink_dynamics::record::{EigenvalueKind, StepRecord};

use super::*;
use crate::observe::{EigenvaluesCsv, FigureObserver, TraceCsv};
use crate::run_folder::{EIGENVALUES_CSV, TRACE_CSV, TRACE_SVG};
use crate::testing::{eigenvalue, header, record};

fn titles() -> Titles {
    Titles {
        title: "test".into(),
        subtitle: "a · b".into(),
    }
}

fn measured(step: u64, lambda: f64) -> StepRecord {
    let mut record = record(step);
    record.loss = 1.0 / (1.0 + step as f64);
    record.eigenvalues = vec![eigenvalue(1, lambda), eigenvalue(2, lambda / 2.0)];
    record
}

fn figure(records: &[StepRecord]) -> String {
    let mut series = Series::default();
    for record in records {
        series.push(record);
    }
    let svg = draw(&series, &titles()).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
    svg
}

fn count(svg: &str, needle: &str) -> usize {
    svg.matches(needle).count()
}

#[test]
fn an_ordinary_run_has_three_panels_and_a_threshold() {
    let records: Vec<_> = (0..50)
        .map(|t| measured(t, 100.0 + 3.0 * t as f64))
        .collect();
    let svg = figure(&records);
    for text in [
        "Hessian eigenvalue λ",
        "training loss L",
        "output layer ‖A‖²",
        "gradient descent step",
        "2/η = 200",
    ] {
        assert!(svg.contains(text), "no {text}");
    }
    assert!(!svg.contains("not converged"));
}

#[test]
fn awkward_runs_are_drawn() {
    let with = |change: fn(&mut StepRecord)| -> Vec<StepRecord> {
        (0..5)
            .map(|t| {
                let mut record = measured(t, 150.0);
                if t >= 3 {
                    change(&mut record);
                }
                record
            })
            .collect()
    };
    figure(&[]);
    figure(&[record(0)]);
    figure(&[measured(0, 150.0)]);
    figure(&with(|_| {}));
    figure(&with(|record| record.loss = f64::NAN));
    figure(&with(|record| record.loss = f64::INFINITY));
    figure(&with(|record| record.loss = 0.0));
    figure(&with(|record| record.loss = 1e308));
    figure(&with(|record| record.output_norm_sq = f64::NAN));
    figure(&with(|record| record.output_norm_sq = 1e30));
    figure(&with(|record| record.eigenvalues[0].value = f64::NAN));
    figure(&with(|record| record.eigenvalues[0].value = 1e300));
    figure(&with(|record| record.eigenvalues[0].value = -1e300));
    figure(&with(|record| record.threshold = f64::INFINITY));
    figure(&with(|record| record.threshold = 1e12));
    let nothing_finite = with(|_| {}).into_iter().map(|mut record| {
        record.loss = f64::NAN;
        record.output_norm_sq = f64::NAN;
        record.eigenvalues[0].value = f64::NAN;
        record.eigenvalues[1].value = f64::NEG_INFINITY;
        record
    });
    figure(&nothing_finite.collect::<Vec<_>>());
}

#[test]
fn a_run_without_eigenvalues_has_two_panels() {
    let svg = figure(&[record(0), record(1), record(2)]);
    assert!(!svg.contains("eigenvalue"));
    assert!(svg.contains("training loss L"));
}

#[test]
fn what_did_not_converge_is_marked_and_named() {
    let mut records: Vec<_> = (0..5).map(|t| measured(t, 100.0)).collect();
    records[2].eigenvalues[0].converged = false;
    records[4].eigenvalues[1].kind = EigenvalueKind::RayleighQuotient;
    let svg = figure(&records);
    assert!(svg.contains("not converged"));
    assert!(svg.contains("Rayleigh quotient"));
    // A ring and a dot in the panel, the same in the legend; a ring is two circles.
    assert_eq!(count(&svg, "<circle"), 6);
}

#[test]
fn steps_between_measurements_are_not_joined_by_a_curve() {
    let records: Vec<_> = (0..21)
        .map(|t| {
            if t % 10 == 0 {
                measured(t, 100.0 + t as f64)
            } else {
                record(t)
            }
        })
        .collect();
    let svg = figure(&records);
    // Three dots for each of two eigenvalues, and no line in λ₁'s colour but the legend's.
    assert_eq!(count(&svg, "<circle"), 6);
    assert_eq!(
        count(
            &svg,
            "<polyline fill=\"none\" opacity=\"1\" stroke=\"#0072B2\""
        ),
        1
    );
}

#[test]
fn a_blow_up_does_not_flatten_the_rest() {
    let mut records: Vec<_> = (0..60).map(|t| measured(t, 100.0 + t as f64)).collect();
    records[59].eigenvalues[0].value = 1e12;
    let svg = figure(&records);
    assert!(
        svg.contains(">\n100\n<") || svg.contains("100\n</text>"),
        "{svg}"
    );
    // The triangle that says a point is above the frame.
    assert_eq!(count(&svg, "<polygon"), 1);
}

#[test]
fn a_long_run_stays_small() {
    let records: Vec<_> = (0..50_000)
        .map(|t| measured(t, 100.0 + (t as f64 * 0.37).sin()))
        .collect();
    assert!(figure(&records).len() < 1_000_000);
}

#[test]
fn titles_are_escaped() {
    let titles = Titles {
        title: "a < b & \"c\"".into(),
        subtitle: String::new(),
    };
    let svg = draw(&Series::default(), &titles).unwrap();
    assert!(svg.contains("a &lt; b &amp; &quot;c&quot;"));
}

fn written(folder: &std::path::Path, records: &[StepRecord]) {
    let mut observers: [Box<dyn Observer>; 3] = [
        Box::new(TraceCsv::new(folder.join(TRACE_CSV))),
        Box::new(EigenvaluesCsv::new(folder.join(EIGENVALUES_CSV))),
        Box::new(FigureObserver::new(folder.join(TRACE_SVG), titles())),
    ];
    let summary = RunSummary {
        outcome: Outcome::Completed,
        steps_recorded: records.len() as u64,
        last: records.last().cloned(),
        first_crossing: None,
        counters: Vec::new(),
        seconds: Vec::new(),
    };
    for observer in &mut observers {
        observer.start(&header()).unwrap();
        for record in records {
            observer.step(record).unwrap();
        }
        observer.finish(&summary).unwrap();
    }
}

fn sample() -> Vec<StepRecord> {
    let mut records = vec![
        measured(0, 1.0 / 3.0),
        record(1),
        measured(2, 2e-9),
        measured(3, f64::INFINITY),
    ];
    records[2].eigenvalues[1].converged = false;
    records[3].eigenvalues[0].kind = EigenvalueKind::RayleighQuotient;
    records
}

#[test]
fn a_run_reads_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &sample());
    let mut expected = Series::default();
    for record in sample() {
        expected.push(&record);
    }
    let (series, from_folder) = read_run(folder.path()).unwrap();
    assert_eq!(series, expected);
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(from_folder.title, name);
    // The figure made at the end of the run is the one made from its folder.
    let again = draw(&series, &titles()).unwrap();
    let at_the_end = std::fs::read_to_string(folder.path().join(TRACE_SVG)).unwrap();
    assert_eq!(again, at_the_end);
}

#[test]
fn a_row_being_written_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &sample());
    let path = folder.path().join(TRACE_CSV);
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("4,0.04,0.");
    std::fs::write(&path, text).unwrap();
    assert_eq!(read_run(folder.path()).unwrap().0.step.len(), 4);
}

#[test]
fn malformed_traces_are_refused_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        std::fs::write(folder.path().join(TRACE_CSV), text).unwrap();
        read_run(folder.path())
    };
    assert!(matches!(
        read_run(folder.path()),
        Err(PlotError::Read { .. })
    ));
    assert!(matches!(
        read("step,loss\n0,1.0\n1,x\n"),
        Err(PlotError::Cell { line: 3, column, cell, .. }) if column == "loss" && cell == "x"
    ));
    assert!(matches!(
        read("step,loss\n0,1.0\n-1,1.0\n"),
        Err(PlotError::Cell { line: 3, column, .. }) if column == "step"
    ));
    assert!(matches!(
        read("step,loss\n0,1.0,2\n"),
        Err(PlotError::Row { line: 2, .. })
    ));
    assert!(matches!(
        read("loss\n1.0\n"),
        Err(PlotError::MissingColumn { column: "step", .. })
    ));
    // Columns that the figure can do without may be missing, and so may rows.
    let (series, _) = read("step,lambda_1\n0,5.0\n1,\n").unwrap();
    draw(&series, &titles()).unwrap();
    let (series, _) = read("step,loss\n").unwrap();
    draw(&series, &titles()).unwrap();
    std::fs::write(folder.path().join("manifest.json"), "{").unwrap();
    assert!(matches!(
        read("step,loss\n"),
        Err(PlotError::Manifest { .. })
    ));
}
