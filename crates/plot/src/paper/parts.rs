//! What several figures have in common.

use brink_analysis::Trace;

use super::source::Source;
use crate::chart::{Axis, Band, Column, Curve, Figure, Level, Panel, Scale, Stroke, Titles, style};
use crate::error::PlotError;
use crate::phases::bands;
use crate::ticks;

/// A panel with one axis.
pub fn panel(label: &str, scale: Scale, curves: Vec<Curve>) -> Panel {
    Panel {
        left: axis(label, scale, curves),
        ..Panel::default()
    }
}

/// An axis without levels.
pub fn axis(label: &str, scale: Scale, curves: Vec<Curve>) -> Axis {
    Axis {
        label: label.to_owned(),
        scale,
        curves,
        levels: Vec::new(),
    }
}

/// The line 2/η, with its number.
pub fn threshold(value: f64) -> Level {
    Level {
        value,
        label: format!("2/η = {}", ticks::short(value)),
        name: "2/η".to_owned(),
        stroke: style::THRESHOLD,
    }
}

/// A line at zero.
pub fn zero() -> Level {
    Level {
        value: 0.0,
        label: String::new(),
        name: String::new(),
        stroke: style::ZERO,
    }
}

/// The panel of Λ, in front of 2/η.
pub fn sharpness(curves: Vec<Curve>, level: f64) -> Panel {
    let scale = Scale::Zero {
        reference: Some(level),
    };
    let mut panel = panel("Hessian eigenvalue λ", scale, curves);
    panel.left.levels.push(threshold(level));
    panel.height = 190.0;
    panel
}

/// The panel of the loss.
pub fn loss(curves: Vec<Curve>) -> Panel {
    panel("training loss L", Scale::Logarithmic, curves)
}

/// A curve over the steps of a run.
pub fn over_steps(
    source: &Source<'_>,
    name: &str,
    stroke: Stroke,
    column: &str,
) -> Result<Curve, PlotError> {
    Ok(Curve::new(
        name,
        stroke,
        &source.steps(),
        source.column(column)?,
    ))
}

/// The phases of a run over its steps.
pub fn phase_bands(trace: &Trace) -> Vec<Band> {
    bands(&trace.sharpness(), &trace.facts().phases)
}

/// A figure with its caption.
pub fn figure(title: &str, subtitle: &str, columns: Vec<Column>, traces: &[&Trace]) -> Figure {
    Figure {
        titles: Titles {
            title: title.to_owned(),
            subtitle: subtitle.to_owned(),
        },
        columns,
        caption: caption(traces),
        width: 0.0,
    }
}

/// Names config and data of each run; runs described alike share a line.
fn caption(traces: &[&Trace]) -> String {
    let lines = traces.iter().map(|trace| {
        let facts = trace.facts();
        match &facts.description {
            Some(description) => format!("{}: {description}", facts.name),
            None => facts.name.clone(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// |a − b| / |b|, row by row, where both are measured.
pub fn relative_difference(a: &[Option<f64>], b: &[Option<f64>]) -> Vec<Option<f64>> {
    let rows = a.iter().zip(b);
    rows.map(|(a, b)| {
        let (a, b) = ((*a)?, (*b)?);
        Some(((a - b) / b).abs())
    })
    .collect()
}
