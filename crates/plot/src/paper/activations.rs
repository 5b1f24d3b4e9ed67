//! Λ and ‖A‖² side by side for several networks.

use brink_analysis::Trace;
use brink_analysis::statistics::pearson;

use super::parts::{axis, figure, over_steps, threshold};
use super::source::Source;
use crate::chart::{Column, Panel, Scale, style};
use crate::error::PlotError;

const NAME: &str = "the figure of sharpness and ‖A‖²";

/// One panel a run: Λ on the left axis, ‖A‖² on the right one, and Pearson's correlation of the
/// two over the steps that have both. In two columns, row by row in the order given.
///
/// # Errors
///
/// [`PlotError::NoRuns`], and [`PlotError::NotMeasured`] without λ₁ or ‖A‖².
pub fn sharpness_and_output_norm(traces: &[Trace]) -> Result<String, PlotError> {
    if traces.is_empty() {
        return Err(PlotError::NoRuns { figure: NAME });
    }
    let count = traces.len().min(2);
    let mut columns: Vec<Vec<Panel>> = vec![Vec::new(); count];
    for (at, trace) in traces.iter().enumerate() {
        columns[at % count].push(overlay(trace)?);
    }
    let columns = columns.into_iter().map(|panels| Column {
        shared: false,
        ..Column::of_steps(panels)
    });
    let title = "Sharpness and the norm of the output layer";
    let subtitle = "left axis: Λ · right axis: ‖A‖² · r: Pearson's correlation over all steps";
    let traces: Vec<&Trace> = traces.iter().collect();
    let mut figure = figure(title, subtitle, columns.collect(), &traces);
    figure.width = if count > 1 { 760.0 } else { 0.0 };
    Ok(figure.draw()?)
}

fn overlay(trace: &Trace) -> Result<Panel, PlotError> {
    let source = Source {
        figure: NAME,
        trace,
    };
    let sharpness = over_steps(&source, "sharpness Λ", style::eigenvalue(0), "lambda_1")?;
    let norm = over_steps(&source, "‖A‖²", style::OVERLAY, "output_norm_sq")?;
    let level = source.threshold()?;
    let correlation = pearson(source.column("lambda_1")?, source.column("output_norm_sq")?);
    let scale = Scale::Zero {
        reference: Some(level),
    };
    let mut left = axis("sharpness Λ", scale, vec![sharpness]);
    let mut threshold = threshold(level);
    // The right axis is in its place.
    threshold.label.clear();
    left.levels.push(threshold);
    Ok(Panel {
        title: trace.facts().name.clone(),
        note: correlation.map_or_else(
            || "r is not defined".to_owned(),
            |r| format!("r = {r:.3}").replace('-', "−"),
        ),
        left,
        right: Some(axis("‖A‖²", Scale::Wide, vec![norm])),
        heat: None,
        height: 150.0,
    })
}
