//! Λ and ‖A‖² move together.

use super::Run;
use super::row::{Assumption, Figure, Measurement, PhaseMeasurement, Threshold, Verdict};
use crate::Correlation;
use crate::phases::Phase;

/// The least correlation at which ‖A‖² explains most of Λ: r² = 0.64.
pub const CORRELATION_LIMIT: f64 = 0.8;
/// The least share of steps in the same direction; by chance it would be a half.
pub const SAME_SIGN_LIMIT: f64 = 0.8;

const TEXT: &str = "holds if the correlation and the share of steps with the same sign of change \
                    both reach 0.8, in part if one does";

pub(super) fn row(run: Run<'_>) -> Assumption {
    let of = |phase| Correlation::measure(run.trace, |row| run.is_of(row, phase));
    let overall = of(None);
    let verdict = match overall {
        Err(_) => Verdict::Missing,
        Ok(found) => {
            let reaches = |value: Option<f64>, limit| value.is_some_and(|value| value >= limit);
            match (
                reaches(found.pearson, CORRELATION_LIMIT),
                reaches(found.same_sign_share, SAME_SIGN_LIMIT),
            ) {
                (true, true) => Verdict::Holds,
                (false, false) => Verdict::Fails,
                _ => Verdict::Partly,
            }
        }
    };
    let by_phase = |phase: Phase| PhaseMeasurement {
        phase,
        measurement: measurement(of(Some(phase)), "three measured steps in this phase"),
    };
    Assumption {
        key: "sharpness_follows_output_norm",
        assumption: "Λ and ‖A‖² move together",
        quantity: "Pearson correlation of Λ and ‖A‖²; share of steps where ΔΛ and Δ‖A‖² have the \
                   same sign",
        by_phase: match overall {
            Ok(_) => run.phases().map(by_phase).collect(),
            Err(_) => Vec::new(),
        },
        overall: measurement(overall, ""),
        threshold: Threshold {
            value: CORRELATION_LIMIT,
            text: TEXT,
        },
        verdict,
    }
}

fn measurement(found: Result<Correlation, &'static str>, instead: &str) -> Measurement {
    let missing = |needs: &str| Measurement::Missing {
        needs: needs.to_owned(),
    };
    match found {
        Ok(found) => {
            let figures = [
                ("pearson", found.pearson),
                ("same_sign_share", found.same_sign_share),
            ];
            Measurement::Measured {
                figures: figures
                    .into_iter()
                    .filter_map(|(name, value)| Some(Figure::new(name, value?)))
                    .collect(),
                steps: found.steps,
            }
        }
        Err(needs) if instead.is_empty() => missing(needs),
        Err(_) => missing(instead),
    }
}
