//! Where everything of a figure goes, in points.

use super::bands::STRIP;
use super::legend::Legend;
use super::model::{Axis, Column, Figure, Panel};
use super::page::{Area, px};
use super::scale::{Scaled, horizontal, vertical};
use super::style;
use super::text::{text_width, wrapped};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 120.0;
// The narrowest frame, and the longest side of anything that a figure may ask for.
const LEAST: f64 = 40.0;
const MOST: f64 = 10_000.0;
const GAP: f64 = 14.0;
const HEADER: f64 = 17.0;
const NUMBERS: f64 = 18.0;
// Numbers and the name of the horizontal axis.
const NAMED: f64 = 46.0;
// A vertical axis's name, and what is between the frame, its numbers and the name.
const NAME: f64 = 26.0;

/// Between the edge of the page and the name of an axis.
pub const EDGE: f64 = 10.0;

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
    /// Where the first row begins.
    pub top: f64,
    /// Of panels side by side.
    pub rows: Vec<Row>,
    /// Of panels one above the other.
    pub columns: Vec<ColumnLayout>,
    /// The caption's lines.
    pub caption: Vec<String>,
    /// Where it begins.
    pub caption_top: f64,
}

/// Heights of a row: above its frames, of them, and below them.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Title and strip.
    pub above: f64,
    /// The frames.
    pub height: f64,
    /// Numbers, and the gap to the next row.
    pub below: f64,
}

/// Widths of a column: left of its frames, of them, and right of them.
#[derive(Debug)]
pub struct ColumnLayout {
    /// Name and numbers of the left axes.
    pub left: f64,
    /// The frames.
    pub width: f64,
    /// Those of the right axes, or what levels say.
    pub right: f64,
    /// One a panel.
    pub panels: Vec<PanelLayout>,
}

/// A panel's axes.
#[derive(Debug)]
pub struct PanelLayout {
    /// The horizontal axis.
    pub x: Scaled,
    /// Whether numbers stand below it.
    pub numbered: bool,
    /// The left axis.
    pub left: Scaled,
    /// The right axis.
    pub right: Option<Scaled>,
}

impl Layout {
    /// Places everything.
    pub fn of(figure: &Figure) -> Self {
        let rows = rows(figure);
        let axes: Vec<Vec<_>> = figure
            .columns
            .iter()
            .map(|column| vertical_axes(column, &rows))
            .collect();
        let sides: Vec<(f64, f64)> = figure
            .columns
            .iter()
            .zip(&axes)
            .map(|(column, axes)| sides(column, axes))
            .collect();
        let taken: f64 = sides.iter().map(|(left, right)| left + right).sum();
        let count = sides.len().max(1) as f64;
        let page = held(figure.width, WIDTH).max(taken + LEAST * count);
        let width = (page - taken) / count;
        let left = sides.first().map_or(EDGE, |(left, _)| *left);

        let across = page - left - EDGE;
        let subtitle = wrapped(&figure.titles.subtitle, across, style::SUBTITLE);
        let caption = wrapped(&figure.caption, across, style::SUBTITLE);
        let legend = Legend::of(figure, across);
        let titled = !figure.titles.title.is_empty() || !subtitle.is_empty();
        let legend_top = if titled { 29.0 } else { 9.0 } + LINE * subtitle.len() as f64;
        let top = legend_top + legend.height() + 8.0;
        let caption_top = top + rows.iter().map(|row| row.extent()).sum::<f64>();
        let lines = caption.len() as f64;
        let below = if lines > 0.0 { LINE * lines + 8.0 } else { 0.0 };
        let columns = figure.columns.iter().zip(axes).zip(sides);
        Self {
            size: (page, (caption_top + below).ceil()),
            left,
            subtitle,
            legend,
            legend_top,
            top,
            columns: columns
                .map(|((column, axes), (left, right))| ColumnLayout {
                    left,
                    width,
                    right,
                    panels: panels(column, axes, width),
                })
                .collect(),
            rows,
            caption,
            caption_top,
        }
    }

