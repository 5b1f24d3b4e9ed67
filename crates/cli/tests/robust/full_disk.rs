//! A disk that fills up, and files that cannot be written: the rest is, and the manifest says so.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use nix::sys::signal::Signal::SIGTERM;

use crate::command::{ENDLESS, Place, Running, stderr, wait};

/// What a run leaves that had no room for its next row.
fn out_of_room(place: &Place, output: &Output, reason: &str, advice: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the run failed"), "{text}");
    assert!(text.contains(".csv"), "{text}");
    assert!(text.contains(reason) && text.contains(advice), "{text}");
    let manifest = place.manifest("disk/a");
    assert_eq!(manifest["outcome"]["kind"], "failed");
    let message = manifest["outcome"]["message"].as_str().unwrap();
    assert!(message.contains(reason), "{message}");
    assert!(message.contains(".csv"), "{message}");
    // No row is torn: what is made of a run can be made of this one.
    let plotted = place.run(&["plot", "disk/a", "--out", "again.svg"]);
    assert!(plotted.status.success(), "{}", stderr(&plotted));
    let figure = fs::read_to_string(place.file("again.svg")).unwrap();
    assert!(figure.contains("failed"), "the figure does not say so");
    // The rows are kept, in their order, and counted.
    let rows = place.rows("disk/a");
    let recorded = manifest["steps_recorded"].as_u64().unwrap();
    assert!(rows as u64 == recorded || rows as u64 + 1 == recorded);
    assert!(rows > 100, "{rows}");
    let trace = fs::read_to_string(place.file("disk/a/trace.csv")).unwrap();
    assert!(trace.ends_with('\n'));
    for (step, row) in trace.lines().skip(1).take(rows).enumerate() {
        assert!(row.starts_with(&format!("{step},")), "{row}");
    }
    assert!(
        !place
            .names("disk/a")
            .iter()
            .any(|name| name.starts_with('.'))
    );
}

#[test]
fn a_run_at_the_limit_of_a_files_size_says_so() {
    let place = Place::new();
    fs::create_dir(place.file("disk")).unwrap();
    let mut shell = Command::new("bash");
    // In units of 1024 bytes. By itself, the signal would end the process.
    let script = r#"ulimit -f 128; exec "$0" "$@""#;
    shell.args(["-c", script, env!("CARGO_BIN_EXE_brink")]);
    shell.args(["train", "tiny.toml", "--out", "disk/a", "--set", ENDLESS]);
    shell.env("NO_COLOR", "1").current_dir(place.path());
    let output = shell.output().unwrap();
    out_of_room(&place, &output, "File too large", "ulimit -f");
    // What has room of its own is there.
    assert!(place.file("disk/a/final.safetensors").exists());
}

/// A small file system in memory, for as long as this lives.
struct Disk(PathBuf);

impl Disk {
    /// None where the system does not let us mount one.
    fn mount(folder: PathBuf) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=400k", "brink-test"]);
        let mounted = mount.arg(&folder).output();
        mounted
            .is_ok_and(|m| m.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_run_on_a_full_disk_says_so() {
    let place = Place::new();
    let Some(_disk) = Disk::mount(place.file("disk")) else {
        eprintln!("skipped: mounting a small file system takes root");
        return;
    };
    let words = ["train", "tiny.toml", "--out", "disk/a", "--set", ENDLESS];
    let output = place.run(&words);
    let (reason, advice) = ("No space left on device", "the disk is full");
    out_of_room(&place, &output, reason, advice);
    // All that is missing is named, on the screen and in the manifest.
    let missing = place.manifest("disk/a")["not_written"].clone();
    let missing: Vec<&str> = missing
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m.as_str().unwrap())
        .collect();
    for name in ["trace.svg", "final.safetensors"] {
        let named = missing.iter().any(|message| message.contains(name));
        assert_eq!(
            named,
            !place.file("disk/a").join(name).exists(),
            "{missing:?}"
        );
        assert_eq!(named, stderr(&output).contains(name), "{}", stderr(&output));
    }
}

#[test]
fn one_file_that_cannot_be_written_loses_no_other() {
    let all = ["trace.svg", "final.safetensors"];
    for blocked in [&all[..1], &all[1..], &all[..]] {
        let place = Place::new();
        let words = [
            "train",
            "tiny.toml",
            "--quiet",
            "--out",
            "a",
            "--set",
            ENDLESS,
        ];
        let mut command = place.brink(&words);
        let log = fs::File::create(place.file("log")).unwrap();
        let mut run = Running(command.stderr(log).spawn().unwrap());
        place.wait_for_rows("a", 3);
        for name in blocked {
            // A folder of that name is in the way.
            fs::create_dir(place.file("a").join(name)).unwrap();
        }
        run.send(SIGTERM);
        assert_eq!(run.code(), Some(1));
        let text = fs::read_to_string(place.file("log")).unwrap();
        assert!(text.contains("the run has ended, but not all"), "{text}");
        let manifest = place.manifest("a");
        assert_eq!(manifest["outcome"]["kind"], "interrupted");
        assert_eq!(manifest["steps_recorded"], place.rows("a"));
        let missing = manifest["not_written"].as_array().unwrap();
        assert_eq!(missing.len(), blocked.len(), "{missing:?}");
        for name in all {
            let named = missing.iter().any(|m| m.as_str().unwrap().contains(name));
            assert_eq!(named, blocked.contains(&name));
            assert_eq!(text.contains(name), named, "{text}");
            assert_eq!(place.file("a").join(name).is_file(), !named);
        }
    }
}

#[test]
fn a_run_without_room_for_its_first_files_says_so() {
    let place = Place::new();
    let Some(_disk) = Disk::mount(place.file("disk")) else {
        eprintln!("skipped: mounting a small file system takes root");
        return;
    };
    // Room for the manifest, and not for the weights.
    fs::write(place.file("disk/filler"), vec![0; 300 << 10]).unwrap();
    let output = place.run(&["train", "tiny.toml", "--out", "disk/a"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("initial.safetensors"),
        "{}",
        stderr(&output)
    );
    assert_eq!(place.manifest("disk/a")["outcome"]["kind"], "failed");
    wait(|| !place.file("disk/a/.brink.lock").exists());
}
