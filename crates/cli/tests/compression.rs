//! A run on the inputs' coordinates in their row space is the run on the inputs.

#![cfg(feature = "flex")]

mod common;

use std::fs;
use std::path::Path;

use common::{trace, train};

const CONFIG: &str = r#"
name = "compressed"
[data]
source = "synthetic"
samples = 30
classes = [0, 1, 2]
targets = "one-hot"
[model]
hidden = [6, 5]
activation = "tanh"
[optimizer]
kind = "gd"
step_size = 0.02
steps = 51
[measure.eigenvalues]
count = 2
smallest = 1
relative_tolerance = 1e-11
[measure.residual]
[measure.alignment]
[measure.self_stabilization]
[measure.step]
[measure.batch_sharpness]
size = 4
draws = 30
[measure.subspace]
count = 1
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

fn weights(path: &Path) -> Vec<(String, Vec<f64>)> {
    let bytes = fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<_> = (file.tensors().into_iter())
        .map(|(name, tensor)| {
            let values = tensor.data().as_chunks::<8>().0;
            let values = values.iter().map(|bytes| f64::from_le_bytes(*bytes));
            (name, values.collect())
        })
        .collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    tensors
}

#[test]
fn compressed_and_full_agree_in_all_that_is_written() {
    for loss in ["mse", "cross-entropy"] {
        let folder = tempfile::tempdir().unwrap();
        let kind = format!("loss.kind=\"{loss}\"");
        let config = if loss == "mse" {
            CONFIG.to_owned()
        } else {
            CONFIG.replace("[measure.residual]\n", "")
        };
        let common = [kind.as_str(), "model.seed=5"];
        let run = |out: &str, shortcuts: &[&str]| {
            let assignments = [&common, shortcuts].concat();
            let output = train(folder.path(), &config, out, &assignments);
            assert!(output.status.success());
            folder.path().join(out)
        };
        // The plain way throughout against every shortcut.
        let full = run("full", &["run.compression=off", "run.fusion=off"]);
        let compressed = run("compressed", &["run.compression=on"]);

        let (header, rows) = trace(&full);
        let (other_header, other_rows) = trace(&compressed);
        assert_eq!(header, other_header);
        assert_eq!((rows.len(), other_rows.len()), (51, 51));
        for name in OF_THE_SHARPNESS {
            let at = header.iter().position(|column| column == name).unwrap();
            assert!(rows.iter().any(|row| row[at].is_some()), "{name} is empty");
        }
        if loss == "mse" {
            let name = "central_trace_sigma";
            let at = header.iter().position(|column| column == name).unwrap();
            assert!(rows.iter().any(|row| row[at] > Some(0.0)), "no edge");
        }
        for (a, b) in rows.iter().zip(&other_rows) {
            for ((name, a), b) in header.iter().zip(a).zip(b) {
                // An eigenvector is known to the root of its eigenvalue's tolerance.
                let tolerance = match name.as_str() {
                    "gradient_alignment" => 1e-3,
                    name if name.starts_with("eigenvector_share") => 1e-4,
                    name if name.starts_with("subspace") => 1e-4,
                    name if name.starts_with("central") => 1e-6,
                    name if OF_THE_SHARPNESS.contains(&name) => 1e-4,
                    _ => 1e-10,
                };
                let (a, b) = match name.as_str() {
                    // An eigenvector has no sign of its own.
                    "oscillation" => (a.map(f64::abs), b.map(f64::abs)),
                    // A bound on an error of 1e-6 is made of rounding itself.
                    "top_eigenvector_error" | "subspace_error" => (a.map(|_| 0.0), b.map(|_| 0.0)),
                    _ => (*a, *b),
                };
                match (a, b) {
                    (Some(a), Some(b)) => assert!(
                        (a - b).abs() <= tolerance * a.abs().max(1e-3),
                        "{name}: {a} {b}"
                    ),
                    _ => assert_eq!(a, b, "{name}"),
                }
            }
        }
        for file in ["initial.safetensors", "final.safetensors"] {
            let (a, b) = (weights(&full.join(file)), weights(&compressed.join(file)));
            assert_eq!(a.len(), 6);
            for ((name, a), (other, b)) in a.iter().zip(&b) {
                assert_eq!((name, a.len()), (other, b.len()));
                let apart = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f64::max);
                assert!(apart < 1e-10, "{file} {name}: {apart}");
            }
        }
        let manifest = |run: &Path| -> serde_json::Value {
            let text = fs::read_to_string(run.join("manifest.json")).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let (a, b) = (manifest(&full), manifest(&compressed));
        assert_eq!(a["parameters"], b["parameters"]);
        assert_eq!(
            (&a["coordinates"], &b["coordinates"]),
            (&serde_json::Value::Null, &30.into())
        );
    }
}

#[test]
fn compression_is_refused_where_it_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |assignments: &[&str], reason: &str| {
        let output = train(folder.path(), CONFIG, "run", assignments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && message.contains(reason),
            "{message}"
        );
        assert!(!folder.path().join("run").exists());
    };
    refused(
        &["run.compression=on", "model.kind=cnn", "model.channels=[2]"],
        "convolution",
    );
    // As many samples as values: nothing to gain, and no smaller space to be had.
    refused(
        &[
            "run.compression=on",
            "data.samples=3072",
            "data.classes=[0]",
            "data.targets=one-hot",
        ],
        "cannot be compressed",
    );
}
