//! A figure of any columns of a trace, over its steps.

use std::path::Path;

use brink_analysis::Table;

use super::manifest::Head;
use super::read::TRACE_CSV;
use crate::chart::{Axis, Column, Curve, Figure, Panel, Scale, style};
use crate::error::PlotError;

/// Draws columns of the trace in a run's folder, as an SVG document: a panel each list of names. An
/// axis is logarithmic where its values are positive and grow a hundredfold.
///
/// # Errors
/// [`PlotError::NoColumn`] for a name that the trace has not, [`PlotError::Table`].
pub fn draw_columns(folder: &Path, panels: &[Vec<String>]) -> Result<String, PlotError> {
    let trace = Table::read(folder.join(TRACE_CSV))?;
    let steps = trace.increasing_steps()?;
    let steps: Vec<f64> = steps.into_iter().map(|step| step as f64).collect();
    // A curve that the legend names looks like no other in the figure.
    let mut named = 0;
    let panels = panels.iter().map(|names| {
        let first = named;
        named += if names.len() > 1 { names.len() } else { 0 };
        panel(&trace, &steps, names, first)
    });
    let figure = Figure {
        titles: Head::read(folder)?.titles(),
        columns: vec![Column {
            x_label: "step".to_owned(),
            ..Column::of_steps(panels.collect::<Result<_, _>>()?)
        }],
        ..Figure::default()
    };
    Ok(figure.draw()?)
}

fn panel(trace: &Table, steps: &[f64], names: &[String], first: usize) -> Result<Panel, PlotError> {
    let alone = names.len() == 1;
    let curves = names.iter().enumerate().map(|(at, name)| {
        let column = trace.column(name).ok_or_else(|| PlotError::NoColumn {
            column: name.clone(),
            known: trace.header().join(", "),
        })?;
        let says = if alone { "" } else { name };
        let values = trace.numbers(column)?;
        Ok(Curve::new(
            says,
            style::compared(first + at),
            steps,
            &values,
        ))
    });
    let curves: Vec<Curve> = curves.collect::<Result<_, PlotError>>()?;
    let positive = curves
        .iter()
        .flat_map(Curve::values)
        .all(|value| value > 0.0);
    Ok(Panel {
        left: Axis {
            label: if alone {
                names[0].clone()
            } else {
                String::new()
            },
            scale: if positive { Scale::Wide } else { Scale::Linear },
            curves,
            levels: Vec::new(),
        },
        height: 130.0,
        ..Panel::default()
    })
}
