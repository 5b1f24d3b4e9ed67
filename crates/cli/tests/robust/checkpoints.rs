//! Checkpoints that cannot be used, and settings that a run cannot go on with: refused with the
//! reason, the run untouched.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::command::{Place, stderr};

const LAST: &str = "a/checkpoints/step-000040.safetensors";

fn trained() -> Place {
    let place = Place::new();
    let every = ["--set", "run.checkpoint.every=30"];
    let words = ["train", "tiny.toml", "--quiet", "--out", "a"];
    let output = place.run(&[&words[..], &every].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    place
}

/// Every file of the run.
fn contents(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["a", "a/checkpoints"] {
        for name in place.names(folder) {
            let path = place.file(folder).join(name);
            if path.is_file() {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    files
}

fn refused(place: &Place, words: &[&str], says: &[&str]) {
    let before = contents(place);
    let output = place.run(words);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{words:?}: {text}");
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for says in says {
        assert!(
            joined.contains(says),
            "{words:?} does not say {says:?}: {text}"
        );
    }
    assert!(!text.contains("panicked"), "{text}");
    assert!(contents(place) == before, "{words:?} changed the run");
}

#[test]
fn damaged_and_foreign_checkpoints_are_refused() {
    let place = trained();
    let file = fs::read(place.file(LAST)).unwrap();
    let mut flipped = file.clone();
    let middle = file.len() - 100;
    flipped[middle] ^= 1;
    let version = |to: &str| {
        let text = br#""brink-state":"1""#;
        let at = file.windows(text.len()).position(|w| w == text).unwrap();
        let mut other = file.clone();
        other[at..at + text.len()].copy_from_slice(format!(r#""brink-state":"{to}""#).as_bytes());
        other
    };
    let foreign = fs::read(place.file("a/final.safetensors")).unwrap();
    for (content, says) in [
        (&flipped[..], "checksum"),
        (&file[..file.len() / 2], "no whole safetensors file"),
        (&[], "no whole safetensors file"),
        (&foreign[..], "not one that holds a saved state"),
        (&version("7")[..], "version 7 of the format"),
    ] {
        fs::write(place.file(LAST), content).unwrap();
        refused(&place, &["resume", "a"], &[says, "step-000040", "step 30"]);
        let at = ["fork", "a", "--at", "40", "--out", "b"];
        refused(&place, &at, &[says, "step-000040", "step 30"]);
        assert!(!place.file("b").exists());
    }
    // The one before is as good as ever.
    let output = place.run(&["resume", "a", "--quiet", "--from", "30"]);
    assert!(output.status.success(), "{}", stderr(&output));
    // The seconds in it are of more or fewer digits.
    let length = fs::read(place.file(LAST)).unwrap().len();
    assert!(length.abs_diff(file.len()) <= 64, "{length}");
}

#[test]
fn what_is_no_run_or_has_no_checkpoint_is_told_so() {
    let place = trained();
    fs::create_dir(place.file("empty")).unwrap();
    refused(
        &place,
        &["resume", "empty"],
        &["is not the folder of a run"],
    );
    refused(
        &place,
        &["resume", "nowhere"],
        &["is not the folder of a run"],
    );
    refused(
        &place,
        &["fork", "empty", "--at", "3"],
        &["is not the folder of a run"],
    );
    assert!(place.names("empty").is_empty());
    refused(
        &place,
        &["resume", "a", "--from", "12"],
        &["no checkpoint of step 12", "30, 40"],
    );
    fs::remove_dir_all(place.file("a/checkpoints")).unwrap();
    fs::create_dir(place.file("a/checkpoints")).unwrap();
    refused(
        &place,
        &["resume", "a"],
        &["has no checkpoint", "brink train"],
    );
}

#[test]
fn settings_that_the_run_depends_on_are_not_changed() {
    let place = trained();
    for (set, key) in [
        ("optimizer.step_size=0.1", "optimizer.step_size"),
        ("optimizer.kind=sam", "optimizer"),
        ("run.dtype=float64", "run.dtype"),
        ("measure.eigenvalues.count=1", "measure.eigenvalues.count"),
        ("data.samples=10", "data.samples"),
        ("name=other", "name"),
        ("measure.gram.every=1", "measure.gram"),
    ] {
        refused(&place, &["resume", "a", "--set", set], &[key]);
    }
    let fork = |set| ["fork", "a", "--at", "30", "--out", "b", "--set", set];
    for (set, key) in [
        ("model.hidden=[5]", "model.hidden"),
        ("model.activation=tanh", "model.activation"),
        ("data.samples=10", "data.samples"),
        ("data.targets=one-hot", "data.targets"),
        ("optimizer.step_size=-1", "optimizer.step_size"),
    ] {
        refused(&place, &fork(set), &[key]);
        assert!(!place.file("b").exists());
    }
    refused(
        &place,
        &[
            "fork",
            "a",
            "--at",
            "30",
            "--out",
            "b",
            "--unset",
            "measure.flow",
        ],
        &["no `measure.flow` to remove"],
    );
}

#[test]
fn a_cosines_length_is_not_changed() {
    let place = Place::new();
    let schedule = [
        "optimizer.schedule.kind=cosine",
        "optimizer.schedule.end=1e-5",
    ];
    let sets = crate::resume::sets(&schedule);
    let words = ["train", "tiny.toml", "--quiet", "--out", "a"];
    assert!(place.run(&[&words[..], &sets].concat()).status.success());
    let longer = ["resume", "a", "--set", "optimizer.steps=50"];
    refused(
        &place,
        &longer,
        &["optimizer.steps", "cosine", "brink fork"],
    );
}

#[test]
fn other_initial_weights_are_noticed() {
    let place = Place::new();
    let words = [
        "train",
        "tiny.toml",
        "--quiet",
        "--set",
        "optimizer.steps=3",
        "--out",
    ];
    for (out, more) in [
        ("first", "model.seed=1"),
        ("a", "model.weights=first/final.safetensors"),
    ] {
        let output = place.run(&[&words[..], &[out, "--set", more]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let other = place.run(&[&words[..], &["second", "--set", "model.seed=2"]].concat());
    assert!(other.status.success());
    let copy =
        |from: &str| fs::copy(place.file(from), place.file("first/final.safetensors")).unwrap();
    copy("second/final.safetensors");
    refused(
        &place,
        &["resume", "a"],
        &["the initial weights are not those in", "model.weights"],
    );
}

/// Files of 40 kB at the most: a checkpoint of that size fits, a later one does not.
#[test]
fn a_checkpoint_that_finds_no_room_ends_the_run_with_the_last_good_one() {
    let place = Place::new();
    let mut shell = std::process::Command::new("bash");
    let script = r#"ulimit -f 260; exec "$0" "$@""#;
    shell.args(["-c", script, env!("CARGO_BIN_EXE_brink")]);
    shell.args(["train", "tiny.toml", "--quiet", "--out", "a"]);
    shell.args(["--set", "run.checkpoint.every=4"]);
    // θ and what is recorded of it take 200 kB; the eigensolver's block more.
    shell.args(["--set", "run.compression=off", "--set", "model.hidden=[8]"]);
    shell.env("NO_COLOR", "1").current_dir(place.path());
    let output = shell.output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("checkpoint of step 4") && text.contains("ulimit -f"),
        "{text}"
    );
    assert_eq!(place.names("a/checkpoints"), ["step-000000.safetensors"]);
    assert_eq!(place.manifest("a")["outcome"]["kind"], "failed");
    assert_eq!(place.rows("a"), 4);
    // With room again, it goes on.
    let output = place.run(&["resume", "a", "--quiet"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(place.rows("a"), 40);
}

#[test]
fn what_leaves_no_checkpoints_is_not_to_be_started_again_in_its_folder() {
    let place = Place::new();
    let wrote = |words: &[&str]| {
        let output = place.run(words);
        assert!(output.status.success(), "{}", stderr(&output));
    };
    wrote(&["train", "tiny.toml", "--quiet", "--out", "a"]);
    wrote(&["measure", "a", "--quiet", "--eigenvalues", "--out", "m"]);
    let steps = ["--set", "optimizer.steps=2"];
    wrote(
        &[
            &["theory", "tiny.toml", "--quiet", "--out", "t"][..],
            &steps,
        ]
        .concat(),
    );
    for (folder, command) in [("m", "measure"), ("t", "theory")] {
        let commands: [&[&str]; 3] = [
            &["resume", folder],
            &["fork", folder, "--at", "2"],
            &["measure", folder, "--eigenvalues"],
        ];
        for words in commands {
            let output = place.run(words);
            assert_eq!(output.status.code(), Some(1), "{words:?}");
            let said = stderr(&output);
            assert!(
                said.contains(&format!("what `brink {command}` wrote")),
                "{said}"
            );
            assert!(!said.contains("--force"), "{said}");
        }
    }
}
