//! The figure of a run: sharpness against 2/η, loss and ‖A‖² over the same steps.

use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Canvas, DrawError, Font, Point, Stroke, finish_document};
use super::panel::{Curve, Panel, TICK_GAP};
use super::range::{Range, ceiling};
use super::series::{Quality, Series};
use super::style;
use super::ticks::{self, Tick};

const WIDTH: f64 = 640.0;
const RIGHT: f64 = 84.0;
const GAP: f64 = 14.0;
const BOTTOM: f64 = 46.0;
const LINE: f64 = 15.0;

/// A guess at a text's width, for layout only: the font is the reader's.
fn text_width(text: &str, font: Font) -> f64 {
    const ADVANCE: f64 = 0.56;
    text.chars().count() as f64 * font.size * ADVANCE
}

/// What stands above the panels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Titles {
    /// The run's name.
    pub title: String,
    /// What was trained on what, and anything that a reader must not miss.
    pub subtitle: String,
}

impl Titles {
    /// Adds a remark to the subtitle.
    pub fn note(&mut self, remark: Option<&str>) {
        let Some(remark) = remark else {
            return;
        };
        if !self.subtitle.is_empty() {
            self.subtitle.push_str(SEPARATOR);
        }
        self.subtitle.push_str(remark);
    }
}

/// Stands between the remarks of a subtitle.
const SEPARATOR: &str = " · ";

struct Content {
    label: &'static str,
    height: f64,
    y: Range,
    ticks: Vec<Tick>,
    curves: Vec<Curve>,
    level: Option<f64>,
}

/// Draws the figure of a run, as an SVG document.
pub fn draw(series: &Series, titles: &Titles) -> Result<String, DrawError> {
    let contents: Vec<Content> = [sharpness(series), loss(series), output_norm(series)]
        .into_iter()
        .flatten()
        .collect();
    let widest = contents
        .iter()
        .flat_map(|content| &content.ticks)
        .map(|tick| text_width(&tick.label, style::TICK))
        .fold(0.0, f64::max);
    let label_distance = TICK_GAP + widest + 16.0;
    let left = label_distance + 14.0;
    let subtitle = wrapped(&titles.subtitle, WIDTH - left - 16.0, style::SUBTITLE);
    let legend_y = 26.0 + LINE * subtitle.len() as f64 + 12.0;
    let mut top = legend_y + 14.0;
    let panels: f64 = contents.iter().map(|content| content.height).sum();
    let gaps = GAP * contents.len().saturating_sub(1) as f64;
    let size = (WIDTH, (top + panels + gaps + BOTTOM).ceil());

    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, size)?;
    canvas.text(&titles.title, (left, 18.0), style::TITLE)?;
    for (at, line) in subtitle.iter().enumerate() {
        let y = 36.0 + LINE * at as f64;
        canvas.text(line, (left, y), style::SUBTITLE)?;
    }
    legend(&canvas, series, (left, legend_y))?;

    let x = Range::steps(series.step.iter().copied());
    let x_ticks = ticks::whole(x.low, x.high, 7);
    for (at, content) in contents.iter().enumerate() {
        let panel = Panel {
            label: content.label,
            label_distance,
            corner: (left, top),
            size: (WIDTH - left - RIGHT, content.height),
            x,
            y: content.y,
            x_ticks: &x_ticks,
            y_ticks: &content.ticks,
            last: at + 1 == contents.len(),
        };
        panel.draw_frame(&canvas)?;
        if let Some(level) = content.level {
            let says = format!("2/η = {}", ticks::short(level));
            panel.draw_level(&canvas, level, &says)?;
        }
        // The first curve is the one that matters: it goes on top.
        for curve in content.curves.iter().rev() {
            panel.draw_curve(&canvas, &series.step, curve)?;
        }
        top += content.height + GAP;
    }
    canvas.text(
        "gradient descent step",
        (left + (WIDTH - left - RIGHT) / 2.0, top - GAP + 32.0),
        Font {
            anchor: (HPos::Center, VPos::Center),
            ..style::LABEL
        },
    )?;
    canvas.finish()?;
    Ok(finish_document(&svg, size))
}

