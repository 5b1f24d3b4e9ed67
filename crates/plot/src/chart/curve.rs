//! Curves in a panel: what is joined, what is marked, and what is left out as invisible.

use plotters::element::TriangleMarker;
use plotters::style::{Color, RGBColor};

use super::axes::Plot;
use super::model::{Curve, Quality, Sample};
use super::page::{Area, Drawn, Pixel, dot, line, px, ring};
use super::style::{self, Stroke};

/// Rows nearer than this on the page, in pixels, are joined though rows between them are empty:
/// dots would run into one line in any case.
const NEAR: i32 = 25;

/// Marks nearer than this, in pixels, are one.
const SAME: i32 = 40;

/// A curve has at most four places in so many pixels of width.
const THIN: i32 = 5;

#[derive(Debug)]
struct Shown {
    row: usize,
    at: Pixel,
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
pub fn draw_curve(page: &Area<'_>, plot: &Plot<'_>, curve: &Curve) -> Drawn {
    let shown = shown(plot, &curve.samples);
    let pale = Stroke {
        color: style::pale(curve.stroke.color),
        width: style::HAIRLINE,
        dash: Some((3.0, 2.0)),
    };
    for pair in shown.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        let apart = b.after_break || (a.above && b.above);
        if !apart && !a.joins(b) {
            line(page, vec![a.at, b.at], pale)?;
        }
    }
    for run in shown.chunk_by(Shown::joins) {
        match run {
            [alone] if alone.above => {}
            [alone] => {
                let radius = curve.stroke.width.max(1.4);
                dot(page, alone.at, radius, curve.stroke.color)?;
            }
            _ => {
                let places: Vec<Pixel> = run.iter().map(|point| point.at).collect();
                line(page, thinned(&places), curve.stroke)?;
            }
        }
    }
    draw_marks(page, plot, curve.stroke.color, &shown)
}

fn draw_marks(page: &Area<'_>, plot: &Plot<'_>, color: RGBColor, shown: &[Shown]) -> Drawn {
    // One mark a place is enough, however many steps share it.
    let mut last: Option<Pixel> = None;
    for point in shown {
        let mark = point.above || point.quality != Quality::Solved;
        if !mark || last.is_some_and(|last| near(last, point.at)) {
            continue;
        }
        last = Some(point.at);
        if point.above {
            let below = plot.get_base_pixel().1 + px(4.0);
            page.draw(&TriangleMarker::new(
                (point.at.0, below),
                px(3.0),
                color.filled(),
            ))?;
        } else if point.quality == Quality::NotConverged {
            let stroke = Stroke {
                color,
                ..style::RING
            };
            ring(page, point.at, 2.4, stroke)?;
        } else {
            dot(page, point.at, 1.1, style::STALE)?;
        }
    }
    Ok(())
}

fn shown(plot: &Plot<'_>, samples: &[Sample]) -> Vec<Shown> {
    let y = &plot.as_coord_spec().y_spec().range;
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
            at: plot.map_coordinate(&(sample.x, value)),
            quality: sample.quality,
            above: value > y.high,
            after_break: std::mem::take(&mut broken),
        });
    }
    shown
}

fn near(a: Pixel, b: Pixel) -> bool {
    (a.0 - b.0).abs() < SAME && (a.1 - b.1).abs() < SAME
}

/// Of the places in a narrow column the first, lowest, highest and last.
fn thinned(places: &[Pixel]) -> Vec<Pixel> {
    let column = |place: &Pixel| place.0.div_euclid(THIN);
    let mut kept = Vec::new();
    for group in places.chunk_by(|a, b| column(a) == column(b)) {
        if group.len() <= 4 {
            kept.extend_from_slice(group);
            continue;
        }
        let mut rows = vec![0, group.len() - 1];
        rows.extend((0..group.len()).min_by_key(|row| group[*row].1));
        rows.extend((0..group.len()).max_by_key(|row| group[*row].1));
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
        let places: Vec<Pixel> = (0..10_000)
            .map(|t| (t / 100, if t == 5_321 { -7 } else { t * 37 % 100 }))
            .collect();
        let kept = thinned(&places);
        assert!(kept.len() <= 4 * 21, "{}", kept.len());
        assert!(kept.contains(&places[5_321]));
        assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert_eq!(kept.first(), places.first());
        assert_eq!(kept.last(), places.last());
    }
}
