//! Where an axis has its ticks and what they say.

use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::{RangedCoordf64, RangedCoordi64};

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The value it stands at.
    pub value: f64,
    /// What it says; nothing for a minor tick.
    pub label: String,
}

/// Ticks at round values within `low..=high`, at most so many.
pub fn linear(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let span = high - low;
    // plotters would search forever among values that differ in their last digits only.
    let least = (1e-12 * low.abs().max(high.abs())).max(1e-300);
    if !(span.is_finite() && span > least) {
        return Vec::new();
    }
    // It takes values below 1e-16 for zero, so it sees values of a size near one.
    let unit = power(1.0, span.log10().floor() as i32);
    // Rounding does not cost an end its tick.
    let (low, high) = (low / unit - 1e-9, high / unit + 1e-9);
    let points = RangedCoordf64::from(low..high).key_points(BoldPoints(most));
    labelled(points, unit)
}

/// Ticks at whole numbers only: no half step of gradient descent is taken.
pub fn whole(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let held = |value: f64| value.clamp(-1e15, 1e15) as i64;
    let (first, last) = (held(low.ceil()), held(high.floor()));
    let points = RangedCoordi64::from(first..last).key_points(BoldPoints(most));
    labelled(points.into_iter().map(|step| step as f64).collect(), 1.0)
}

/// Ticks of a logarithmic axis over positive `low..=high`, about `most` with labels.
pub fn logarithmic(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let (first, last) = (low.log10(), high.log10());
    let decades = last - first;
    if decades < 0.5 {
        return linear(low, high, most + 2);
    }
    let (from, to) = (first.floor() as i32, last.ceil() as i32);
    // One manner of writing for a whole axis.
    let plain = first > -3.5 && last < 4.5;
    let stride = ((decades / most.max(1) as f64).ceil() as i32).max(1);
    let mut ticks = Vec::new();
    for exponent in from..=to {
        for digit in 1..=9_u8 {
            let value = power(f64::from(digit), exponent);
            if !(low..=high).contains(&value) {
                continue;
            }
            let labelled = match digit {
                1 => exponent.rem_euclid(stride) == 0,
                2 | 5 => decades < 2.3,
                3 => decades < 1.2,
                _ => false,
            };
            if labelled {
                let label = digits(digit, exponent, plain);
                ticks.push(Tick { value, label });
            } else if decades < 3.0 {
                let label = String::new();
                ticks.push(Tick { value, label });
            }
        }
    }
    ticks
}

fn power(digit: f64, exponent: i32) -> f64 {
    // Through text, because 10^-3 by multiplication is not the float that "0.001" is.
    format!("{digit}e{exponent}").parse().unwrap_or(f64::NAN)
}

fn digits(digit: u8, exponent: i32, plain: bool) -> String {
    match exponent {
        0 => digit.to_string(),
        ..=-1 if plain => format!(
            "0.{}{digit}",
            "0".repeat(exponent.unsigned_abs() as usize - 1)
        ),
        1.. if plain => format!("{digit}{}", "0".repeat(exponent.unsigned_abs() as usize)),
        _ if digit == 1 => format!("10{}", superscript(exponent)),
        _ => format!("{digit}×10{}", superscript(exponent)),
    }
}

/// Labels for evenly spaced values in units of a power of ten, with no more digits than tell them
/// apart.
fn labelled(values: Vec<f64>, unit: f64) -> Vec<Tick> {
    let step = match values[..] {
        [first, second, ..] => (second - first) * unit,
        _ => unit,
    };
    let values = values.into_iter().map(|value| value * unit);
    let largest = values
        .clone()
        .fold(0.0_f64, |max, value| max.max(value.abs()));
    let exponent = largest.max(f64::MIN_POSITIVE).log10().floor() as i32;
    let plain = (-3..5).contains(&exponent);
    // A step of 0.0999… is one of 0.1.
    let digit = (step * 1.001).log10().floor() as i32;
    values
        .map(|value| {
            let label = if plain || largest == 0.0 {
                // A zero computed as -0 would be labelled "-0".
                format!("{:.*}", decimals(-digit), value + 0.0)
            } else if value == 0.0 {
                "0".to_owned()
            } else {
                let mantissa = value / power(1.0, exponent);
                let decimals = decimals(exponent - digit);
                format!("{mantissa:.decimals$}×10{}", superscript(exponent))
            };
            // So would a value that is zero but for rounding.
            let zero = label.parse() == Ok(0.0);
            let label = label.trim_start_matches(|sign| zero && sign == '-');
            let label = label.replace('-', "−");
            Tick { value, label }
        })
        .collect()
}