fn sharpness(series: &Series) -> Option<Content> {
    let values = || {
        series
            .eigenvalues
            .iter()
            .flatten()
            .flatten()
            .map(|measured| measured.value)
    };
    let largest = values()
        .filter(|value| value.is_finite())
        .fold(f64::NAN, f64::max);
    if largest.is_nan() {
        return None;
    }
    let threshold = series.threshold.filter(|level| level.is_finite());
    // A threshold far above every eigenvalue would flatten them all: the legend still names it.
    let level = threshold.filter(|level| *level <= 4.0 * largest);
    let ceiling = threshold.and_then(|threshold| ceiling(values(), threshold));
    let y = Range::from_zero(
        values()
            .chain(level)
            .map(|value| ceiling.map_or(value, |ceiling| value.min(ceiling))),
    );
    Some(Content {
        label: "Hessian eigenvalue λ",
        height: 210.0,
        y,
        ticks: ticks::linear(y.low, y.high, 6),
        curves: series
            .eigenvalues
            .iter()
            .enumerate()
            .map(|(at, column)| Curve {
                stroke: style::eigenvalue(at),
                points: column
                    .iter()
                    .map(|measured| measured.map(|measured| (measured.value, measured.quality)))
                    .collect(),
            })
            .collect(),
        level,
    })
}

fn loss(series: &Series) -> Option<Content> {
    if series.loss.is_empty() {
        return None;
    }
    let values = || series.loss.iter().flatten().copied();
    let (y, ticks) = match Range::logarithmic(values()) {
        Some(y) => (y, ticks::logarithmic(y.low, y.high, 4)),
        None => {
            let y = Range::linear(values());
            (y, ticks::linear(y.low, y.high, 5))
        }
    };
    Some(single(
        "training loss L",
        y,
        ticks,
        &series.loss,
        style::LOSS,
    ))
}

fn output_norm(series: &Series) -> Option<Content> {
    if series.output_norm_sq.is_empty() {
        return None;
    }
    let values = || series.output_norm_sq.iter().flatten().copied();
    // A norm that grows a hundredfold, as in a diverging run, needs the scale that the loss has.
    let wide = Range::logarithmic(values()).filter(|y| y.high > 100.0 * y.low);
    let (y, ticks) = match wide {
        Some(y) => (y, ticks::logarithmic(y.low, y.high, 4)),
        None => {
            let y = Range::linear(values());
            (y, ticks::linear(y.low, y.high, 5))
        }
    };
    Some(single(
        "output layer ‖A‖²",
        y,
        ticks,
        &series.output_norm_sq,
        style::OUTPUT_NORM,
    ))
}

fn single(
    label: &'static str,
    y: Range,
    ticks: Vec<Tick>,
    column: &[Option<f64>],
    stroke: Stroke,
) -> Content {
    Content {
        label,
        height: 120.0,
        y,
        ticks,
        curves: vec![Curve {
            stroke,
            points: column
                .iter()
                .map(|value| value.map(|value| (value, Quality::Solved)))
                .collect(),
        }],
        level: None,
    }
}

fn legend(canvas: &Canvas<'_>, series: &Series, (left, y): Point) -> Result<(), DrawError> {
    let mut x = left;
    let entry = |x: &mut f64, says: &str| {
        let at = (*x + 26.0, y);
        *x += 26.0 + text_width(says, style::TICK) + 20.0;
        canvas.text(says, at, style::TICK)
    };
    for at in 0..series.eigenvalues.len() {
        canvas.line(&[(x, y), (x + 21.0, y)], style::eigenvalue(at))?;
        let says = match at {
            0 => "sharpness λ₁".to_owned(),
            _ => format!("λ{}", subscript(at + 1)),
        };
        entry(&mut x, &says)?;
    }
    if let (Some(threshold), false) = (series.threshold, series.eigenvalues.is_empty()) {
        canvas.line(&[(x, y), (x + 21.0, y)], style::THRESHOLD)?;
        entry(&mut x, &format!("2/η = {}", ticks::short(threshold)))?;
    }
    if series.has(Quality::NotConverged) {
        let stroke = Stroke {
            color: style::eigenvalue(0).color,
            ..style::RING
        };
        canvas.ring((x + 10.0, y), 2.4, stroke)?;
        entry(&mut x, "not converged")?;
    }
    if series.has(Quality::Stale) {
        canvas.dot((x + 10.0, y), 1.1, style::STALE)?;
        entry(&mut x, "Rayleigh quotient")?;
    }
    Ok(())
}

fn subscript(number: usize) -> String {
    number
        .to_string()
        .chars()
        .filter_map(|digit| char::from_u32(u32::from(digit) - u32::from('0') + u32::from('₀')))
        .collect()
}

/// Breaks a text into lines at its separators.
fn wrapped(text: &str, width: f64, font: Font) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split(SEPARATOR).filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line}{SEPARATOR}{part}"), font) <= width => {
                line.push_str(SEPARATOR);
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}
