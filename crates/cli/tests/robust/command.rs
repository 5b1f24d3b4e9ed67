//! The command in a folder of its own, and what it leaves there.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// A run that takes a few milliseconds a step.
pub const CONFIG: &str = r#"
name = "tiny"
[data]
source = "synthetic"
samples = 12
classes = [0, 1]
targets = "binary"
[model]
hidden = [4]
activation = "linear"
bias = false
[optimizer]
kind = "gd"
step_size = 1e-4
steps = 40
[measure.eigenvalues]
count = 2
"#;

/// More steps than any test waits for.
pub const ENDLESS: &str = "optimizer.steps=100000000";

/// A folder with the config in it.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.toml"), CONFIG).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command with these words; signals do what they do in a fresh shell.
    pub fn brink(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brink"));
        command
            .args(words)
            .env("NO_COLOR", "1")
            .env("RUST_BACKTRACE", "0")
            .current_dir(self.path())
            .stdin(Stdio::null());
        // SAFETY: sigaction may be called between fork and exec.
        unsafe {
            command.pre_exec(|| {
                let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
                for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM] {
                    sigaction(signal, &default)?;
                }
                Ok(())
            });
        }
        command
    }

    /// Runs it to its end.
    pub fn run(&self, words: &[&str]) -> Output {
        self.brink(words).output().unwrap()
    }

    /// Starts it with nothing of what it says kept.
    pub fn start(&self, words: &[&str]) -> Running {
        let mut command = self.brink(words);
        Running(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.file(folder)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn manifest(&self, folder: &str) -> serde_json::Value {
        let text = fs::read_to_string(self.file(folder).join("manifest.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Whole rows of a run's trace, without its header.
    pub fn rows(&self, folder: &str) -> usize {
        let text = fs::read_to_string(self.file(folder).join("trace.csv")).unwrap_or_default();
        text.matches('\n').count().saturating_sub(1)
    }

    /// Waits until a run has so many rows.
    pub fn wait_for_rows(&self, folder: &str, rows: usize) {
        wait(|| self.rows(folder) >= rows);
    }
}

/// A process that does not outlive its test.
pub struct Running(pub Child);

impl Running {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn send(&self, signal: Signal) {
        let pid = nix::unistd::Pid::from_raw(self.pid().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits for its end; its exit code.
    pub fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for something that comes in well under a minute.
pub fn wait(until: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !until() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
