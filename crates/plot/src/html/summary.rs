//! What the run was, in a few numbers.

use brink_analysis::Report;

use super::element::escaped;
use super::numbers::{NONE, number, optional};

/// The head of the page.
pub fn header(report: &Report) -> String {
    let run = &report.run;
    let mut html = format!("<header>\n<h1>{}</h1>\n", escaped(&run.name));
    if let Some(description) = &run.description {
        html.push_str(&format!("<p class=\"what\">{}</p>\n", escaped(description)));
    }
    html.push_str("<dl>\n");
    for (name, value) in facts(report) {
        let (name, value) = (escaped(name), escaped(&value));
        html.push_str(&format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    }
    html.push_str("</dl>\n</header>\n");
    html
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let step = |step: Option<u64>| step.map_or_else(|| NONE.to_owned(), |step| step.to_string());
    let sharpness = report.max_sharpness.map(|extreme| {
        let value = number(extreme.value);
        format!("{value} at step {}", extreme.step)
    });
    let mut facts = vec![
        (
            "outcome",
            run.outcome.clone().unwrap_or_else(|| NONE.to_owned()),
        ),
        ("last step", step(report.last_step)),
        ("last loss", optional(report.last_loss)),
        ("step size η", optional(run.step_size)),
        (
            "2/η",
            optional(run.step_size.map(|step_size| 2.0 / step_size)),
        ),
        ("largest Λ", sharpness.unwrap_or_else(|| NONE.to_owned())),
        ("first above 2/η", step(report.first_crossing)),
        ("upward crossings", report.cycles.to_string()),
    ];
    if let Some(correlation) = &report.sharpness_and_output_norm {
        facts.push(("r of Λ and ‖A‖²", optional(correlation.pearson)));
    }
    facts
}
