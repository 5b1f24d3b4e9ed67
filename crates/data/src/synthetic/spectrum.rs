//! How strongly each cosine occurs in the random fields and in the class templates.
//!
//! Fitted to the coefficients of CIFAR-10's training images, pixels between 0 and 1, along
//! brightness (red + green + blue), red − blue, and green against red and blue.

use super::dct::Plane;
use crate::records::{CHANNELS, SIDE};

/// Colour axes of unit length, one a row; in natural images they are nearly uncorrelated.
pub(super) fn colour_axes() -> [[f64; CHANNELS]; CHANNELS] {
    let (third, half, sixth) = (3.0_f64.sqrt(), 2.0_f64.sqrt(), 6.0_f64.sqrt());
    [
        [1.0 / third, 1.0 / third, 1.0 / third],
        [1.0 / half, 0.0, -1.0 / half],
        [1.0 / sixth, -2.0 / sixth, 1.0 / sixth],
    ]
}

/// Standard deviations of coefficients, by colour axis.
#[derive(Clone, Debug)]
pub(super) struct Spectrum {
    /// Of the random field of a sample.
    pub(super) field: [Plane; CHANNELS],
    /// Of the template of a class, over the classes.
    pub(super) template: [Plane; CHANNELS],
}

impl Spectrum {
    pub(super) fn new() -> Self {
        let part = |share_of: fn(f64) -> f64| {
            std::array::from_fn(|axis| {
                std::array::from_fn(|index| {
                    let squared = squared_frequency(index / SIDE, index % SIDE);
                    (power(axis, squared) * share_of(squared)).sqrt()
                })
            })
        };
        Self {
            field: part(|squared| 1.0 - template_share(squared)),
            template: part(template_share),
        }
    }
}

/// Horizontal frequencies count for more: horizons and skies make vertical change stronger.
fn squared_frequency(vertical: usize, horizontal: usize) -> f64 {
    const HORIZONTAL: f64 = 1.6;
    (vertical * vertical) as f64 + HORIZONTAL * (horizontal * horizontal) as f64
}

/// Variance of a coefficient: 1/f² with the roll-off that scaling down to 32 pixels leaves.
fn power(axis: usize, squared_frequency: f64) -> f64 {
    const BRIGHTNESS: f64 = 25.0;
    const ROLL_OFF: f64 = 22.0;
    /// Variance of each colour axis against brightness.
    const AXES: [f64; CHANNELS] = [1.0, 0.04, 0.008];
    /// Variance of the mean of an image, as a multiple of `BRIGHTNESS`, by colour axis.
    const MEAN: [f64; CHANNELS] = [1.9, 5.2, 5.2];
    let shape = if squared_frequency == 0.0 {
        MEAN[axis]
    } else {
        let roll_off = 1.0 + squared_frequency / (ROLL_OFF * ROLL_OFF);
        1.0 / (squared_frequency * roll_off * roll_off)
    };
    BRIGHTNESS * AXES[axis] * shape
}

/// Share of a coefficient's variance that is between classes: class means are smooth.
fn template_share(squared_frequency: f64) -> f64 {
    const LARGEST: f64 = 0.19;
    LARGEST / (1.0 + squared_frequency)
}
