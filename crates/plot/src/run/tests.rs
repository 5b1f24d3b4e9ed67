//! Figures of awkward runs, and runs read back from their folders.

use brink_analysis::TableError;

use super::*;
use crate::chart::{Quality, Titles};
use crate::error::PlotError;

const THRESHOLD: f64 = 200.0;

#[derive(Clone)]
struct Step {
    loss: f64,
    output_norm_sq: f64,
    threshold: f64,
    eigenvalues: Vec<Measured>,
}

fn solved(value: f64) -> Measured {
    Measured {
        value,
        quality: Quality::Solved,
    }
}

fn unmeasured() -> Step {
    Step {
        loss: 1.0,
        output_norm_sq: 0.25,
        threshold: THRESHOLD,
        eigenvalues: Vec::new(),
    }
}

fn measured(step: usize, lambda: f64) -> Step {
    Step {
        loss: 1.0 / (1.0 + step as f64),
        eigenvalues: vec![solved(lambda), solved(lambda / 2.0)],
        ..unmeasured()
    }
}

fn series(steps: &[Step]) -> Series {
    let mut series = Series::default();
    for (t, step) in steps.iter().enumerate() {
        let eigenvalues: Vec<_> = step.eigenvalues.iter().copied().map(Some).collect();
        series.push(Row {
            step: t as u64,
            loss: Some(step.loss),
            output_norm_sq: Some(step.output_norm_sq),
            threshold: Some(step.threshold),
            eigenvalues: &eigenvalues,
        });
    }
    series
}

fn titles() -> Titles {
    Titles {
        title: "test".into(),
        subtitle: "a · b".into(),
    }
}

fn figure(steps: &[Step]) -> String {
    let svg = draw_run(&series(steps), &titles()).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
    svg
}

fn count(svg: &str, needle: &str) -> usize {
    svg.matches(needle).count()
}

#[test]
fn an_ordinary_run_has_three_panels_and_a_threshold() {
    let steps: Vec<_> = (0..50)
        .map(|t| measured(t, 100.0 + 1.5 * t as f64))
        .collect();
    let svg = figure(&steps);
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
    // It never crosses: no phase is claimed.
    assert!(!svg.contains("below, falling"));
}

#[test]
fn a_run_that_crosses_shows_its_phases() {
    let steps: Vec<_> = (0..300)
        .map(|t| measured(t, 200.0 - 80.0 * (t as f64 / 15.0).cos()))
        .collect();
    let svg = figure(&steps);
    for numeral in ["\nI\n", "\nII\n", "\nIII\n", "\nIV\n"] {
        assert!(
            count(&svg, numeral) >= 3,
            "{numeral}: {}",
            count(&svg, numeral)
        );
    }
    assert!(svg.contains("III: above, falling"));
}

#[test]
fn a_run_that_hovers_has_no_numerals_and_stays_small() {
    let steps: Vec<_> = (0..4000)
        .map(|t| {
            measured(
                t,
                210.0 + 20.0 * (t as f64).sin() - 300.0 / (1.0 + t as f64),
            )
        })
        .collect();
    let svg = figure(&steps);
    assert_eq!(count(&svg, "\nIII\n"), 0);
    assert!(svg.len() < 500_000, "{}", svg.len());
}

#[test]
fn awkward_runs_are_drawn() {
    let with = |change: fn(&mut Step)| -> Vec<Step> {
        (0..5)
            .map(|t| {
                let mut step = measured(t, 150.0);
                if t >= 3 {
                    change(&mut step);
                }
                step
            })
            .collect()
    };
    figure(&[]);
    figure(&[unmeasured()]);
    figure(&[measured(0, 150.0)]);
    figure(&with(|_| {}));
    figure(&with(|step| step.loss = f64::NAN));
    figure(&with(|step| step.loss = f64::INFINITY));
    figure(&with(|step| step.loss = 0.0));
    figure(&with(|step| step.loss = 1e308));
    figure(&with(|step| step.output_norm_sq = f64::NAN));
    figure(&with(|step| step.output_norm_sq = 1e30));
    figure(&with(|step| step.eigenvalues[0].value = f64::NAN));
    figure(&with(|step| step.eigenvalues[0].value = 1e300));
    figure(&with(|step| step.eigenvalues[0].value = -1e300));
    figure(&with(|step| step.threshold = f64::INFINITY));
    figure(&with(|step| step.threshold = 1e12));
    let nothing_finite = with(|_| {}).into_iter().map(|mut step| {
        step.loss = f64::NAN;
        step.output_norm_sq = f64::NAN;
        step.eigenvalues[0].value = f64::NAN;
        step.eigenvalues[1].value = f64::NEG_INFINITY;
        step
    });
    figure(&nothing_finite.collect::<Vec<_>>());
}

#[test]
fn a_run_without_eigenvalues_has_two_panels() {
    let svg = figure(&[unmeasured(), unmeasured(), unmeasured()]);
    assert!(!svg.contains("eigenvalue"));
    assert!(svg.contains("training loss L"));
}

#[test]
fn what_did_not_converge_is_marked_and_named() {
    let mut steps: Vec<_> = (0..5).map(|t| measured(t, 100.0)).collect();
    steps[2].eigenvalues[0].quality = Quality::NotConverged;
    steps[4].eigenvalues[1].quality = Quality::Stale;
    let svg = figure(&steps);
    assert!(svg.contains("not converged"));
    assert!(svg.contains("Rayleigh quotient"));
    // A ring and a dot in the panel, the same in the legend; the page in a ring is a circle too.
    assert_eq!(count(&svg, "<circle"), 6);
}

