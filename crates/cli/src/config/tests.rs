//! What a person sees of a wrong config.

use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;

use super::overrides::Override;
use super::{Config, ConfigError, Stale};

const GOOD: &str = r#"name = "figure1a"
[data]
source = "synthetic"
samples = 1000
targets = "binary"
classes = [0, 1]
[model]
kind = "mlp"
hidden = [200, 200]
activation = "linear"
bias = false
[loss]
kind = "mse"
factor = 1.0
[optimizer]
kind = "gd"
step_size = 0.01
steps = 600
[measure.eigenvalues]
count = 2
"#;

fn with(from: &str, to: &str) -> Result<Config, ConfigError> {
    assert!(GOOD.contains(from), "{from:?} is not in the config");
    Config::parse("x.toml", GOOD.replacen(from, to, 1), &[])
}

fn set(assignments: &[&str]) -> Result<Config, ConfigError> {
    let overrides: Vec<Override> = assignments.iter().map(|set| Override::set(set)).collect();
    Config::parse("x.toml", GOOD, &overrides)
}

fn rendered(result: Result<Config, ConfigError>) -> String {
    let mut out = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut out, &result.unwrap_err())
        .unwrap();
    out
}

#[test]
fn defaults_are_filled_in() {
    let config = Config::parse("x.toml", GOOD, &[]).unwrap();
    let eigenvalues = config.measure.eigenvalues.clone().unwrap();
    assert_eq!((eigenvalues.every, eigenvalues.from), (1, 0));
    assert_eq!(eigenvalues.stale, Stale::Skip);
    assert!((eigenvalues.relative_tolerance - 1e-3).abs() < 1e-15);
    // What is printed is a config, and the same one.
    let printed = config.to_toml().unwrap();
    assert_eq!(Config::parse("printed", printed, &[]).unwrap(), config);
}

#[test]
fn an_unknown_key_names_its_place_and_the_nearest() {
    insta::assert_snapshot!(rendered(with("samples = 1000", "sampels = 1000")));
}

#[test]
fn a_key_in_the_wrong_table_is_sent_home() {
    insta::assert_snapshot!(rendered(with("bias = false", "bias = false\nsteps = 3")));
}

#[test]
fn an_unknown_name_names_the_nearest() {
    insta::assert_snapshot!(rendered(with("\"linear\"", "\"tahn\"")));
}

#[test]
fn a_wrong_type_says_what_is_meant() {
    insta::assert_snapshot!(rendered(with("steps = 600", "steps = 600.5")));
    insta::assert_snapshot!(rendered(with("hidden = [200, 200]", "hidden = [200, -1]")));
}

#[test]
fn a_missing_key_is_asked_for() {
    insta::assert_snapshot!(rendered(with("step_size = 0.01\n", "")));
}

#[test]
fn impossible_values_are_all_reported() {
    insta::assert_snapshot!(rendered(set(&[
        "optimizer.step_size=-0.1",
        "measure.eigenvalues.relative_tolerance=2",
        "loss.kind=cross-entropy",
        "loss.factor=1",
    ])));
}

#[test]
fn broken_toml_is_shown() {
    insta::assert_snapshot!(rendered(with("[loss]", "[loss")));
}

#[test]
fn a_fault_at_the_end_of_the_text_is_explained() {
    for error in [set(&["name="]), Config::parse("x.toml", "name = \"é", &[])] {
        let text = rendered(error);
        assert!(text.contains("╰── "), "{text}");
    }
}

#[test]
fn a_wrong_override_is_shown_as_it_was_typed() {
    insta::assert_snapshot!(rendered(set(&["optimizer.stepsize=0.1"])));
    insta::assert_snapshot!(rendered(set(&["model.activation=tahn"])));
    insta::assert_snapshot!(rendered(set(&["optimizer.steps"])));
}

#[test]
fn an_empty_config_is_refused() {
    let error = Config::parse("x.toml", "", &[]).unwrap_err();
    assert_eq!(error.problems()[0].message(), "missing key `name`");
    rendered(Err(error));
}

