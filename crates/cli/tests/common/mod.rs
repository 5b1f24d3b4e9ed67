//! Runs of the command and what they leave, for tests that compare two of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Trains as `config` says, into the folder `out`.
#[allow(
    dead_code,
    reason = "each test file is a crate of its own, and takes what it needs"
)]
pub fn train(folder: &Path, config: &str, out: &str, assignments: &[&str]) -> Output {
    train_on(folder, config, "flex", out, assignments)
}

/// The same on a backend by its name.
pub fn train_on(
    folder: &Path,
    config: &str,
    backend: &str,
    out: &str,
    assignments: &[&str],
) -> Output {
    fs::write(folder.join("config.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_brink"));
    command.args(["train", "config.toml", "--quiet", "--out", out]);
    command.args(["--backend", backend]);
    for assignment in assignments {
        command.args(["--set", assignment]);
    }
    let output = command
        .env("NO_COLOR", "1")
        .current_dir(folder)
        .output()
        .unwrap();
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A trace's numbers by row, with the names of their columns; words are left out.
pub fn trace(run: &Path) -> (Vec<String>, Vec<Vec<Option<f64>>>) {
    let text = fs::read_to_string(run.join("trace.csv")).unwrap();
    let mut rows = text.lines();
    let header = rows.next().unwrap().split(',').map(String::from).collect();
    let rows = rows.map(|row| row.split(',').map(|cell| cell.parse().ok()).collect());
    (header, rows.collect())
}
