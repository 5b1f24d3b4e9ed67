//! Numbers as a reader wants them.

use crate::ticks::short;

/// Stands for what is not known.
pub const NONE: &str = "–";

/// Four digits, with a minus sign.
pub fn number(value: f64) -> String {
    short(value).replace('-', "−")
}

/// The same for a value that may be missing.
pub fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), number)
}

/// A change, with its sign.
pub fn change(value: Option<f64>) -> String {
    match value {
        Some(value) if value > 0.0 => format!("+{}", number(value)),
        other => optional(other),
    }
}

/// A share of one as a percentage.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    // 100 % is said only of all.
    if share < 1.0 && percent >= 99.5 {
        format!("{} %", (percent * 10.0).floor() / 10.0)
    } else {
        format!("{percent:.0} %")
    }
}

/// A figure of the report by its name, and how it is written.
pub fn figure(name: &str, value: f64) -> (String, String) {
    let says = match name {
        "pearson" => "r",
        "same_sign_share" => "same sign",
        "share_within" => "within limit",
        "quantile_95" => "95 % below",
        "quantile_05" => "95 % above",
        "output_to_target_norm" => "‖F(0)‖/‖Y‖",
        "residual_dot_output" => "DᵀF",
        "start_median" => "to the start: median",
        "start_min" => "to the start: min",
        "gap_median" => "gap: median",
        "gap_min" => "gap: min",
        other => return (other.replace('_', " "), number(value)),
    };
    let written = match name {
        "same_sign_share" | "share_within" => percent(value),
        _ => number(value),
    };
    (says.to_owned(), written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_means_all() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.999_9), "99.9 %");
        assert_eq!(percent(0.384), "38 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn changes_have_signs() {
        assert_eq!(change(Some(0.25)), "+0.25");
        assert_eq!(change(Some(-12.5)), "−12.5");
        assert_eq!(change(Some(0.0)), "0");
        assert_eq!(change(None), NONE);
        assert_eq!(number(-2.5e-7), "−2.5×10⁻⁷");
    }
}
