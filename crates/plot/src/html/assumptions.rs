//! The paper's assumptions: verdicts, phases, and what was not measured.

use brink_analysis::Report;
use brink_analysis::assumptions::{Assumption, Measurement, Verdict};
use brink_analysis::phases::Phase;

use super::element::escaped;
use super::element::{Cell, section as titled, table};
use super::numbers::{NONE, figure};

/// The table of verdicts.
pub fn section(report: &Report) -> String {
    let rows = report.assumptions.iter().map(|row| {
        let what = format!(
            "<b>{}</b><br><span class=\"quantity\">{}</span>",
            escaped(row.assumption),
            escaped(row.quantity)
        );
        vec![
            Cell::html(what, ""),
            verdict(row.verdict),
            Cell::html(figures(&row.overall), "figures"),
            Cell::html(escaped(row.threshold.text), "threshold"),
        ]
    });
    let header = [
        "assumption and quantity",
        "verdict",
        "along the run",
        "threshold",
    ];
    titled(
        "The paper's assumptions along this run",
        "Wang, Li & Li (2022) argue with these. Each is a quantity of recorded columns, held \
         against a threshold.",
        &table(&header, rows),
    )
}

fn verdict(verdict: Verdict) -> Cell {
    let (says, class) = match verdict {
        Verdict::Holds => ("✓ holds", "verdict holds"),
        Verdict::Partly => ("◐ in part", "verdict partly"),
        Verdict::Fails => ("✗ fails", "verdict fails"),
        Verdict::Missing => ("not measured", "verdict missing"),
    };
    Cell::html(says.to_owned(), class)
}

fn figures(measurement: &Measurement) -> String {
    match measurement {
        Measurement::Missing { .. } => NONE.to_owned(),
        Measurement::Measured { figures, steps } => {
            let mut lines: Vec<String> = figures
                .iter()
                .map(|found| {
                    let (name, value) = figure(found.name, found.value);
                    let step = found.step.map(|step| format!(", t = {step}"));
                    let step = step.unwrap_or_default();
                    format!("{} <b>{}</b>{step}", escaped(&name), escaped(&value))
                })
                .collect();
            let plural = if *steps == 1 { "" } else { "s" };
            lines.push(format!("<span class=\"steps\">{steps} step{plural}</span>"));
            lines.join("<br>")
        }
    }
}

/// The same by phase; nothing if no row has any.
pub fn by_phase(report: &Report) -> String {
    let phases: Vec<Phase> = Phase::ALL
        .into_iter()
        .filter(|phase| {
            let rows = report.assumptions.iter();
            rows.flat_map(|row| &row.by_phase)
                .any(|part| part.phase == *phase)
        })
        .collect();
    if phases.is_empty() {
        return String::new();
    }
    let mut header = vec!["assumption"];
    header.extend(phases.iter().map(|phase| phase.name()));
    let measured = report
        .assumptions
        .iter()
        .filter(|row| !row.by_phase.is_empty());
    let rows = measured.map(|row| {
        let mut cells = vec![Cell::html(
            format!("<b>{}</b>", escaped(row.assumption)),
            "",
        )];
        cells.extend(phases.iter().map(|phase| cell(row, *phase)));
        cells
    });
    titled("By phase", "", &table(&header, rows))
}

fn cell(row: &Assumption, phase: Phase) -> Cell {
    let part = row.by_phase.iter().find(|part| part.phase == phase);
    let html = part.map_or_else(|| NONE.to_owned(), |part| figures(&part.measurement));
    Cell::html(html, "figures")
}

/// What was not measured, and what switches it on; nothing if all was.
pub fn missing(report: &Report) -> String {
    let mut items = String::new();
    for row in &report.assumptions {
        if let Measurement::Missing { needs } = &row.overall {
            let (what, needs) = (escaped(row.assumption), escaped(needs));
            items.push_str(&format!("<li><b>{what}</b> needs {needs}</li>\n"));
        }
    }
    if items.is_empty() {
        return String::new();
    }
    titled(
        "Not measured",
        "Run again with these in the config to have the rows above filled.",
        &format!("<ul>\n{items}</ul>\n"),
    )
}
