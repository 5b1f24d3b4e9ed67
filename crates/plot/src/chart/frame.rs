//! A panel's frame: grid, ticks, numbers and names of its axes.

use super::canvas::{Anchor, Canvas, Color, Font, Point};
use super::model::{Level, Mark};
use super::range::Range;
use super::scale::Scaled;
use super::style;
use super::ticks::Tick;

/// Between the frame and the numbers beside it.
pub const TICK_GAP: f64 = 7.0;

/// A rectangle with its horizontal axis.
#[derive(Debug)]
pub struct Frame<'a> {
    /// Upper left corner.
    pub corner: Point,
    /// Width and height.
    pub size: (f64, f64),
    /// What the horizontal axis shows.
    pub x: Range,
    /// Where it is marked.
    pub x_ticks: &'a [Tick],
    /// Whether numbers stand below it.
    pub numbered: bool,
}

/// The side of the frame that an axis is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Left.
    Left,
    /// Right.
    Right,
}

impl Frame<'_> {
    /// The right edge.
    pub fn right(&self) -> f64 {
        self.corner.0 + self.size.0
    }

    /// The lower edge.
    pub fn bottom(&self) -> f64 {
        self.corner.1 + self.size.1
    }

    /// Where a value of the horizontal axis is, held within the frame.
    pub fn x_at(&self, value: f64) -> f64 {
        self.corner.0 + self.size.0 * self.x.share(value).clamp(0.0, 1.0)
    }

    /// The height of a value, held within the frame.
    pub fn y_at(&self, y: &Range, value: f64) -> f64 {
        self.bottom() - self.size.1 * y.share(value).clamp(0.0, 1.0)
    }

    /// Grid lines of the left and the horizontal axis.
    pub fn draw_grid(&self, canvas: &mut Canvas, y: &Scaled) {
        let (left, top) = self.corner;
        for tick in y.ticks.iter().filter(|tick| !tick.label.is_empty()) {
            let at = self.y_at(&y.range, tick.value);
            canvas.line(&[(left, at), (self.right(), at)], style::GRID);
        }
        for tick in self.x_ticks {
            let at = self.x_at(tick.value);
            canvas.line(&[(at, top), (at, self.bottom())], style::GRID);
        }
    }

    /// The frame, with the marks and numbers of the horizontal axis.
    pub fn draw_frame(&self, canvas: &mut Canvas) {
        let (left, top) = self.corner;
        let (right, bottom) = (self.right(), self.bottom());
        for tick in self.x_ticks {
            let at = self.x_at(tick.value);
            canvas.line(&[(at, bottom), (at, bottom + 4.0)], style::FRAME);
            if self.numbered {
                let font = Font {
                    anchor: Anchor::Middle,
                    below: true,
                    ..style::TICK
                };
                canvas.text(&tick.label, (at, bottom + 8.0), font);
            }
        }
        let corners = [
            (left, top),
            (right, top),
            (right, bottom),
            (left, bottom),
            (left, top),
        ];
        canvas.line(&corners, style::FRAME)
    }

    /// Marks, numbers and name of a vertical axis; the name `distance` points from the frame.
    pub fn draw_axis(
        &self,
        canvas: &mut Canvas,
        y: &Scaled,
        side: Side,
        (label, distance): (&str, f64),
        color: Color,
    ) {
        let (edge, outwards, anchor) = match side {
            Side::Left => (self.corner.0, -1.0, Anchor::End),
            Side::Right => (self.right(), 1.0, Anchor::Start),
        };
        for tick in &y.ticks {
            let at = self.y_at(&y.range, tick.value);
            let length = if tick.label.is_empty() { 2.0 } else { 4.0 };
            canvas.line(&[(edge + outwards * length, at), (edge, at)], style::FRAME);
            let font = Font {
                anchor,
                color,
                ..style::TICK
            };
            canvas.text(&tick.label, (edge + outwards * TICK_GAP, at), font);
        }
        let middle = self.corner.1 + self.size.1 / 2.0;
        let font = Font {
            anchor: Anchor::Middle,
            upwards: true,
            color,
            ..style::LABEL
        };
        canvas.text(label, (edge + outwards * distance, middle), font)
    }

    /// A horizontal line across the panel, with what it is to the right of the frame.
    pub fn draw_level(&self, canvas: &mut Canvas, y: &Range, level: &Level) {
        if !(y.low..=y.high).contains(&level.value) {
            return;
        }
        let at = self.y_at(y, level.value);
        let ends = [(self.corner.0, at), (self.right(), at)];
        canvas.line(&ends, level.stroke);
        let font = Font {
            anchor: Anchor::Start,
            ..style::TICK
        };
        canvas.text(&level.label, (self.right() + 6.0, at), font)
    }

    /// A vertical line across the panel.
    pub fn draw_mark(&self, canvas: &mut Canvas, mark: &Mark) {
        if !(self.x.low..=self.x.high).contains(&mark.x) {
            return;
        }
        let at = self.x_at(mark.x);
        canvas.line(&[(at, self.corner.1), (at, self.bottom())], style::MARK)
    }
}
