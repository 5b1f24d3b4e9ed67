//! A run that is stopped or killed and resumed leaves the files of one that never was.

use std::fs;
use std::time::Duration;

use brink_fuzz::Random;
use nix::sys::signal::Signal::{self, SIGINT, SIGKILL};

use crate::command::{ENDLESS, Place, stderr, wait};

/// The files that are the same byte for byte.
pub const SAME: [&str; 4] = [
    "trace.csv",
    "eigenvalues.csv",
    "final.safetensors",
    "trace.svg",
];

pub fn assert_same(place: &Place, expected: &str, found: &str) {
    for name in SAME {
        let of = |run: &str| fs::read(place.file(run).join(name)).unwrap();
        assert!(of(expected) == of(found), "{found}/{name} is another");
    }
    for name in ["spectrum.csv", "spectrum.svg"] {
        let of = |run: &str| fs::read(place.file(run).join(name)).ok();
        assert!(of(expected) == of(found), "{found}/{name} is another");
    }
}

fn run(place: &Place, words: &[&str]) {
    let output = place.run(words);
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
}

/// `--set` before each.
pub fn sets<'w>(assignments: &[&'w str]) -> Vec<&'w str> {
    assignments.iter().flat_map(|a| ["--set", a]).collect()
}

/// Every kind of rule, with everything measured that it admits.
const CASES: [(&str, &[&str]); 10] = [
    (
        "gd",
        &[
            "optimizer.step_size=0.02",
            "measure.residual.every=1",
            "measure.gram.every=2",
            "measure.gauss_newton.every=3",
            "measure.first_order.every=3",
            "measure.alignment.every=1",
            "measure.layer_sharpness.every=2",
            "measure.self_stabilization.every=2",
            "measure.step.every=2",
            "measure.batch_sharpness.size=4",
            "measure.batch_sharpness.draws=20",
            "measure.batch_sharpness.eigenvalue_draws=3",
            "measure.subspace.every=2",
            "measure.subspace.class_gradients=true",
            "measure.subspace.lag=3",
            "measure.flow.every=4",
            "measure.central_flow.every=4",
            "measure.spectrum.every=6",
            "measure.spectrum.probes=3",
            "measure.spectrum.lanczos_steps=8",
            "measure.spectrum.points=300",
        ],
    ),
    (
        "gd32",
        &[
            "optimizer.step_size=0.02",
            "run.dtype=float32",
            "measure.eigenvalues.above=0.5",
        ],
    ),
    // λ₁ comes down to 2/η after the checkpoint, and Σ is not 0 on either side.
    (
        "edge",
        &["optimizer.step_size=0.05", "measure.central_flow.every=3"],
    ),
    (
        "heavy-ball",
        &["optimizer.kind=heavy-ball", "measure.subspace.count=1"],
    ),
    (
        "nesterov",
        &["optimizer.kind=nesterov", "run.dtype=float32"],
    ),
    (
        "rmsprop",
        &[
            "optimizer.kind=rmsprop",
            "measure.preconditioned.count=1",
            "measure.central_flow.every=3",
            "measure.central_flow.from=5",
        ],
    ),
    (
        "adam",
        &[
            "optimizer.kind=adam",
            "measure.preconditioned.count=2",
            "optimizer.weight_decay=0.01",
            "measure.spectrum.operator=preconditioned",
            "measure.spectrum.every=7",
            "measure.spectrum.points=300",
        ],
    ),
    ("sam", &["optimizer.kind=sam", "optimizer.radius=0.05"]),
    (
        "batches",
        &[
            "optimizer.kind=heavy-ball",
            "optimizer.minibatch.size=5",
            "optimizer.weight_decay=0.01",
            "measure.batch_sharpness.draws=20",
            "measure.batch_sharpness.every=3",
        ],
    ),
    (
        "warm-up",
        &[
            "optimizer.schedule.kind=linear-warmup",
            "optimizer.schedule.from=0.001",
            "optimizer.schedule.steps=30",
            "measure.eigenvalues.every=3",
            "measure.eigenvalues.smallest=1",
            "measure.eigenvalues.stale=rayleigh-quotient",
        ],
    ),
];

