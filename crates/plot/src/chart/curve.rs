//! Curves in a panel: what is joined, what is marked, and what is left out as invisible.

use super::canvas::{Canvas, Color, Point, Stroke};
use super::frame::Frame;
use super::model::{Curve, Quality, Sample};
use super::range::Range;
use super::style;

/// Rows nearer than this on the page, in points, are joined though rows between them are empty:
/// dots would run into one line in any case.
const NEAR: f64 = 2.5;

#[derive(Debug)]
struct Shown {
    row: usize,
    at: Point,
    quality: Quality,
    above: bool,
    after_break: bool,
}

impl Shown {
    fn joins(&self, next: &Self) -> bool {
        let neighbours = next.row == self.row + 1 || next.at.0 - self.at.0 < NEAR;
        // What is above the frame is marked there, not joined along its edge.
        neighbours && !next.after_break && !(self.above && next.above)
    }
}

/// Draws a curve against a vertical axis.
///
/// Neighbouring rows are joined; measured rows apart are dots joined by a pale dashed line, which
/// claims nothing; nothing joins across a value that is not a number.
pub fn draw_curve(canvas: &mut Canvas, frame: &Frame<'_>, y: &Range, curve: &Curve) {
    let shown = shown(frame, y, &curve.samples);
    let pale = Stroke {
        color: style::pale(curve.stroke.color),
        width: style::HAIRLINE,
        dash: Some((3.0, 2.0)),
    };
    for pair in shown.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        let apart = b.after_break || (a.above && b.above);
        if !apart && !a.joins(b) {
            canvas.line(&[a.at, b.at], pale);
        }
    }
    for run in shown.chunk_by(Shown::joins) {
        match run {
            [alone] if alone.above => {}
            [alone] => canvas.dot(alone.at, curve.stroke.width.max(1.4), curve.stroke.color),
            _ => {
                let points: Vec<Point> = run.iter().map(|point| point.at).collect();
                canvas.line(&thinned(&points), curve.stroke);
            }
        }
    }
    draw_marks(canvas, frame, curve.stroke.color, &shown)
}

fn draw_marks(canvas: &mut Canvas, frame: &Frame<'_>, color: Color, shown: &[Shown]) {
    // One mark a place is enough, however many steps share it.
    let mut last: Option<Point> = None;
    for point in shown {
        let mark = point.above || point.quality != Quality::Solved;
        if !mark || last.is_some_and(|last| near(last, point.at)) {
            continue;
        }
        last = Some(point.at);
        if point.above {
            canvas.triangle((point.at.0, frame.corner.1 + 1.0), 5.0, color);
        } else if point.quality == Quality::NotConverged {
            let stroke = Stroke {
                color,
                ..style::RING
            };
            canvas.ring(point.at, 2.4, stroke);
        } else {
            canvas.dot(point.at, 1.1, style::STALE);
        }
    }
}

fn shown(frame: &Frame<'_>, y: &Range, samples: &[Sample]) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut broken = false;
    for (row, sample) in samples.iter().enumerate() {
        let Some(value) = sample.y else {
            continue;
        };
        // A logarithm of nothing is as absent as a NaN.
        if value.is_nan() || (y.log && value <= 0.0) || !sample.x.is_finite() {
            broken = true;
            continue;
        }
        shown.push(Shown {
            row,
            at: (frame.x_at(sample.x), frame.y_at(y, value)),
            quality: sample.quality,
            above: value > y.high,
            after_break: std::mem::take(&mut broken),
        });
    }
    shown
}

fn near(a: Point, b: Point) -> bool {
    (a.0 - b.0).abs() < 4.0 && (a.1 - b.1).abs() < 4.0
}

/// At most four places in half a point of width: first, lowest, highest and last.
fn thinned(points: &[Point]) -> Vec<Point> {
    let column = |point: &Point| (point.0 * 2.0).floor();
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
        assert!(kept.len() <= 4 * 21, "{}", kept.len());
        assert!(kept.contains(&points[5_321]));
        assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert_eq!(kept.first(), points.first());
        assert_eq!(kept.last(), points.last());
    }
}
