//! Step rules, batches and all eigenvalues above a share of the threshold, by the command.

#![cfg(feature = "flex")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{trace, train};

const CONFIG: &str = r#"
name = "rules"
[data]
source = "synthetic"
samples = 30
classes = [0, 1, 2, 3, 4]
[model]
hidden = [6]
activation = "tanh"
[loss]
kind = "mse"
factor = 0.5
[optimizer]
kind = "gd"
step_size = 0.02
steps = 12
[measure.eigenvalues]
count = 1
[run]
dtype = "float64"
"#;

fn column(run: &Path, name: &str) -> Vec<Option<f64>> {
    let (header, rows) = trace(run);
    let at = header.iter().position(|column| column == name);
    let at = at.unwrap_or_else(|| panic!("no column {name} in {header:?}"));
    rows.iter().map(|row| row[at]).collect()
}

#[test]
fn what_does_not_fit_is_refused_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    for (assignments, key) in [
        (&["optimizer.momentum=0.9"][..], "optimizer.momentum"),
        (
            &["optimizer.kind=heavy-ball", "optimizer.beta1=0.9"],
            "optimizer.beta1",
        ),
        (
            &["optimizer.kind=nesterov", "optimizer.momentum=1.0"],
            "optimizer.momentum",
        ),
        (
            &["optimizer.kind=adam", "optimizer.beta2=-0.1"],
            "optimizer.beta2",
        ),
        (
            &["optimizer.kind=rmsprop", "optimizer.epsilon=0.0"],
            "optimizer.epsilon",
        ),
        (&["optimizer.kind=sam"], "optimizer.radius"),
        (&["optimizer.weight_decay=-1.0"], "optimizer.weight_decay"),
        (
            &["optimizer.schedule.kind=cosine"],
            "optimizer.schedule.end",
        ),
        (
            &[
                "optimizer.schedule.kind=steps",
                "optimizer.schedule.at=[5, 3]",
                "optimizer.schedule.factor=0.5",
            ],
            "optimizer.schedule.at",
        ),
        (&["optimizer.minibatch.size=0"], "optimizer.minibatch.size"),
        (&["optimizer.minibatch.size=31"], "optimizer.minibatch.size"),
        (
            &["optimizer.minibatch.size=4", "run.microbatch=10"],
            "run.microbatch",
        ),
        (
            &["optimizer.kind=adam", "run.compression=on"],
            "run.compression",
        ),
        (
            &["optimizer.weight_decay=0.1", "run.compression=on"],
            "run.compression",
        ),
        (
            &["measure.preconditioned.count=1"],
            "measure.preconditioned",
        ),
        (
            &["optimizer.kind=adam", "measure.residual.every=1"],
            "measure.residual",
        ),
        (
            &["optimizer.minibatch.size=4", "measure.flow.every=1"],
            "measure.flow",
        ),
        (
            &["measure.eigenvalues.above=0.0"],
            "measure.eigenvalues.above",
        ),
        (
            &["measure.eigenvalues.above=1.5"],
            "measure.eigenvalues.above",
        ),
        (
            &[
                "measure.eigenvalues.count=9",
                "measure.eigenvalues.above=0.5",
                "measure.eigenvalues.largest_count=4",
            ],
            "measure.eigenvalues.largest_count",
        ),
    ] {
        let output = train(folder.path(), CONFIG, "run", assignments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{assignments:?}");
        assert!(message.contains(key), "{assignments:?}: {message}");
        assert!(!folder.path().join("run").exists());
    }
}

#[test]
fn a_preconditioned_rule_leaves_its_own_edge() {
    let folder = tempfile::tempdir().unwrap();
    let set = [
        "optimizer.kind=adam",
        "optimizer.step_size=0.001",
        "measure.preconditioned.count=2",
    ];
    let output = train(folder.path(), CONFIG, "run", &set);
    assert!(output.status.success());
    let run = folder.path().join("run");
    assert!(column(&run, "threshold").iter().all(Option::is_none));
    let edge = 38_000.0;
    for threshold in column(&run, "preconditioned_threshold") {
        assert!((threshold.unwrap() - edge).abs() < 1e-6 * edge);
    }
    assert!(column(&run, "preconditioned_2").iter().all(Option::is_some));
    let eigenvalues = fs::read_to_string(run.join("eigenvalues.csv")).unwrap();
    let of = |operator: &str| {
        eigenvalues
            .lines()
            .filter(|row| row.ends_with(operator))
            .count()
    };
    assert_eq!((of(",hessian"), of(",preconditioned")), (12, 24));
    let manifest = fs::read_to_string(run.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["stability_threshold"], "(2+2β₁)/((1−β₁)η)");
    assert!(manifest["no_phases"].as_str().unwrap().contains("adam"));
    assert_eq!(manifest["config"]["optimizer"]["beta2"], 0.999);
    let (header, _) = trace(&run);
    assert_eq!(header.last().map(String::as_str), Some("phase"));

    // The figure is that of the preconditioned eigenvalues, drawn again the same.
    let figure = fs::read_to_string(run.join("trace.svg")).unwrap();
    assert!(figure.contains("preconditioned λ₁"));
    for command in ["plot", "report"] {
        let done = Command::new(env!("CARGO_BIN_EXE_brink"))
            .args([command, "run"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }
    assert_eq!(fs::read_to_string(run.join("trace.svg")).unwrap(), figure);
}

#[test]
fn every_eigenvalue_above_a_share_of_the_threshold_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["measure.eigenvalues.count=10", "optimizer.step_size=0.2"];
    assert!(train(folder.path(), CONFIG, "all", &all).status.success());
    let above = [
        "measure.eigenvalues.above=0.3",
        "measure.eigenvalues.largest_count=10",
        "optimizer.step_size=0.2",
    ];
    assert!(
        train(folder.path(), CONFIG, "above", &above)
            .status
            .success()
    );
    let [all, above] = ["all", "above"].map(|run| folder.path().join(run));
    let mut followed = 0;
    for index in 1..=10 {
        let name = format!("lambda_{index}");
        for (exact, found) in column(&all, &name).iter().zip(column(&above, &name)) {
            let exact = exact.unwrap();
            // 2/η = 10; a value within its tolerance of the share may be on either side.
            let wanted = index == 1 || exact > 3.0 * 1.001;
            let allowed = index == 1 || exact > 3.0 * 0.999;
            assert!(
                found.is_some() || !wanted,
                "{name}: {exact} is not followed"
            );
            assert!(found.is_none() || allowed, "{name}: {exact} is followed");
            if let Some(found) = found {
                followed += 1;
                assert!(
                    (found - exact).abs() <= 2e-3 * exact.abs(),
                    "{name}: {found} for {exact}"
                );
            }
        }
    }
    assert!(followed > 24, "only {followed} were above");
}

#[test]
fn batches_are_the_same_each_time_and_by_their_seed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |out: &str, seed: &str| {
        let set = ["optimizer.minibatch.size=8", seed];
        assert!(train(folder.path(), CONFIG, out, &set).status.success());
        fs::read_to_string(folder.path().join(out).join("trace.csv")).unwrap()
    };
    let (first, again) = (
        run("a", "optimizer.minibatch.seed=1"),
        run("b", "optimizer.minibatch.seed=1"),
    );
    assert_eq!(first, again);
    assert_ne!(first, run("c", "optimizer.minibatch.seed=2"));
    let [loss, sharpness] =
        ["batch_loss", "step_sharpness"].map(|name| column(&folder.path().join("a"), name));
    assert!(loss.iter().chain(&sharpness).all(Option::is_some));
}

