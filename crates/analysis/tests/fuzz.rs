//! Damaged traces and manifests: read and judged, or refused.

use std::path::Path;

use brink_analysis::{Facts, Report, Table, Trace};
use brink_fuzz::{Fuzz, Meter, Random};

#[global_allocator]
static METER: Meter = Meter;

/// The head of a stored trace: short inputs are damaged where it matters more often.
fn trace(run: &str, rows: usize) -> Vec<u8> {
    let path = Path::new("tests/runs").join(run).join("trace.csv");
    let text = std::fs::read_to_string(path).unwrap();
    text.split_inclusive('\n')
        .take(rows)
        .collect::<String>()
        .into()
}

fn manifest(run: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/runs").join(run).join("manifest.json")).unwrap()
}

#[test]
fn damaged_traces_are_judged_or_refused() {
    let good = Facts::parse(&manifest("cycle"), "cycle").unwrap();
    let seeds = [
        trace("cycle", 12),
        trace("cycle", 40),
        trace("bare", 10),
        b"step,loss,threshold,lambda_1,output_norm_sq,residual_norm_sq,residual_on_v1,\
          gram_lambda_1,v1_cos_start,phase\n\
          0,2.5,200,150,1,3,0.5,149,1,before\n1,2.25,200,201,1.5,3,0.5,199,0.9,I\n\
          2,2,200,210,1,3,-0.5,149,0.8,II\n3,2,200,190,1,3,-0.5,149,0.8,III\n"
            .to_vec(),
    ];
    let fuzz = Fuzz {
        name: "traces",
        seeds: &seeds,
        words: &[
            "lambda_1",
            "threshold",
            "step",
            "output_norm_sq",
            "weight_norm_sq.layers.0",
            "residual_dot_output",
            "NaN",
            "inf",
            "-inf",
            "1e308",
            "-1e308",
            "5e-324",
            "18446744073709551615",
            "9223372036854775807",
            ",\n",
        ],
        cases: 100_000,
        memory: 4 << 20,
    };
    let mut random = Random::new(1);
    let tally = fuzz.run(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Table::parse("trace.csv", &String::from_utf8_lossy(bytes)).is_ok();
        };
        let facts = if random.below(2) == 0 {
            good.clone()
        } else {
            Facts::default()
        };
        let trace = Table::parse("trace.csv", text)
            .map_err(Into::into)
            .and_then(|table| Trace::from_table(&table, facts));
        match trace {
            Ok(trace) => {
                let report = Report::of(&trace, &trace.facts().phases);
                assert!(report.to_json().is_ok_and(|json| json.ends_with("}\n")));
                assert!(trace.steps().is_sorted());
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty() && !error.advice().is_empty());
                false
            }
        }
    });
    assert!(tally.taken > 0 && tally.refused > 0);
}

#[test]
fn damaged_manifests_are_read_or_refused() {
    let table = Table::parse("trace.csv", &String::from_utf8(trace("cycle", 30)).unwrap()).unwrap();
    let seeds = [manifest("cycle")];
    let fuzz = Fuzz {
        name: "manifests",
        seeds: &seeds,
        words: &[
            "\"hysteresis\": 0",
            "\"hysteresis\": 18446744073709551615",
            "\"margin\": 1e300,",
            "\"turn\": -1,",
            "\"step_size\": 0,",
            "\"step_size\": 1e-320,",
            "\"layers\": [\"\"],",
            "\"config\": {\"measure\": {\"phases\": {}}},",
            "\"kind\": \"one-hot\"",
        ],
        cases: 100_000,
        memory: 4 << 20,
    };
    let tally = fuzz.run(|json| match Facts::parse(json, "a run") {
        Ok(facts) => {
            let trace = Trace::from_table(&table, facts).unwrap();
            assert!(Report::of(&trace, &trace.facts().phases).to_json().is_ok());
            true
        }
        Err(_) => false,
    });
    assert!(tally.taken > 0 && tally.refused > 0);
}
