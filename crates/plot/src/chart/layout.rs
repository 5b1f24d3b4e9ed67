//! Where everything of a figure goes.

use super::bands::STRIP;
use super::frame::TICK_GAP;
use super::legend::Legend;
use super::model::{Axis, Column, Figure, Panel};
use super::range::Range;
use super::scale::{Scaled, scaled};
use super::style;
use super::text::{text_width, wrapped};
use super::ticks::{self, Tick};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 120.0;
const GAP: f64 = 14.0;
const HEADER: f64 = 17.0;
const NUMBERS: f64 = 22.0;
const EDGE: f64 = 14.0;

/// Height of a line of the subtitle or the caption.
pub const LINE: f64 = 15.0;

/// The page, and what is on it outside the panels.
#[derive(Debug)]
pub struct Layout {
    /// Width and height of the page.
    pub size: (f64, f64),
    /// Where titles, legend and caption begin.
    pub left: f64,
    /// The subtitle's lines.
    pub subtitle: Vec<String>,
    /// The legend.
    pub legend: Legend,
    /// Where it begins.
    pub legend_top: f64,
    /// The caption's lines.
    pub caption: Vec<String>,
    /// Where it begins.
    pub caption_top: f64,
    /// One a column.
    pub columns: Vec<ColumnLayout>,
}

/// A column's place.
#[derive(Debug)]
pub struct ColumnLayout {
    /// The frames' left edge.
    pub left: f64,
    /// The frames' width.
    pub width: f64,
    /// How far from the frame the names of the left axes are.
    pub left_label: f64,
    /// How far from the frame the names of the right axes are.
    pub right_label: f64,
    /// One a panel.
    pub panels: Vec<PanelLayout>,
}

/// A panel's place and axes.
#[derive(Debug)]
pub struct PanelLayout {
    /// Upper edge of the frame.
    pub top: f64,
    /// Height of the frame.
    pub height: f64,
    /// What the horizontal axis shows.
    pub x: Range,
    /// Where it is marked.
    pub x_ticks: Vec<Tick>,
    /// Whether numbers stand below.
    pub numbered: bool,
    /// The left axis.
    pub left: Scaled,
    /// The right axis.
    pub right: Option<Scaled>,
}

impl Layout {
    /// Places everything.
    pub fn of(figure: &Figure) -> Self {
        let page = if figure.width > 0.0 {
            figure.width
        } else {
            WIDTH
        };
        let heights = row_heights(figure);
        let axes: Vec<Vec<(Scaled, Option<Scaled>)>> = figure
            .columns
            .iter()
            .map(|column| {
                let rows = column.panels.iter().zip(&heights);
                rows.map(|(panel, height)| {
                    let right = panel.right.as_ref().map(|axis| scaled(axis, *height));
                    (scaled(&panel.left, *height), right)
                })
                .collect()
            })
            .collect();
        let margins: Vec<Margins> = figure
            .columns
            .iter()
            .zip(&axes)
            .map(|(column, axes)| Margins::of(column, axes))
            .collect();
        let count = margins.len().max(1) as f64;
        let taken: f64 = margins.iter().map(|m| m.left + m.right).sum();
        let width = ((page - taken) / count).max(40.0);
        let left = margins.first().map_or(EDGE, |margins| margins.left);

        let subtitle = wrapped(&figure.titles.subtitle, page - left - EDGE, style::SUBTITLE);
        let legend = Legend::of(figure, page - left - EDGE);
        let titles = if figure.titles.title.is_empty() && subtitle.is_empty() {
            6.0
        } else {
            26.0
        };
        let legend_top = titles + LINE * subtitle.len() as f64 + 3.0;
        let first = legend_top + legend.height() + 8.0;
        let tops = row_tops(figure, &heights, first);
        let bottom = tops
            .last()
            .zip(heights.last())
            .map_or(first, |(t, h)| t + h);
        // Numbers and the name of the horizontal axis.
        let caption_top = bottom + 46.0;
        let caption = wrapped(&figure.caption, page - left - EDGE, style::SUBTITLE);
        let lines = caption.len() as f64;
        let height = caption_top + if lines > 0.0 { LINE * lines + 8.0 } else { 0.0 };

        let mut at = 0.0;
        let mut columns = Vec::new();
        for ((column, axes), margins) in figure.columns.iter().zip(axes).zip(&margins) {
            at += margins.left;
            columns.push(ColumnLayout {
                left: at,
                width,
                left_label: margins.left_label,
                right_label: margins.right_label,
                panels: place(column, axes, (&tops, &heights), width),
            });
            at += width + margins.right;
        }
        Self {
            size: (page, height.ceil()),
            left,
            subtitle,
            legend,
            legend_top,
            caption,
            caption_top,
            columns,
        }
    }
}

