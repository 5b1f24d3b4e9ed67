//! Damaged runs: drawn or refused.

use brink_analysis::Table;
use brink_fuzz::{Fuzz, Meter};

use super::super::read::run;
use super::*;

#[global_allocator]
static METER: Meter = Meter;

/// Between the parts of a run in one input.
const CUT: &str = "\u{1}";

const TRACE: &str = "\
step,time,loss,threshold,lambda_1,lambda_2,output_norm_sq,phase
0,0,2.5,200,150.5,90,1,before
1,0.01,2.25,200,,,1.5,before
2,0.02,1e-3,200,210,95,2,I
3,0.03,1,200,190,99,1.25,II
4,0.04,0.5,200,180,99,1,III
";
const EIGENVALUES: &str = "\
step,index,value,residual,error_bound,converged,kind,products
0,1,150.5,1e-3,1e-6,true,solved,5
0,2,90,1e-3,1e-6,false,solved,5
2,1,210,1e-3,1e-6,true,rayleigh_quotient,5
2,-1,-3,1e-3,1e-6,true,solved,5
";
const MANIFEST: &str = r#"{"name": "x", "description": "y", "steps_recorded": 5,
    "outcome": {"kind": "diverged", "what": "the loss"},
    "config": {"measure": {"phases": {"hysteresis": 2, "margin": 0.01, "turn": 0.02}}}}"#;

fn fuzz(name: &str, cases: u64, draw: bool) {
    let whole = [TRACE, EIGENVALUES, MANIFEST].join(CUT);
    let alone = [TRACE, "", ""].join(CUT);
    let long: String = (5..60)
        .map(|t| format!("{t},{t},{t},200,{},1,1,I\n", 150 + t))
        .collect();
    let long = [&format!("{TRACE}{long}"), EIGENVALUES, MANIFEST].join(CUT);
    let seeds = [whole, alone, long].map(String::into_bytes);
    let fuzz = Fuzz {
        name,
        seeds: &seeds,
        words: &[
            "NaN",
            "inf",
            "-inf",
            "1e308",
            "-1e308",
            "5e-324",
            "-0",
            "18446744073709551615",
            "9223372036854775807",
            "lambda_1",
            "lambda_3",
            "threshold",
            "\"hysteresis\": 0",
        ],
        cases,
        memory: 64 << 20,
    };
    let tally = fuzz.run(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let mut parts = text.split(CUT);
        let mut part = || parts.next().unwrap_or_default();
        let (trace, eigenvalues, manifest) = (part(), part(), part());
        let Ok(trace) = Table::parse("trace.csv", trace) else {
            return false;
        };
        let eigenvalues = match eigenvalues {
            "" => None,
            text => match Table::parse("eigenvalues.csv", text) {
                Ok(table) => Some(table),
                Err(_) => return false,
            },
        };
        let head = Head::parse(manifest.as_bytes()).unwrap_or_default();
        match run(&trace, eigenvalues.as_ref(), &head) {
            Ok((series, titles)) => {
                if draw && let Ok(svg) = draw_run(&series, &titles) {
                    assert!(svg.ends_with("</svg>\n") || svg.ends_with("</svg>"));
                }
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                false
            }
        }
    });
    assert!(tally.taken > 0 && tally.refused > 0);
}

#[test]
fn damaged_runs_are_read_or_refused() {
    fuzz("runs", 100_000, false);
}

#[test]
fn damaged_runs_are_drawn_or_refused() {
    fuzz("figures of runs", 3_000, true);
}
