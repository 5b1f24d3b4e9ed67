//! The command as a person runs it.

#![cfg(feature = "flex")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const CONFIG: &str = r#"
name = "tiny"
[data]
source = "synthetic"
samples = 12
classes = [0, 1]
targets = "binary"
[model]
hidden = [4]
activation = "tanh"
[optimizer]
kind = "gd"
step_size = 0.01
steps = 4
[measure.eigenvalues]
count = 2
"#;

fn brink(folder: &Path, arguments: &[&str]) -> Output {
    fs::write(folder.join("tiny.toml"), CONFIG).unwrap();
    Command::new(env!("CARGO_BIN_EXE_brink"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .current_dir(folder)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn manifest(folder: &Path) -> serde_json::Value {
    let text = fs::read_to_string(folder.join("manifest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_run_leaves_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let output = brink(folder.path(), &["train", "tiny.toml"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("outputs/tiny-1"));
    let run = folder.path().join("outputs/tiny-1");
    assert_eq!(
        names(&run),
        [
            "checkpoints",
            "eigenvalues.csv",
            "final.safetensors",
            "initial.safetensors",
            "manifest.json",
            "trace.csv",
            "trace.svg"
        ]
    );
    let trace = fs::read_to_string(run.join("trace.csv")).unwrap();
    let begins =
        "step,time,loss,train_accuracy,gradient_norm,step_size,threshold,lambda_1,lambda_2,";
    assert!(trace.starts_with(begins), "{trace}");
    assert_eq!(trace.lines().count(), 5);
    let manifest = manifest(&run);
    assert_eq!(manifest["outcome"]["kind"], "completed");
    assert_eq!(manifest["steps_recorded"], 4);
    assert_eq!(manifest["config"]["model"]["bias"], true);
    assert_eq!(manifest["parameters"], 3072 * 4 + 4 + 4 + 1);
    assert_eq!(manifest["dataset"]["source"], "synthetic");
    assert_eq!(manifest["command_line"][1], "train");

    // The same again gets the next number; its trace is the same, to the bit.
    let output = brink(folder.path(), &["train", "tiny.toml", "--quiet"]);
    assert!(output.status.success());
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    let again = fs::read_to_string(folder.path().join("outputs/tiny-2/trace.csv")).unwrap();
    assert_eq!(again, trace);
}

#[test]
fn a_run_can_be_repeated_from_its_weights_and_its_printed_config() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(
        brink(path, &["train", "tiny.toml", "--out", "a", "--seed", "5"])
            .status
            .success()
    );
    let printed = brink(path, &["config", "check", "tiny.toml"]);
    fs::write(path.join("printed.toml"), &printed.stdout).unwrap();
    let weights = "model.weights=a/initial.safetensors";
    let output = brink(
        path,
        &["train", "printed.toml", "--out", "b", "--set", weights],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let trace = |run: &str| fs::read_to_string(path.join(run).join("trace.csv")).unwrap();
    assert_eq!(trace("a"), trace("b"));
    assert!(
        brink(path, &["train", "tiny.toml", "--out", "c"])
            .status
            .success()
    );
    assert_ne!(trace("a"), trace("c"), "the seed changed nothing");
}

#[test]
fn an_output_folder_is_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("out")).unwrap();
    fs::write(path.join("out/notes.txt"), "mine").unwrap();
    let train = ["train", "tiny.toml", "--out", "out"];
    let refused = brink(path, &train);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("--force"), "{}", stderr(&refused));
    assert_eq!(names(&path.join("out")), ["notes.txt"]);
    let forced = brink(path, &[&train[..], &["--force"]].concat());
    assert!(forced.status.success(), "{}", stderr(&forced));
    assert_eq!(
        fs::read_to_string(path.join("out/notes.txt")).unwrap(),
        "mine"
    );
    assert_eq!(names(&path.join("out")).len(), 8);
}

#[test]
fn a_figure_is_made_again_from_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(
        brink(path, &["train", "tiny.toml", "--out", "a"])
            .status
            .success()
    );
    let output = brink(path, &["plot", "a", "--out", "again.svg"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let svg = |name: &str| fs::read_to_string(path.join(name)).unwrap();
    assert_eq!(svg("again.svg"), svg("a/trace.svg"));
    assert!(svg("again.svg").contains("tanh 3072-4-1"));
    assert!(svg("again.svg").contains("synthetic images"));
    let output = brink(path, &["plot", "a", "--png"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let png = fs::read(path.join("a/trace.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let missing = brink(path, &["plot", "b"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn divergence_is_a_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let output = brink(
        path,
        &[
            "train",
            "tiny.toml",
            "--out",
            "a",
            "--set",
            "optimizer.step_size=1e30",
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("warning: diverged"));
    assert_eq!(manifest(&path.join("a"))["outcome"]["kind"], "diverged");
    let svg = fs::read_to_string(path.join("a/trace.svg")).unwrap();
    assert!(svg.contains("diverged: "));
}

/// Faults of what is read, each found before the run has a folder.
#[test]
fn what_cannot_be_trained_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let header = r#"{"0.weight":{"dtype":"F64","shape":[1,3072],"data_offsets":[0,24576]}}"#;
    let mut values = vec![0.0_f64; 3072];
    values[5] = 1e300;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    fs::write(path.join("w.safetensors"), file).unwrap();
    let weights = [
        "model.hidden=[]",
        "model.bias=false",
        "model.weights=w.safetensors",
    ];
    let one_sided = ["data.samples=1"];
    let factor = ["loss.factor=1e300"];
    for (changes, parts) in [
        (
            &weights[..],
            [
                "w.safetensors: `0.weight` holds 1e300 at index 5",
                "float32",
            ],
        ),
        (
            &one_sided,
            ["binary targets need samples of both sides", "data.balanced"],
        ),
        (&factor, ["impossible value for `loss.factor`", "float32"]),
    ] {
        let sets = changes.iter().flat_map(|change| ["--set", change]);
        let arguments: Vec<&str> = ["train", "tiny.toml"].into_iter().chain(sets).collect();
        let output = brink(path, &arguments);
        assert_eq!(output.status.code(), Some(1));
        let text = stderr(&output);
        let plain = text.replace('│', " ");
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(parts.iter().all(|part| plain.contains(part)), "{text}");
        assert!(!path.join("outputs").exists());
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_run_with_everything_written() {
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("tiny.toml"), CONFIG).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_brink"))
        .args(["train", "tiny.toml", "--out", "a", "--quiet"])
        .args(["--set", "optimizer.steps=100000000"])
        .current_dir(path)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Interrupted once there is something to keep.
    let deadline = Instant::now() + Duration::from_secs(60);
    let rows =
        || fs::read_to_string(path.join("a/trace.csv")).map_or(0, |text| text.lines().count());
    while rows() < 3 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let manifest = manifest(&path.join("a"));
    assert_eq!(manifest["outcome"]["kind"], "interrupted");
    assert_eq!(manifest["steps_recorded"].as_u64(), Some(rows() as u64 - 1));
    assert_eq!(names(&path.join("a")).len(), 7);
}

#[test]
fn mistakes_are_named_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let cases: [(&[&str], i32, &str); 8] = [
        (
            &["train", "none.toml"],
            1,
            "cannot read the config none.toml",
        ),
        (
            &["train", "tiny.toml", "--set", "data.sampels=3"],
            1,
            "did you mean `samples`",
        ),
        (
            &["train", "tiny.toml", "--backend", "tpu"],
            1,
            "there is no backend \"tpu\"",
        ),
        (
            &["train", "tiny.toml", "--device", "7"],
            1,
            "has no device \"7\"",
        ),
        (&["train", "tiny.toml", "--dtype", "float16"], 1, "float32"),
        (
            &[
                "train",
                "tiny.toml",
                "--set",
                "model.weights=none.safetensors",
            ],
            1,
            "none.safetensors",
        ),
        (
            &[
                "train",
                "tiny.toml",
                "--set",
                "data.source=cifar10",
                "--data-dir",
                "nowhere",
            ],
            1,
            "nowhere",
        ),
        (&["train"], 2, "Usage"),
    ];
    for (arguments, code, says) in cases {
        let output = brink(path, arguments);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
    assert_eq!(names(path), ["tiny.toml"]);
}

#[test]
fn float64_runs_on_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let output = brink(
        path,
        &["train", "tiny.toml", "--out", "a", "--dtype", "float64"],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(manifest(&path.join("a"))["dtype"], "float64");
}

#[test]
fn the_configs_of_the_repository_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let configs = fs::canonicalize("../../configs").unwrap();
    let mut checked = 0;
    let files = |folder: &Path| -> Vec<_> {
        let entries = fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_file()).collect()
    };
    let all = files(&configs)
        .into_iter()
        .chain(files(&configs.join("figures")));
    for config in all {
        let output = brink(
            folder.path(),
            &["config", "check", config.to_str().unwrap()],
        );
        assert!(output.status.success(), "{}", stderr(&output));
        checked += 1;
    }
    assert!(checked >= 10);
}
