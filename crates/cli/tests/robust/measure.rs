//! What is measured after the fact, at a checkpoint or at weights.

use std::collections::BTreeMap;
use std::fs;

use crate::command::{CONFIG, Place, stderr};
use crate::resume::sets;

const RUN: [&str; 6] = [
    "model.activation=tanh",
    "model.hidden=[6, 5]",
    "optimizer.step_size=0.01",
    "run.dtype=float64",
    "run.checkpoint.every=10",
    "run.checkpoint.keep=0",
];

const SPECTRUM: [&str; 3] = [
    "measure.spectrum.probes=4",
    "measure.spectrum.lanczos_steps=9",
    "measure.spectrum.points=300",
];

fn run(place: &Place, words: &[&str]) {
    let output = place.run(words);
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
}

fn refused(place: &Place, words: &[&str]) -> String {
    let output = place.run(words);
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    stderr(&output)
}

fn train(place: &Place, more: &[&str]) {
    let words = ["train", "tiny.toml", "--quiet", "--out", "run"];
    let assignments = [&RUN[..], more].concat();
    run(place, &[&words[..], &sets(&assignments)].concat());
}

/// The files of a folder, not those of folders in it.
fn files(place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(place.file(folder))
        .unwrap()
        .map(Result::unwrap);
    let entries = entries.filter(|entry| entry.file_type().unwrap().is_file());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn text(place: &Place, file: &str) -> String {
    fs::read_to_string(place.file(file)).unwrap()
}

/// The cells of a trace's row by its columns.
fn row(place: &Place, folder: &str, step: u64) -> BTreeMap<String, String> {
    let text = text(place, &format!("{folder}/trace.csv"));
    let mut lines = text.lines();
    let names = lines.next().unwrap().split(',');
    let row = lines
        .find(|line| line.starts_with(&format!("{step},")))
        .unwrap();
    names
        .map(String::from)
        .zip(row.split(',').map(String::from))
        .collect()
}

fn spectrum_rows(place: &Place, folder: &str, step: u64) -> Vec<String> {
    let text = text(place, &format!("{folder}/spectrum.csv"));
    let rows = text
        .lines()
        .filter(|line| line.starts_with(&format!("{step},")));
    rows.map(String::from).collect()
}

#[test]
fn a_checkpoint_is_measured_as_the_run_would_have_and_the_run_stays_as_it_is() {
    let place = Place::new();
    let of_the_run = [
        &SPECTRUM[..],
        &["measure.spectrum.every=10", "measure.gauss_newton.every=10"],
    ]
    .concat();
    train(&place, &of_the_run);
    let before = files(&place, "run");
    let words = [
        "measure",
        "run",
        "--at",
        "20",
        "--quiet",
        "--spectrum",
        "--gauss-newton",
    ];
    run(&place, &words);
    assert_eq!(files(&place, "run"), before);
    let found = "run/measure-000020";
    // The vectors of a step are drawn by its number, and θ is the same to the bit.
    let rows = spectrum_rows(&place, found, 20);
    assert_eq!(rows.len(), 300);
    assert_eq!(rows, spectrum_rows(&place, "run", 20));
    let (expected, found_row) = (row(&place, "run", 20), row(&place, found, 20));
    for (name, cell) in &found_row {
        let number = |cell: &str| cell.parse::<f64>().ok();
        let (Some(found), Some(expected)) = (number(cell), number(&expected[name])) else {
            continue;
        };
        // What is solved for from other starts is so to its tolerance.
        let near = (found - expected).abs() <= 1e-2 * expected.abs() + 1e-12;
        assert!(near || name.contains("error"), "{name}: {found} {expected}");
    }
    assert_eq!(found_row["hessian_trace"], expected["hessian_trace"]);
    assert_ne!(found_row["gauss_newton_lambda_1"], "");
    assert!(
        text(&place, &format!("{found}/eigenvalues.csv"))
            .lines()
            .all(|l| !l.contains("false"))
    );
    let names: Vec<String> = files(&place, found).into_keys().collect();
    for name in [
        "eigenvalues.csv",
        "manifest.json",
        "spectrum.csv",
        "spectrum.svg",
        "trace.csv",
        "trace.svg",
    ] {
        assert!(names.iter().any(|n| n == name), "{name} of {names:?}");
    }
    assert!(
        !names.iter().any(|name| name.ends_with(".safetensors")),
        "{names:?}"
    );
    let manifest = place.manifest(found);
    assert_eq!(manifest["parent"]["step"], 20);
    assert_eq!(manifest["outcome"]["kind"], "completed");
    assert_eq!(manifest["steps_recorded"], 1);
    // Again, into a folder of its own; and the run can still be resumed.
    run(&place, &words);
    assert_eq!(
        text(&place, "run/measure-000020-2/spectrum.csv"),
        text(&place, &format!("{found}/spectrum.csv"))
    );
    run(
        &place,
        &["resume", "run", "--quiet", "--set", "optimizer.steps=45"],
    );
}

#[test]
fn keys_name_a_table_too_and_data_may_be_others() {
    let place = Place::new();
    train(&place, &[]);
    let set = sets(&[&SPECTRUM[..], &["data.samples=20"]].concat());
    let words = ["measure", "run", "--at", "10", "--quiet", "--out", "more"];
    run(&place, &[&words[..], &set].concat());
    assert_eq!(place.manifest("more")["dataset"]["train"]["samples"], 20);
    let norms = |folder: &str| {
        row(&place, folder, 10)["output_norm_sq"]
            .parse::<f64>()
            .unwrap()
    };
    // The weights are those of the checkpoint, whatever the coordinates.
    assert!((norms("more") - norms("run")).abs() < 1e-6 * norms("run"));
    assert_ne!(
        row(&place, "more", 10)["loss"],
        row(&place, "run", 10)["loss"]
    );
    assert_ne!(row(&place, "more", 10)["hessian_trace"], "");
    // A table of the run that was not asked for is left out.
    train_again(&place);
    run(
        &place,
        &[
            "measure",
            "second",
            "--at",
            "10",
            "--quiet",
            "--alignment",
            "--out",
            "few",
        ],
    );
    let header = text(&place, "few/trace.csv");
    assert!(header.contains("eigenvector_share") && !header.contains("residual_norm_sq"));
}

fn train_again(place: &Place) {
    let words = ["train", "tiny.toml", "--quiet", "--out", "second"];
    let set = sets(
        &[
            &RUN[..],
            &["measure.residual.every=1", "measure.step.every=1"],
        ]
        .concat(),
    );
    run(place, &[&words[..], &set].concat());
}

#[test]
fn an_optimizer_remembers_its_preconditioner() {
    let place = Place::new();
    train(
        &place,
        &["optimizer.kind=adam", "measure.preconditioned.count=1"],
    );
    let set = sets(&SPECTRUM);
    let words = [
        "measure",
        "run",
        "--at",
        "20",
        "--quiet",
        "--preconditioned",
        "--out",
        "out",
    ];
    let operator = ["--set", "measure.spectrum.operator=preconditioned"];
    run(&place, &[&words[..], &set, &operator].concat());
    let top = |folder: &str| {
        row(&place, folder, 20)["preconditioned_1"]
            .parse::<f64>()
            .unwrap()
    };
    assert!((top("out") - top("run")).abs() < 2e-3 * top("run"));
    assert_ne!(row(&place, "out", 20)["preconditioned_trace"], "");
}

#[test]
fn weights_are_measured_with_a_config() {
    let place = Place::new();
    train(&place, &SPECTRUM);
    let config = CONFIG
        .replace("hidden = [4]", "hidden = [6, 5]")
        .replace("\"linear\"", "\"tanh\"");
    fs::write(place.file("c.toml"), &config).unwrap();
    let words = [
        "measure",
        "run/initial.safetensors",
        "--config",
        "c.toml",
        "--quiet",
        "--spectrum",
    ];
    let set = sets(&[
        "run.dtype=float64",
        "measure.spectrum.probes=4",
        "measure.spectrum.lanczos_steps=9",
        "measure.spectrum.points=300",
    ]);
    run(&place, &[&words[..], &set].concat());
    let found = row(&place, "run/measure-initial", 0);
    assert_eq!(
        found["hessian_trace"],
        row(&place, "run", 0)["hessian_trace"]
    );
    // Of another network.
    let says = refused(
        &place,
        &[
            "measure",
            "run/initial.safetensors",
            "--config",
            "tiny.toml",
            "--spectrum",
        ],
    );
    assert!(says.contains("initial.safetensors"), "{says}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_a_reason() {
    let place = Place::new();
    train(&place, &[]);
    let before = files(&place, "run");
    let cases: [(&[&str], &[&str]); 13] = [
        (
            &["measure", "run", "--at", "15", "--spectrum"],
            &["no checkpoint of step 15", "0, 10, 20, 30, 40"],
        ),
        (
            &["measure", "run", "--at", "10"],
            &["nothing is asked for", "--spectrum", "--gauss-newton"],
        ),
        (
            &["measure", "run", "--at", "10", "--set", "data.samples=9"],
            &["nothing is asked for"],
        ),
        (
            &["measure", "nowhere", "--spectrum"],
            &["nowhere", "--config"],
        ),
        (
            &["measure", "run/final.safetensors", "--spectrum"],
            &["--config configs/tanh.toml"],
        ),
        (
            &[
                "measure",
                "run/final.safetensors",
                "--config",
                "tiny.toml",
                "--at",
                "3",
                "--spectrum",
            ],
            &["--at"],
        ),
        (
            &["measure", "run", "--config", "tiny.toml", "--spectrum"],
            &["--config"],
        ),
        (
            &["measure", "run", "--at", "10", "--flow"],
            &["measure.flow", "gradient flow"],
        ),
        (
            &["measure", "run", "--at", "10", "--central-flow"],
            &["measure.central_flow", "an earlier step"],
        ),
        (
            &["measure", "run", "--at", "10", "--preconditioned"],
            &["measure.preconditioned"],
        ),
        (
            &[
                "measure",
                "run",
                "--at",
                "10",
                "--spectrum",
                "--set",
                "model.hidden=[9]",
            ],
            &["model.hidden", "brink fork"],
        ),
        (
            &[
                "measure",
                "run",
                "--at",
                "10",
                "--set",
                "measure.spectrum.probes=1",
            ],
            &["measure.spectrum.probes", "from 2 to 1000"],
        ),
        (
            &[
                "measure",
                "run",
                "--at",
                "10",
                "--set",
                "measure.spectrum.operator=preconditioned",
            ],
            &["preconditioner"],
        ),
    ];
    for (words, says) in cases {
        let message = refused(&place, words);
        for part in says {
            assert!(message.contains(part), "{words:?}: {part} in {message}");
        }
    }
    // Nothing was made of any of them.
    assert_eq!(files(&place, "run"), before);
    let folders = fs::read_dir(place.file("run")).unwrap().map(Result::unwrap);
    let folders = folders
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .count();
    assert_eq!(folders, 1);
    // A damaged checkpoint.
    let path = place.file("run/checkpoints/step-000010.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let says = refused(&place, &["measure", "run", "--at", "10", "--spectrum"]);
    assert!(says.contains("cannot use the checkpoint"), "{says}");
}

#[test]
fn bad_keys_of_the_spectrum_are_refused_before_the_run_starts() {
    let place = Place::new();
    for (key, says) in [
        ("probes=1", "from 2 to 1000"),
        ("lanczos_steps=1", "from 2 to 1000"),
        ("width=0.0", "above 0"),
        ("width=0.0005", "at least"),
        ("points=100", "at least"),
        ("every=0", "at least 1"),
        ("operator=preconditioned", "no preconditioner"),
        ("operator=hessain", "hessian"),
    ] {
        let set = format!("measure.spectrum.{key}");
        let message = refused(
            &place,
            &["train", "tiny.toml", "--out", "no", "--set", &set],
        );
        assert!(message.contains(says), "{key}: {message}");
        assert!(!place.file("no").exists(), "{key}");
    }
}

#[test]
fn columns_of_a_trace_are_drawn_and_an_unknown_one_is_named() {
    let place = Place::new();
    train(&place, &[]);
    let words = [
        "plot",
        "run",
        "--panel",
        "lambda_1,lambda_2",
        "--panel",
        "loss",
    ];
    run(&place, &words);
    let svg = text(&place, "run/columns.svg");
    assert!(svg.contains("lambda_2") && svg.contains("loss"));
    let says = refused(&place, &["plot", "run", "--panel", "lambda_9"]);
    assert!(
        says.contains("`lambda_9`") && says.contains("lambda_2"),
        "{says}"
    );
}

/// A batch of more samples than there are is all of them.
#[test]
fn a_run_in_batches_is_measured_on_fewer_samples_than_a_batch() {
    let place = Place::new();
    train(&place, &["optimizer.minibatch.size=10"]);
    let words = ["measure", "run", "--at", "10", "--out"];
    let set = sets(&[&SPECTRUM[..], &["data.samples=6"]].concat());
    let output = place.run(&[&words[..], &["few"], &set].concat());
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("batch is all 6 samples"), "{said}");
    let found = row(&place, "few", 10);
    assert_ne!(found["hessian_trace"], "");
    let number = |name: &str| found[name].parse::<f64>().unwrap();
    let (batch, all) = (number("batch_loss"), number("loss"));
    assert!((batch - all).abs() < 1e-12 * all, "{batch} and {all}");
    // Random batches are asked for by their size.
    let set = sets(&["measure.batch_sharpness.draws=20", "data.samples=6"]);
    let says = refused(&place, &[&words[..], &["no"], &set].concat());
    assert!(
        says.contains("set measure.batch_sharpness.size to at most 6"),
        "{says}"
    );
    let size = ["--quiet", "--set", "measure.batch_sharpness.size=5"];
    run(&place, &[&words[..], &["sized"], &set, &size].concat());
    assert_ne!(row(&place, "sized", 10)["batch_sharpness"], "");
}

#[test]
fn force_replaces_what_was_measured_of_the_run_before() {
    let place = Place::new();
    train(&place, &[]);
    for at in ["10", "20", "20"] {
        let words = ["measure", "run", "--at", at, "--quiet", "--eigenvalues"];
        run(&place, &words);
    }
    let weights = ["run/final.safetensors", "--config", "tiny.toml"];
    let network = sets(&RUN[..4]);
    let words = ["--quiet", "--eigenvalues"];
    run(
        &place,
        &[&["measure"][..], &weights, &words, &network].concat(),
    );
    let of_others = ["run/measure-mine", "run/measure-000010/notes.txt"];
    fs::create_dir(place.file(of_others[0])).unwrap();
    fs::write(place.file(of_others[1]), "mine").unwrap();
    let folders = || {
        let mut names = place.names("run");
        names.retain(|name| name.starts_with("measure-"));
        names
    };
    assert_eq!(folders().len(), 5);
    let again = ["train", "tiny.toml", "--quiet", "--out", "run", "--force"];
    run(&place, &again);
    assert_eq!(folders(), ["measure-000010", "measure-mine"]);
    assert_eq!(place.names("run/measure-000010"), ["notes.txt"]);
}