const NETWORK: [&str; 4] = [
    "model.activation=tanh",
    "model.hidden=[6, 5]",
    "optimizer.step_size=0.01",
    "run.dtype=float64",
];

#[test]
fn forty_steps_are_seventeen_and_the_rest_for_every_rule() {
    let place = Place::new();
    for (name, case) in CASES {
        let assignments = [&NETWORK[..], case].concat();
        let words = sets(&assignments);
        let whole = format!("{name}-whole");
        let parts = format!("{name}-parts");
        let train = |out: &str, more: &[&str]| {
            let first = ["train", "tiny.toml", "--quiet", "--out", out];
            run(&place, &[&first[..], &words, more].concat());
        };
        train(&whole, &[]);
        train(&parts, &["--set", "optimizer.steps=17"]);
        assert_eq!(place.rows(&parts), 17);
        let more = ["--quiet", "--set", "optimizer.steps=40"];
        run(&place, &[&["resume", parts.as_str()][..], &more].concat());
        assert_same(&place, &whole, &parts);
        let (whole, parts) = (place.manifest(&whole), place.manifest(&parts));
        for key in ["counters", "first_crossing", "steps_recorded", "outcome"] {
            assert_eq!(parts[key], whole[key], "{name}: {key}");
        }
        assert_eq!(parts["resumed"][0]["step"], 17);
        assert_eq!(parts["command_line"][1], "train");
        assert_eq!(parts["resumed"][0]["command_line"][1], "resume");
    }
}

#[test]
fn a_run_goes_on_from_an_earlier_checkpoint() {
    let place = Place::new();
    let keep = sets(&["run.checkpoint.every=8", "run.checkpoint.keep=0"]);
    let train = |out| {
        let words = ["train", "tiny.toml", "--quiet", "--out", out];
        run(&place, &[&words[..], &keep].concat());
    };
    train("whole");
    train("again");
    let all = [0, 8, 16, 24, 32, 40].map(|step| format!("step-{step:06}.safetensors"));
    assert_eq!(place.names("again/checkpoints"), all);
    for from in ["24", "0"] {
        run(&place, &["resume", "again", "--quiet", "--from", from]);
        assert_same(&place, "whole", "again");
        assert_eq!(place.names("again/checkpoints"), all);
    }
    assert_eq!(place.manifest("again")["resumed"][1]["step"], 0);
}

#[test]
fn only_the_newest_are_kept() {
    let place = Place::new();
    let every = ["--set", "run.checkpoint.every=7"];
    run(
        &place,
        &[&["train", "tiny.toml", "--quiet", "--out", "a"][..], &every].concat(),
    );
    let names = ["step-000035.safetensors", "step-000040.safetensors"];
    assert_eq!(place.names("a/checkpoints"), names);
}

#[test]
fn a_run_that_a_signal_stopped_goes_on() {
    let place = Place::new();
    let mut process = place.start(&["train", "tiny.toml", "--out", "a", "--set", ENDLESS]);
    place.wait_for_rows("a", 3);
    process.send(SIGINT);
    assert_eq!(process.code(), Some(130));
    let rows = place.rows("a");
    let steps = format!("optimizer.steps={}", rows + 9);
    run(&place, &["resume", "a", "--quiet", "--set", &steps]);
    run(
        &place,
        &[
            "train",
            "tiny.toml",
            "--quiet",
            "--out",
            "b",
            "--set",
            &steps,
        ],
    );
    assert_same(&place, "b", "a");
    // A run at its end has nothing left to do, and stays what it is.
    run(&place, &["resume", "a", "--quiet"]);
    assert_same(&place, "b", "a");
}

#[test]
fn a_goal_is_no_end_for_good() {
    let place = Place::new();
    let size = ["--set", "optimizer.step_size=2e-4"];
    let train = |out, more: &[&str]| {
        let words = ["train", "tiny.toml", "--quiet", "--out", out];
        run(&place, &[&words[..], &size, more].concat());
    };
    train("whole", &[]);
    let trace = fs::read_to_string(place.file("whole/trace.csv")).unwrap();
    let loss = trace.lines().nth(12).unwrap().split(',').nth(2).unwrap();
    train("parts", &["--set", &format!("optimizer.stop_loss={loss}")]);
    assert_eq!(place.manifest("parts")["outcome"]["kind"], "loss_goal");
    assert_eq!(place.rows("parts"), 12);
    let never = ["--set", "optimizer.stop_loss=-1.0"];
    run(
        &place,
        &[&["resume", "parts", "--quiet"][..], &never].concat(),
    );
    assert_same(&place, "whole", "parts");
}