struct Margins {
    left: f64,
    left_label: f64,
    right: f64,
    right_label: f64,
}

impl Margins {
    fn of(column: &Column, axes: &[(Scaled, Option<Scaled>)]) -> Self {
        let widest = |scaled: &Scaled| {
            let widths = scaled.ticks.iter();
            widths
                .map(|tick| text_width(&tick.label, style::TICK))
                .fold(0.0, f64::max)
        };
        let left = axes
            .iter()
            .map(|(left, _)| widest(left))
            .fold(0.0, f64::max);
        let left_label = TICK_GAP + left + 13.0;
        let right = axes.iter().filter_map(|(_, right)| right.as_ref());
        let right = right.map(widest).fold(None, |most: Option<f64>, width| {
            Some(most.map_or(width, |most| most.max(width)))
        });
        let right_label = TICK_GAP + right.unwrap_or_default() + 13.0;
        let levels = column.panels.iter().flat_map(|panel| &panel.left.levels);
        let levels = levels
            .map(|level| text_width(&level.label, style::TICK))
            .fold(0.0, f64::max);
        Self {
            left: left_label + EDGE,
            left_label,
            right: match right {
                Some(_) => right_label + EDGE,
                None if levels > 0.0 => (6.0 + levels + 6.0).max(EDGE),
                None => EDGE,
            },
            right_label,
        }
    }
}

fn row_heights(figure: &Figure) -> Vec<f64> {
    let rows = figure.columns.iter().map(|column| column.panels.len());
    let height = |panel: &Panel| {
        if panel.height > 0.0 {
            panel.height
        } else {
            HEIGHT
        }
    };
    (0..rows.max().unwrap_or(0))
        .map(|row| {
            let panels = figure
                .columns
                .iter()
                .filter_map(|column| column.panels.get(row));
            panels.map(height).fold(0.0, f64::max)
        })
        .collect()
}

fn row_tops(figure: &Figure, heights: &[f64], first: f64) -> Vec<f64> {
    let mut top = first;
    let mut tops = Vec::new();
    for (row, height) in heights.iter().enumerate() {
        let titled = |column: &Column| {
            let panel = column.panels.get(row);
            panel.is_some_and(|panel| !panel.title.is_empty() || !panel.note.is_empty())
        };
        if figure.columns.iter().any(titled) {
            top += HEADER;
        }
        if row == 0 && figure.columns.iter().any(|column| !column.bands.is_empty()) {
            top += STRIP;
        }
        tops.push(top);
        let numbered = |column: &Column| {
            row < column.panels.len() && is_numbered(column, row) && row + 1 < heights.len()
        };
        top += height + GAP;
        if figure.columns.iter().any(numbered) {
            top += NUMBERS - 4.0;
        }
    }
    tops
}

fn is_numbered(column: &Column, row: usize) -> bool {
    !column.shared || row + 1 == column.panels.len()
}

fn place(
    column: &Column,
    axes: Vec<(Scaled, Option<Scaled>)>,
    (tops, heights): (&[f64], &[f64]),
    width: f64,
) -> Vec<PanelLayout> {
    let shared = Range::steps(column.panels.iter().flat_map(x_values));
    let rows = column.panels.iter().zip(axes).enumerate();
    rows.zip(tops.iter().zip(heights))
        .map(|((row, (panel, (left, right))), (top, height))| {
            let x = if column.shared {
                shared
            } else {
                Range::steps(x_values(panel))
            };
            PanelLayout {
                top: *top,
                height: *height,
                x,
                x_ticks: x_ticks(column, &x, width),
                numbered: is_numbered(column, row),
                left,
                right,
            }
        })
        .collect()
}

fn x_ticks(column: &Column, x: &Range, width: f64) -> Vec<Tick> {
    let wanted = ((width / 72.0).round() as usize).clamp(2, 8);
    if column.whole {
        ticks::whole(x.low, x.high, wanted)
    } else {
        ticks::linear(x.low, x.high, wanted)
    }
}

fn x_values(panel: &Panel) -> impl Iterator<Item = f64> {
    let of = |axis: &Axis| -> Vec<f64> {
        // The first and the last row say as much as all of them.
        let ends = axis.curves.iter().flat_map(|curve| {
            let samples = &curve.samples;
            samples.first().into_iter().chain(samples.last())
        });
        ends.map(|sample| sample.x).collect()
    };
    let right = panel.right.as_ref().map(of).unwrap_or_default();
    of(&panel.left).into_iter().chain(right)
}
