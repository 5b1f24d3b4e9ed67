//! The figure's look: Okabe and Ito's colours, told apart in grey by width and dash.

use brink_analysis::phases::Phase;
use plotters::style::{Color, RGBColor, ShapeStyle};

use super::page::PIXELS;
use super::text::Font;

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub color: RGBColor,
    /// Its width in points.
    pub width: f64,
    /// Lengths of dash and gap in points; unbroken without them.
    pub dash: Option<(f64, f64)>,
}

impl From<Stroke> for ShapeStyle {
    fn from(stroke: Stroke) -> Self {
        let pixels = (stroke.width * PIXELS).round() as u32;
        stroke.color.stroke_width(pixels)
    }
}

/// Width of the thinnest line.
pub const HAIRLINE: f64 = 0.6;

/// Frames and ticks.
pub const FRAME: Stroke = Stroke {
    color: INK,
    width: 0.8,
    dash: None,
};

/// Grid lines.
pub const GRID: Stroke = Stroke {
    color: RGBColor(0xE4, 0xE4, 0xE4),
    width: 0.6,
    dash: None,
};

/// The line 2/η.
pub const THRESHOLD: Stroke = Stroke {
    color: INK,
    width: 1.1,
    dash: Some((6.0, 3.5)),
};

/// The loss.
pub const LOSS: Stroke = Stroke {
    color: VERMILION,
    width: 1.3,
    dash: None,
};

/// ‖A‖².
pub const OUTPUT_NORM: Stroke = Stroke {
    color: GREEN,
    width: 1.3,
    dash: None,
};

/// The ring of a point that did not converge.
pub const RING: Stroke = Stroke {
    color: INK,
    width: 0.9,
    dash: None,
};

/// Points that are Rayleigh quotients of stale vectors.
pub const STALE: RGBColor = INK;

/// What another run did, before this one branched off.
pub const BEFORE: Stroke = Stroke {
    color: RGBColor(0x99, 0x99, 0x99),
    width: 1.1,
    dash: None,
};

/// Numbers at ticks.
pub(super) const TICK: Font = Font {
    size: 10.0,
    color: INK,
    bold: false,
};

/// Names of axes.
pub(super) const LABEL: Font = Font { size: 11.5, ..TICK };

/// The title.
pub(super) const TITLE: Font = Font {
    size: 14.0,
    bold: true,
    ..TICK
};

/// What stands under the title.
pub(super) const SUBTITLE: Font = Font {
    size: 10.0,
    color: RGBColor(0x4D, 0x4D, 0x4D),
    ..TICK
};

/// Titles of panels.
pub(super) const PANEL_TITLE: Font = Font {
    size: 11.0,
    bold: true,
    ..TICK
};

/// Roman numerals of phases.
pub(super) const NUMERAL: Font = Font { size: 8.5, ..TICK };

/// Moments on the horizontal axis.
pub const MARK: Stroke = Stroke {
    color: RGBColor(0x55, 0x55, 0x55),
    width: 0.9,
    dash: Some((1.2, 2.2)),
};

/// A line at zero.
pub const ZERO: Stroke = Stroke {
    color: RGBColor(0x77, 0x77, 0x77),
    width: 0.8,
    dash: None,
};

/// ‖A‖² on an axis of its own over another curve.
pub const OVERLAY: Stroke = Stroke {
    color: GREEN,
    width: 1.2,
    dash: Some((4.5, 1.8)),
};

/// The colours of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseColors {
    /// Behind curves.
    pub behind: RGBColor,
    /// In the strip above the panels, and in the legend.
    pub strip: RGBColor,
}

/// The colours of a phase: tints of Okabe and Ito's, neighbours of different lightness in grey.
pub fn phase(phase: Phase) -> Option<PhaseColors> {
    let (color, behind, strip) = match phase {
        Phase::Before => return None,
        Phase::I => (SKY, 0.10, 0.30),
        Phase::II => (ORANGE, 0.20, 0.60),
        Phase::III => (VERMILION, 0.22, 0.62),
        Phase::IV => (GREEN, 0.13, 0.42),
    };
    Some(PhaseColors {
        behind: tint(color, behind),
        strip: tint(color, strip),
    })
}

/// A curve that is alone in its panel and is no quantity with a colour of its own.
pub const fn plain() -> Stroke {
    Stroke {
        color: INK,
        width: 1.3,
        dash: None,
    }
}

