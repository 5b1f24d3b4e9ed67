//! Damaged configs and assignments: taken or refused, and what is taken can be written and read.

use std::path::Path;

use brink_cli::config::overrides::Override;
use brink_cli::config::{Config, ConfigError, keys};
use brink_fuzz::{Fuzz, Meter};
use miette::{GraphicalReportHandler, GraphicalTheme};

#[global_allocator]
static METER: Meter = Meter;

fn configs() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let files = [&folder, &folder.join("figures")].map(|folder| std::fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = (files.into_iter().flatten())
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    paths.sort();
    assert!(paths.len() > 5);
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Whether a config is taken; if so it survives being printed, if not it can be shown to a person.
fn check(result: Result<Config, ConfigError>) -> bool {
    match result {
        Ok(config) => {
            let printed = config.to_toml().expect("what is taken can be printed");
            let again =
                Config::parse("printed", printed, &[]).expect("what is printed is a config");
            assert_eq!(again, config);
            true
        }
        Err(error) => {
            let mut shown = String::new();
            GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
                .render_report(&mut shown, &error)
                .expect("an error can be shown");
            for internal in ["as i128", "as u128", "panicked"] {
                assert!(!error.to_string().contains(internal), "{shown}");
            }
            false
        }
    }
}

#[test]
fn damaged_configs_are_taken_or_refused() {
    let seeds = configs();
    let keys: Vec<String> = keys::all()
        .iter()
        .map(|key| format!("{} = ", key.path))
        .collect();
    let words: Vec<&str> = keys.iter().map(String::as_str).collect();
    let fuzz = Fuzz {
        name: "configs",
        seeds: &seeds,
        words: &words,
        cases: 100_000,
        memory: 8 << 20,
    };
    let tally = fuzz.run(|bytes| match std::str::from_utf8(bytes) {
        Ok(text) => check(Config::parse("x.toml", text, &[])),
        Err(_) => false,
    });
    assert!(tally.taken > 0 && tally.refused > 0);
}

#[test]
fn damaged_assignments_are_taken_or_refused() {
    let base = "name = \"x\"\n[optimizer]\nkind = \"gd\"\nstep_size = 0.1\nsteps = 1\n";
    let value = |default: &str| match default {
        "required" | "none" => "1".to_owned(),
        default => default.to_owned(),
    };
    let seeds: Vec<Vec<u8>> = (keys::all().iter())
        .map(|key| format!("{}={}", key.path, value(key.default)).into_bytes())
        .collect();
    let fuzz = Fuzz {
        name: "assignments",
        seeds: &seeds,
        words: &[
            "=",
            ".",
            "1e-50",
            "[0, 1]",
            "{ kind = 1 }",
            "tanh",
            "float64",
            "true",
            "\"x\"",
        ],
        cases: 100_000,
        memory: 2 << 20,
    };
    let tally = fuzz.run(|bytes| match std::str::from_utf8(bytes) {
        Ok(assignment) => check(Config::parse("x.toml", base, &[Override::set(assignment)])),
        Err(_) => false,
    });
    assert!(tally.taken > 0 && tally.refused > 0);
}
