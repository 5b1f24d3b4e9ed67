//! Runs on data of one's own and on sequences, with every kind of network, and what is refused.

#![cfg(feature = "flex")]

mod common;

use std::fs;
use std::path::Path;

use common::{trace, train_on};

/// A float32 array in NumPy's format.
fn npy(path: &Path, shape: &str, values: &[f32]) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

const OF_A_FILE: &str = r#"
name = "own"
[data]
source = "file"
file = "first.npy"
samples = 4
test_samples = 4
[model]
hidden = [5]
[optimizer]
kind = "gd"
step_size = 0.05
steps = 3
[measure.eigenvalues]
count = 1
[measure.test]
[run]
dtype = "float64"
"#;

fn column(run: &Path, name: &str) -> Vec<Option<f64>> {
    let (names, rows) = trace(run);
    let at = names.iter().position(|column| column == name);
    let at = at.unwrap_or_else(|| panic!("no {name} in {names:?}"));
    rows.iter().map(|row| row[at]).collect()
}

/// The loss on the test set is what a run on those samples begins with.
#[test]
fn the_test_set_is_the_samples_after_those_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let rows: Vec<f32> = (0..24).map(|i| (1.7 * i as f32).sin()).collect();
    let targets: Vec<f32> = (0..16).map(|i| (0.9 * i as f32).cos()).collect();
    let turned =
        |values: &[f32]| [&values[values.len() / 2..], &values[..values.len() / 2]].concat();
    npy(&path.join("first.npy"), "(8, 3)", &rows);
    npy(&path.join("first-targets.npy"), "(8, 2)", &targets);
    npy(&path.join("second.npy"), "(8, 3)", &turned(&rows));
    npy(
        &path.join("second-targets.npy"),
        "(8, 2)",
        &turned(&targets),
    );
    assert!(
        train_on(path, OF_A_FILE, "flex", "first", &[])
            .status
            .success()
    );
    let other = ["data.file=second.npy"];
    assert!(
        train_on(path, OF_A_FILE, "flex", "second", &other)
            .status
            .success()
    );
    let (first, second) = (path.join("first"), path.join("second"));
    for (a, b) in [(&first, &second), (&second, &first)] {
        let (tested, trained) = (column(a, "test_loss")[0], column(b, "loss")[0]);
        let (tested, trained) = (tested.unwrap(), trained.unwrap());
        assert!(
            (tested - trained).abs() < 1e-14 * trained,
            "{tested} {trained}"
        );
    }
    assert!(column(&first, "test_accuracy").iter().all(Option::is_none));
    assert_ne!(
        column(&first, "test_loss")[0],
        column(&first, "test_loss")[2]
    );
}

const SORTING: &str = r#"
name = "sorting"
[data]
source = "sequence"
task = "sort"
length = 3
vocabulary = 3
samples = 15
test_samples = 5
[loss]
kind = "cross-entropy"
[optimizer]
kind = "gd"
step_size = 0.05
steps = 4
[measure.eigenvalues]
count = 1
[measure.test]
every = 2
samples = 4
"#;

#[test]
fn sequences_train_on_the_networks_that_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for kind in ["gpt", "lstm"] {
        let set = [format!("model.kind={kind}"), "model.width=8".to_owned()];
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let output = train_on(path, SORTING, "flex", kind, &set);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let run = path.join(kind);
        let losses = column(&run, "loss");
        assert!(losses[3] < losses[0], "{losses:?}");
        let share = column(&run, "train_accuracy");
        // Counted by position: 45 of them.
        let counted = share.iter().flatten().map(|share| share * 45.0);
        assert!(
            counted
                .into_iter()
                .all(|count| (count - count.round()).abs() < 1e-9)
        );
        let tested = column(&run, "test_loss");
        let measured: Vec<bool> = tested.iter().map(Option::is_some).collect();
        assert_eq!(measured, [true, false, true, false]);
        let sharpness = column(&run, "lambda_1");
        assert!(
            sharpness
                .iter()
                .all(|value| value.is_some_and(|value| value > 0.0))
        );
    }
}

#[test]
fn images_train_on_the_networks_that_see_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let config = SORTING.split("[loss]").nth(1).unwrap();
    let config = config.split("[measure.test]").next().unwrap();
    let head = "name = \"images\"\n[data]\nsource = \"synthetic\"\nsamples = 6\n[loss]";
    let config = format!("{head}{config}");
    for (kind, small) in [
        ("resnet", &["model.width=4"][..]),
        ("resnet", &["model.width=4", "model.norm=batch"]),
        (
            "resnet",
            &[
                "model.width=4",
                "model.norm=batch",
                "model.shortcut=padding",
            ],
        ),
        ("vgg", &["model.channels=[4, 4]"]),
        ("vit", &["model.width=8", "model.patch=16"]),
    ] {
        let kind_set = format!("model.kind={kind}");
        let set = [&[kind_set.as_str(), "optimizer.steps=2"], small].concat();
        let out = format!("{kind}-{}", small.len());
        let output = train_on(path, &config, "flex", &out, &set);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let losses = column(&path.join(out), "loss");
        assert!(losses[1] < losses[0], "{kind}: {losses:?}");
    }
}

#[test]
fn what_a_config_trains_on_can_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), SORTING).unwrap();
    let inspect = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_brink"));
        command
            .args(["data", "inspect", "--config", "c.toml"])
            .args(more);
        let output = command.current_dir(folder.path()).output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (done, said) = inspect(&[]);
    assert!(done);
    for part in [
        "5 tokens out of 3",
        "last 3 positions",
        "training: 15",
        "test: 5",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let (done, said) = inspect(&["--set", "data.samples=20", "--set", "data.test_samples=7"]);
    assert!(done && said.contains("training: 20"), "{said}");
    assert!(!inspect(&["--set", "data.samples=21", "--set", "data.test_samples=7"]).0);
}