/// The curve at that position of several that are compared: apart in colour, width and dash.
pub fn compared(at: usize) -> Stroke {
    let (color, width, dash) = match at % 6 {
        0 => (BLUE, 1.5, None),
        1 => (VERMILION, 1.3, Some((5.0, 2.0))),
        2 => (GREEN, 1.2, Some((2.0, 1.5))),
        3 => (PURPLE, 1.3, Some((7.0, 1.5))),
        4 => (ORANGE, 1.1, None),
        _ => (INK, 1.0, Some((1.2, 1.2))),
    };
    Stroke { color, width, dash }
}

/// The line of the eigenvalue at that position, from 0.
pub fn eigenvalue(at: usize) -> Stroke {
    match at {
        0 => Stroke {
            color: BLUE,
            width: 1.6,
            dash: None,
        },
        1 => Stroke {
            color: ORANGE,
            width: 1.0,
            dash: None,
        },
        _ => Stroke {
            color: [PURPLE, SKY, GREEN, VERMILION][(at - 2) % 4],
            width: 0.8,
            dash: [Some((1.5, 1.5)), Some((4.0, 1.5))][(at - 2) / 4 % 2],
        },
    }
}

/// An eigenvalue that was solved for, over a map of all.
pub const SOLVED: Stroke = Stroke {
    color: VERMILION,
    width: 1.1,
    dash: None,
};

/// The colour of a tile: the page's at 0, dark at 1.
pub(super) fn shade(share: f64) -> RGBColor {
    let share = share.clamp(0.0, 1.0);
    match share {
        ..0.6 => tint(BLUE, share / 0.6),
        _ => {
            let dark = (share - 0.6) / 0.4;
            mean(&[(1.0 - 0.8 * dark, BLUE), (0.8 * dark, INK)]).unwrap_or(BLUE)
        }
    }
}

/// A colour half the way to white.
pub(super) fn pale(color: RGBColor) -> RGBColor {
    tint(color, 0.5)
}

/// A colour of which `share` is left on white.
fn tint(color: RGBColor, share: f64) -> RGBColor {
    let mix = |channel: u8| {
        let white = f64::from(u8::MAX);
        (white - (white - f64::from(channel)) * share).round() as u8
    };
    RGBColor(mix(color.0), mix(color.1), mix(color.2))
}

/// The mean of colours by weight; none without any.
pub(super) fn mean(colors: &[(f64, RGBColor)]) -> Option<RGBColor> {
    let total: f64 = colors.iter().map(|(weight, _)| weight).sum();
    let channel = |of: fn(&RGBColor) -> u8| {
        let weighted = colors.iter();
        let sum: f64 = weighted
            .map(|(weight, color)| weight * f64::from(of(color)))
            .sum();
        (sum / total).round() as u8
    };
    (total > 0.0).then(|| RGBColor(channel(|c| c.0), channel(|c| c.1), channel(|c| c.2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE lightness L*, 0 to 100.
    fn lightness(color: RGBColor) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance =
            0.2126 * linear(color.0) + 0.7152 * linear(color.1) + 0.0722 * linear(color.2);
        116.0 * luminance.cbrt() - 16.0
    }

    #[test]
    fn neighbouring_phases_differ_in_grey() {
        let cycle = [Phase::I, Phase::II, Phase::III, Phase::IV, Phase::I];
        for pair in cycle.windows(2) {
            let (a, b) = (phase(pair[0]).unwrap(), phase(pair[1]).unwrap());
            let apart = |a: RGBColor, b: RGBColor| (lightness(a) - lightness(b)).abs();
            assert!(
                apart(a.strip, b.strip) > 6.0,
                "{pair:?} {} {}",
                lightness(a.strip),
                lightness(b.strip)
            );
            assert!(
                apart(a.behind, b.behind) > 2.0,
                "{pair:?} {} {}",
                lightness(a.behind),
                lightness(b.behind)
            );
        }
    }

    #[test]
    fn colour_behind_curves_stays_pale() {
        for at in [Phase::I, Phase::II, Phase::III, Phase::IV] {
            assert!(lightness(phase(at).unwrap().behind) > 85.0);
        }
        assert_eq!(phase(Phase::Before), None);
    }
}
