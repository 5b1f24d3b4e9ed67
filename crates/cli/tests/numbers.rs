//! Runs whose counts reach the ends of a spectrum, and whose numbers those of float32.

#![cfg(feature = "flex")]

mod common;

use std::fs;
use std::path::Path;

use common::{trace, train};

const CONFIG: &str = r#"
name = "numbers"
[data]
source = "synthetic"
samples = 4
classes = [0, 1]
targets = "binary"
[model]
hidden = [2]
activation = "linear"
[optimizer]
kind = "gd"
step_size = 1e-5
steps = 3
[measure.eigenvalues]
count = 2
"#;

/// Index, value, bound and converged of the eigenvalues of step 0.
fn eigenvalues(run: &Path) -> Vec<(i64, f64, f64, bool)> {
    let text = fs::read_to_string(run.join("eigenvalues.csv")).unwrap();
    let rows = text.lines().skip(1).map(|row| row.split(',').collect());
    let rows = rows.filter(|row: &Vec<&str>| row[0] == "0");
    let number = |cell: &str| cell.parse::<f64>().unwrap();
    rows.map(|row| {
        (
            row[1].parse().unwrap(),
            number(row[2]),
            number(row[4]),
            row[5] == "true",
        )
    })
    .collect()
}

fn column(run: &Path, name: &str) -> Vec<f64> {
    let (header, rows) = trace(run);
    let at = header.iter().position(|column| column == name).unwrap();
    rows.iter().map(|row| row[at].unwrap()).collect()
}

fn close(a: f64, b: f64, relative: f64) {
    assert!((a - b).abs() <= relative * b.abs(), "{a} for {b}");
}

/// Four samples in coordinates leave 13 parameters that move; the network has 6149.
#[test]
fn counts_beyond_the_coordinates_are_filled_up_with_exact_zeros() {
    let folder = tempfile::tempdir().unwrap();
    for dtype in ["float32", "float64"] {
        let dtype = format!("run.dtype={dtype}");
        let run = |out: &str, more: &[&str]| {
            let output = train(
                folder.path(),
                CONFIG,
                out,
                &[&[dtype.as_str()], more].concat(),
            );
            assert!(output.status.success());
            folder.path().join(out)
        };
        let name = |stem: &str| format!("{stem}-{}", &dtype[10..]);
        let all = [
            "measure.eigenvalues.count=50",
            "measure.eigenvalues.smallest=50",
        ];
        let found = eigenvalues(&run(&name("many"), &all));
        let few = eigenvalues(&run(&name("few"), &["measure.eigenvalues.count=13"]));
        assert_eq!((found.len(), few.len()), (100, 13));
        let (largest, smallest) = found.split_at(50);
        let zeros = |e: &&(i64, f64, f64, bool)| e.1 == 0.0 && e.2 == 0.0 && e.3;
        assert!(largest.iter().filter(zeros).count() >= 37, "{largest:?}");
        assert!(largest.iter().map(|e| e.0).eq(1..=50));
        assert!(smallest.iter().map(|e| e.0).eq((1..=50).map(|i| -i)));
        assert!(largest.is_sorted_by(|a, b| a.1 >= b.1), "{largest:?}");
        assert!(smallest.is_sorted_by(|a, b| a.1 <= b.1), "{smallest:?}");
        for (many, few) in largest.iter().zip(&few).filter(|(_, few)| few.1 > 1.0) {
            close(many.1, few.1, 1e-3);
        }
        assert!(
            largest[0].1 > 1.0 && smallest[0].1 < 0.0,
            "{largest:?} {smallest:?}"
        );
    }
}

#[test]
fn counts_beyond_what_there_is_are_refused_before_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |assignments: &[&str], words: &[&str]| {
        let output = train(folder.path(), CONFIG, "run", assignments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{message}");
        for word in words {
            assert!(message.contains(word), "no {word}: {message}");
        }
        assert!(!folder.path().join("run").exists());
    };
    refused(
        &["measure.gram.count=5"],
        &[
            "measure.gram.count",
            "= 5",
            "4 samples",
            "4 rows",
            "at most 4",
        ],
    );
    refused(
        &[
            "measure.gram.count=3",
            "data.targets=one-hot",
            "data.samples=1",
            "data.classes=[0, 1]",
        ],
        &[
            "measure.gram.count",
            "= 3",
            "1 samples with 2 outputs",
            "at most 2",
        ],
    );
    refused(
        &[
            "measure.gram.method=dense",
            "data.targets=one-hot",
            "data.samples=501",
            "data.classes=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]",
        ],
        &["dense", "5010 rows", "matrix-free"],
    );
}

