//! The range and ticks that an axis gets from what is measured on it.

use super::model::{Axis, Scale};
use super::range::{Range, ceiling};
use super::ticks::{self, Tick};

/// Values further above all curves than this many times do not widen an axis.
const REACH: f64 = 4.0;

/// A vertical axis's numbers.
#[derive(Debug, Clone)]
pub struct Scaled {
    /// What it shows.
    pub range: Range,
    /// Where it is marked.
    pub ticks: Vec<Tick>,
}

/// Chooses what an axis of that height, in points, shows.
pub fn scaled(axis: &Axis, height: f64) -> Scaled {
    let range = range(axis);
    // A number needs room for two lines of text.
    let wanted = ((height / 32.0).round() as usize).clamp(2, 8);
    let ticks = if range.log {
        ticks::logarithmic(range.low, range.high, wanted)
    } else {
        ticks::linear(range.low, range.high, wanted)
    };
    Scaled { range, ticks }
}

fn range(axis: &Axis) -> Range {
    let values = || axis.curves.iter().flat_map(|curve| curve.values());
    let levels = || axis.levels.iter().map(|level| level.value);
    let linear = || Range::linear(values().chain(levels()));
    match axis.scale {
        Scale::Linear => linear(),
        Scale::Zero { reference } => {
            let ceiling = reference
                .filter(|reference| reference.is_finite())
                .and_then(|reference| ceiling(values(), reference));
            let largest = values()
                .filter(|value| value.is_finite())
                .fold(0.0, f64::max);
            // A threshold far above every eigenvalue would flatten them all.
            let levels = levels().filter(|level| *level <= REACH * largest);
            Range::from_zero(
                values()
                    .chain(levels)
                    .map(|value| ceiling.map_or(value, |ceiling| value.min(ceiling))),
            )
        }
        Scale::Logarithmic => Range::logarithmic(values().chain(levels())).unwrap_or_else(linear),
        Scale::Wide => Range::logarithmic(values())
            .filter(|range| range.high > 100.0 * range.low)
            .unwrap_or_else(linear),
    }
}
