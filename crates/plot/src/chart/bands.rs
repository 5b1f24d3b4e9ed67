//! Phases as pale colour behind curves.

use brink_analysis::phases::Phase;

use super::canvas::{Canvas, Color, Point};
use super::model::Band;
use super::range::Range;
use super::style::{self, PhaseColors};
use super::text::text_width;

/// Height of the strip above the first panel that names the phases.
pub const STRIP: f64 = 11.0;

// If half of the phases are as wide as this, all are shown as they are.
const CYCLES: f64 = 5.0;

// Else only those that are as wide as this: the others are seen as the mixture of their colours.
const WIDE: f64 = 8.0;

// The width of a mixture, about.
const CELL: f64 = 4.0;

/// What the legend says of a phase.
pub fn name(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Before => None,
        Phase::I => Some("I: below 2/η, rising"),
        Phase::II => Some("II: above, rising"),
        Phase::III => Some("III: above, falling"),
        Phase::IV => Some("IV: below, falling"),
    }
}

/// Colour behind one panel.
pub fn draw_behind(
    canvas: &mut Canvas,
    bands: &[Band],
    x: &Range,
    (left, top): Point,
    (width, height): (f64, f64),
) {
    for (from, to, color) in stretches(bands, x, width, |colors| colors.behind) {
        canvas.fill((left + from, top), (left + to, top + height), color);
    }
}

/// The strip above the first panel, with numerals where there is room.
pub fn draw_strip(canvas: &mut Canvas, bands: &[Band], x: &Range, (left, top): Point, width: f64) {
    for (from, to, color) in stretches(bands, x, width, |colors| colors.strip) {
        canvas.fill((left + from, top), (left + to, top + STRIP), color);
    }
    for band in bands {
        let (from, to) = extent(band, x, width);
        let says = band.phase.name();
        if to - from >= text_width(says, style::NUMERAL) + 5.0 {
            let at = (left + (from + to) / 2.0, top + STRIP / 2.0);
            canvas.text(says, at, style::NUMERAL);
        }
    }
}

/// The part of a band that is within the axis, in points from its left end.
fn extent(band: &Band, x: &Range, width: f64) -> (f64, f64) {
    let at = |value: f64| width * x.share(value).clamp(0.0, 1.0);
    (at(band.from), at(band.to))
}

/// What is filled with which colour.
///
/// A run in cycles has its bands as they are. A run that changes phase hundreds of times would be
/// noise: between wide bands it has cells with the mixture of what is in them, as a reader would
/// see it from afar.
fn stretches(
    bands: &[Band],
    x: &Range,
    width: f64,
    color: impl Fn(PhaseColors) -> Color,
) -> Vec<(f64, f64, Color)> {
    let width_of = |band: &Band| {
        let (from, to) = extent(band, x, width);
        to - from
    };
    let mut widths: Vec<f64> = bands.iter().map(width_of).collect();
    widths.sort_by(f64::total_cmp);
    let cycles = widths
        .get(widths.len() / 2)
        .is_some_and(|median| *median >= CYCLES);
    let wide = if cycles { 0.0 } else { WIDE };
    let mut stretches = Vec::new();
    let mut narrow: Vec<(f64, f64, Color)> = Vec::new();
    for band in bands {
        let Some(colors) = style::phase(band.phase) else {
            continue;
        };
        let (from, to) = extent(band, x, width);
        let piece = (from, to, color(colors));
        if to - from > wide {
            stretches.extend(mixed(&narrow));
            narrow.clear();
            stretches.push(piece);
        } else if to > from {
            narrow.push(piece);
        }
    }
    stretches.extend(mixed(&narrow));
    stretches
}

