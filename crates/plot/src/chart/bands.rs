//! Phases as pale colour behind curves.

use brink_analysis::phases::Phase;

use plotters::coord::ranged1d::Ranged;
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::axes::Plot;
use super::model::Band;
use super::page::{Area, Drawn, PIXELS, Pixel, fill, px};
use super::scale::Scaled;
use super::style::{self, PhaseColors};
use super::text::{text_width, write};

/// Height of the strip above the first panel that names the phases, in points.
pub const STRIP: f64 = 11.0;

// If half of the phases are as wide as this, in pixels, all are shown as they are.
const CYCLES: i32 = 50;

// Else only those that are as wide as this: the others are seen as the mixture of their colours.
const WIDE: i32 = 80;

// The width of a mixture, about.
const CELL: f64 = 40.0;

// So far a colour goes on under the next, lest the page shines through between them.
const UNDER: i32 = 5;

type Stretch = (i32, i32, RGBColor);

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
pub fn draw_behind(page: &Area<'_>, plot: &Plot<'_>, bands: &[Band]) -> Drawn {
    let (x, y) = plot.get_pixel_range();
    let of_plot = stretches(
        bands,
        plot.as_coord_spec().x_spec(),
        (x.start, x.end),
        |colors| colors.behind,
    );
    draw(page, &of_plot, (y.start, y.end))
}

/// The strip above the first panel, with numerals where there is room.
pub fn draw_strip(page: &Area<'_>, plot: &Plot<'_>, bands: &[Band]) -> Drawn {
    let (x, y) = plot.get_pixel_range();
    let (axis, limit) = (plot.as_coord_spec().x_spec(), (x.start, x.end));
    let strip = stretches(bands, axis, limit, |colors| colors.strip);
    draw(page, &strip, (y.start - px(STRIP), y.start))?;
    for band in bands {
        let (from, to) = extent(band, axis, limit);
        let says = band.phase.name();
        if f64::from(to - from) / PIXELS >= text_width(says, style::NUMERAL) + 5.0 {
            let middle = f64::from(from + to) / 2.0 / PIXELS;
            let at = (middle, f64::from(y.start) / PIXELS - STRIP / 2.0);
            write(page, says, at, style::NUMERAL, HPos::Center)?;
        }
    }
    Ok(())
}

fn draw(page: &Area<'_>, stretches: &[Stretch], (top, bottom): (i32, i32)) -> Drawn {
    for (at, (from, to, color)) in stretches.iter().enumerate() {
        let meets = stretches.get(at + 1).is_some_and(|next| next.0 == *to);
        let to = if meets { to + UNDER } else { *to };
        fill(page, (*from, top), (to, bottom), *color)?;
    }
    Ok(())
}

/// The part of a band that is within the axis, in pixels.
fn extent(band: &Band, x: &Scaled, limit: (i32, i32)) -> (i32, i32) {
    (x.map(&band.from, limit), x.map(&band.to, limit))
}

/// What is filled with which colour.
///
/// A run in cycles has its bands as they are. A run that changes phase hundreds of times would be
/// noise: between wide bands it has cells with the mixture of what is in them, as a reader would
/// see it from afar.
fn stretches(
    bands: &[Band],
    x: &Scaled,
    limit: (i32, i32),
    color: impl Fn(PhaseColors) -> RGBColor,
) -> Vec<Stretch> {
    let width_of = |band: &Band| {
        let (from, to) = extent(band, x, limit);
        to - from
    };
    let mut widths: Vec<i32> = bands.iter().map(width_of).collect();
    widths.sort_unstable();
    let cycles = widths
        .get(widths.len() / 2)
        .is_some_and(|median| *median >= CYCLES);
    let wide = if cycles { 0 } else { WIDE };
    let mut stretches = Vec::new();
    let mut narrow: Vec<Stretch> = Vec::new();
    for band in bands {
        let Some(colors) = style::phase(band.phase) else {
            continue;
        };
        let (from, to) = extent(band, x, limit);
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
fn mixed(pieces: &[Stretch]) -> Vec<Stretch> {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
        return Vec::new();
    };
    let (low, width) = (first.0, f64::from(last.1 - first.0));
    let count = (width / CELL).round().max(1.0);
    let edge = |at: usize| low + (width * at as f64 / count).round() as i32;
    let mut cells: Vec<Stretch> = Vec::new();
    let mut rest = pieces;
    for at in 0..count as usize {
        let (from, to) = (edge(at), edge(at + 1));
        // Pieces are in order: those that end before this cell are done with.
        rest = &rest[rest.partition_point(|piece| piece.1 <= from)..];
        let within = rest.iter().take_while(|piece| piece.0 < to);
        let shares: Vec<(f64, RGBColor)> = within
            .map(|piece| (f64::from(piece.1.min(to) - piece.0.max(from)), piece.2))
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
pub fn draw_swatch(page: &Area<'_>, phase: Phase, (x, y): Pixel) -> Drawn {
    let Some(colors) = style::phase(phase) else {
        return Ok(());
    };
    let half = px(4.0);
    fill(page, (x, y - half), (x + px(12.0), y + half), colors.strip)
}

#[cfg(test)]
mod tests {
    use super::super::range::Range;
    use super::*;

    fn band(from: f64, to: f64, phase: Phase) -> Band {
        Band { from, to, phase }
    }

    fn behind(bands: &[Band], width: i32) -> Vec<Stretch> {
        let x = Scaled {
            range: Range::steps([0.0, 10.0]),
            ticks: Vec::new(),
        };
        stretches(bands, &x, (0, width), |colors| colors.behind)
    }

    #[test]
    fn cycles_keep_their_edges_and_colours() {
        let bands = [
            band(0.0, 2.6, Phase::I),
            band(2.6, 2.61, Phase::II),
            band(2.61, 5.0, Phase::III),
        ];
        let color = |phase| style::phase(phase).unwrap().behind;
        let drawn = behind(&bands, 1000);
        let phases = [Phase::I, Phase::II, Phase::III];
        assert_eq!(drawn[0], (0, 260, color(Phase::I)));
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
        let drawn = behind(&bands, 1000);
        assert_eq!((drawn[0].0, drawn[0].1), (0, 500));
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
        let drawn = behind(&bands, 5000);
        assert!(drawn.len() <= 125, "{}", drawn.len());
        let [ii, iii] = [Phase::II, Phase::III].map(|phase| style::phase(phase).unwrap().behind);
        let half = style::mean(&[(1.0, ii), (1.0, iii)]).unwrap();
        let near = |a: u8, b: u8| a.abs_diff(b) <= 1;
        for (.., color) in &drawn {
            assert!(near(color.0, half.0) && near(color.1, half.1) && near(color.2, half.2));
        }
        assert_eq!(drawn.first().map(|cell| cell.0), Some(0));
        assert_eq!(drawn.last().map(|cell| cell.1), Some(5000));
    }
}
