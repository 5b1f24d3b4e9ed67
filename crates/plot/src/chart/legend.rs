//! What the lines and colours of a figure mean, in lines above its panels.

use brink_analysis::phases::Phase;
use plotters::style::text_anchor::HPos;

use super::bands;
use super::model::{Column, Curve, Figure, Panel, Quality};
use super::page::{Area, Drawn, dot, line, px, ring};
use super::style::{self, Stroke};
use super::text::{text_width, write};

/// Height of a line of the legend.
pub const LINE: f64 = 15.0;

const GAP: f64 = 16.0;

#[derive(Debug, Clone, PartialEq)]
enum Key {
    Line(Stroke),
    Ring(Stroke),
    Dot,
    Phase(Phase),
}

/// The legend's entries, broken into lines.
#[derive(Debug)]
pub struct Legend {
    lines: Vec<Vec<(Key, String)>>,
}

impl Legend {
    /// What a figure needs to have explained, in lines of `width` points.
    pub fn of(figure: &Figure, width: f64) -> Self {
        let mut lines: Vec<Vec<(Key, String)>> = Vec::new();
        let mut used = 0.0;
        let entries = entries(figure);
        let phases: f64 = entries
            .iter()
            .filter(|entry| entry.0.is_phase())
            .map(extent)
            .sum();
        let mut before_phases = true;
        for entry in entries {
            // Phases stay together, on a line of their own if need be.
            let needs = if entry.0.is_phase() && std::mem::take(&mut before_phases) {
                phases
            } else {
                extent(&entry)
            };
            let taken = extent(&entry);
            match lines.last_mut() {
                Some(line) if used + needs <= width + GAP => line.push(entry),
                _ => {
                    lines.push(vec![entry]);
                    used = 0.0;
                }
            }
            used += taken;
        }
        Self { lines }
    }

    /// Its height.
    pub fn height(&self) -> f64 {
        LINE * self.lines.len() as f64
    }

    /// Draws it with its upper left corner at a place in points.
    pub fn draw(&self, page: &Area<'_>, (left, top): (f64, f64)) -> Drawn {
        for (at, entries) in self.lines.iter().enumerate() {
            let y = top + LINE * (at as f64 + 0.5);
            let mut x = left;
            for entry in entries {
                let (key, says) = entry;
                let (start, middle) = ((px(x), px(y)), (px(x + 10.0), px(y)));
                match key {
                    Key::Line(stroke) => line(page, vec![start, (px(x + 21.0), px(y))], *stroke)?,
                    Key::Ring(stroke) => ring(page, middle, 2.4, *stroke)?,
                    Key::Dot => dot(page, middle, 1.1, style::STALE)?,
                    Key::Phase(phase) => bands::draw_swatch(page, *phase, start)?,
                }
                write(page, says, (x + key.width(), y), style::TICK, HPos::Left)?;
                x += extent(entry);
            }
        }
        Ok(())
    }
}

impl Key {
    fn is_phase(&self) -> bool {
        matches!(self, Self::Phase(_))
    }

    fn width(&self) -> f64 {
        if self.is_phase() { 17.0 } else { 26.0 }
    }
}

fn extent((key, says): &(Key, String)) -> f64 {
    key.width() + text_width(says, style::TICK) + GAP
}

fn entries(figure: &Figure) -> Vec<(Key, String)> {
    let mut entries: Vec<(Key, String)> = Vec::new();
    let mut add = |key: Key, says: &str| {
        let known = |(known, says_known): &(Key, String)| *known == key && says_known == says;
        if !says.is_empty() && !entries.iter().any(known) {
            entries.push((key, says.to_owned()));
        }
    };
    for panel in panels(figure) {
        for axis in std::iter::once(&panel.left).chain(&panel.right) {
            for curve in &axis.curves {
                add(Key::Line(curve.stroke), &curve.name);
            }
            for level in &axis.levels {
                add(Key::Line(level.stroke), &level.name);
            }
        }
    }
    let has = |quality: Quality| first_with(figure, quality).map(|curve| curve.stroke.color);
    if let Some(color) = has(Quality::NotConverged) {
        let stroke = Stroke {
            color,
            ..style::RING
        };
        add(Key::Ring(stroke), "not converged");
    }
    if has(Quality::Stale).is_some() {
        add(Key::Dot, "Rayleigh quotient");
    }
    for mark in figure.columns.iter().flat_map(|column| &column.marks) {
        add(Key::Line(style::MARK), &mark.name);
    }
    for phase in [Phase::I, Phase::II, Phase::III, Phase::IV] {
        let shown = |column: &Column| column.bands.iter().any(|band| band.phase == phase);
        if figure.columns.iter().any(shown) {
            add(Key::Phase(phase), bands::name(phase).unwrap_or_default());
        }
    }
    entries
}

fn panels(figure: &Figure) -> impl Iterator<Item = &Panel> {
    figure.columns.iter().flat_map(|column| &column.panels)
}

fn first_with(figure: &Figure, quality: Quality) -> Option<&Curve> {
    panels(figure)
        .flat_map(|panel| std::iter::once(&panel.left).chain(&panel.right))
        .flat_map(|axis| &axis.curves)
        .find(|curve| {
            curve
                .samples
                .iter()
                .any(|sample| sample.y.is_some() && sample.quality == quality)
        })
}
