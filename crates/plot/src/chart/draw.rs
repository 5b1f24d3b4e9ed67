//! Draws a figure as SVG.

use plotters::style::text_anchor::HPos;

use super::axes::{self, Chart, draw_level, draw_mark};
use super::bands::{self, STRIP};
use super::curve::draw_curve;
use super::heat::draw_heat;
use super::layout::{LINE, Layout, has_bands};
use super::model::{Column, Figure, Panel};
use super::page::{Area, DrawError, Drawn, document};
use super::style;
use super::text::write;

impl Figure {
    /// Draws the figure, as an SVG document of its own size in points.
    ///
    /// # Errors
    ///
    /// [`DrawError`], which a document in memory has no cause for.
    pub fn draw(&self) -> Result<String, DrawError> {
        let layout = Layout::of(self);
        document(layout.size, |page| draw(self, &layout, page))
    }
}

fn draw(figure: &Figure, layout: &Layout, page: &Area<'_>) -> Drawn {
    let left = layout.left;
    write(
        page,
        &figure.titles.title,
        (left, 18.0),
        style::TITLE,
        HPos::Left,
    )?;
    draw_lines(page, &layout.subtitle, (left, 36.0))?;
    layout.legend.draw(page, (left, layout.legend_top))?;
    let columns = figure.columns.iter().zip(&layout.columns);
    for ((column, across), areas) in columns.zip(layout.split(page)) {
        let panels = column.panels.iter().zip(&across.panels);
        let cells = areas.into_iter().zip(&layout.rows).zip(panels);
        for (at, ((area, row), (panel, axes))) in cells.enumerate() {
            let strip = if at == 0 && has_bands(column) {
                STRIP
            } else {
                0.0
            };
            let mut chart = axes::chart(&area, row, across, axes)?;
            let plot = chart.plotting_area();
            if has_bands(column) {
                bands::draw_behind(page, plot, &column.bands)?;
            }
            if strip > 0.0 {
                bands::draw_strip(page, plot, &column.bands)?;
            }
            axes::draw(&mut chart, page, panel, axes)?;
            draw_content(page, &chart, column, panel)?;
            let header = row.above - strip - 8.0;
            let (left, right) = (across.left, across.left + across.width);
            write(
                &area,
                &panel.title,
                (left, header),
                style::PANEL_TITLE,
                HPos::Left,
            )?;
            write(
                &area,
                &panel.note,
                (right, header),
                style::TICK,
                HPos::Right,
            )?;
            if at + 1 == column.panels.len() {
                let below = (f64::midpoint(left, right), row.above + row.height + 32.0);
                write(&area, &column.x_label, below, style::LABEL, HPos::Center)?;
            }
        }
    }
    draw_lines(page, &layout.caption, (left, layout.caption_top + 4.0))
}

fn draw_lines(page: &Area<'_>, lines: &[String], (left, top): (f64, f64)) -> Drawn {
    for (at, line) in lines.iter().enumerate() {
        let place = (left, top + LINE * at as f64);
        write(page, line, place, style::SUBTITLE, HPos::Left)?;
    }
    Ok(())
}

fn draw_content(page: &Area<'_>, chart: &Chart<'_>, column: &Column, panel: &Panel) -> Drawn {
    let plot = chart.plotting_area();
    if let Some(heat) = &panel.heat {
        draw_heat(page, plot, heat)?;
    }
    for mark in &column.marks {
        draw_mark(page, plot, mark)?;
    }
    for level in &panel.left.levels {
        draw_level(page, plot, level)?;
    }
    for curve in panel.right.iter().flat_map(|axis| axis.curves.iter().rev()) {
        draw_curve(page, chart.secondary_plotting_area(), curve)?;
    }
    // The first curve is the one that matters: it goes on top.
    for curve in panel.left.curves.iter().rev() {
        draw_curve(page, plot, curve)?;
    }
    Ok(())
}
