//! Mistakes on the command line are answered with what to do, and figures need no checkout.

use crate::command::{Place, stderr};

#[test]
fn answers_say_what_to_do() {
    let place = Place::new();
    let once = ["--set", "optimizer.steps=1"];
    let output = place.run(&[&["train", "tiny.toml", "--out", "a"], &once[..]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("the one step taken"), "{said}");
    let cases: [(&[&str], i32, &str); 5] = [
        (
            &["train", "tiny.toml", "--out", "tiny.toml/a"],
            1,
            "a part of its path is a file, not a folder",
        ),
        (
            &["plot", "a", "--out", "none/x.svg"],
            1,
            "the folder none does not exist: create it",
        ),
        (
            &["report", "a", "--out", "none"],
            1,
            "the folder none does not exist: create it",
        ),
        (
            &["train", "tiny.toml", "--seed", "-1"],
            2,
            "seeds are whole numbers from 0",
        ),
        (
            &["train", "tiny.toml", "--device", "-1"],
            1,
            "has no device \"-1\"",
        ),
    ];
    for (words, code, says) in cases {
        let output = place.run(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
    assert_eq!(place.names("."), ["a", "tiny.toml"]);
}

#[test]
fn figures_come_with_their_configs() {
    let place = Place::new();
    let words = [
        "figures",
        "--only",
        "7",
        "--set",
        "data.source=synthetic",
        "--set",
        "data.samples=20",
        "--set",
        "model.hidden=[4]",
        "--set",
        "optimizer.step_size=1e-4",
        "--set",
        "optimizer.steps=5",
    ];
    let output = place.run(&words);
    assert!(output.status.success(), "{}", stderr(&output));
    let says = "uses the configs built in";
    assert!(stderr(&output).contains(says), "{}", stderr(&output));
    assert!(
        place
            .file("outputs/figures/figure7-step-sizes.svg")
            .exists()
    );
    for run in ["step-0.004", "step-0.006", "step-0.008", "step-0.01"] {
        assert_eq!(place.rows(&format!("outputs/figures/{run}")), 5);
    }
    let named = [&words[..], &["--configs", "mine"]].concat();
    let output = place.run(&named);
    assert_eq!(output.status.code(), Some(1));
    assert!(!stderr(&output).contains(says));
    assert!(stderr(&output).contains("mine/step-sizes.toml"));
}
