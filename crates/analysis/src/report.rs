//! All that is said of a run, as `report.json` holds it.

use serde::Serialize;

use crate::assumptions::{Assumption, assumptions};
use crate::phases::{PhaseParams, PhaseSummary, classify, phase_table};
use crate::statistics::{Extreme, maximum};
use crate::{Correlation, Facts, PhaseCorrelation, Trace};

/// The analysis of one run. Keys keep the order of the fields; no number is NaN or infinite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the run says of itself.
    pub run: Facts,
    /// Recorded steps.
    pub recorded: usize,
    /// The last recorded step.
    pub last_step: Option<u64>,
    /// The last recorded loss.
    pub last_loss: Option<f64>,
    /// The largest Λ.
    pub max_sharpness: Option<Extreme>,
    /// How the phases were told.
    pub phase_params: PhaseParams,
    /// The first step above 2/η after having been below it, by these labels.
    pub first_crossing: Option<u64>,
    /// Upward crossings.
    pub cycles: u64,
    /// What happened in each phase of each cycle, in order.
    pub phases: Vec<PhaseSummary>,
    /// Λ against ‖A‖²; none when either was not measured.
    pub sharpness_and_output_norm: Option<Correlation>,
    /// The same by phase.
    pub sharpness_and_output_norm_by_phase: Vec<PhaseCorrelation>,
    /// The paper's assumptions along the run.
    pub assumptions: Vec<Assumption>,
}

impl Report {
    /// Analyses a trace.
    pub fn of(trace: &Trace, params: &PhaseParams) -> Self {
        let labels = classify(&trace.sharpness(), params);
        let phases = phase_table(trace, &labels);
        let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
        let loss = trace.column("loss").unwrap_or_default();
        Self {
            run: trace.facts().clone(),
            recorded: trace.len(),
            last_step: trace.steps().last().copied(),
            last_loss: loss.last().and_then(finite),
            max_sharpness: trace
                .column("lambda_1")
                .and_then(|values| maximum(trace.steps(), values)),
            phase_params: *params,
            first_crossing: phases.iter().find(|row| row.cycle == 1).map(|row| row.from),
            cycles: labels.last().map_or(0, |label| label.cycle),
            sharpness_and_output_norm: Correlation::measure(trace, |_| true).ok(),
            sharpness_and_output_norm_by_phase: PhaseCorrelation::all(trace, &labels),
            assumptions: assumptions(trace, &labels),
            phases,
        }
    }

    /// The content of `report.json`, indented, with a line break at its end.
    ///
    /// # Errors
    ///
    /// Only if the facts hold what JSON cannot, which no manifest can put there.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}