#[test]
fn the_smallest_problems_run() {
    let folder = tempfile::tempdir().unwrap();
    let one = [
        "data.samples=1",
        "data.targets=one-hot",
        "data.classes=[0]",
        "model.hidden=[1]",
    ];
    let cases: [(&str, &[&str]); 4] = [
        ("one-sample", &["measure.eigenvalues.count=4"]),
        (
            "all",
            &[
                "measure.eigenvalues.count=256",
                "measure.eigenvalues.smallest=256",
            ],
        ),
        (
            "guards",
            &[
                "measure.eigenvalues.guard=256",
                "measure.eigenvalues.largest_guard=256",
            ],
        ),
        (
            "measured",
            &[
                "measure.gram.count=1",
                "measure.gauss_newton.every=1",
                "measure.layer_sharpness.every=1",
                "measure.residual.every=1",
                "measure.first_order.every=1",
                "measure.alignment.every=1",
                "measure.self_stabilization.every=1",
                "measure.step.every=1",
                "measure.batch_sharpness.size=1",
                "measure.subspace.every=1",
                "measure.flow.every=1",
                "measure.central_flow.every=1",
            ],
        ),
    ];
    for (out, more) in cases {
        let output = train(folder.path(), CONFIG, out, &[&one[..], more].concat());
        assert!(output.status.success(), "{out}");
        let text = fs::read_to_string(folder.path().join(out).join("trace.csv")).unwrap();
        assert_eq!(text.lines().count(), 4, "{out}");
        assert!(!text.contains("-0.0,") && !text.contains("NaN"), "{text}");
    }
}

/// 65 layers of one unit: all derivatives are products of weights, some 1e-23.
#[test]
fn a_hessian_far_below_one_is_found_in_float32() {
    let folder = tempfile::tempdir().unwrap();
    let hidden = format!("model.hidden=[{}]", ["1"; 65].join(","));
    let run = |dtype: &str| {
        let dtype_key = format!("run.dtype={dtype}");
        let assignments = [
            "data.samples=8",
            "model.bias=false",
            &hidden,
            &dtype_key,
            "measure.eigenvalues.relative_tolerance=1e-4",
        ];
        assert!(
            train(folder.path(), CONFIG, dtype, &assignments)
                .status
                .success()
        );
        folder.path().join(dtype)
    };
    let (single, double) = (run("float32"), run("float64"));
    for (single, double) in eigenvalues(&single).iter().zip(&eigenvalues(&double)) {
        assert!(double.1 > 1e-26 && double.1 < 1e-20, "{double:?}");
        close(single.1, double.1, 1e-3);
        assert!(
            single.2 > 0.0 && (single.1 - double.1).abs() <= single.2 + double.2 + 1e-4 * double.1
        );
        assert!(single.3, "{single:?}");
    }
    for (single, double) in column(&single, "gradient_norm")
        .iter()
        .zip(column(&double, "gradient_norm"))
    {
        close(*single, double, 1e-4);
    }
}

#[test]
fn a_loss_far_above_one_is_followed_in_float32() {
    let folder = tempfile::tempdir().unwrap();
    let run = |dtype: &str| {
        let dtype_key = format!("run.dtype={dtype}");
        let assignments = ["loss.factor=1e30", "optimizer.step_size=1e-35", &dtype_key];
        assert!(
            train(folder.path(), CONFIG, dtype, &assignments)
                .status
                .success()
        );
        folder.path().join(dtype)
    };
    let (single, double) = (run("float32"), run("float64"));
    for name in ["loss", "gradient_norm", "lambda_1", "lambda_2"] {
        let (single, double) = (column(&single, name), column(&double, name));
        assert_eq!((single.len(), double.len()), (3, 3));
        for (single, double) in single.iter().zip(&double) {
            assert!(*double > 1e28, "{name}: {double}");
            close(*single, *double, 2e-3);
        }
    }
    assert!(eigenvalues(&single).iter().all(|e| e.3));
}

