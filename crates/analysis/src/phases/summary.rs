//! The phase table: what happened in each phase of each cycle.

use std::ops::Range;

use serde::Serialize;

use super::{Label, Phase};
use crate::Trace;
use crate::statistics::{Share, mean};

/// What happened in one span of steps of one phase. A figure whose columns were not measured is
/// none.
///
/// A change is from the last measured value before the span to the last one within it, so that
/// the changes of all spans add up to that of the run. For the first span it is from its own first
/// value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseSummary {
    /// The cycle; 0 before the first crossing.
    pub cycle: u64,
    /// The phase.
    pub phase: Phase,
    /// The first step.
    pub from: u64,
    /// The last step, itself within.
    pub to: u64,
    /// Recorded steps.
    pub steps: usize,
    /// Change of the sharpness Λ.
    pub sharpness_change: Option<f64>,
    /// Change of ‖A‖².
    pub output_norm_sq_change: Option<f64>,
    /// Change of the loss.
    pub loss_change: Option<f64>,
    /// The sign of DᵀF over the span.
    pub residual_dot_output: Option<Signs>,
    /// The growth of |Dᵀv₁| a step.
    pub growth: Option<Growth>,
}

/// How often a quantity is positive, and how often negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Signs {
    /// Share of the measured steps at which it is positive.
    pub positive: f64,
    /// Share at which it is negative.
    pub negative: f64,
    /// Measured steps.
    pub of: usize,
}

/// The growth of |Dᵀv₁| a step, against what the linear step predicts (identity 2 of the paper
/// notes: D⁺ ≈ (I − (2κη/n) M) D, so that along v₁ the factor is 1 − ηΛ).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Growth {
    /// Geometric mean of |Dᵀv₁|(t+1) / |Dᵀv₁|(t).
    pub measured: f64,
    /// Geometric mean of |1 − ηΛ(t)| over the same steps.
    pub predicted: f64,
    /// The number of these steps.
    pub steps: usize,
}

/// The fewest steps a growth rate is taken over.
const FEWEST_STEPS: usize = 2;

/// The phase table of a trace, one entry a span of [`spans`](super::spans).
///
/// The growth is that of the steps taken *from* within the span, one step size each: t and t + 1
/// are both recorded, Dᵀv₁ is measured at both and Λ at t. Steps with a zero Dᵀv₁ or 1 − ηΛ have
/// no logarithm and are left out; with fewer than two steps there is no rate.
pub fn phase_table(trace: &Trace, labels: &[Label]) -> Vec<PhaseSummary> {
    let mut table = Vec::new();
    let mut start = 0;
    for rows in labels[..labels.len().min(trace.len())].chunk_by(|a, b| a == b) {
        let range = start..start + rows.len();
        start = range.end;
        table.push(summary(trace, rows[0], range));
    }
    table
}

fn summary(trace: &Trace, label: Label, rows: Range<usize>) -> PhaseSummary {
    let change = |name: &str| change(trace.column(name)?, &rows);
    PhaseSummary {
        cycle: label.cycle,
        phase: label.phase,
        from: trace.steps()[rows.start],
        to: trace.steps()[rows.end - 1],
        steps: rows.len(),
        sharpness_change: change("lambda_1"),
        output_norm_sq_change: change("output_norm_sq"),
        loss_change: change("loss"),
        residual_dot_output: trace
            .column("residual_dot_output")
            .and_then(|values| signs(&values[rows.clone()])),
        growth: growth(trace, &rows),
    }
}

fn change(values: &[Option<f64>], rows: &Range<usize>) -> Option<f64> {
    let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
    let within = &values[rows.clone()];
    let last = within.iter().rev().find_map(finite)?;
    let before = values[..rows.start].iter().rev().find_map(finite);
    let from = before.or_else(|| within.iter().find_map(finite))?;
    Some(last - from)
}

fn signs(values: &[Option<f64>]) -> Option<Signs> {
    let measured = || values.iter().flatten().filter(|value| !value.is_nan());
    let positive = Share::of(measured().map(|value| *value > 0.0))?;
    let negative = Share::of(measured().map(|value| *value < 0.0))?;
    Some(Signs {
        positive: positive.share,
        negative: negative.share,
        of: positive.of,
    })
}

fn growth(trace: &Trace, rows: &Range<usize>) -> Option<Growth> {
    let (residual, sharpness) = (trace.column("residual_on_v1")?, trace.column("lambda_1")?);
    let (steps, step_size) = (trace.steps(), trace.step_size()?);
    let logarithms: Vec<(f64, f64)> = rows
        .clone()
        .take_while(|row| row + 1 < steps.len())
        .filter(|row| steps[row + 1] - steps[*row] == 1)
        .filter_map(|row| {
            let measured = (residual[row + 1]? / residual[row]?).abs().ln();
            let predicted = (1.0 - step_size * sharpness[row]?).abs().ln();
            (measured.is_finite() && predicted.is_finite()).then_some((measured, predicted))
        })
        .collect();
    if logarithms.len() < FEWEST_STEPS {
        return None;
    }
    Some(Growth {
        measured: mean(logarithms.iter().map(|(measured, _)| *measured))?.exp(),
        predicted: mean(logarithms.iter().map(|(_, predicted)| *predicted))?.exp(),
        steps: logarithms.len(),
    })
}

#[cfg(test)]
mod tests;
