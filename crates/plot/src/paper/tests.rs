//! Figures of made-up runs, and what is said when a run lacks something.

use brink_analysis::phases::{Phase, Span};
use brink_analysis::{Facts, Trace};

use super::cycle::first_cycle;
use super::*;
use crate::error::PlotError;
use crate::testing::MadeUp;

fn has(svg: &str, texts: &[&str]) {
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    for text in texts {
        assert!(svg.contains(&format!("\n{text}\n")), "no {text}");
    }
    crate::png::from_svg(svg, 0.5).unwrap();
}

fn several() -> Vec<Trace> {
    let runs = [("linear", 0.01), ("tanh", 0.02), ("cnn", 0.005)];
    runs.map(|(name, step_size)| {
        MadeUp {
            name,
            step_size,
            ..MadeUp::default()
        }
        .trace()
    })
    .into()
}

#[test]
fn loss_and_sharpness_of_a_run() {
    let svg = loss_and_sharpness(&MadeUp::default().trace()).unwrap();
    has(
        &svg,
        &[
            "sharpness Λ = λ₁",
            "λ₂",
            "2/η = 200",
            "training loss L",
            "output layer ‖A‖²",
            "III: above, falling",
        ],
    );
}

#[test]
fn one_cycle_has_all_phases() {
    let svg = four_phases(&MadeUp::default().trace()).unwrap();
    has(
        &svg,
        &["I", "II", "III", "IV", "DᵀF", "|Dᵀv₁|", "‖R‖", "‖A‖²"],
    );
}

#[test]
fn the_first_complete_cycle_is_chosen() {
    let span = |cycle, phase, from, to| Span {
        phase,
        cycle,
        from,
        to,
    };
    let mut spans = vec![
        span(0, Phase::Before, 0, 9),
        span(1, Phase::II, 10, 19),
        span(1, Phase::IV, 20, 29),
        span(2, Phase::II, 30, 39),
        span(2, Phase::III, 40, 49),
        span(2, Phase::IV, 50, 59),
        span(2, Phase::I, 60, 69),
    ];
    assert_eq!(first_cycle(&spans), None);
    spans.push(span(3, Phase::II, 70, 70));
    assert_eq!(first_cycle(&spans), Some((30, 69)));
    assert_eq!(first_cycle(&[]), None);
}

#[test]
fn correlations_stand_in_their_panels() {
    let svg = sharpness_and_output_norm(&several()).unwrap();
    has(&svg, &["linear", "tanh", "cnn"]);
    // ‖A‖² follows Λ but for a wobble of half a percent.
    assert_eq!(svg.matches("\nr = ").count(), 3);
    assert!(svg.contains("\nr = 1.000\n") || svg.contains("\nr = 0.99"));
}

#[test]
fn the_gauss_newton_split_has_its_four_eigenvalues() {
    let svg = gauss_newton(&MadeUp::default().trace()).unwrap();
    has(
        &svg,
        &[
            "λ₁ of the Hessian",
            "(2κ/n) λ₁(M)",
            "λ₁ of the Gauss–Newton part",
            "λ₁ of the residual part",
        ],
    );
}

#[test]
fn flow_and_descent_share_the_time() {
    let svg = gradient_flow(&MadeUp::default().trace()).unwrap();
    has(&svg, &["time ηt", "gradient flow", "distance to flow"]);
    assert!(svg.contains("Λ first exceeds 2/η, at ηt = "));
}

#[test]
fn a_model_of_its_own_steps_is_compared_where_both_are() {
    let trained = MadeUp::default().trace();
    let model = MadeUp {
        name: "theory",
        steps: 300,
        ..MadeUp::default()
    }
    .trace();
    has(
        &theory(&model, &trained).unwrap(),
        &["theory", "trained network", "relative difference"],
    );
    let late = Trace::new(Facts::default(), vec![1000]).unwrap();
    let late = ["lambda_1", "output_norm_sq", "loss"]
        .into_iter()
        .fold(late, |trace, name| {
            trace.with(name, vec![Some(1.0)]).unwrap()
        });
    assert!(matches!(
        theory(&late, &trained),
        Err(PlotError::NotInRun { .. })
    ));
}

#[test]
fn step_sizes_go_from_the_largest_down() {
    let svg = step_sizes(&several()).unwrap();
    has(&svg, &["ηΛ/2", "2/η = 200", "2/η = 100", "2/η = 400"]);
    let at = |text: &str| svg.rfind(&format!("\nη = {text}\n")).unwrap();
    assert!(at("0.02") < at("0.01") && at("0.01") < at("0.005"));
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let bare = Trace::new(Facts::default(), vec![0, 1]).unwrap();
    let bare = bare
        .with("lambda_1", vec![Some(1.0), Some(2.0)])
        .unwrap()
        .with("threshold", vec![Some(200.0); 2])
        .unwrap();
    let missing = |result: Result<String, PlotError>| match result {
        Err(PlotError::NotMeasured {
            column,
            measurement,
            ..
        }) => (column, measurement),
        other => panic!("{other:?}"),
    };
    let (column, measurement) = missing(loss_and_sharpness(&bare));
    assert_eq!(column, "lambda_2");
    assert!(measurement.contains("`count` of [measure.eigenvalues]"));
    let (column, measurement) = missing(gauss_newton(&bare));
    assert_eq!(column, "gauss_newton_lambda_1");
    assert!(measurement.contains("[measure.gauss_newton]"));
    let (column, measurement) = missing(gradient_flow(&bare));
    assert_eq!(column, "flow_lambda_1");
    assert!(measurement.contains("[measure.flow]"));
    assert!(matches!(
        four_phases(&bare),
        Err(PlotError::NotInRun { .. })
    ));
    assert!(matches!(
        sharpness_and_output_norm(&[]),
        Err(PlotError::NoRuns { .. })
    ));
    assert!(matches!(step_sizes(&[]), Err(PlotError::NoRuns { .. })));
}

#[test]
fn a_run_folder_makes_a_figure() {
    let folder = tempfile::tempdir().unwrap();
    let trace = MadeUp::default().trace();
    let names: Vec<&str> = trace.names().collect();
    let mut text = format!("step,{}\n", names.join(","));
    for (row, step) in trace.steps().iter().enumerate() {
        let cells = names
            .iter()
            .map(|name| trace.column(name).unwrap()[row].unwrap());
        let cells: Vec<String> = cells.map(|cell| format!("{cell:?}")).collect();
        text.push_str(&format!("{step},{}\n", cells.join(",")));
    }
    std::fs::write(folder.path().join("trace.csv"), text).unwrap();
    let read = Trace::read(folder.path()).unwrap();
    let caption = |svg: String| svg.lines().rev().nth(2).unwrap().to_owned();
    let (again, first) = (four_phases(&read).unwrap(), four_phases(&trace).unwrap());
    // But for the caption, which names the folder.
    assert_eq!(again.lines().count(), first.lines().count());
    assert_ne!(caption(again), caption(first));
}

#[test]
fn long_runs_make_small_files() {
    let trace = MadeUp {
        steps: 10_000,
        ..MadeUp::default()
    }
    .trace();
    for svg in [
        loss_and_sharpness(&trace),
        gauss_newton(&trace),
        gradient_flow(&trace),
    ] {
        let size = svg.unwrap().len();
        assert!(size < 400_000, "{size}");
    }
}