/// Of a loss that is so many times as large, all curvatures are, wherever their squares and products are.
#[test]
fn measured_curvatures_are_those_of_a_loss_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let measured = [
        "optimizer.steps=1",
        "optimizer.minibatch.size=3",
        "measure.batch_sharpness.size=2",
        "measure.batch_sharpness.draws=20",
        "measure.spectrum.probes=4",
        "measure.spectrum.lanczos_steps=6",
        "measure.spectrum.points=300",
    ];
    let whole_batch = ["optimizer.steps=1", "measure.step.every=1"];
    let cases = [
        ("float32", 1e-25),
        ("float32", 1e30),
        ("float64", 1e-110),
        ("float64", 1e110),
    ];
    for (dtype, factor) in cases {
        let dtype = format!("run.dtype={dtype}");
        let other = format!("loss.factor={factor:e}");
        let runs = [("a", &measured[..]), ("b", &whole_batch)].map(|(name, assignments)| {
            ["loss.factor=1.0", &other].map(|loss| {
                let out = format!("{name}-{dtype}-{factor:e}-{loss}");
                let output = train(
                    folder.path(),
                    CONFIG,
                    &out,
                    &[assignments, &[&dtype, loss]].concat(),
                );
                assert!(output.status.success());
                folder.path().join(out)
            })
        });
        let ratio = |run: &[std::path::PathBuf; 2], name: &str| {
            let [plain, scaled] = [0, 1].map(|which| column(&run[which], name)[0]);
            assert!(plain != 0.0);
            scaled / plain
        };
        for name in ["step_sharpness", "batch_sharpness", "hessian_trace"] {
            close(ratio(&runs[0], name), factor, 1e-4);
        }
        close(
            ratio(&runs[0], "hessian_frobenius_sq"),
            factor * factor,
            1e-4,
        );
        close(ratio(&runs[1], "directional_sharpness"), factor, 1e-4);
        // The grid of the density goes from the lowest node to the highest.
        let ends = runs[0].clone().map(|run| {
            let text = fs::read_to_string(run.join("spectrum.csv")).unwrap();
            let lambda = text
                .lines()
                .skip(1)
                .map(|row| row.split(',').nth(2).unwrap());
            let lambda: Vec<f64> = lambda.map(|cell| cell.parse().unwrap()).collect();
            assert_eq!(lambda.len(), 300);
            [lambda[0], lambda[299]]
        });
        for (plain, scaled) in ends[0].iter().zip(ends[1]) {
            close(scaled / plain, factor, 1e-4);
        }
    }
}

/// The Fisher matrix has the loss twice, and is none of its element type's numbers long before the loss is.
#[test]
fn a_fisher_matrix_is_that_of_a_loss_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let measured = |factor: &str| {
        let loss = format!("loss.factor={factor}");
        let assignments = [
            "optimizer.steps=1",
            "optimizer.step_size=1e-36",
            "run.dtype=float32",
            "measure.spectrum.operator=fisher",
            "measure.spectrum.probes=4",
            "measure.spectrum.lanczos_steps=6",
            "measure.spectrum.points=300",
            &loss,
        ];
        let output = train(folder.path(), CONFIG, factor, &assignments);
        assert!(output.status.success());
        let run = folder.path().join(factor);
        let text = fs::read_to_string(run.join("spectrum.csv")).unwrap();
        let row = |row: &str| row.split(',').nth(2).unwrap().parse::<f64>().unwrap();
        let lambda: Vec<f64> = text.lines().skip(1).map(row).collect();
        assert_eq!(lambda.len(), 300, "{factor}");
        let [trace, frobenius_sq] =
            ["fisher_trace", "fisher_frobenius_sq"].map(|name| column(&run, name)[0]);
        (trace, frobenius_sq, lambda[299])
    };
    let (trace, frobenius_sq, largest) = measured("1.0");
    assert!(trace > 0.0 && frobenius_sq > 0.0 && largest > 0.0);
    for factor in ["1e30", "1e-25"] {
        let found = measured(factor);
        let square = factor.parse::<f64>().unwrap().powi(2);
        close(found.0, square * trace, 1e-4);
        close(found.1, square * square * frobenius_sq, 1e-4);
        close(found.2, square * largest, 1e-4);
    }
}
