//! The phases of the run.

use brink_analysis::Report;
use brink_analysis::phases::{Growth, PhaseSummary, Signs};

use super::element::{Cell, section, table as element};
use super::numbers::{NONE, change, number, optional, percent};

/// A table longer than this is folded.
const LONG: usize = 40;

/// Λ against ‖A‖² in each phase; nothing if not measured.
pub fn correlations(report: &Report) -> String {
    if report.sharpness_and_output_norm_by_phase.is_empty() {
        return String::new();
    }
    let all = report.sharpness_and_output_norm.iter();
    let rows = all.map(|correlation| ("all steps", correlation)).chain(
        report
            .sharpness_and_output_norm_by_phase
            .iter()
            .map(|part| (part.phase.name(), &part.correlation)),
    );
    let rows = rows.map(|(name, correlation)| {
        let same = correlation.same_sign_share.map(percent);
        vec![
            Cell::text(name),
            Cell::number(&optional(correlation.pearson)),
            Cell::number(same.as_deref().unwrap_or(NONE)),
            Cell::number(&correlation.steps.to_string()),
        ]
    });
    let header = ["phase", "Pearson's r", "ΔΛ and Δ‖A‖² of one sign", "steps"];
    section("Sharpness and ‖A‖²", "", &element(&header, rows))
}

/// The phase table.
pub fn table(report: &Report) -> String {
    let about = format!(
        "A phase changes once Λ has been on the other side of 2/η, or turned, for {} steps. Δ is \
         the change over the phase; the growth of |Dᵀv₁| is a step's, and its prediction is \
         |1 − ηΛ|.",
        report.phase_params.hysteresis
    );
    let header = [
        "cycle",
        "phase",
        "from step",
        "to",
        "steps",
        "ΔΛ",
        "Δ‖A‖²",
        "ΔL",
        "DᵀF > 0",
        "growth of |Dᵀv₁|",
        "predicted",
    ];
    let table = element(&header, report.phases.iter().map(row));
    let content = if report.phases.len() > LONG {
        let count = report.phases.len();
        format!("<details>\n<summary>All {count} phases</summary>\n{table}</details>\n")
    } else {
        table
    };
    section("Phases", &about, &content)
}

fn row(phase: &PhaseSummary) -> Vec<Cell> {
    let positive = |signs: &Signs| percent(signs.positive);
    let growth = |of: fn(&Growth) -> f64| phase.growth.as_ref().map(of);
    let cells = [
        phase.from.to_string(),
        phase.to.to_string(),
        phase.steps.to_string(),
        change(phase.sharpness_change),
        change(phase.output_norm_sq_change),
        change(phase.loss_change),
        phase
            .residual_dot_output
            .as_ref()
            .map_or_else(|| NONE.to_owned(), positive),
        growth(|growth| growth.measured).map_or_else(|| NONE.to_owned(), number),
        growth(|growth| growth.predicted).map_or_else(|| NONE.to_owned(), number),
    ];
    let class = match phase.phase.name() {
        "I" => "phase p1",
        "II" => "phase p2",
        "III" => "phase p3",
        "IV" => "phase p4",
        _ => "phase",
    };
    let mut row = vec![
        Cell::number(&phase.cycle.to_string()),
        Cell::html(phase.phase.name().to_owned(), class),
    ];
    row.extend(cells.iter().map(|text| Cell::number(text)));
    row
}
