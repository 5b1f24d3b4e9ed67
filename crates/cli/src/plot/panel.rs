//! One panel: a frame with axes, and curves in it.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Canvas, DrawError, Font, Point, Stroke};
use super::range::Range;
use super::series::Quality;
use super::style;
use super::ticks::Tick;

/// Between the frame and the numbers beside it.
pub const TICK_GAP: f64 = 7.0;

/// A curve over the steps of a run.
#[derive(Debug, Clone)]
pub struct Curve {
    /// How its line looks.
    pub stroke: Stroke,
    /// A value a step, or none.
    pub points: Vec<Option<(f64, Quality)>>,
}

/// A rectangle with two axes.
#[derive(Debug)]
pub struct Panel<'a> {
    /// What the vertical axis measures.
    pub label: &'a str,
    /// How far to the left of the frame that is written.
    pub label_distance: f64,
    /// Upper left corner.
    pub corner: Point,
    /// Width and height.
    pub size: (f64, f64),
    /// The steps of the run.
    pub x: Range,
    /// The values shown.
    pub y: Range,
    /// Ticks of the horizontal axis; their labels are drawn under the last panel only.
    pub x_ticks: &'a [Tick],
    /// Ticks of the vertical axis.
    pub y_ticks: &'a [Tick],
    /// Whether this is the lowest panel.
    pub last: bool,
}

impl Panel<'_> {
    fn right(&self) -> f64 {
        self.corner.0 + self.size.0
    }

    fn bottom(&self) -> f64 {
        self.corner.1 + self.size.1
    }

    fn x_at(&self, step: f64) -> f64 {
        self.corner.0 + self.size.0 * self.x.share(step).clamp(0.0, 1.0)
    }

    /// The height of a value, held within the frame.
    fn y_at(&self, value: f64) -> f64 {
        self.bottom() - self.size.1 * self.y.share(value).clamp(0.0, 1.0)
    }

    /// Grid, frame, ticks and labels.
    pub fn draw_frame(&self, canvas: &Canvas<'_>) -> Result<(), DrawError> {
        let (left, top) = self.corner;
        let (right, bottom) = (self.right(), self.bottom());
        for tick in self.y_ticks {
            let y = self.y_at(tick.value);
            let major = !tick.label.is_empty();
            let length = if major { 4.0 } else { 2.0 };
            if major {
                canvas.line(&[(left, y), (right, y)], style::GRID)?;
            }
            canvas.line(&[(left - length, y), (left, y)], style::FRAME)?;
            canvas.text(
                &tick.label,
                (left - TICK_GAP, y),
                Font {
                    anchor: (HPos::Right, VPos::Center),
                    ..style::TICK
                },
            )?;
        }
        for tick in self.x_ticks {
            let x = self.x_at(tick.value);
            canvas.line(&[(x, top), (x, bottom)], style::GRID)?;
            canvas.line(&[(x, bottom), (x, bottom + 4.0)], style::FRAME)?;
            if self.last {
                canvas.text(
                    &tick.label,
                    (x, bottom + 8.0),
                    Font {
                        anchor: (HPos::Center, VPos::Top),
                        ..style::TICK
                    },
                )?;
            }
        }
        let frame = [
            (left, top),
            (right, top),
            (right, bottom),
            (left, bottom),
            (left, top),
        ];
        canvas.line(&frame, style::FRAME)?;
        canvas.text(
            self.label,
            (left - self.label_distance, (top + bottom) / 2.0),
            Font {
                anchor: (HPos::Center, VPos::Center),
                upwards: true,
                ..style::LABEL
            },
        )
    }

    /// A horizontal line across the panel, with what it is to the right of the frame.
    pub fn draw_level(&self, canvas: &Canvas<'_>, value: f64, says: &str) -> Result<(), DrawError> {
        let y = self.y_at(value);
        canvas.line(&[(self.corner.0, y), (self.right(), y)], style::THRESHOLD)?;
        canvas.text(
            says,
            (self.right() + 6.0, y),
            Font {
                anchor: (HPos::Left, VPos::Center),
                ..style::TICK
            },
        )
    }

    /// A curve. Neighbouring steps are joined; measured steps apart are dots joined by a pale
    /// dashed line, which claims nothing; nothing joins across a value that is not a number.
    pub fn draw_curve(
        &self,
        canvas: &Canvas<'_>,
        steps: &[f64],
        curve: &Curve,
    ) -> Result<(), DrawError> {
        let shown = self.shown(steps, &curve.points);
        let pale = Stroke {
            color: style::pale(curve.stroke.color),
            width: style::HAIRLINE,
            dash: Some((3.0, 2.0)),
        };
        for pair in shown.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            if b.row > a.row + 1 && !b.after_break && !(a.above && b.above) {
                canvas.line(&[a.at, b.at], pale)?;
            }
        }
        // What is above the frame is marked there, not joined along its edge.
        for run in shown.chunk_by(|a, b| b.row == a.row + 1 && !(a.above && b.above)) {
            match run {
                [alone] if alone.above => {}
                [alone] => canvas.dot(alone.at, curve.stroke.width.max(1.4), curve.stroke.color)?,
                _ => {
                    let points: Vec<Point> = run.iter().map(|point| point.at).collect();
                    canvas.line(&thinned(&points), curve.stroke)?;
                }
            }
        }
        self.draw_marks(canvas, curve.stroke.color, &shown)
    }

    fn draw_marks(
        &self,
        canvas: &Canvas<'_>,
        color: RGBColor,
        shown: &[Shown],
    ) -> Result<(), DrawError> {
        // One mark a place is enough, however many steps share it.
        let mut last: Option<Point> = None;
        for point in shown {
            let mark = point.above || point.quality != Quality::Solved;
            if !mark || last.is_some_and(|last| near(last, point.at)) {
                continue;
            }
            last = Some(point.at);
            if point.above {
                canvas.triangle((point.at.0, self.corner.1 + 1.0), 5.0, color)?;
            } else if point.quality == Quality::NotConverged {
                let stroke = Stroke {
                    color,
                    ..style::RING
                };
                canvas.ring(point.at, 2.4, stroke)?;
            } else {
                canvas.dot(point.at, 1.1, style::STALE)?;
            }
        }
        Ok(())
    }

    fn shown(&self, steps: &[f64], points: &[Option<(f64, Quality)>]) -> Vec<Shown> {
        let mut shown = Vec::new();
        let mut broken = false;
        for (row, (step, point)) in steps.iter().zip(points).enumerate() {
            let Some((value, quality)) = *point else {
                continue;
            };
            // A logarithm of nothing is as absent as a NaN.
            if value.is_nan() || (self.y.log && value <= 0.0) || !step.is_finite() {
                broken = true;
                continue;
            }
            shown.push(Shown {
                row,
                at: (self.x_at(*step), self.y_at(value)),
                quality,
                above: value > self.y.high,
                after_break: std::mem::take(&mut broken),
            });
        }
        shown
    }
}