#[test]
fn steps_between_measurements_are_not_joined_by_a_curve() {
    let steps: Vec<_> = (0..21)
        .map(|t| {
            if t % 10 == 0 {
                measured(t, 100.0 + t as f64)
            } else {
                unmeasured()
            }
        })
        .collect();
    let svg = figure(&steps);
    // Three dots for each of two eigenvalues, and no line in λ₁'s colour but the legend's.
    assert_eq!(count(&svg, "<circle"), 6);
    assert_eq!(count(&svg, "<polyline fill=\"none\" stroke=\"#0072B2\""), 1);
}

#[test]
fn measurements_closer_than_dots_are_joined() {
    let steps: Vec<_> = (0..5000)
        .map(|t| {
            if t % 10 == 0 {
                measured(t, 100.0 + 0.01 * t as f64)
            } else {
                unmeasured()
            }
        })
        .collect();
    assert_eq!(count(&figure(&steps), "<circle"), 0);
}

#[test]
fn a_blow_up_does_not_flatten_the_rest() {
    let mut steps: Vec<_> = (0..60).map(|t| measured(t, 100.0 + t as f64)).collect();
    steps[59].eigenvalues[0].value = 1e12;
    let svg = figure(&steps);
    assert!(svg.contains("\n100\n</text>"), "{svg}");
    // The triangle that says a point is above the frame.
    assert_eq!(count(&svg, "<polygon"), 1);
}

#[test]
fn a_long_run_stays_small() {
    let steps: Vec<_> = (0..50_000)
        .map(|t| measured(t, 100.0 + (t as f64 * 0.37).sin()))
        .collect();
    assert!(figure(&steps).len() < 1_000_000);
}

#[test]
fn titles_are_escaped() {
    let titles = Titles {
        title: "a < b & \"c\"".into(),
        subtitle: String::new(),
    };
    let svg = draw_run(&Series::default(), &titles).unwrap();
    assert!(svg.contains("a &lt; b &amp; &quot;c&quot;"));
}

#[test]
fn a_run_is_read_with_its_qualities_and_titles() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    // The last row is still being written.
    write(
        "trace.csv",
        "step,loss,threshold,lambda_1,lambda_2,output_norm_sq\n\
         0,1.0,200.0,5.5,4.5,0.25\n1,0.5,200.0,,,0.25\n2,0.25,200.0,inf,2e-9,0.25\n3,0.",
    );
    write(
        "eigenvalues.csv",
        "step,index,kind,value,residual,error_bound,converged,products\n\
         0,1,solved,5.5,0.1,0.1,true,2\n0,2,solved,4.5,0.1,0.1,false,2\n\
         2,1,rayleigh_quotient,inf,0.1,0.1,false,1\n",
    );
    let (read, titles) = read_run(folder.path()).unwrap();
    assert_eq!(read.step, [0.0, 1.0, 2.0]);
    assert_eq!(read.constant_threshold(), Some(THRESHOLD));
    let at = |value, quality| Some(Measured { value, quality });
    assert_eq!(
        read.eigenvalues,
        [
            [
                at(5.5, Quality::Solved),
                None,
                at(f64::INFINITY, Quality::Stale)
            ],
            [
                at(4.5, Quality::NotConverged),
                None,
                at(2e-9, Quality::Solved)
            ],
        ]
    );
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(titles.title, name);
    write(
        "manifest.json",
        r#"{"name": "x", "description": "y", "outcome": {"kind": "interrupted"}, "steps_recorded": 4}"#,
    );
    let (_, titles) = read_run(folder.path()).unwrap();
    assert_eq!(titles.title, "x");
    assert_eq!(titles.subtitle, "y · interrupted at step 3");
}

#[test]
fn malformed_traces_are_refused_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        std::fs::write(folder.path().join("trace.csv"), text).unwrap();
        read_run(folder.path())
    };
    assert!(matches!(
        read_run(folder.path()),
        Err(PlotError::Table(TableError::Read { .. }))
    ));
    assert!(matches!(
        read("step,loss\n0,1.0\n1,x\n"),
        Err(PlotError::Table(TableError::Cell { line: 3, column, cell, .. }))
            if column == "loss" && cell == "x"
    ));
    assert!(matches!(
        read("loss\n1.0\n"),
        Err(PlotError::Table(TableError::MissingColumn {
            column: "step",
            ..
        }))
    ));
    // The rule of the report: no step twice, none before another.
    for steps in ["0\n1\n1\n", "1\n0\n", "0\n2\n1\n"] {
        assert!(
            matches!(
                read(&format!("step\n{steps}")),
                Err(PlotError::Table(TableError::Order { .. }))
            ),
            "{steps}"
        );
    }
    // Columns that the figure can do without may be missing, and so may rows.
    let (series, _) = read("step,lambda_1\n0,5.0\n1,\n").unwrap();
    draw_run(&series, &titles()).unwrap();
    let (series, _) = read("step,loss\n").unwrap();
    draw_run(&series, &titles()).unwrap();
    std::fs::write(folder.path().join("manifest.json"), "{").unwrap();
    assert!(matches!(
        read("step,loss\n"),
        Err(PlotError::Manifest { .. })
    ));
}

mod fuzz;
