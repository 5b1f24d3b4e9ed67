//! Runs of one label.

use serde::{Deserialize, Serialize};

use super::{Label, Phase};

/// Recorded steps, one after the other, that share a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Their phase.
    pub phase: Phase,
    /// Their cycle; 0 before the first crossing.
    pub cycle: u64,
    /// The first step.
    pub from: u64,
    /// The last step, itself within.
    pub to: u64,
}

/// The spans of labelled steps, in order, without a gap between recorded steps. Steps without a
/// label, or labels without a step, are left out.
pub fn spans(steps: &[u64], labels: &[Label]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (step, label) in steps.iter().zip(labels) {
        match spans.last_mut() {
            Some(last) if last.phase == label.phase && last.cycle == label.cycle => last.to = *step,
            _ => spans.push(Span {
                phase: label.phase,
                cycle: label.cycle,
                from: *step,
                to: *step,
            }),
        }
    }
    spans
}
