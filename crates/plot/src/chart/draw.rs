//! Draws a figure as SVG.

use super::bands::{self, STRIP};
use super::canvas::{Anchor, Canvas, Color, Font, Point};
use super::curve::draw_curve;
use super::frame::{Frame, Side};
use super::layout::{ColumnLayout, LINE, Layout, PanelLayout};
use super::model::{Axis, Column, Figure, Panel};
use super::style;

impl Figure {
    /// Draws the figure, as an SVG document of its own size in points.
    pub fn draw(&self) -> String {
        let layout = Layout::of(self);
        let mut canvas = Canvas::new(layout.size);
        canvas.text(&self.titles.title, (layout.left, 18.0), style::TITLE);
        draw_lines(&mut canvas, &layout.subtitle, (layout.left, 36.0));
        let legend = (layout.left, layout.legend_top);
        layout.legend.draw(&mut canvas, legend);
        for (column, place) in self.columns.iter().zip(&layout.columns) {
            draw_column(&mut canvas, column, place);
        }
        let caption = (layout.left, layout.caption_top + 4.0);
        draw_lines(&mut canvas, &layout.caption, caption);
        canvas.finish()
    }
}

fn draw_lines(canvas: &mut Canvas, lines: &[String], (left, top): Point) {
    for (at, line) in lines.iter().enumerate() {
        canvas.text(line, (left, top + LINE * at as f64), style::SUBTITLE);
    }
}

fn draw_column(canvas: &mut Canvas, column: &Column, place: &ColumnLayout) {
    for (row, (panel, at)) in column.panels.iter().zip(&place.panels).enumerate() {
        let frame = Frame {
            corner: (place.left, at.top),
            size: (place.width, at.height),
            x: at.x,
            x_ticks: &at.x_ticks,
            numbered: at.numbered,
        };
        let banded = column.shared && !column.bands.is_empty();
        if banded {
            bands::draw_behind(canvas, &column.bands, &at.x, frame.corner, frame.size);
            if row == 0 {
                let top = (place.left, at.top - STRIP);
                bands::draw_strip(canvas, &column.bands, &at.x, top, place.width);
            }
        }
        draw_panel(canvas, panel, (&frame, at), column, place);
        let header = at.top - if banded && row == 0 { STRIP } else { 0.0 } - 8.0;
        canvas.text(&panel.title, (place.left, header), style::PANEL_TITLE);
        let note = Font {
            anchor: Anchor::End,
            ..style::TICK
        };
        canvas.text(&panel.note, (frame.right(), header), note);
    }
    if let Some(last) = place.panels.last() {
        let name = Font {
            anchor: Anchor::Middle,
            ..style::LABEL
        };
        let middle = place.left + place.width / 2.0;
        let below = last.top + last.height + 32.0;
        canvas.text(&column.x_label, (middle, below), name);
    }
}

fn draw_panel(
    canvas: &mut Canvas,
    panel: &Panel,
    (frame, at): (&Frame<'_>, &PanelLayout),
    column: &Column,
    place: &ColumnLayout,
) {
    frame.draw_grid(canvas, &at.left);
    frame.draw_frame(canvas);
    // Of two axes, each has the colour of its curve.
    let color = |axis: &Axis| match (&panel.right, axis.curves.first()) {
        (Some(_), Some(curve)) => curve.stroke.color,
        _ => INK,
    };
    let label = (panel.left.label.as_str(), place.left_label);
    frame.draw_axis(canvas, &at.left, Side::Left, label, color(&panel.left));
    if let (Some(axis), Some(right)) = (&panel.right, &at.right) {
        let label = (axis.label.as_str(), place.right_label);
        frame.draw_axis(canvas, right, Side::Right, label, color(axis));
    }
    for mark in &column.marks {
        frame.draw_mark(canvas, mark);
    }
    for level in &panel.left.levels {
        frame.draw_level(canvas, &at.left.range, level);
    }
    if let (Some(axis), Some(right)) = (&panel.right, &at.right) {
        for curve in axis.curves.iter().rev() {
            draw_curve(canvas, frame, &right.range, curve);
        }
    }
    // The first curve is the one that matters: it goes on top.
    for curve in panel.left.curves.iter().rev() {
        draw_curve(canvas, frame, &at.left.range, curve);
    }
}

const INK: Color = style::FRAME.color;
