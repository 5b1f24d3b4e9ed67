//! The closed recursion against the engine, which trains the same network in parameter space.

#![cfg(feature = "flex")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const CONFIG: &str = r#"
name = "two-layer"
[data]
source = "synthetic"
samples = 24
classes = [0, 1]
targets = "binary"
[model]
hidden = [16]
activation = "linear"
bias = false
output_factor = FACTOR
init = "INIT"
[optimizer]
kind = "gd"
step_size = STEP
steps = 201
[measure.eigenvalues]
count = 2
relative_tolerance = 1e-11
[measure.residual]
[measure.first_order]
[measure.gram]
relative_tolerance = 1e-11
[run]
dtype = "float64"
"#;

fn brink(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_brink"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .current_dir(folder)
        .output()
        .unwrap();
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn write(folder: &Path, factor: &str, init: &str, step: &str) {
    let config = CONFIG.replace("FACTOR", factor);
    let config = config.replace("INIT", init).replace("STEP", step);
    fs::write(folder.join("two-layer.toml"), config).unwrap();
}

fn trace(run: &Path) -> HashMap<String, Vec<Option<f64>>> {
    let text = fs::read_to_string(run.join("trace.csv")).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut columns: HashMap<String, Vec<Option<f64>>> = HashMap::new();
    for line in lines {
        for (name, cell) in names.iter().zip(line.split(',')) {
            let column = columns.entry((*name).to_owned()).or_default();
            column.push(cell.parse().ok());
        }
    }
    columns
}

#[test]
fn the_recursion_and_the_engine_agree_over_two_hundred_steps() {
    for (factor, init, step) in [
        ("1.0", "uniform-fan-in", "0.004"),
        ("0.25", "standard-normal", "1e-4"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), factor, init, step);
        for command in ["train", "theory"] {
            let arguments = [command, "two-layer.toml", "--quiet", "--out", command];
            assert!(brink(folder.path(), &arguments).status.success());
        }
        let engine = trace(&folder.path().join("train"));
        let theory = trace(&folder.path().join("theory"));
        // The engine's trace has no column that the theory's lacks, so figures and reports work on it.
        for name in engine.keys() {
            assert!(theory.contains_key(name), "{name}");
        }
        for (name, tolerance) in [
            ("loss", 1e-9),
            ("gradient_norm", 1e-9),
            ("train_accuracy", 0.0),
            ("output_norm_sq", 1e-9),
            ("weight_norm_sq.layers.0", 1e-9),
            ("lambda_1", 1e-9),
            ("lambda_2", 1e-9),
            ("gram_lambda_1", 1e-9),
            ("residual_norm_sq", 1e-9),
            ("residual_dot_output", 1e-9),
            ("target_norm_sq", 1e-9),
            ("output_norm_sq_predicted", 1e-9),
            ("gram_gap", 1e-6),
            ("first_order_error", 1e-7),
        ] {
            let (a, b) = (&engine[name], &theory[name]);
            assert_eq!((a.len(), b.len()), (201, 201));
            for (t, (a, b)) in a.iter().zip(b).enumerate() {
                match (a, b) {
                    (Some(a), Some(b)) => assert!(
                        (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-3),
                        "{name} at step {t}: {a} {b}"
                    ),
                    _ => assert_eq!(a, b, "{name} at step {t}"),
                }
            }
        }
        // The run is one that moves: the sharpness is not what it was.
        let sharpness = &theory["lambda_1"];
        assert!((sharpness[0].unwrap() / sharpness[200].unwrap() - 1.0).abs() > 0.01);
    }
}

#[test]
fn the_terms_of_the_width_vanish_like_its_inverse() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "0.25", "standard-normal", "1e-4");
    let arguments = [
        "theory",
        "two-layer.toml",
        "--widths",
        "256,1024",
        "--set",
        "optimizer.steps=10",
    ];
    let output = brink(folder.path(), &arguments);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let differences: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    let slope = (differences[1] / differences[0]).log2() / 2.0;
    assert!((slope + 1.0).abs() < 0.1, "{text}");
}

#[test]
fn other_networks_are_refused_with_the_key_at_fault() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1.0", "uniform-fan-in", "0.01");
    for (assignment, key) in [
        ("model.activation=tanh", "model.activation"),
        ("model.bias=true", "model.bias"),
        ("model.hidden=[4, 4]", "model.hidden"),
        ("model.output_factor=2.0", "model.output_factor"),
        ("data.targets=one-hot", "data.targets"),
        ("optimizer.kind=heavy-ball", "optimizer.kind"),
        ("optimizer.weight_decay=0.1", "optimizer.weight_decay"),
        ("optimizer.minibatch.size=4", "optimizer.minibatch"),
    ] {
        let arguments = [
            "theory",
            "two-layer.toml",
            "--out",
            "run",
            "--set",
            assignment,
        ];
        let output = brink(folder.path(), &arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && message.contains(key),
            "{message}"
        );
        assert!(!folder.path().join("run").exists());
    }
}
