//! The paper's assumptions: verdicts, phases, and what was not measured.

use brink_analysis::Report;
use brink_analysis::assumptions::{Assumption, Figure, Measurement, Verdict};

use super::element::{Cell, escaped, section as titled, table};
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
                    let (name, value, step) = (escaped(&name), escaped(&value), at(found.step));
                    format!("{name} <b>{value}</b>{step}")
                })
                .collect();
            let plural = if *steps == 1 { "" } else { "s" };
            lines.push(format!("<span class=\"steps\">{steps} step{plural}</span>"));
            lines.join("<br>")
        }
    }
}

/// The same by phase, a table a row with a line a phase; nothing if no row has any.
pub fn by_phase(report: &Report) -> String {
    let measured = report.assumptions.iter();
    let tables: String = measured
        .filter(|row| !row.by_phase.is_empty())
        .map(of_phases)
        .collect();
    if tables.is_empty() {
        return String::new();
    }
    titled("By phase", "", &tables)
}

fn of_phases(row: &Assumption) -> String {
    let parts = || row.by_phase.iter();
    let mut names: Vec<&str> = Vec::new();
    for found in parts().flat_map(|part| found(&part.measurement)) {
        if !names.contains(&found.name) {
            names.push(found.name);
        }
    }
    let mut header = vec!["phase".to_owned()];
    header.extend(names.iter().map(|name| figure(name, 0.0).0));
    header.push("steps".to_owned());
    let lines = parts().map(|part| {
        let of = |name: &&str| found(&part.measurement).iter().find(|f| f.name == *name);
        let mut cells = vec![Cell::text(part.phase.name())];
        cells.extend(names.iter().map(|name| {
            let value = of(name).map(|found| figure(name, found.value).1 + &at(found.step));
            Cell::number(value.as_deref().unwrap_or(NONE))
        }));
        cells.push(Cell::number(&match &part.measurement {
            Measurement::Missing { .. } => NONE.to_owned(),
            Measurement::Measured { steps, .. } => steps.to_string(),
        }));
        cells
    });
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let name = escaped(row.assumption);
    format!("<h3>{name}</h3>\n{}", table(&header, lines))
}

fn found(measurement: &Measurement) -> &[Figure] {
    match measurement {
        Measurement::Missing { .. } => &[],
        Measurement::Measured { figures, .. } => figures,
    }
}

/// Where a value was found.
fn at(step: Option<u64>) -> String {
    step.map_or_else(String::new, |step| format!(", t = {step}"))
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
