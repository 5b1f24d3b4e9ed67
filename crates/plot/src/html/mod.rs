//! `report.html`: the analysis of a run as one page, without scripts, links or other files.

mod assumptions;
mod element;
mod numbers;
mod phases;
mod summary;

use brink_analysis::Report;

use element::escaped;

const STYLE: &str = include_str!("style.css");

/// The page of a report, with `figures` as SVG documents in their order under the summary, and those of
/// what was `measured` besides, some under each heading, at the end.
///
/// Figures go into the page as they are: they have to be documents that this crate drew.
pub fn page(report: &Report, figures: &[String], measured: &[(String, Vec<String>)]) -> String {
    let name = escaped(&report.run.name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name} · brink</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    page.push_str(&summary::header(report));
    let framed = |figure: &String| format!("<figure>\n{}</figure>\n", figure.trim_start());
    page.extend(figures.iter().map(framed));
    page.push_str(&assumptions::section(report));
    page.push_str(&assumptions::by_phase(report));
    page.push_str(&assumptions::missing(report));
    page.push_str(&phases::correlations(report));
    page.push_str(&phases::table(report));
    for (heading, figures) in measured {
        let figures: String = figures.iter().map(framed).collect();
        page.push_str(&element::section(heading, "", &figures));
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

#[cfg(test)]
mod tests;
