//! The same network at several step sizes.

use brink_analysis::Trace;

use super::parts::{figure, over_steps, panel, threshold};
use super::source::Source;
use crate::chart::{Column, Curve, Level, Panel, Scale, style};
use crate::error::PlotError;
use crate::ticks;

const NAME: &str = "the figure of several step sizes";

/// Λ of each run over 2/η of its own, all in one panel; below, one panel a run with Λ against 2/η.
/// Runs go from the largest step size to the smallest.
///
/// # Errors
///
/// [`PlotError::NoRuns`], [`PlotError::NotMeasured`] without λ₁, [`PlotError::NotInRun`] without η.
pub fn step_sizes(traces: &[Trace]) -> Result<String, PlotError> {
    let mut runs = Vec::new();
    for trace in traces {
        let source = Source {
            figure: NAME,
            trace,
        };
        runs.push((source.step_size()?, source));
    }
    if runs.is_empty() {
        return Err(PlotError::NoRuns { figure: NAME });
    }
    runs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut ratios = Vec::new();
    let mut panels = Vec::new();
    for (at, (step_size, source)) in runs.iter().enumerate() {
        let name = format!("η = {}", ticks::short(*step_size));
        ratios.push(ratio(source, &name, at, *step_size)?);
        panels.push(raw(source, &name, at)?);
    }
    let scale = Scale::Zero {
        reference: Some(1.0),
    };
    let mut all = panel("ηΛ/2", scale, ratios);
    all.left.levels.push(Level {
        value: 1.0,
        label: "Λ = 2/η".to_owned(),
        name: String::new(),
        stroke: style::THRESHOLD,
    });
    all.height = 180.0;
    panels.insert(0, all);
    let column = Column::of_steps(panels);
    let title = "The same network at several step sizes";
    let traces: Vec<&Trace> = runs.iter().map(|(_, source)| source.trace).collect();
    Ok(figure(title, "", vec![column], &traces).draw()?)
}

fn ratio(source: &Source<'_>, name: &str, at: usize, step_size: f64) -> Result<Curve, PlotError> {
    let values: Vec<Option<f64>> = source
        .column("lambda_1")?
        .iter()
        .map(|value| value.map(|value| value * step_size / 2.0))
        .collect();
    Ok(Curve::new(
        name,
        style::compared(at),
        &source.steps(),
        &values,
    ))
}

fn raw(source: &Source<'_>, name: &str, at: usize) -> Result<Panel, PlotError> {
    let mut stroke = style::compared(at);
    // Alone in its panel, it need not be told apart.
    stroke.dash = None;
    let level = source.threshold()?;
    let scale = Scale::Zero {
        reference: Some(level),
    };
    let mut panel = panel(
        "Λ",
        scale,
        vec![over_steps(source, "", stroke, "lambda_1")?],
    );
    panel.left.levels.push(Level {
        name: String::new(),
        ..threshold(level)
    });
    panel.title = name.to_owned();
    panel.height = 80.0;
    Ok(panel)
}
