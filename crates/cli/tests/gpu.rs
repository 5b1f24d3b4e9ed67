//! Whole runs on wgpu, software Vulkan included: right, repeatable, and refused with a reason.

#![cfg(all(feature = "flex", feature = "wgpu"))]

mod common;

use std::fs;
use std::path::Path;

use common::{trace, train_on};

/// As quickstart, smaller.
const CONFIG: &str = r#"
name = "gpu"
[data]
source = "synthetic"
samples = 24
classes = [0, 1]
targets = "binary"
[model]
hidden = [6, 5]
activation = "tanh"
[optimizer]
kind = "gd"
step_size = 0.05
steps = 10
[measure.eigenvalues]
count = 2
relative_tolerance = 1e-5
"#;

/// Every measurement there is.
const MEASUREMENTS: &str = r#"
[measure.residual]
[measure.gram]
[measure.gauss_newton]
[measure.first_order]
[measure.alignment]
[measure.self_stabilization]
[measure.step]
[measure.batch_sharpness]
size = 4
draws = 3
eigenvalue_draws = 2
[measure.subspace]
count = 1
class_gradients = true
[measure.layer_sharpness]
[measure.flow]
[measure.spectrum]
probes = 3
lanczos_steps = 4
points = 300
"#;

fn manifest(run: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(run.join("manifest.json")).unwrap()).unwrap()
}

/// Ten steps below the edge, where rounding is not amplified.
#[test]
fn a_run_is_that_of_the_cpu_and_repeats_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (backend, out) in [("flex", "flex"), ("wgpu", "first"), ("wgpu", "second")] {
        assert!(train_on(path, CONFIG, backend, out, &[]).status.success());
    }
    for file in ["trace.csv", "eigenvalues.csv", "final.safetensors"] {
        let [first, second] = ["first", "second"].map(|run| fs::read(path.join(run).join(file)));
        assert!(first.unwrap() == second.unwrap(), "{file} differs");
    }
    let ((names, cpu), (_, gpu)) = (trace(&path.join("flex")), trace(&path.join("first")));
    assert_eq!((cpu.len(), gpu.len()), (10, 10));
    for name in ["loss", "gradient_norm", "lambda_1", "lambda_2"] {
        let at = names.iter().position(|column| column == name).unwrap();
        for (step, (a, b)) in cpu.iter().zip(&gpu).enumerate() {
            let (a, b) = (a[at].unwrap(), b[at].unwrap());
            let near = (a - b).abs() <= 1e-4 * a.abs();
            assert!(near, "{name} at step {step}: {a} {b}");
        }
        assert_ne!(gpu[0][at], gpu[9][at], "{name} does not move");
    }
    let manifest = manifest(&path.join("first"));
    assert_eq!(manifest["backend"], "wgpu");
    let error = manifest["matmul_check"]["relative_error"].as_f64().unwrap();
    assert!(error <= 1e-5, "{error}");

    // One wait for the device a solve and one an iteration, and at most one more for a residual.
    let count = |name: &str| manifest["counters"][name].as_u64().unwrap();
    let (solves, iterations) = (count("eigensolver_solves"), count("eigensolver_iterations"));
    let read_backs = count("eigensolver_read_backs");
    assert_eq!(solves, 10);
    assert!(iterations >= solves, "{iterations}");
    assert!(read_backs >= solves + iterations, "{read_backs}");
    let most = 2 * (solves + iterations);
    assert!(read_backs <= most, "{read_backs}, at most {most}");
}

#[test]
fn a_run_that_is_resumed_is_the_one_that_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (name, rule) in [
        ("gd", &["optimizer.kind=gd"][..]),
        (
            "adam",
            &["optimizer.kind=adam", "measure.preconditioned.count=1"],
        ),
    ] {
        let [whole, parts] = ["whole", "parts"].map(|part| format!("{name}-{part}"));
        assert!(
            train_on(path, CONFIG, "wgpu", &whole, rule)
                .status
                .success()
        );
        let short = [rule, &["optimizer.steps=4"]].concat();
        assert!(
            train_on(path, CONFIG, "wgpu", &parts, &short)
                .status
                .success()
        );
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_brink"))
            .args(["resume", &parts, "--quiet", "--set", "optimizer.steps=10"])
            .current_dir(path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        for file in ["trace.csv", "eigenvalues.csv", "final.safetensors"] {
            let [whole, parts] = [&whole, &parts].map(|run| fs::read(path.join(run).join(file)));
            assert!(whole.unwrap() == parts.unwrap(), "{name}: {file} differs");
        }
        assert_eq!(manifest(&path.join(&parts))["backend"], "wgpu");
    }
}

#[test]
fn every_measurement_is_that_of_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let config = format!("{CONFIG}{MEASUREMENTS}");
    for backend in ["flex", "wgpu"] {
        let changes = ["optimizer.steps=2", "data.samples=12"];
        let output = train_on(path, &config, backend, backend, &changes);
        assert!(output.status.success());
    }
    let ((names, cpu), (other, gpu)) = (trace(&path.join("flex")), trace(&path.join("wgpu")));
    assert_eq!(names, other);
    assert!(names.len() > 30, "{names:?}");
    let mut compared = 0;
    for (step, (a, b)) in cpu.iter().zip(&gpu).enumerate() {
        for ((name, a), b) in names.iter().zip(a).zip(b) {
            // Bounds, differences of nearly equal numbers and counts are made of rounding.
            if name.contains("error")
                || name.ends_with("_gradients")
                || name.ends_with("_evaluations")
            {
                assert_eq!(a.is_some(), b.is_some(), "{name} at step {step}");
                continue;
            }
            let (Some(a), Some(b)) = (a, b) else {
                assert_eq!(a, b, "{name} at step {step}");
                continue;
            };
            // An eigenvector has no sign of its own.
            let (a, b) = match name.as_str() {
                "residual_on_v1" | "oscillation" => (a.abs(), b.abs()),
                _ => (*a, *b),
            };
            let near = (a - b).abs() <= 2e-3 * a.abs().max(1e-2);
            assert!(near, "{name} at step {step}: {a} {b}");
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn a_device_that_is_not_there_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), CONFIG).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_brink"))
        .args(["train", "config.toml", "--out", "run", "--backend", "wgpu"])
        .args(["--device", "97"])
        .env("NO_COLOR", "1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no device \"97\""), "{said}");
    assert!(!folder.path().join("run").exists());
}
