//! A run on some samples at a time is the run on all of them at once.

#![cfg(feature = "flex")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{trace, train};

const CONFIG: &str = r#"
name = "chunked"
[data]
source = "synthetic"
samples = 30
classes = [0, 1, 2]
[model]
hidden = [6, 5]
seed = 5
[optimizer]
kind = "gd"
step_size = 0.02
steps = 20
[measure.eigenvalues]
count = 2
smallest = 1
# Both runs then draw as many random vectors, and their vectors agree.
follow_every = 1
relative_tolerance = 1e-11
[measure.gauss_newton]
every = 4
relative_tolerance = 1e-11
[measure.alignment]
[measure.self_stabilization]
[measure.step]
[measure.subspace]
count = 1
[measure.layer_sharpness]
every = 4
relative_tolerance = 1e-11
[measure.flow]
every = 4
relative_tolerance = 1e-11
[measure.central_flow]
relative_tolerance = 1e-12
[run]
dtype = "float64"
"#;

/// What follows from the top eigenvector.
const OF_THE_SHARPNESS: [&str; 6] = [
    "sharpness_gradient_norm",
    "progressive_sharpening",
    "stabilization",
    "oscillation",
    "progressive_sharpening_reference",
    "predicted_deviation",
];

/// What is defined for the squared error alone.
const FUNCTION_SPACE: &str = r#"
[measure.residual]
[measure.first_order]
[measure.gram]
every = 4
relative_tolerance = 1e-11
"#;

/// The folders of a run on all samples at once and of one on `microbatch` of them.
fn both(folder: &Path, config: &str, settings: &[&str], microbatch: &str) -> [PathBuf; 2] {
    let chunked = [settings, &[microbatch]].concat();
    [("whole", settings), ("chunked", &chunked[..])].map(|(out, assignments)| {
        let output = train(folder, config, out, assignments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
        folder.join(out)
    })
}

fn manifest(run: &Path) -> serde_json::Value {
    let text = fs::read_to_string(run.join("manifest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_trace_is_the_same() {
    let squared = format!("{CONFIG}{FUNCTION_SPACE}");
    let cnn = CONFIG.replace(
        "hidden = [6, 5]",
        "kind = \"cnn\"\nchannels = [2]\nactivation = \"softplus\"",
    );
    let cases: [(&str, &[&str], &str); 3] = [
        (&squared, &["run.compression=off"], "run.microbatch=7"),
        (
            &squared,
            &["run.compression=on", "measure.gram.method=dense"],
            "run.microbatch=11",
        ),
        (
            &cnn,
            &["loss.kind=cross-entropy", "optimizer.steps=5"],
            "run.microbatch=8",
        ),
    ];
    for (config, settings, microbatch) in cases {
        let folder = tempfile::tempdir().unwrap();
        let [whole, chunked] = both(folder.path(), config, settings, microbatch);
        let ((header, rows), (other_header, other_rows)) = (trace(&whole), trace(&chunked));
        assert_eq!(header, other_header);
        assert_eq!(rows.len(), other_rows.len());
        for (step, (a, b)) in rows.iter().zip(&other_rows).enumerate() {
            for ((name, a), b) in header.iter().zip(a).zip(b) {
                let of_bound = name.contains("error_bound")
                    || ["top_eigenvector_error", "subspace_error"].contains(&name.as_str());
                // An eigenvector has no sign of its own.
                let (a, b) = match name.as_str() {
                    "residual_on_v1" | "oscillation" => (a.map(f64::abs), b.map(f64::abs)),
                    _ => (*a, *b),
                };
                // The error of an eigenvector goes as the root of the eigenvalue's, and a block that
                // evaluates the chunks anew is given other rows.
                let of_vector = name == "gradient_alignment"
                    || name.contains("eigenvector")
                    || name.starts_with("subspace")
                    || name.starts_with("central")
                    || OF_THE_SHARPNESS.contains(&name.as_str());
                let tolerance = if of_vector { 1e-5 } else { 1e-10 };
                let size = if of_bound {
                    1.0 // A bound on an error of 1e-11 is made of rounding itself.
                } else if of_vector {
                    0.1 // A share is a square: its error goes as its root.
                } else {
                    1e-3
                };
                match (a, b) {
                    (Some(a), Some(b)) => assert!(
                        (a - b).abs() <= tolerance * a.abs().max(size),
                        "{name} at step {step}, {microbatch}: {a} {b}"
                    ),
                    _ => assert_eq!(a, b, "{name} at step {step}, {microbatch}"),
                }
            }
        }
        let (a, b) = (manifest(&whole), manifest(&chunked));
        assert_eq!(a["config"]["run"].get("microbatch"), None);
        let recorded = format!("run.microbatch={}", b["config"]["run"]["microbatch"]);
        assert_eq!(recorded, microbatch);
        assert_eq!(a["coordinates"], b["coordinates"]);
        assert_eq!(a["counters"]["gradients"], b["counters"]["gradients"]);
        assert_eq!(a["counters"]["chunk_linearizations"], 0);
        assert!(b["counters"]["chunk_linearizations"].as_u64().unwrap() > 0);
    }
}

#[test]
fn more_than_all_samples_are_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["optimizer.steps=3"];
    let [whole, chunked] = both(folder.path(), CONFIG, &settings, "run.microbatch=31");
    let text = |run: &Path| fs::read_to_string(run.join("trace.csv")).unwrap();
    assert_eq!(text(&whole), text(&chunked));
    assert_eq!(manifest(&chunked)["counters"]["chunk_linearizations"], 0);
}

#[test]
fn nonsense_is_an_error_of_the_config() {
    let folder = tempfile::tempdir().unwrap();
    for value in ["0", "-3", "2.5", "\"many\"", "[8]"] {
        let assignment = format!("run.microbatch={value}");
        let output = train(folder.path(), CONFIG, "run", &[&assignment]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && message.contains("`run.microbatch`"),
            "{message}"
        );
        assert!(!folder.path().join("run").exists());
    }
}