const SYNTHETIC: &str = r#"
name = "images"
[data]
source = "synthetic"
samples = 4
[model]
hidden = [3]
[optimizer]
kind = "gd"
step_size = 0.05
steps = 2
"#;

const OF_MNIST: &str = r#"
name = "digits"
[data]
source = "mnist"
dir = "."
samples = 4
classes = [7, 1]
targets = "binary"
[model]
hidden = [3]
[optimizer]
kind = "gd"
step_size = 0.05
steps = 2
"#;

#[test]
fn classes_of_other_images_are_chosen_as_those_of_cifar_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let idx = |magic: u32, sizes: &[u32], values: Vec<u8>| -> Vec<u8> {
        let numbers = [magic].into_iter().chain(sizes.iter().copied());
        numbers.flat_map(u32::to_be_bytes).chain(values).collect()
    };
    let pixels = (0..6 * 784).map(|i| (i * i % 251) as u8).collect();
    let images = idx(0x0803, &[6, 28, 28], pixels);
    let labels = idx(0x0801, &[6], vec![1, 0, 7, 7, 9, 1]);
    fs::write(path.join("train-images-idx3-ubyte"), images).unwrap();
    fs::write(path.join("train-labels-idx1-ubyte"), labels).unwrap();
    let output = train_on(path, OF_MNIST, "flex", "two", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let manifest = fs::read_to_string(path.join("two/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let title = manifest["description"].as_str().unwrap();
    assert!(title.contains("MNIST, 7/1, n = 4"), "{title}");
    let targets = serde_json::json!({"kind": "binary", "negative": [7], "positive": [1]});
    assert_eq!(manifest["dataset"]["targets"], targets);
    let counts = serde_json::json!([{"class": 1, "count": 2}, {"class": 7, "count": 2}]);
    assert_eq!(manifest["dataset"]["train"]["counts"], counts);
    for (set, reason) in [
        ("data.classes=[10, 1]", "MNIST has no class `10`"),
        ("data.classes=[1, 1]", "names class 1 twice"),
        ("data.classes=[1, 2, 3]", "3 are chosen"),
        ("data.classes=[1, 2]", "there are 2 of the chosen classes"),
        ("data.labels=fine", "means nothing for `source = \"mnist\"`"),
    ] {
        let output = train_on(path, OF_MNIST, "flex", "refused", &[set]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{set}: {said}");
        let words: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(reason), "{set}: {said}");
        assert!(!path.join("refused").exists(), "{set}");
    }
}

#[test]
fn what_does_not_go_together_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let rows: Vec<f32> = (0..24).map(|i| i as f32).collect();
    npy(&path.join("first.npy"), "(8, 3)", &rows);
    npy(&path.join("first-targets.npy"), "(8, 2)", &rows[..16]);
    npy(&path.join("one.npy"), "(8, 3)", &rows);
    // Whole numbers, all of class 0.
    let labels = b"{'descr': '|u1', 'fortran_order': False, 'shape': (8,), }\n";
    let length = (labels.len() as u16).to_le_bytes();
    let labels = [&b"\x93NUMPY\x01\x00"[..], &length, labels, &[0; 8]].concat();
    fs::write(path.join("one-targets.npy"), labels).unwrap();
    for (config, set, reason) in [
        (
            OF_A_FILE,
            &["data.file=one.npy", "loss.kind=cross-entropy"][..],
            "tells classes apart, and the data have one",
        ),
        (
            SYNTHETIC,
            &["data.classes=[6]", "loss.kind=cross-entropy"],
            "cross-entropy of one class is 0",
        ),
        (SORTING, &["model.kind=cnn"], "takes real values"),
        (SORTING, &["model.kind=vit"], "takes real values"),
        (
            OF_A_FILE,
            &["model.kind=gpt", "model.hidden=[]"],
            "model.hidden",
        ),
        (
            SORTING,
            &["model.kind=gpt", "model.heads=5"],
            "does not divide",
        ),
        (SORTING, &["model.kind=resnet", "model.depth=9"], "6n + 2"),
        (
            SORTING,
            &["model.kind=gpt", "model.depht=1"],
            "did you mean `depth`",
        ),
        (SORTING, &["model.kind=gptt"], "did you mean \"gpt\""),
        (SORTING, &["loss.kind=logistic"], "binary"),
        (
            OF_A_FILE,
            &["loss.kind=cross-entropy"],
            "compares outputs with classes",
        ),
        (OF_A_FILE, &["data.test_samples=5"], "there are 8"),
        (OF_A_FILE, &["data.task=sort"], "means nothing"),
        (OF_A_FILE, &["run.compression=on"], "measure.test"),
        (
            OF_A_FILE,
            &[
                "measure.eigenvalues.count=1",
                "measure.subspace.class_gradients=true",
            ],
            "needs targets that are classes",
        ),
        (
            SORTING,
            &["run.microbatch=4", "measure.test.samples=0"],
            "at least 1",
        ),
    ] {
        let output = train_on(path, config, "flex", "refused", set);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{set:?}: {said}");
        // Its lines are broken where the terminal ends.
        let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(reason), "{set:?}: {said}");
        assert!(!path.join("refused").exists(), "{set:?}");
    }
    let none = OF_A_FILE.replace("test_samples = 4\n", "");
    let output = train_on(path, &none, "flex", "refused", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("needs a test set"), "{said}");
}
