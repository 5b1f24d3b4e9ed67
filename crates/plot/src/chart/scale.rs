//! The range and ticks that an axis gets from what is measured on it.

use plotters::coord::combinators::IntoLogRange;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::LogCoord;

use super::model::{Axis, HeatMap, Scale};
use super::range::{Range, ceiling};
use super::ticks::{self, Tick};

/// Values further above all curves than this many times do not widen an axis.
const REACH: f64 = 4.0;

/// An axis's numbers, as plotters asks for them.
#[derive(Debug, Clone)]
pub struct Scaled {
    /// What it shows.
    pub range: Range,
    /// Where it is marked.
    pub ticks: Vec<Tick>,
}

impl Ranged for Scaled {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let Range { low, high, log } = self.range;
        // Far outside, plotters' whole pixels would overflow.
        let value = value.clamp(low, high);
        if log {
            LogCoord::from((low..high).log_scale()).map(&value, limit)
        } else {
            RangedCoordf64::from(low..high).map(&value, limit)
        }
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        let labelled = self.ticks.iter().filter(|tick| !tick.label.is_empty());
        labelled.map(|tick| tick.value).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.range.low..self.range.high
    }
}

impl ValueFormatter<f64> for Scaled {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|tick| tick.value == *value);
        tick.map(|tick| tick.label.clone()).unwrap_or_default()
    }
}

/// Chooses what a vertical axis of that height, in points, shows of curves and tiles.
pub fn vertical(axis: &Axis, heat: Option<&HeatMap>, height: f64) -> Scaled {
    let range = range(axis, heat);
    let ticks = if range.log {
        ticks::logarithmic(range.low, range.high, most(height / 30.0 + 1.0, 8))
    } else {
        ticks::linear(range.low, range.high, most(height / 15.0, 14))
    };
    Scaled { range, ticks }
}

/// Chooses what a horizontal axis of that width, in points, shows of these values.
pub fn horizontal(values: impl Iterator<Item = f64>, whole: bool, width: f64) -> Scaled {
    let range = Range::steps(values);
    let most = most(width / 60.0 + 1.5, 10);
    let ticks = if whole {
        ticks::whole(range.low, range.high, most)
    } else {
        ticks::linear(range.low, range.high, most)
    };
    Scaled { range, ticks }
}

fn most(room: f64, limit: usize) -> usize {
    (room as usize).clamp(2, limit)
}

fn range(axis: &Axis, heat: Option<&HeatMap>) -> Range {
    let tiles = || heat.into_iter().flat_map(|heat| &heat.tiles);
    let tiles = || tiles().flat_map(|tile| [tile.y.0, tile.y.1]);
    let curves = || axis.curves.iter().flat_map(|curve| curve.values());
    let values = || curves().chain(tiles());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(range: Range) -> Scaled {
        let ticks = Vec::new();
        Scaled { range, ticks }
    }

    #[test]
    fn places_run_from_end_to_end() {
        let linear = scaled(Range::steps([10.0, 20.0]));
        assert_eq!(linear.map(&15.0, (0, 1000)), 500);
        let log = Range::logarithmic([0.01, 1.0]).unwrap();
        assert_eq!(scaled(log).map(&0.1, (1000, 0)), 500);
        assert_eq!(scaled(log).map(&log.low, (1000, 0)), 1000);
    }

    #[test]
    fn no_value_leaves_the_axis() {
        let log = Range::logarithmic([1e-300, 1e300]).unwrap();
        for range in [Range::linear([-1e308, 1e308]), Range::steps([0.0]), log] {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, 0.0, -1.0] {
                let place = scaled(range).map(&value, (6000, 100));
                assert!((100..=6000).contains(&place), "{range:?} {value} {place}");
            }
        }
    }
}
