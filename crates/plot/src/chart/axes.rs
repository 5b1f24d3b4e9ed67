//! A panel's frame: grid, ticks, numbers and names of its axes.

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, DualCoordChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::DrawingArea;
use plotters::style::text_anchor::HPos;
use plotters::style::{RGBColor, ShapeStyle, TRANSPARENT, TextStyle};

use super::layout::{ColumnLayout, EDGE, PanelLayout, Row};
use super::model::{Axis, Level, Mark, Panel};
use super::page::{Area, DrawError, Drawn, PIXELS, line, px};
use super::scale::Scaled;
use super::style;
use super::text::{Font, printable, write};

/// The inside of a frame, where values have places.
pub type Plot<'a> = DrawingArea<SVGBackend<'a>, Coordinates>;

/// A panel with its left and its right axis.
pub type Chart<'a> = DualCoordChartContext<'a, SVGBackend<'a>, Coordinates, Coordinates>;

type Coordinates = Cartesian2d<Scaled, Scaled>;

const TICK: f64 = 3.5;
const MINOR: f64 = 2.0;

// plotters' middle of a text is so much of its size above the middle of its capitals.
const LOWER: f64 = 0.1;

/// Lays out a panel in its part of the page.
pub fn chart<'a>(
    area: &Area<'a>,
    row: &Row,
    column: &ColumnLayout,
    panel: &PanelLayout,
) -> Result<Chart<'a>, DrawError> {
    let mut builder = ChartBuilder::on(area);
    let below = px(2.0 * TICK
        + if panel.numbered {
            style::TICK.size
        } else {
            0.0
        });
    let beside = if panel.right.is_some() {
        px(column.right - EDGE)
    } else {
        0
    };
    let chart = builder
        .margin_top(px(row.above))
        .margin_bottom(px(row.below) - below)
        .margin_left(px(EDGE))
        .margin_right(px(column.right) - beside)
        .x_label_area_size(below)
        .y_label_area_size(px(column.left - EDGE))
        .right_y_label_area_size(beside)
        .build_cartesian_2d(panel.x.clone(), panel.left.clone())?;
    let right = panel.right.as_ref().unwrap_or(&panel.left);
    Ok(chart.set_secondary_coord(panel.x.clone(), right.clone()))
}

/// Draws the frame with its grid, and the axes with their ticks, numbers and names.
pub fn draw(chart: &mut Chart<'_>, page: &Area<'_>, panel: &Panel, place: &PanelLayout) -> Drawn {
    let frame = ShapeStyle::from(style::FRAME);
    // Of two axes, each has the colour of its curve.
    let color = |axis: &Axis| match (&panel.right, axis.curves.first()) {
        (Some(_), Some(curve)) => curve.stroke.color,
        _ => style::FRAME.color,
    };
    let lower = px(LOWER * style::TICK.size);
    let numbers = if place.numbered {
        style::TICK.at(HPos::Center)
    } else {
        // plotters leaves out what has no colour.
        style::TICK.at(HPos::Center).color(&TRANSPARENT)
    };
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(frame)
        .bold_line_style(ShapeStyle::from(style::GRID))
        .set_all_tick_mark_size(px(TICK))
        .x_label_style(numbers)
        .y_label_style(colored(style::TICK, color(&panel.left)))
        .y_label_offset(lower)
        .axis_desc_style(colored(style::LABEL, color(&panel.left)));
    if !panel.left.label.is_empty() {
        mesh.y_desc(printable(&panel.left.label));
    }
    mesh.draw()?;
    if let Some(axis) = &panel.right {
        let mut mesh = chart.configure_secondary_axes();
        mesh.axis_style(frame)
            .set_all_tick_mark_size(px(TICK))
            .label_style(colored(style::TICK, color(axis)))
            .y_label_offset(lower)
            .axis_desc_style(colored(style::LABEL, color(axis)));
        if !axis.label.is_empty() {
            mesh.y_desc(printable(&axis.label));
        }
        mesh.draw()?;
    }
    let (x, y) = corners(chart.plotting_area());
    // plotters draws the sides that have ticks.
    let rest = vec![(x.0, y.0), (x.1, y.0), (x.1, y.1)];
    line(page, rest, style::FRAME)?;
    draw_minor_ticks(page, chart.plotting_area(), x.0, -px(MINOR))?;
    match &panel.right {
        Some(_) => draw_minor_ticks(page, chart.secondary_plotting_area(), x.1, px(MINOR)),
        None => Ok(()),
    }
}

fn colored(font: Font, color: RGBColor) -> TextStyle<'static> {
    Font { color, ..font }.at(HPos::Left)
}

fn draw_minor_ticks(page: &Area<'_>, plot: &Plot<'_>, edge: i32, outwards: i32) -> Drawn {
    let axis = plot.as_coord_spec().y_spec();
    for tick in axis.ticks.iter().filter(|tick| tick.label.is_empty()) {
        let at = plot.map_coordinate(&(0.0, tick.value)).1;
        line(page, vec![(edge + outwards, at), (edge, at)], style::FRAME)?;
    }
    Ok(())
}

/// First and last pixel of a frame, across and down.
fn corners(plot: &Plot<'_>) -> ((i32, i32), (i32, i32)) {
    let (x, y) = plot.get_pixel_range();
    ((x.start, x.end - 1), (y.start, y.end - 1))
}

/// A horizontal line across the panel, with what it is to the right of the frame.
pub fn draw_level(page: &Area<'_>, plot: &Plot<'_>, level: &Level) -> Drawn {
    if !plot.get_y_range().contains(&level.value) {
        return Ok(());
    }
    let (x, _) = corners(plot);
    let at = plot.map_coordinate(&(0.0, level.value)).1;
    line(page, vec![(x.0, at), (x.1, at)], level.stroke)?;
    let beside = (f64::from(x.1) / PIXELS + 6.0, f64::from(at) / PIXELS);
    write(page, &level.label, beside, style::TICK, HPos::Left)
}

/// A vertical line across the panel.
pub fn draw_mark(page: &Area<'_>, plot: &Plot<'_>, mark: &Mark) -> Drawn {
    if !plot.get_x_range().contains(&mark.x) {
        return Ok(());
    }
    let (_, y) = corners(plot);
    let at = plot.map_coordinate(&(mark.x, 0.0)).0;
    line(page, vec![(at, y.0), (at, y.1)], style::MARK)
}