fn decimals(digits: i32) -> usize {
    usize::try_from(digits).unwrap_or(0)
}

/// An exponent as a person writes it.
pub fn superscript(exponent: i32) -> String {
    exponent
        .to_string()
        .chars()
        .map(|digit| match digit {
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            _ => '⁻',
        })
        .collect()
}

/// A number below the line, as an index.
pub fn subscript(number: usize) -> String {
    number
        .to_string()
        .chars()
        .filter_map(|digit| char::from_u32(u32::from(digit) - u32::from('0') + u32::from('₀')))
        .collect()
}

/// A number with as many digits as a label needs.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        format!("{value}")
    } else if (1e-3..1e5).contains(&size) {
        let decimals = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
        let text = format!("{value:.decimals$}");
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    } else {
        let exponent = size.log10().floor() as i32;
        let mantissa = format!("{:.2}", value / 10f64.powi(exponent));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        format!("{mantissa}×10{}", superscript(exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks
            .iter()
            .map(|tick| tick.label.as_str())
            .filter(|label| !label.is_empty())
            .collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(
            labels(&linear(0.0, 310.0, 7)),
            ["0", "50", "100", "150", "200", "250", "300"]
        );
        assert_eq!(
            labels(&linear(0.215, 0.345, 8)),
            ["0.22", "0.24", "0.26", "0.28", "0.30", "0.32", "0.34"]
        );
        assert_eq!(labels(&linear(-0.1, 0.1, 3)), ["−0.1", "0.0", "0.1"]);
        let around_zero = linear(-25.8, 114.1, 14);
        assert!(labels(&around_zero).contains(&"0"), "{around_zero:?}");
        assert_eq!(
            labels(&linear(0.0, 4e7, 5)),
            ["0", "1×10⁷", "2×10⁷", "3×10⁷", "4×10⁷"]
        );
        assert_eq!(
            labels(&linear(1e-9, 2e-9, 3)),
            ["1.0×10⁻⁹", "1.5×10⁻⁹", "2.0×10⁻⁹"]
        );
        assert_eq!(labels(&linear(1e-20, 2e-20, 3)).len(), 3);
    }

    #[test]
    fn steps_are_whole() {
        assert_eq!(labels(&whole(0.0, 3.0, 8)), ["0", "1", "2", "3"]);
        assert_eq!(
            labels(&whole(0.0, 600.0, 8)),
            ["0", "100", "200", "300", "400", "500", "600"]
        );
    }

    #[test]
    fn logarithmic_ticks_fit_their_range() {
        assert_eq!(
            labels(&logarithmic(0.03, 1.5, 5)),
            ["0.05", "0.1", "0.2", "0.5", "1"]
        );
        assert_eq!(
            labels(&logarithmic(0.15, 1.5, 5)),
            ["0.2", "0.3", "0.5", "1"]
        );
        assert_eq!(
            labels(&logarithmic(1e-12, 1.0, 4)),
            ["10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "1"]
        );
        assert_eq!(labels(&logarithmic(1.0, 1.2, 2)), ["1.0", "1.1", "1.2"]);
    }

    #[test]
    fn no_range_makes_endless_ticks() {
        for (low, high) in [
            (0.0, 0.0),
            (1e300, 1.7e308),
            (-1.7e308, 1.7e308),
            (5e-324, 1e-320),
            (1e16, 1e16 + 2.0),
        ] {
            assert!(linear(low, high, 5).len() <= 1000);
            assert!(whole(low, high, 5).len() <= 1000);
        }
        assert!(logarithmic(5e-324, 1.7e308, 5).len() < 100);
    }

    #[test]
    fn short_numbers() {
        assert_eq!(short(200.0), "200");
        assert_eq!(short(40.0), "40");
        assert_eq!(short(0.01), "0.01");
        assert_eq!(short(1234.5), "1234");
        assert_eq!(short(133.333_333), "133.3");
        assert_eq!(short(2e7), "2×10⁷");
        assert_eq!(short(2.5e-7), "2.5×10⁻⁷");
    }
}