#[test]
fn overrides_are_laid_over_the_file() {
    let config = set(&[
        "optimizer.steps=7",
        "model.activation=tanh",
        "measure.eigenvalues.count=4",
        "optimizer.steps=8",
        "run.dtype=float64",
    ])
    .unwrap();
    assert_eq!(config.optimizer.steps, 8);
    assert_eq!(config.measure.eigenvalues.unwrap().count, 4);
    assert_eq!(config.run.dtype.as_str(), "float64");
}

#[test]
fn a_number_that_float32_cannot_hold_needs_float64() {
    for (key, values) in [
        ("loss.factor", ["1e300", "1e-50", "1e-40"]),
        ("optimizer.step_size", ["3.5e38", "1e-50", "1e-45"]),
        ("model.output_factor", ["-1e39", "-1e-50", "1e-38"]),
        ("measure.flow.cap", ["1e39", "1e-50", "1e-39"]),
    ] {
        for value in values {
            let assignment = format!("{key}={value}");
            let error = set(&[&assignment]).unwrap_err();
            let problems = error.problems();
            assert_eq!(problems.len(), 1, "{assignment}");
            assert_eq!(
                problems[0].message(),
                format!("impossible value for `{key}`")
            );
            assert!(rendered(Err(error)).contains("run.dtype = \"float64\""));
            assert!(
                set(&[&assignment, "run.dtype=float64"]).is_ok(),
                "{assignment}"
            );
        }
    }
    for good in [
        "loss.factor=3.4e38",
        "optimizer.step_size=1.2e-38",
        "model.output_factor=-1",
    ] {
        assert!(set(&[good]).is_ok(), "{good}");
    }
    let kind = |key: &str| match key {
        "optimizer.epsilon" => vec!["optimizer.kind=adam"],
        "optimizer.radius" => vec!["optimizer.kind=sam"],
        "optimizer.schedule.from" => vec![
            "optimizer.schedule.kind=linear-warmup",
            "optimizer.schedule.steps=5",
        ],
        "optimizer.schedule.factor" => {
            vec!["optimizer.schedule.kind=steps", "optimizer.schedule.at=[5]"]
        }
        "optimizer.schedule.end" => vec!["optimizer.schedule.kind=cosine"],
        _ => Vec::new(),
    };
    for key in [
        "optimizer.epsilon",
        "optimizer.radius",
        "optimizer.weight_decay",
        "optimizer.schedule.from",
        "optimizer.schedule.factor",
        "optimizer.schedule.end",
    ] {
        for value in ["1e60", "1e-50"] {
            let assignment = format!("{key}={value}");
            let with =
                |more: &[&str]| set(&[&kind(key), &[assignment.as_str()][..], more].concat());
            let error = with(&[]).unwrap_err();
            assert_eq!(
                error.problems()[0].message(),
                format!("impossible value for `{key}`")
            );
            assert!(rendered(Err(error)).contains("run.dtype = \"float64\""));
            assert!(with(&["run.dtype=float64"]).is_ok(), "{assignment}");
        }
    }
}

#[test]
fn the_gradient_of_the_sharpness_needs_two_eigenvalues() {
    let table = "measure.self_stabilization.every=1";
    assert!(set(&[table]).is_ok());
    let one = rendered(set(&[table, "measure.eigenvalues.count=1"]));
    assert!(one.contains("measure.self_stabilization"), "{one}");
    let never = rendered(set(&["measure.self_stabilization.every=0"]));
    assert!(never.contains("at least 1"), "{never}");
}

#[test]
fn the_step_along_the_gradient_is_that_of_gradient_descent() {
    let table = "measure.step.every=1";
    assert!(set(&[table, "optimizer.weight_decay=0.01"]).is_ok());
    for other in ["optimizer.kind=heavy-ball", "optimizer.minibatch.size=5"] {
        let refused = rendered(set(&[table, other]));
        assert!(refused.contains("measure.step"), "{refused}");
        assert!(refused.contains("gradient descent over all"), "{refused}");
    }
}