/// The list of columns is that of a run's trace, table by table.
#[test]
fn the_columns_that_are_listed_are_those_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let tables: Vec<String> = brink_cli::measure::TABLES
        .iter()
        .map(|(table, _)| match *table {
            "batch_sharpness" => "measure.batch_sharpness.size=10".to_owned(),
            "subspace" => "measure.subspace.count=1".to_owned(),
            table => format!("measure.{table}.every=1"),
        })
        .collect();
    let mut assignments: Vec<&str> = tables.iter().map(String::as_str).collect();
    assignments.extend([
        "measure.eigenvalues.count=2",
        "optimizer.steps=2",
        "measure.batch_sharpness.eigenvalue_draws=2",
        "measure.subspace.class_gradients=true",
    ]);
    let output = train(folder.path(), CONFIG, "all", &assignments);
    assert!(output.status.success());
    // A report shows each of the tables.
    let done = Command::new(env!("CARGO_BIN_EXE_brink"))
        .args(["report", "all"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let page = fs::read_to_string(folder.path().join("all/report.html")).unwrap();
    let headings = page.matches("<h2>[measure.").count();
    assert_eq!(headings, brink_cli::measure::TABLES.len());
    // The figure of the spectrum's own table among them, as the run drew it.
    let spectrum = fs::read_to_string(folder.path().join("all/spectrum.svg")).unwrap();
    assert!(page.contains(spectrum.trim()), "no figure of the spectrum");
    let header = fs::read_to_string(folder.path().join("all/trace.csv")).unwrap();
    let written: Vec<&str> = header.lines().next().unwrap().split(',').collect();
    let written = written
        .into_iter()
        .skip_while(|name| *name != "phase")
        .skip(1);
    let listed = brink_cli::measure::columns().into_iter();
    let listed = listed.flat_map(|(_, columns)| {
        // Each layer in turn has all columns of the table.
        let layered = columns.iter().any(|c| c.name.contains("<layer>"));
        let layers: &[&str] = match layered {
            true => &["layers.0", "layers.1"],
            false => &[""],
        };
        let named = |layer: &&str| {
            let names = columns.iter().map(|c| c.name.replace("<layer>", layer));
            names.collect::<Vec<_>>()
        };
        layers.iter().flat_map(named).collect::<Vec<_>>()
    });
    assert!(written.eq(listed), "{header}");
    let said = Command::new(env!("CARGO_BIN_EXE_brink"))
        .args(["config", "columns"])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    for name in [
        "lambda_1 ",
        "flow_distance ",
        "eigenvector_share.<layer> ",
        "[measure.step]",
    ] {
        assert!(said.contains(name), "{name} is missing: {said}");
    }
}

/// Between solves as many are followed as had a value at the last solve.
#[test]
fn what_is_followed_between_solves_is_what_was_above_the_share() {
    let folder = tempfile::tempdir().unwrap();
    let set = [
        "measure.eigenvalues.above=0.3",
        "measure.eigenvalues.largest_count=10",
        "measure.eigenvalues.every=3",
        "measure.eigenvalues.stale=rayleigh-quotient",
        "optimizer.step_size=0.2",
    ];
    assert!(train(folder.path(), CONFIG, "run", &set).status.success());
    let run = folder.path().join("run");
    let columns: Vec<Vec<Option<f64>>> = (1..=10)
        .map(|index| column(&run, &format!("lambda_{index}")))
        .collect();
    let there = |step: usize| columns.iter().filter(|cells| cells[step].is_some()).count();
    let counts: Vec<usize> = (0..12).map(there).collect();
    for step in 0..12 {
        assert_eq!(counts[step], counts[step - step % 3], "{counts:?}");
    }
    assert!(
        counts.iter().any(|count| (1..10).contains(count)),
        "{counts:?}"
    );
}
