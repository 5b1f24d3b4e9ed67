//! The report of a stored run, whole.

use std::path::Path;

use brink_analysis::phases::PhaseParams;
use brink_analysis::{Report, Trace};
use serde_json::Value;

fn stored(name: &str) -> Trace {
    let runs = Path::new("tests/runs");
    Trace::read(&runs.join(name)).unwrap()
}

/// To ten digits: the last ones of a logarithm are the mathematical library's.
fn round(json: &mut Value) {
    match json {
        Value::Number(number) if number.is_f64() => {
            let rounded: f64 = format!("{:.9e}", number.as_f64().unwrap()).parse().unwrap();
            *json = rounded.into();
        }
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

#[test]
fn of_a_cycle() {
    let report = Report::of(&stored("cycle"), &PhaseParams::default());
    let mut json: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    round(&mut json);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn of_a_run_that_measured_nothing_but_its_loss() {
    let report = Report::of(&stored("bare"), &PhaseParams::default());
    let json: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(json["recorded"], 2);
    assert_eq!(json["last_loss"], 0.5);
    assert_eq!(json["cycles"], 0);
    assert!(json["max_sharpness"].is_null());
    for row in json["assumptions"].as_array().unwrap() {
        assert_eq!(row["verdict"], "missing");
        assert_eq!(row["overall"]["kind"], "missing");
    }
}

#[test]
fn the_same_twice() {
    let report = || Report::of(&stored("cycle"), &PhaseParams::default());
    assert_eq!(report().to_json().unwrap(), report().to_json().unwrap());
}
