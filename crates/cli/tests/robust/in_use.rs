//! A folder belongs to one run at a time.

use std::fs;

use nix::sys::signal::Signal::{SIGKILL, SIGTERM};

use crate::command::{ENDLESS, Place, stderr};

#[test]
fn a_second_run_is_refused_while_the_first_goes_on() {
    let place = Place::new();
    let mut first = place.start(&["train", "tiny.toml", "--out", "a", "--set", ENDLESS]);
    place.wait_for_rows("a", 3);
    for command in ["train", "theory"] {
        let second = place.run(&[command, "tiny.toml", "--out", "a", "--force"]);
        assert_eq!(second.status.code(), Some(1));
        let (text, holder) = (stderr(&second), format!("process {}", first.pid()));
        assert!(text.contains("a is in use by another run"), "{text}");
        assert!(text.contains(&holder), "{text}");
        assert!(text.contains(", since 20"), "{text}");
    }
    // Those who only read are let in.
    for words in [&["plot", "a", "--out", "b.svg"][..], &["report", "a"][..]] {
        let output = place.run(words);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    // The first lost nothing: it goes on, and its rows are all there.
    let rows = place.rows("a");
    place.wait_for_rows("a", rows + 3);
    first.send(SIGTERM);
    assert_eq!(first.code(), Some(143));
    let steps: Vec<u64> = fs::read_to_string(place.file("a/trace.csv"))
        .unwrap()
        .lines()
        .skip(1)
        .map(|row| row.split(',').next().unwrap().parse().unwrap())
        .collect();
    let recorded = place.manifest("a")["steps_recorded"].as_u64().unwrap();
    assert_eq!(steps, (0..recorded).collect::<Vec<_>>());
}

#[test]
fn the_folder_of_a_killed_run_can_be_taken() {
    let place = Place::new();
    let mut first = place.start(&["train", "tiny.toml", "--out", "a", "--set", ENDLESS]);
    place.wait_for_rows("a", 3);
    first.send(SIGKILL);
    assert_eq!(first.code(), None);
    assert_eq!(place.manifest("a")["outcome"]["kind"], "running");
    let again = ["train", "tiny.toml", "--out", "a"];
    let refused = place.run(&again);
    assert!(stderr(&refused).contains("--force"), "{}", stderr(&refused));
    let forced = place.run(&[&again[..], &["--force"]].concat());
    assert!(forced.status.success(), "{}", stderr(&forced));
    assert_eq!(place.rows("a"), 40);
    let files = [
        "checkpoints",
        "eigenvalues.csv",
        "final.safetensors",
        "initial.safetensors",
        "manifest.json",
        "trace.csv",
        "trace.svg",
    ];
    assert_eq!(place.names("a"), files);
}

#[test]
fn a_numbered_folder_is_as_much_in_use() {
    let place = Place::new();
    let _first = place.start(&["train", "tiny.toml", "--set", ENDLESS]);
    place.wait_for_rows("outputs/tiny-1", 3);
    let words = ["train", "tiny.toml", "--out", "outputs/tiny-1", "--force"];
    let refused = place.run(&words);
    assert!(
        stderr(&refused).contains("is in use"),
        "{}",
        stderr(&refused)
    );
    assert!(place.run(&["train", "tiny.toml"]).status.success());
    assert_eq!(place.rows("outputs/tiny-2"), 40);
}
