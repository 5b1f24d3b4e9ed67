//! Runs that branch off from a checkpoint of another.

use std::fs;

use crate::command::{Place, stderr};
use crate::resume::{assert_same, sets};

fn run(place: &Place, words: &[&str]) {
    let output = place.run(words);
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
}

fn train(place: &Place, out: &str, assignments: &[&str]) {
    let words = ["train", "tiny.toml", "--quiet", "--out", out];
    run(place, &[&words[..], &sets(assignments)].concat());
}

fn fork(place: &Place, from: &str, at: &str, out: &str, more: &[&str]) {
    let words = ["fork", from, "--at", at, "--quiet", "--out", out];
    run(place, &[&words[..], more].concat());
}

/// Rows of a trace by step, as text.
fn rows(place: &Place, run: &str) -> Vec<String> {
    let text = fs::read_to_string(place.file(run).join("trace.csv")).unwrap();
    text.lines().skip(1).map(String::from).collect()
}

/// All cells are the same, but for the norms of weights: what of these does not move was rounded to
/// float32 in the child's initial weights.
fn assert_same_rows(place: &Place, child: &str, parent: &str, from: usize) {
    let header = fs::read_to_string(place.file(child).join("trace.csv")).unwrap();
    let names: Vec<&str> = header.lines().next().unwrap().split(',').collect();
    let (found, expected) = (rows(place, child), rows(place, parent));
    assert_eq!(found.len(), expected.len() - from);
    for (found, expected) in found.iter().zip(&expected[from..]) {
        for ((found, expected), name) in found.split(',').zip(expected.split(',')).zip(&names) {
            let close = || {
                let (a, b): (f64, f64) = (found.parse().unwrap(), expected.parse().unwrap());
                name.starts_with("weight_norm_sq") && (a - b).abs() <= 1e-7 * b.abs()
            };
            assert!(
                found == expected || close(),
                "{name}: {found} and {expected}"
            );
        }
    }
}

/// The cells of a column.
fn cells(place: &Place, run: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(place.file(run).join("trace.csv")).unwrap();
    let at = text
        .lines()
        .next()
        .unwrap()
        .split(',')
        .position(|c| c == name);
    let at = at.unwrap_or_else(|| panic!("no column {name}"));
    let rows = text.lines().skip(1);
    rows.map(|row| row.split(',').nth(at).unwrap().to_owned())
        .collect()
}

/// The numbers of a column.
fn column(place: &Place, run: &str, name: &str) -> Vec<f64> {
    let cells = cells(place, run, name).into_iter();
    cells.map(|cell| cell.parse().unwrap()).collect()
}

const EVERY: &str = "run.checkpoint.every=10";
const ALL: &str = "run.checkpoint.keep=0";

#[test]
fn a_fork_without_changes_is_the_run_itself() {
    let place = Place::new();
    for (name, more) in [
        ("gd", &["optimizer.step_size=2e-4"][..]),
        (
            "adam",
            &["optimizer.kind=adam", "measure.preconditioned.count=1"],
        ),
        (
            "double",
            &["run.dtype=float64", "optimizer.kind=heavy-ball"],
        ),
    ] {
        let parent = format!("{name}-parent");
        train(&place, &parent, &[&[EVERY, ALL], more].concat());
        let child = format!("{name}-child");
        fork(&place, &parent, "20", &child, &[]);
        assert_same_rows(&place, &child, &parent, 20);
        let manifest = place.manifest(&child);
        assert_eq!(manifest["parent"]["folder"], parent);
        assert_eq!(manifest["parent"]["step"], 20);
        assert_eq!(manifest["parent"]["checksum"].as_str().unwrap().len(), 64);
        assert_eq!(
            (&manifest["first_step"], &manifest["steps_recorded"]),
            (&20.into(), &20.into())
        );
        // The weights are the same to rounding, whichever start they are told from.
        let weights = |run: &str| fs::read(place.file(run).join("final.safetensors")).unwrap();
        assert_eq!(weights(&child).len(), weights(&parent).len());
        let figure = fs::read_to_string(place.file(&child).join("trace.svg")).unwrap();
        assert!(
            figure.contains("before the fork"),
            "the parent's curve is missing"
        );
        run(&place, &["plot", &child, "--out", "again.svg"]);
        assert_eq!(fs::read_to_string(place.file("again.svg")).unwrap(), figure);
    }
}

#[test]
fn a_fork_goes_its_own_way_and_can_be_resumed() {
    let place = Place::new();
    train(&place, "a", &[EVERY, ALL, "optimizer.step_size=2e-4"]);
    let set = sets(&["optimizer.step_size=4e-4", "optimizer.steps=35"]);
    fork(
        &place,
        "a",
        "20",
        "b",
        &[&["--name", "twice"][..], &set].concat(),
    );
    let (times, sizes) = (
        column(&place, "b", "time"),
        column(&place, "b", "step_size"),
    );
    assert_eq!(column(&place, "b", "step")[0], 20.0);
    assert!(sizes.iter().all(|size| *size == 4e-4));
    assert!(
        (times[0] - 4e-3).abs() < 1e-12 && (times[1] - 4.4e-3).abs() < 1e-12,
        "{times:?}"
    );
    assert_eq!(place.manifest("b")["name"], "twice");
    // Its first record is of the parent's parameters, and the next is not.
    let (parent, child) = (column(&place, "a", "loss"), column(&place, "b", "loss"));
    assert_eq!(parent[20], child[0]);
    assert_ne!(parent[21], child[1]);
    // Stopped and continued, it is the same.
    let short = sets(&["optimizer.step_size=4e-4", "optimizer.steps=28"]);
    fork(
        &place,
        "a",
        "20",
        "c",
        &[&["--name", "twice"][..], &short].concat(),
    );
    run(
        &place,
        &["resume", "c", "--quiet", "--set", "optimizer.steps=35"],
    );
    assert_same(&place, "b", "c");
    // And a fork of a fork begins where that was.
    fork(&place, "c", "35", "d", &["--set", "optimizer.steps=40"]);
    assert_eq!(column(&place, "d", "step"), [35.0, 36.0, 37.0, 38.0, 39.0]);
    run(&place, &["report", "b"]);
}

