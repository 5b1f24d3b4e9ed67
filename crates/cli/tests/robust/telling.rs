//! Nobody reads what a run tells, or the disk behind it is full: the run goes on.

use std::fs::{self, File, OpenOptions};
use std::process::{Output, Stdio};

use crate::command::{Place, stderr};

/// The end of a pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    let file: File = OpenOptions::new().write(true).open("/dev/full").unwrap();
    file.into()
}

/// Where nothing can be written, in both ways.
const NOWHERE: [fn() -> Stdio; 2] = [closed, full];

fn with_stdout(place: &Place, words: &[&str], stdout: Stdio) -> Output {
    let mut command = place.brink(words);
    command.stdout(stdout).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

fn code_without_stderr(place: &Place, words: &[&str], stderr: Stdio) -> Option<i32> {
    let mut command = place.brink(words);
    let status = command.stdout(Stdio::null()).stderr(stderr).status();
    status.unwrap().code()
}

#[test]
fn a_run_goes_on_when_nobody_listens() {
    for nowhere in NOWHERE {
        let place = Place::new();
        for (folder, command, files) in [("a", "train", 7), ("b", "theory", 4)] {
            let words = [command, "tiny.toml", "--out", folder];
            assert_eq!(code_without_stderr(&place, &words, nowhere()), Some(0));
            assert_eq!(place.rows(folder), 40);
            assert_eq!(place.manifest(folder)["outcome"]["kind"], "completed");
            assert_eq!(place.names(folder).len(), files);
        }
        // The closing lines of standard output only tell, too.
        for (folder, command) in [("c", "train"), ("d", "theory")] {
            let words = [command, "tiny.toml", "--quiet", "--out", folder];
            let words = &words.map(|word| if word == "--quiet" { "--force" } else { word });
            let output = with_stdout(&place, words, nowhere());
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            assert_eq!(place.rows(folder), 40);
        }
    }
}

#[test]
fn files_that_are_asked_for_are_there_when_nobody_reads_their_paths() {
    let place = Place::new();
    assert!(
        place
            .run(&["train", "tiny.toml", "--out", "a"])
            .status
            .success()
    );
    for nowhere in NOWHERE {
        for (words, made) in [
            (&["plot", "a", "--png"][..], "a/trace.png"),
            (&["report", "a"][..], "a/report.json"),
        ] {
            let output = with_stdout(&place, words, nowhere());
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            fs::remove_file(place.file(made)).unwrap();
        }
    }
}

/// Five files of one record each, as CIFAR-10 has five of ten thousand.
fn images(place: &Place) {
    for batch in 1..=5 {
        let mut record = vec![7_u8; 3073];
        record[0] = batch;
        let file = place.file(&format!("images/data_batch_{batch}.bin"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, record).unwrap();
    }
}

#[test]
fn what_is_printed_ends_quietly_with_its_reader_and_not_on_a_full_disk() {
    let place = Place::new();
    images(&place);
    let printing: [&[&str]; 6] = [
        &["config", "keys"],
        &["config", "check", "tiny.toml"],
        &["devices"],
        &["data", "inspect", "--data-dir", "images"],
        &[
            "theory",
            "tiny.toml",
            "--widths",
            "4,8",
            "--set",
            "model.output_factor=0.5",
            "--set",
            "model.init=standard-normal",
            "--set",
            "optimizer.step_size=1e-4",
        ],
        &["--help"],
    ];
    for words in printing {
        let output = place.run(words);
        assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        assert!(!output.stdout.is_empty());
        let output = with_stdout(&place, words, closed());
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert_eq!(stderr(&output), "", "{words:?}");
    }
    for words in &printing[..5] {
        let output = with_stdout(&place, words, full());
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(stderr(&output).contains("cannot print"), "{words:?}");
        assert!(stderr(&output).contains("No space left"), "{words:?}");
    }
}

#[test]
fn an_error_keeps_its_exit_code_when_it_cannot_be_shown() {
    let place = Place::new();
    for nowhere in NOWHERE {
        let failed = code_without_stderr(&place, &["train", "none.toml"], nowhere());
        assert_eq!(failed, Some(1));
        let misspelt = code_without_stderr(&place, &["trian"], nowhere());
        assert_eq!(misspelt, Some(2));
    }
}