/// Kills at random moments, each time resuming, until the run is whole.
#[test]
fn twenty_kills_leave_no_trace() {
    let place = Place::new();
    let long = sets(&[
        "optimizer.steps=10000",
        "run.checkpoint.every=10",
        "model.hidden=[30]",
    ]);
    let train = |out| [&["train", "tiny.toml", "--quiet", "--out", out][..], &long].concat();
    run(&place, &train("whole"));
    let mut random = Random::new(20);
    let mut process = place.start(&train("killed"));
    // Before its first checkpoint there is nothing to go on from.
    wait(|| {
        let checkpoints = fs::read_dir(place.file("killed/checkpoints"));
        let names = checkpoints.into_iter().flatten().flatten();
        let names = names.map(|entry| entry.file_name().into_string().unwrap());
        names.into_iter().any(|name| name.starts_with("step-"))
    });
    let mut kills = 0;
    while kills < 20 {
        // A run takes a few seconds in all: it is not over before the last of them.
        std::thread::sleep(Duration::from_millis(random.below(120) as u64));
        assert!(process.is_alive(), "it ended before kill {kills}");
        process.send(SIGKILL);
        process.0.wait().unwrap();
        kills += 1;
        process = place.start(&["resume", "killed", "--quiet"]);
    }
    assert_eq!(process.code(), Some(0));
    assert_same(&place, "whole", "killed");
    assert_eq!(place.manifest("killed")["outcome"]["kind"], "completed");
    let left: Vec<String> = place
        .names("killed")
        .into_iter()
        .filter(|n| n.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_torn_row_is_computed_again() {
    let place = Place::new();
    let every = ["--set", "run.checkpoint.every=10"];
    let train = |out| [&["train", "tiny.toml", "--quiet", "--out", out][..], &every].concat();
    run(&place, &train("whole"));
    run(&place, &train("torn"));
    // As after a power failure: the last rows did not reach the disk.
    let path = place.file("torn/trace.csv");
    let text = fs::read_to_string(&path).unwrap();
    let rows: Vec<&str> = text.split_inclusive('\n').take(35).collect();
    fs::write(&path, rows.concat() + "34,0.00").unwrap();
    run(&place, &["resume", "torn", "--quiet"]);
    assert_same(&place, "whole", "torn");
    assert_eq!(place.manifest("torn")["resumed"][0]["step"], 30);
}

#[test]
fn a_run_in_progress_is_not_resumed() {
    let place = Place::new();
    let mut process = place.start(&["train", "tiny.toml", "--out", "a", "--set", ENDLESS]);
    place.wait_for_rows("a", 3);
    let output = place.run(&["resume", "a"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("is in use by another run"),
        "{}",
        stderr(&output)
    );
    process.send(Signal::SIGTERM);
    assert_eq!(process.code(), Some(143));
}

/// Rows that an earlier `resume` added are kept by one that asks for nothing.
#[test]
fn a_changed_end_is_remembered_from_one_resumption_to_the_next() {
    let place = Place::new();
    let keep = sets(&["run.checkpoint.every=5", "run.checkpoint.keep=0"]);
    let words = ["train", "tiny.toml", "--quiet", "--out", "a"];
    run(&place, &[&words[..], &keep].concat());
    let further = ["--set", "optimizer.steps=53"];
    run(
        &place,
        &[&["resume", "a", "--quiet"][..], &further].concat(),
    );
    let whole = ["train", "tiny.toml", "--quiet", "--out", "whole"];
    run(&place, &[&whole[..], &keep, &further].concat());
    // The checkpoint of step 10 knows 40 steps, the manifest 53.
    for from in [&[][..], &["--from", "10"]] {
        run(&place, &[&["resume", "a", "--quiet"][..], from].concat());
        assert_same(&place, "whole", "a");
        assert_eq!(place.rows("a"), 53);
    }
    let shorter = ["--from", "10", "--set", "optimizer.steps=20"];
    run(
        &place,
        &[&["resume", "a", "--quiet"][..], &shorter].concat(),
    );
    assert_eq!(place.rows("a"), 20);
}

#[test]
fn a_run_without_its_eigenvalues_is_left_as_it_is() {
    let place = Place::new();
    let keep = sets(&["run.checkpoint.every=10", "run.checkpoint.keep=0"]);
    let train = |out| {
        let words = ["train", "tiny.toml", "--quiet", "--out", out];
        run(&place, &[&words[..], &keep].concat());
    };
    train("whole");
    train("a");
    let path = place.file("a/eigenvalues.csv");
    let text = fs::read_to_string(&path).unwrap();
    let checkpoints = place.names("a/checkpoints");
    let until = |step: &str| -> String {
        let lines = text.split_inclusive('\n');
        let before = lines.take_while(|line| !line.starts_with(&format!("{step},")));
        before.collect()
    };
    let refused = |from: &str| {
        let output = place.run(&["resume", "a", "--quiet", "--from", from]);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains("lacks the eigenvalues"), "{said}");
        assert_eq!(place.rows("a"), 40);
        assert_eq!(place.names("a/checkpoints"), checkpoints);
        assert_eq!(place.manifest("a")["outcome"]["kind"], "completed");
    };
    fs::remove_file(&path).unwrap();
    refused("20");
    fs::write(&path, until("14")).unwrap();
    refused("20");
    // It goes on from the last checkpoint before which all are there.
    run(&place, &["resume", "a", "--quiet"]);
    assert_same(&place, "whole", "a");
    assert_eq!(place.manifest("a")["resumed"][0]["step"], 10);
}

/// The files of a run with their content, those of its checkpoints included.
fn content(place: &Place, run: &str) -> Vec<(String, Vec<u8>)> {
    let checkpoints = format!("{run}/checkpoints");
    let files = |folder: &str| -> Vec<String> {
        let names = place.names(folder).into_iter();
        names.map(|name| format!("{folder}/{name}")).collect()
    };
    let all = [files(run), files(&checkpoints)].concat().into_iter();
    let all = all.filter(|name| *name != checkpoints);
    all.map(|name| (name.clone(), fs::read(place.file(&name)).unwrap()))
        .collect()
}

/// Says that there is nothing to do, and changes nothing.
fn assert_finished(place: &Place, words: &[&str], how: &str) {
    let before = content(place, words[1]);
    let output = place.run(words);
    assert!(output.status.success(), "{}", stderr(&output));
    let (said, told) = (String::from_utf8_lossy(&output.stdout), stderr(&output));
    assert!(said.contains(how), "{said}");
    assert!(told.contains("has ended"), "{told}");
    let after = content(place, words[1]);
    for (before, after) in before.iter().zip(&after) {
        assert!(before == after, "{} was changed", before.0);
    }
    assert_eq!(before.len(), after.len());
}

#[test]
fn a_run_that_has_ended_is_left_as_it_is() {
    let place = Place::new();
    let size = ["--set", "optimizer.step_size=2e-4"];
    let train = |out, more: &[&str]| {
        let words = ["train", "tiny.toml", "--quiet", "--out", out];
        run(&place, &[&words[..], &size, more].concat());
    };
    train("whole", &[]);
    let loss = |step: usize| {
        let trace = fs::read_to_string(place.file("whole/trace.csv")).unwrap();
        let row = trace.lines().nth(step + 1).unwrap();
        row.split(',').nth(2).unwrap().to_owned()
    };
    let goal = |step: usize| format!("optimizer.stop_loss={}", loss(step));
    assert_finished(&place, &["resume", "whole"], "all 40 steps taken");
    train("a", &["--set", &goal(11)]);
    assert_eq!(place.rows("a"), 12);
    for _ in 0..2 {
        assert_finished(&place, &["resume", "a"], "after 12 steps");
    }
    // Goals that the last row has reached as well, and steps that were taken long ago.
    for set in [&goal(9), "optimizer.steps=60", "optimizer.steps=7"] {
        assert_finished(&place, &["resume", "a", "--set", set], "after 12 steps");
    }
    run(&place, &["resume", "a", "--quiet", "--set", &goal(20)]);
    train("b", &["--set", &goal(20)]);
    assert_same(&place, "b", "a");
}

/// Leaves a run that ended as if it had been killed then.
fn killed(place: &Place, run: &str, ended: &str) {
    let path = place.file(run).join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let running = text.replace(&format!("\"{ended}\""), "\"running\"");
    assert_ne!(running, text);
    fs::write(&path, running).unwrap();
    fs::remove_file(place.file(run).join("final.safetensors")).unwrap();
}

#[test]
fn a_run_does_not_end_before_the_steps_that_it_has_taken() {
    let place = Place::new();
    let keep = sets(&["run.checkpoint.every=10", "run.checkpoint.keep=0"]);
    let train = |out| {
        let words = ["train", "tiny.toml", "--quiet", "--out", out];
        run(&place, &[&words[..], &keep].concat());
    };
    train("whole");
    train("a");
    killed(&place, "a", "completed");
    // The rows of steps 30 to 39 are those of no checkpoint.
    fs::remove_file(place.file("a/checkpoints/step-000040.safetensors")).unwrap();
    let before = content(&place, "a");
    let refused = |words: &[&str], taken: &str, advice: &str| {
        let output = place.run(&[&["resume", "a"][..], words].concat());
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for words in [taken, advice] {
            assert!(said.contains(words), "{said}");
        }
        assert!(content(&place, "a") == before);
    };
    let steps = |steps| ["--set", steps];
    let taken = "it has taken 40 steps already";
    refused(&steps("optimizer.steps=3"), taken, "(0)");
    refused(&steps("optimizer.steps=30"), taken, "(0, 10, 20, 30)");
    refused(&steps("optimizer.steps=39"), taken, "to 40 or more");
    let from = ["--from", "20", "--set", "optimizer.steps=19"];
    refused(&from, "it has taken 20 steps already", "(0, 10)");
    run(
        &place,
        &["resume", "a", "--quiet", "--set", "optimizer.steps=40"],
    );
    assert_same(&place, "whole", "a");
}

#[test]
fn a_run_that_was_killed_at_its_goal_ends_with_no_further_row() {
    let place = Place::new();
    let stop = ["--set", "optimizer.stop_accuracy=0.01"];
    let train = |out| {
        let words = ["train", "tiny.toml", "--quiet", "--out", out];
        run(&place, &[&words[..], &stop].concat());
    };
    train("whole");
    train("killed");
    assert_eq!(place.rows("killed"), 1);
    killed(&place, "killed", "accuracy_goal");
    run(&place, &["resume", "killed", "--quiet"]);
    assert_same(&place, "whole", "killed");
    let outcome = place.manifest("killed")["outcome"]["kind"].clone();
    assert_eq!(outcome, "accuracy_goal");
}

#[test]
fn a_run_without_its_spectra_is_left_as_it_is() {
    let place = Place::new();
    let assignments = sets(&[
        "run.checkpoint.every=10",
        "run.checkpoint.keep=0",
        "measure.spectrum.every=6",
        "measure.spectrum.probes=3",
        "measure.spectrum.lanczos_steps=8",
        "measure.spectrum.points=300",
    ]);
    let train = |out| {
        let words = ["train", "tiny.toml", "--quiet", "--out", out];
        run(&place, &[&words[..], &assignments].concat());
    };
    train("whole");
    train("a");
    let path = place.file("a/spectrum.csv");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let refused = || {
        let before = content(&place, "a");
        let output = place.run(&["resume", "a", "--quiet", "--from", "20"]);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains("lacks the spectrum of step"), "{said}");
        assert!(content(&place, "a") == before);
    };
    fs::remove_file(&path).unwrap();
    refused();
    // Part of step 12's rows: a header, those of steps 0 and 6, and some more.
    fs::write(&path, lines[..1 + 600 + 120].concat()).unwrap();
    refused();
    // All of them, but for the end of the last.
    let short = lines[..1 + 900].concat();
    fs::write(&path, &short[..short.len() - 2]).unwrap();
    refused();
    // It goes on from the last checkpoint before which all are there.
    run(&place, &["resume", "a", "--quiet"]);
    assert_same(&place, "whole", "a");
    assert_eq!(place.manifest("a")["resumed"][0]["step"], 10);
}
