//! Signals end a run with everything written.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal::{self, SIGHUP, SIGINT, SIGTERM};

use crate::command::{ENDLESS, Place, Running, stderr, wait};
use crate::resume::{assert_same, sets};

#[test]
fn each_signal_ends_a_run_with_everything_written_and_its_own_exit_code() {
    for (command, files) in [("train", 7), ("theory", 4)] {
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] {
            let place = Place::new();
            let mut run = place.start(&[command, "tiny.toml", "--out", "a", "--set", ENDLESS]);
            place.wait_for_rows("a", 3);
            run.send(signal);
            assert_eq!(run.code(), Some(code), "{command} {signal}");
            let manifest = place.manifest("a");
            assert_eq!(manifest["outcome"]["kind"], "interrupted");
            assert_eq!(manifest["steps_recorded"], place.rows("a"));
            assert_eq!(place.names("a").len(), files, "{:?}", place.names("a"));
        }
    }
}

/// A run that waits for its reader at the first thing it says, so that it never sees the flag.
#[cfg(target_os = "linux")]
fn stuck(place: &Place) -> (Running, std::io::PipeReader) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // All that a pipe holds.
    writer.write_all(&[b'x'; 65536]).unwrap();
    let mut command = place.brink(&["train", "tiny.toml", "--out", "a"]);
    let run = command
        .stdout(Stdio::null())
        .stderr(writer)
        .spawn()
        .unwrap();
    // The folder is taken after the signals are.
    wait(|| place.file("a/.brink.lock").exists());
    (Running(run), reader)
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_the_process_at_once() {
    let pause = || std::thread::sleep(Duration::from_millis(300));
    let ends = |first: &[Signal], last: Signal, code: i32| {
        let place = Place::new();
        let (mut run, _reader) = stuck(&place);
        for &signal in first {
            run.send(signal);
            pause();
            assert!(run.is_alive(), "{first:?}");
        }
        run.send(last);
        assert_eq!(run.code(), Some(code), "{first:?} {last}");
        assert!(!place.file("a/final.safetensors").exists());
    };
    ends(&[SIGINT], SIGINT, 130);
    ends(&[SIGTERM], SIGINT, 130);
    // A closed terminal sends SIGHUP twice.
    ends(&[SIGHUP, SIGHUP], SIGTERM, 143);
}

#[test]
fn under_nohup_a_hangup_is_ignored() {
    let place = Place::new();
    let mut shell = Command::new("sh");
    let script = r#"trap "" HUP; exec "$0" "$@""#;
    let words = [
        "train",
        "tiny.toml",
        "--quiet",
        "--out",
        "a",
        "--set",
        ENDLESS,
    ];
    shell.args(["-c", script, env!("CARGO_BIN_EXE_brink")]);
    shell.args(words).current_dir(place.path());
    let mut run = Running(shell.spawn().unwrap());
    place.wait_for_rows("a", 3);
    run.send(SIGHUP);
    let rows = place.rows("a");
    place.wait_for_rows("a", rows + 20);
    run.send(SIGTERM);
    assert_eq!(run.code(), Some(143));
    assert_eq!(place.manifest("a")["outcome"]["kind"], "interrupted");
}

#[test]
fn a_signal_stops_a_whole_series() {
    let place = Place::new();
    let words = [
        "figures",
        "--only",
        "7,1",
        "--quiet",
        "--runs",
        "runs",
        "--out",
        "out",
        "--set",
        "data.source=synthetic",
        "--set",
        "data.samples=20",
        "--set",
        "model.hidden=[4]",
        "--set",
        "optimizer.step_size=1e-4",
        "--set",
        ENDLESS,
    ];
    let mut series = place.start(&words);
    place.wait_for_rows("runs/linear", 3);
    // A second series finds the run of the first in its way.
    let second = place.run(&words);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("is in use"), "{}", stderr(&second));
    series.send(SIGTERM);
    assert_eq!(series.code(), Some(143));
    assert_eq!(place.names("runs"), ["linear"]);
    assert_eq!(
        place.manifest("runs/linear")["outcome"]["kind"],
        "interrupted"
    );
    assert!(!place.file("out").exists());
}

/// A spectrum of many products is given up with its step, and measured by the run that goes on.
#[test]
fn one_signal_ends_a_measurement_that_takes_long() {
    let place = Place::new();
    let assignments = sets(&[
        "optimizer.steps=5",
        "model.hidden=[100]",
        "measure.spectrum.from=3",
        "measure.spectrum.probes=300",
        "measure.spectrum.lanczos_steps=300",
        "measure.spectrum.points=300",
    ]);
    let train = |out| {
        let words = ["train", "tiny.toml", "--quiet", "--out", out];
        [&words[..], &assignments].concat()
    };
    let mut whole = place.start(&train("whole"));
    assert_eq!(whole.code(), Some(0));
    let mut run = place.start(&train("a"));
    place.wait_for_rows("a", 3);
    std::thread::sleep(Duration::from_millis(200));
    run.send(SIGINT);
    assert_eq!(run.code(), Some(130));
    assert_eq!(place.rows("a"), 3);
    assert_eq!(place.manifest("a")["outcome"]["kind"], "interrupted");
    let checkpoint = String::from("step-000003.safetensors");
    assert!(place.names("a/checkpoints").contains(&checkpoint));
    let mut resumed = place.start(&["resume", "a", "--quiet"]);
    assert_eq!(resumed.code(), Some(0));
    assert_same(&place, "whole", "a");
    // What is measured at a checkpoint is given up likewise.
    let more = ["--set", "measure.spectrum.probes=300"];
    let words = ["measure", "a", "--quiet", "--spectrum", "--out", "m"];
    let mut measure = place.start(&[&words[..], &more].concat());
    wait(|| place.file("m/trace.csv").exists());
    std::thread::sleep(Duration::from_millis(200));
    measure.send(SIGINT);
    assert_eq!(measure.code(), Some(130));
    assert_eq!(place.rows("m"), 0);
}
