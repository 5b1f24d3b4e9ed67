//! A whole run on either CPU backend is the same run.

#![cfg(all(feature = "flex", feature = "ndarray"))]

mod common;

use common::trace;

const CONFIG: &str = r#"
name = "backends"
[data]
source = "synthetic"
samples = 40
targets = "one-hot"
[model]
hidden = [12, 9]
activation = "tanh"
[optimizer]
kind = "gd"
step_size = 0.1
steps = 15
[measure.eigenvalues]
count = 2
smallest = 1
relative_tolerance = 1e-11
[measure.residual]
"#;

/// Runs on both with a precision, and holds these columns of theirs together.
fn agree(dtype: &str, changes: &[&str], columns: &[(&str, f64)]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let runs = ["flex", "ndarray"].map(|backend| {
        let dtype = format!("run.dtype={dtype}");
        let assignments = [&[dtype.as_str()], changes].concat();
        let output = common::train_on(path, CONFIG, backend, backend, &assignments);
        assert!(output.status.success());
        let manifest = std::fs::read_to_string(path.join(backend).join("manifest.json")).unwrap();
        assert!(manifest.contains(&format!("\"backend\": \"{backend}\"")));
        trace(&path.join(backend))
    });
    let [(names, flex), (_, ndarray)] = &runs;
    assert_eq!((flex.len(), ndarray.len()), (15, 15));
    for (name, tolerance) in columns {
        let at = names.iter().position(|n| n == name).unwrap();
        for (step, (a, b)) in flex.iter().zip(ndarray).enumerate() {
            let (a, b) = (a[at].unwrap(), b[at].unwrap());
            let near = (a - b).abs() <= tolerance * a.abs().max(b.abs());
            assert!(near, "{dtype} {name} at step {step}: {a} {b}");
        }
        // Something that moves is compared.
        assert_ne!(flex[0][at], flex[14][at], "{name}");
    }
}

#[test]
fn in_float64_they_agree_to_nine_digits() {
    let columns = [
        "loss",
        "gradient_norm",
        "lambda_1",
        "lambda_2",
        "lambda_min_1",
    ];
    agree("float64", &[], &columns.map(|name| (name, 1e-9)));
}

/// Fifteen steps below 2/η, where rounding is not amplified: both round 15 sums of up to 3,072
/// terms, and their λ's have the tolerance of the solver.
#[test]
fn in_float32_they_agree_below_the_edge() {
    let changes = ["measure.eigenvalues.relative_tolerance=1e-4"];
    let columns = [
        ("loss", 1e-5),
        ("gradient_norm", 1e-4),
        ("lambda_1", 2e-4),
        ("lambda_2", 2e-4),
    ];
    agree("float32", &changes, &columns);
}
