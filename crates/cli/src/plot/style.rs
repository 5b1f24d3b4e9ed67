//! The figure's look: Okabe and Ito's colours, told apart in grey by width and dash.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Font, Stroke};

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);

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

/// Numbers at ticks.
pub const TICK: Font = Font {
    size: 10.0,
    color: INK,
    bold: false,
    anchor: (HPos::Left, VPos::Center),
    upwards: false,
};

/// Names of axes.
pub const LABEL: Font = Font { size: 11.5, ..TICK };

/// The title.
pub const TITLE: Font = Font {
    size: 14.0,
    bold: true,
    anchor: (HPos::Left, VPos::Center),
    ..TICK
};

/// What stands under the title.
pub const SUBTITLE: Font = Font {
    size: 10.0,
    color: RGBColor(0x4D, 0x4D, 0x4D),
    ..TICK
};

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

/// A colour most of the way to white.
pub fn pale(color: RGBColor) -> RGBColor {
    let mix = |channel: u8| u8::MAX - (u8::MAX - channel) / 2;
    RGBColor(mix(color.0), mix(color.1), mix(color.2))
}