#[test]
fn the_residual_predicts_the_norm_of_a_matrix_that_no_other_layer_has() {
    let text = r#"name = "tied"
[data]
source = "sequence"
task = "sort"
length = 4
vocabulary = 3
samples = 20
[model]
kind = "gpt"
tied = true
[optimizer]
kind = "gd"
step_size = 0.01
steps = 10
[measure.residual]
every = 1
"#;
    let parse = |text: &str| Config::parse("x.toml", text.to_owned(), &[]);
    let refused = rendered(parse(text));
    assert!(refused.contains("measure.residual"), "{refused}");
    assert!(refused.contains("model.tied = false"), "{refused}");
    assert!(parse(&text.replace("tied = true", "tied = false")).is_ok());
}

#[test]
fn the_central_flow_is_that_of_two_rules_with_equal_steps() {
    let table = "measure.central_flow.every=2";
    assert!(set(&[table]).is_ok());
    let moment = [table, "optimizer.kind=rmsprop"];
    assert!(set(&moment).is_ok());
    let fast = rendered(set(&[&moment[..], &["optimizer.beta2=0.4"]].concat()));
    assert!(fast.contains("at least 0.5"), "{fast}");
    for (other, advice) in [
        ("optimizer.kind=heavy-ball", "RMSProp over all"),
        ("optimizer.kind=adam", "RMSProp over all"),
        ("optimizer.minibatch.size=5", "RMSProp over all"),
        ("optimizer.weight_decay=0.01", "without weight decay"),
        ("optimizer.schedule.kind=linear-warmup", "equal size"),
        ("measure.central_flow.substeps=3", "even"),
        ("measure.central_flow.substeps=0", "even"),
        ("measure.central_flow.count=0", "from 1 to 32"),
        ("measure.central_flow.largest_count=99", "from 1 to 32"),
        (
            "measure.central_flow.relative_tolerance=1",
            "between 0 and 1",
        ),
    ] {
        let refused = rendered(set(&[table, other]));
        assert!(refused.contains("measure.central_flow"), "{refused}");
        assert!(refused.contains(advice), "{other}: {refused}");
    }
}

#[test]
fn batch_sharpness_is_of_batches_of_a_size() {
    let draws = "measure.batch_sharpness.draws=20";
    let missing = rendered(set(&[draws]));
    assert!(
        missing.contains("measure.batch_sharpness.size"),
        "{missing}"
    );
    assert!(set(&[draws, "optimizer.minibatch.size=5"]).is_ok());
    let sized = [draws, "measure.batch_sharpness.size=4"];
    assert!(set(&sized).is_ok());
    for (wrong, advice) in [
        ("run.microbatch=100", "in pieces"),
        ("measure.batch_sharpness.size=0", "at least 1"),
        ("measure.batch_sharpness.draws=1", "at least 2"),
        (
            "measure.batch_sharpness.eigenvalue_draws=1",
            "0 or at least 2",
        ),
        (
            "measure.batch_sharpness.relative_tolerance=0",
            "between 0 and 1",
        ),
        (
            "measure.batch_sharpness.relative_error=1",
            "between 0 and 1",
        ),
    ] {
        let refused = rendered(set(&[&sized[..], &[wrong]].concat()));
        assert!(refused.contains(advice), "{wrong}: {refused}");
    }
}

#[test]
fn a_subspace_is_of_eigenvectors_that_are_solved_for() {
    let count = |count| format!("measure.subspace.count={count}");
    assert!(set(&["measure.subspace.every=5"]).is_ok());
    assert!(set(&[&count(2), "optimizer.kind=heavy-ball"]).is_ok());
    let many = rendered(set(&[&count(3)]));
    assert!(many.contains("one more"), "{many}");
    for zero in ["measure.subspace.lag=0", "measure.subspace.count=0"] {
        let refused = rendered(set(&[zero]));
        assert!(refused.contains("at least 1"), "{refused}");
    }
}