#[derive(Debug)]
struct Shown {
    row: usize,
    at: Point,
    quality: Quality,
    above: bool,
    after_break: bool,
}

fn near(a: Point, b: Point) -> bool {
    (a.0 - b.0).abs() < 4.0 && (a.1 - b.1).abs() < 4.0
}

/// At most four points a quarter of a point's width: first, lowest, highest and last.
fn thinned(points: &[Point]) -> Vec<Point> {
    let column = |point: &Point| (point.0 * 4.0).floor();
    let mut kept = Vec::new();
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        if group.len() <= 4 {
            kept.extend_from_slice(group);
            continue;
        }
        let by_height = |a: &usize, b: &usize| group[*a].1.total_cmp(&group[*b].1);
        let mut rows = vec![0, group.len() - 1];
        rows.extend((0..group.len()).min_by(by_height));
        rows.extend((0..group.len()).max_by(by_height));
        rows.sort_unstable();
        rows.dedup();
        kept.extend(rows.into_iter().map(|row| group[row]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_extremes_and_order() {
        let points: Vec<Point> = (0..10_000)
            .map(|t| {
                let t = f64::from(t);
                (
                    t / 1000.0,
                    if t == 5_321.0 { -7.0 } else { (t * 0.7).sin() },
                )
            })
            .collect();
        let kept = thinned(&points);
        assert!(kept.len() <= 4 * 41, "{}", kept.len());
        assert!(kept.contains(&points[5_321]));
        assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert_eq!(kept.first(), points.first());
        assert_eq!(kept.last(), points.last());
    }
}