/// Cells over narrow pieces, each with the mean colour of what is in it; equal ones are joined.
fn mixed(pieces: &[(f64, f64, Color)]) -> Vec<(f64, f64, Color)> {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
        return Vec::new();
    };
    let (low, high) = (first.0, last.1);
    let count = ((high - low) / CELL).round().max(1.0);
    let size = (high - low) / count;
    let mut cells: Vec<(f64, f64, Color)> = Vec::new();
    let mut rest = pieces;
    for at in 0..count as usize {
        let (from, to) = (low + size * at as f64, low + size * (at as f64 + 1.0));
        // Pieces are in order: those that end before this cell are done with.
        rest = &rest[rest.partition_point(|piece| piece.1 <= from)..];
        let within = rest.iter().take_while(|piece| piece.0 < to);
        let shares: Vec<(f64, Color)> = within
            .map(|piece| (piece.1.min(to) - piece.0.max(from), piece.2))
            .collect();
        let Some(color) = style::mean(&shares) else {
            continue;
        };
        match cells.last_mut() {
            Some(cell) if cell.2 == color && cell.1 == from => cell.1 = to,
            _ => cells.push((from, to, color)),
        }
    }
    cells
}

/// A swatch for the legend, its left end at `at`.
pub fn draw_swatch(canvas: &mut Canvas, phase: Phase, at: Point) {
    let Some(colors) = style::phase(phase) else {
        return;
    };
    canvas.fill((at.0, at.1 - 4.0), (at.0 + 12.0, at.1 + 4.0), colors.strip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(from: f64, to: f64, phase: Phase) -> Band {
        Band { from, to, phase }
    }

    fn behind(bands: &[Band], width: f64) -> Vec<(f64, f64, Color)> {
        stretches(bands, &Range::steps([0.0, 10.0]), width, |colors| {
            colors.behind
        })
    }

    #[test]
    fn cycles_keep_their_edges_and_colours() {
        let bands = [
            band(0.0, 2.6, Phase::I),
            band(2.6, 2.61, Phase::II),
            band(2.61, 5.0, Phase::III),
        ];
        let color = |phase| style::phase(phase).unwrap().behind;
        let drawn = behind(&bands, 100.0);
        let phases = [Phase::I, Phase::II, Phase::III];
        assert_eq!(drawn[0], (0.0, 26.0, color(Phase::I)));
        assert!(drawn.iter().map(|stretch| stretch.2).eq(phases.map(color)));
        assert!(drawn.windows(2).all(|pair| pair[0].1 == pair[1].0));
    }

    #[test]
    fn wide_bands_among_short_ones_keep_theirs() {
        let mut bands = vec![band(0.0, 5.0, Phase::I)];
        bands.extend((0..50).map(|at| {
            let from = 5.0 + f64::from(at) / 10.0;
            band(from, from + 0.1, [Phase::II, Phase::III][at as usize % 2])
        }));
        let drawn = behind(&bands, 100.0);
        assert_eq!((drawn[0].0, drawn[0].1), (0.0, 50.0));
        assert!(drawn.len() <= 14, "{}", drawn.len());
    }

    #[test]
    fn hundreds_of_short_phases_are_one_tint() {
        let bands: Vec<Band> = (0..1000)
            .map(|at| {
                let from = f64::from(at) / 100.0;
                band(from, from + 0.01, [Phase::II, Phase::III][at as usize % 2])
            })
            .collect();
        let drawn = behind(&bands, 500.0);
        assert!(drawn.len() <= 125, "{}", drawn.len());
        let [ii, iii] = [Phase::II, Phase::III].map(|phase| style::phase(phase).unwrap().behind);
        let half = style::mean(&[(1.0, ii), (1.0, iii)]).unwrap();
        let near = |a: u8, b: u8| a.abs_diff(b) <= 1;
        for (.., color) in &drawn {
            assert!(near(color.0, half.0) && near(color.1, half.1) && near(color.2, half.2));
        }
        assert_eq!(drawn.first().map(|cell| cell.0), Some(0.0));
        assert!((drawn.last().unwrap().1 - 500.0).abs() < 1e-9);
    }
}