#[test]
fn a_whole_number_out_of_range_is_told_the_range() {
    let range = "whole numbers go from -9223372036854775808 to 9223372036854775807";
    for number in [
        "9223372036854775808",
        "18446744073709551616",
        &"9".repeat(60),
    ] {
        for text in [
            rendered(set(&[&format!("optimizer.steps={number}")])),
            rendered(with("steps = 600", &format!("steps = {number}"))),
        ] {
            let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(plain.contains(range) && !plain.contains("128"), "{text}");
        }
    }
    assert!(set(&["model.seed=9223372036854775807"]).is_ok());
    let seed = Override::number("--seed", "model.seed", u64::MAX);
    let text = rendered(Config::parse("x.toml", GOOD, &[seed]));
    assert!(
        text.contains("whole numbers go from") && text.contains("--seed"),
        "{text}"
    );
}

#[test]
fn what_is_no_config_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let load = |path: &std::path::Path| rendered(Config::load(path, &[]));
    assert!(load(folder.path()).contains("it is a folder, not a file"));
    let path = folder.path().join("x.toml");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(super::LIMIT + 1)
        .unwrap();
    assert!(load(&path).contains("it has 1048577 bytes, and at most 1048576 are read"));
    std::fs::write(&path, b"name = \"\xe9\"").unwrap();
    assert!(load(&path).contains("byte 8 is not UTF-8"));
}

#[test]
fn the_value_at_fault_is_pointed_at() {
    let cases = [
        ("step_size = 0.01", "step_size = 0.0", (17, 13)),
        ("steps = 600", "steps = 0", (18, 9)),
        ("count = 2", "count = 0", (20, 9)),
        ("count = 2", "count = 2\nevery = 0", (21, 9)),
        ("name = \"figure1a\"", "name = \"a/b\"", (1, 8)),
        ("steps = 600", "steps = 600\nstop_accuracy = 1.5", (19, 17)),
        ("count = 2", "count = 2\n[run]\nmicrobatch = 0", (22, 14)),
        ("count = 2", "count = 2\n[run]\nmicrobatch = -1", (22, 14)),
        ("count = 2", "count = 2\n[run]\nmicrobatch = 1.5", (22, 14)),
    ];
    for (from, to, place) in cases {
        let error = with(from, to).unwrap_err();
        assert_eq!(error.problems()[0].line_column(), place, "{to}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}") {
        let _ = Config::parse("x.toml", text, &[]);
    }

    #[test]
    fn no_change_of_a_config_makes_the_reader_panic(
        at in 0..GOOD.len(),
        removed in 0..12_usize,
        inserted in "[\\[\\]{}=\"'\n.#,0-9a-z_ -]{0,6}",
    ) {
        let mut text = GOOD.to_owned();
        let end = (at + removed).min(text.len());
        text.replace_range(at..end, &inserted);
        if let Err(error) = Config::parse("x.toml", text, &[]) {
            rendered(Err(error));
        }
    }

    #[test]
    fn no_override_makes_the_reader_panic(
        key in "[a-z_.\"\\[]{0,14}",
        value in "\\PC{0,12}",
    ) {
        let assignment = format!("{key}={value}");
        if let Err(error) = set(&[&assignment]) {
            rendered(Err(error));
        }
    }

    #[test]
    fn every_value_of_every_key_is_taken_or_refused(
        key in proptest::sample::select(super::keys::all()),
        value in proptest::sample::select(&[
            "0", "-1", "1", "1e-3", "nan", "inf", "9223372036854775807", "\"\"", "\"x\"", "[]",
            "[1]", "[[]]", "{}", "true", "1979-05-27", "{ kind = 1 }", "99999999999999999999",
        ][..]),
    ) {
        let assignment = format!("{}={value}", key.path);
        match set(&[&assignment]) {
            Ok(config) => {
                let printed = config.to_toml().unwrap();
                prop_assert!(Config::parse("printed", printed, &[]).is_ok());
            }
            Err(error) => {
                rendered(Err(error));
            }
        }
    }
}

#[test]
fn what_is_no_table_is_told_which_keys_the_table_has() {
    let said = rendered(set(&["measure.flow=true"]));
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("found `true`, expected a table"), "{said}");
    let help = "[measure.flow] is a table: give it keys, such as `measure.flow.method`; valid here: method, alpha,";
    assert!(said.contains(help), "{said}");
    // A key within a table is told what it means.
    let said = rendered(set(&["measure.flow.every=true"]));
    assert!(!said.contains("is a table"), "{said}");
}
