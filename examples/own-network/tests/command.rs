//! The command has the network, with everything that it has for its own.
#![cfg(feature = "flex")]

use std::fs;
use std::process::{Command, Output};

fn brink(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_own-network"));
    command.args(arguments).output().expect("the command")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_trains_resumes_and_lists_its_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let out = out.to_str().expect("a path");
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/gated.toml");
    let small = [
        "model.width=5",
        "data.samples=20",
        "data.source=synthetic",
        "optimizer.steps=4",
    ];
    let mut train = vec!["train", config, "--quiet", "--out", out];
    train.extend(small.iter().flat_map(|set| ["--set", set]));
    let trained = brink(&train);
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let resumed = brink(&["resume", out, "--quiet", "--set", "optimizer.steps=7"]);
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    let trace = fs::read_to_string(format!("{out}/trace.csv")).expect("a trace");
    assert_eq!(trace.lines().count(), 8);
    assert!(
        trace.starts_with("step,") && trace.contains("weight_norm_sq.gates.3"),
        "{trace}"
    );
    let manifest = fs::read_to_string(format!("{out}/manifest.json")).expect("a manifest");
    assert!(manifest.contains("gated 4×5"));
    let keys = text(&brink(&["config", "keys"]).stdout);
    assert!(
        keys.contains("gated") && keys.contains("layers with gates"),
        "{keys}"
    );
    train.extend(["--set", "model.width=0"]);
    let refused = brink(&train);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("from 1 to 4096"),
        "{}",
        text(&refused.stderr)
    );
}