#[test]
fn another_rule_begins_at_the_same_parameters() {
    let place = Place::new();
    // Compressed to the inputs' coordinates, which Adam's steps cannot be.
    train(&place, "a", &[EVERY, ALL, "optimizer.kind=heavy-ball"]);
    let adam = sets(&["optimizer.kind=adam", "optimizer.step_size=1e-3"]);
    fork(&place, "a", "20", "b", &adam);
    let close = |a: f64, b: f64| (a - b).abs() <= 2e-6 * a.abs();
    for name in ["loss", "gradient_norm", "lambda_1", "output_norm_sq"] {
        let (parent, child) = (column(&place, "a", name)[20], column(&place, "b", name)[0]);
        assert!(close(parent, child), "{name}: {parent} and {child}");
    }
    assert_eq!(
        place.manifest("b")["config"]["optimizer"]["momentum"],
        serde_json::Value::Null
    );
    // And back.
    fork(
        &place,
        "b",
        "40",
        "c",
        &sets(&["optimizer.kind=gd", "optimizer.steps=45"]),
    );
    let size = |run: &str| place.manifest(run)["coordinates"].clone();
    assert_eq!(
        (size("a"), size("b"), size("c")),
        (12.into(), serde_json::Value::Null, 12.into())
    );
}

#[test]
fn momentum_is_kept_unless_a_fresh_optimizer_is_asked_for() {
    let place = Place::new();
    train(
        &place,
        "a",
        &[
            EVERY,
            ALL,
            "optimizer.kind=heavy-ball",
            "optimizer.step_size=1e-5",
        ],
    );
    fork(&place, "a", "20", "kept", &[]);
    fork(&place, "a", "20", "fresh", &["--fresh-optimizer"]);
    let loss = |run: &str| column(&place, run, "loss");
    assert_eq!(loss("kept")[..], loss("a")[20..]);
    assert_eq!(loss("fresh")[0], loss("a")[20]);
    assert!(loss("fresh")[5] > loss("kept")[5]);
    // Its coordinates are others without compression: it cannot be carried over.
    let words = [
        "fork",
        "a",
        "--at",
        "20",
        "--out",
        "full",
        "--set",
        "run.compression=off",
    ];
    let output = place.run(&words);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("--fresh-optimizer") && text.contains("heavy-ball"),
        "{text}"
    );
    run(
        &place,
        &[&words[..], &["--fresh-optimizer", "--quiet"]].concat(),
    );
    let (whole, full) = (
        column(&place, "a", "lambda_1")[20],
        column(&place, "full", "lambda_1")[0],
    );
    assert!((whole - full).abs() < 1e-3 * whole, "{whole} and {full}");
}

#[test]
fn the_same_rule_by_its_name_keeps_its_keys_and_its_memory() {
    let place = Place::new();
    let rule = ["optimizer.kind=heavy-ball", "optimizer.momentum=0.5"];
    let more = ["measure.gram.every=1", EVERY, ALL];
    train(&place, "a", &[&rule[..], &more].concat());
    let kind = sets(&["optimizer.kind=\"heavy-ball\"", "optimizer.steps=41"]);
    fork(&place, "a", "20", "b", &kind);
    assert_eq!(place.manifest("b")["config"]["optimizer"]["momentum"], 0.5);
    // The Gram matrix's vectors go on too, and are compared with the parent's first.
    for name in ["loss", "lambda_1", "v1_cos_start", "v1_cos_previous"] {
        let (parent, child) = (cells(&place, "a", name), cells(&place, "b", name));
        assert_eq!(child[..20], parent[20..], "{name}");
        assert!(!child[0].is_empty(), "{name}");
    }
}

#[test]
fn tables_can_be_removed_for_a_rule_that_does_not_admit_them() {
    let place = Place::new();
    train(&place, "a", &[EVERY, ALL, "measure.residual.every=1"]);
    let words = [
        "fork",
        "a",
        "--at",
        "10",
        "--out",
        "b",
        "--set",
        "optimizer.kind=adam",
    ];
    let output = place.run(&words);
    assert!(
        stderr(&output).contains("measure.residual"),
        "{}",
        stderr(&output)
    );
    run(
        &place,
        &[&words[..], &["--quiet", "--unset", "measure.residual"]].concat(),
    );
    let header = fs::read_to_string(place.file("b/trace.csv")).unwrap();
    assert!(!header.contains("residual_norm_sq"));
}

#[test]
fn a_fork_does_not_replace_the_run_that_it_begins_in() {
    let place = Place::new();
    train(&place, "a", &["run.checkpoint.every=10"]);
    let before = rows(&place, "a");
    for out in ["a", "./a", "a/../a"] {
        let words = ["fork", "a", "--at", "30", "--out", out, "--force"];
        let output = place.run(&words);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains("does not replace it"), "{said}");
    }
    assert_eq!(rows(&place, "a"), before);
}

#[test]
fn a_fork_that_would_take_no_step_says_what_to_set() {
    let place = Place::new();
    train(&place, "a", &[EVERY, ALL]);
    for steps in [&[][..], &["--set", "optimizer.steps=15"]] {
        let words = ["fork", "a", "--at", "40", "--out", "b"];
        let output = place.run(&[&words[..], steps].concat());
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains("--set optimizer.steps=80"), "{said}");
        assert!(!place.file("b").exists());
    }
}