    /// The parts of the page for the panels of each column.
    pub fn split<'a>(&self, page: &Area<'a>) -> Vec<Vec<Area<'a>>> {
        let edges = |start: f64, extents: Vec<f64>| -> Vec<i32> {
            let ends = extents.iter().scan(start, |end, extent| {
                *end += extent;
                Some(px(*end))
            });
            std::iter::once(px(start)).chain(ends).collect()
        };
        let x = edges(
            0.0,
            self.columns
                .iter()
                .map(|c| c.left + c.width + c.right)
                .collect(),
        );
        let y = edges(self.top, self.rows.iter().map(Row::extent).collect());
        x.windows(2)
            .map(|x| {
                y.windows(2)
                    .map(|y| {
                        page.clone()
                            .shrink((x[0], y[0]), (x[1] - x[0], y[1] - y[0]))
                    })
                    .collect()
            })
            .collect()
    }
}

impl Row {
    /// The whole height.
    pub fn extent(&self) -> f64 {
        self.above + self.height + self.below
    }
}

fn held(asked: f64, default: f64) -> f64 {
    if asked > 0.0 {
        asked.min(MOST)
    } else {
        default
    }
}

fn rows(figure: &Figure) -> Vec<Row> {
    let columns = || figure.columns.iter();
    let count = columns().map(|column| column.panels.len()).max();
    let count = count.unwrap_or(0);
    let row = |row: usize| {
        let panels = || columns().filter_map(move |column| column.panels.get(row));
        let heights = panels().map(|panel| held(panel.height, HEIGHT));
        let titled = panels().any(|panel| !panel.title.is_empty() || !panel.note.is_empty());
        let strip = row == 0 && columns().any(has_bands);
        let numbered =
            columns().any(|column| row < column.panels.len() && is_numbered(column, row));
        Row {
            above: if titled { HEADER } else { 0.0 } + if strip { STRIP } else { 0.0 },
            height: heights.fold(0.0, f64::max),
            below: match (row + 1 == count, numbered) {
                (true, _) => NAMED,
                (false, true) => GAP + NUMBERS,
                (false, false) => GAP,
            },
        }
    };
    (0..count).map(row).collect()
}

/// Whether a column shows phases.
pub fn has_bands(column: &Column) -> bool {
    column.shared && !column.bands.is_empty()
}

fn is_numbered(column: &Column, row: usize) -> bool {
    !column.shared || row + 1 == column.panels.len()
}

fn vertical_axes(column: &Column, rows: &[Row]) -> Vec<(Scaled, Option<Scaled>)> {
    let panels = column.panels.iter().zip(rows);
    panels
        .map(|(panel, row)| {
            let right = panel.right.as_ref();
            let right = right.map(|axis| vertical(axis, None, row.height));
            let heat = panel.heat.as_ref();
            (vertical(&panel.left, heat, row.height), right)
        })
        .collect()
}

/// What a column needs left and right of its frames.
fn sides(column: &Column, axes: &[(Scaled, Option<Scaled>)]) -> (f64, f64) {
    let widest = |scaled: &Scaled| {
        let labels = scaled.ticks.iter().map(|tick| tick.label.as_str());
        widest(labels) + NAME + EDGE
    };
    let left = axes.iter().map(|(left, _)| widest(left));
    let right = axes.iter().filter_map(|(_, right)| right.as_ref());
    let levels = column.panels.iter().flat_map(|panel| &panel.left.levels);
    let says = match self::widest(levels.map(|level| level.label.as_str())) {
        0.0 => 0.0,
        width => width + 12.0,
    };
    (
        left.fold(EDGE, f64::max),
        right.map(widest).fold(says.max(EDGE + 4.0), f64::max),
    )
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    texts
        .map(|text| text_width(text, style::TICK))
        .fold(0.0, f64::max)
}

fn panels(column: &Column, axes: Vec<(Scaled, Option<Scaled>)>, width: f64) -> Vec<PanelLayout> {
    let shared = horizontal(column.panels.iter().flat_map(x_values), column.whole, width);
    let panels = column.panels.iter().zip(axes).enumerate();
    panels
        .map(|(row, (panel, (left, right)))| PanelLayout {
            x: if column.shared {
                shared.clone()
            } else {
                horizontal(x_values(panel), column.whole, width)
            },
            numbered: is_numbered(column, row),
            left,
            right,
        })
        .collect()
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
    let tiles = panel.heat.iter().flat_map(|heat| &heat.tiles);
    let tiles = tiles.flat_map(|tile| [tile.x.0, tile.x.1]);
    of(&panel.left).into_iter().chain(right).chain(tiles)
}
