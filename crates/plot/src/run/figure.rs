//! The figure of a run: sharpness against 2/η, loss and ‖A‖² over the same steps, in front of the
//! phases.

use super::series::{Measured, Series};
use crate::chart::{
    Axis, Column, Curve, Figure, Level, Panel, Sample, Scale, Stroke, Titles, style,
};
use crate::error::PlotError;
use crate::phases::bands;
use crate::ticks;

/// Draws the figure of a run, as an SVG document.
///
/// Where the run's sharpness crosses 2/η, the phases I to IV are shown behind the curves.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn draw_run(series: &Series, titles: &Titles) -> Result<String, PlotError> {
    let panels = [sharpness(series), loss(series), output_norm(series)];
    let mut column = Column::of_steps(panels.into_iter().flatten().collect());
    column.x_label = match series.rule.phases {
        true => "gradient descent step".to_owned(),
        false => "step".to_owned(),
    };
    column.bands = bands(&series.sharpness(), &series.phases);
    let figure = Figure {
        titles: titles.clone(),
        columns: vec![column],
        ..Figure::default()
    };
    Ok(figure.draw()?)
}

fn sharpness(series: &Series) -> Option<Panel> {
    let mut curves: Vec<Curve> = series
        .eigenvalues
        .iter()
        .enumerate()
        .map(|(at, column)| Curve {
            name: match series.rule.preconditioned {
                true => format!("preconditioned λ{}", ticks::subscript(at + 1)),
                false => eigenvalue_name(at),
            },
            stroke: style::eigenvalue(at),
            samples: samples(series, column),
        })
        .collect();
    let finite = |curve: &Curve| curve.values().any(f64::is_finite);
    if !curves.iter().any(finite) {
        return None;
    }
    if let Some(before) = &series.before
        && let Some(first) = before.eigenvalues.first()
    {
        let curve = Curve {
            name: "before the fork".to_owned(),
            stroke: style::BEFORE,
            samples: samples(before, first),
        };
        curves.insert(0, curve);
    }
    let formula = &series.rule.formula;
    let constant = series.constant_threshold();
    if constant.is_none() && series.threshold.iter().any(Option::is_some) {
        curves.push(Curve::new(
            formula,
            style::THRESHOLD,
            &series.step,
            &shown_threshold(series, &curves),
        ));
    }
    let levels = constant.map(|value| {
        let name = format!("{formula} = {}", ticks::short(value));
        // Beside the panel there is room for a few letters; the legend has the formula anyway.
        let short_formula = formula.chars().count() <= 5;
        Level {
            value,
            label: match short_formula {
                true => name.clone(),
                false => ticks::short(value),
            },
            name,
            stroke: style::THRESHOLD,
        }
    });
    Some(Panel {
        left: Axis {
            label: match series.rule.preconditioned {
                true => "preconditioned eigenvalue λ".to_owned(),
                false => "Hessian eigenvalue λ".to_owned(),
            },
            scale: Scale::Zero {
                reference: constant,
            },
            curves,
            levels: levels.into_iter().collect(),
        },
        height: 210.0,
        ..Panel::default()
    })
}

fn samples(series: &Series, column: &[Option<Measured>]) -> Vec<Sample> {
    let steps = series.step.iter().zip(column);
    steps
        .map(|(x, measured)| Sample {
            x: *x,
            y: measured.map(|measured| measured.value),
            quality: measured
                .map(|measured| measured.quality)
                .unwrap_or_default(),
        })
        .collect()
}

/// A threshold that changes, where it is not far above every eigenvalue: it would flatten them.
fn shown_threshold(series: &Series, eigenvalues: &[Curve]) -> Vec<Option<f64>> {
    let values = eigenvalues.iter().flat_map(Curve::values);
    let largest = values.filter(|v| v.is_finite()).fold(0.0, f64::max);
    let near = |value: &f64| *value <= 1.5 * largest;
    series
        .threshold
        .iter()
        .map(|value| value.filter(near))
        .collect()
}

/// What a legend calls the eigenvalue at that position, from 0.
pub(crate) fn eigenvalue_name(at: usize) -> String {
    match at {
        0 => "sharpness λ₁".to_owned(),
        _ => format!("λ{}", ticks::subscript(at + 1)),
    }
}

fn loss(series: &Series) -> Option<Panel> {
    let label = "training loss L";
    single(series, label, Scale::Logarithmic, |s| &s.loss, style::LOSS)
}

fn output_norm(series: &Series) -> Option<Panel> {
    // A norm that grows a hundredfold, as in a diverging run, needs the scale that the loss has.
    let label = "output layer ‖A‖²";
    single(
        series,
        label,
        Scale::Wide,
        |s| &s.output_norm_sq,
        style::OUTPUT_NORM,
    )
}

fn single(
    series: &Series,
    label: &str,
    scale: Scale,
    column: fn(&Series) -> &Vec<Option<f64>>,
    stroke: Stroke,
) -> Option<Panel> {
    if column(series).iter().all(Option::is_none) {
        return None;
    }
    let curve = |of: &Series, stroke| Curve::new("", stroke, &of.step, column(of));
    let before = series.before.iter();
    let before = before.map(|before| curve(before, style::BEFORE));
    Some(Panel {
        left: Axis {
            label: label.to_owned(),
            scale,
            curves: before.chain([curve(series, stroke)]).collect(),
            levels: Vec::new(),
        },
        ..Panel::default()
    })
}
