use brink_analysis::phases::PhaseParams;
use brink_analysis::{Facts, Report, Trace};

use super::*;
use crate::paper::four_phases;
use crate::testing::MadeUp;

fn report(trace: &Trace) -> Report {
    Report::of(trace, &PhaseParams::default())
}

#[test]
fn a_report_is_one_page_with_nothing_outside_it() {
    let trace = MadeUp::default().trace();
    let figure = four_phases(&trace).unwrap();
    let page = page(&report(&trace), &[figure], &[]);
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    for outside in [
        "<script", "<link", "<img", "src=", "href=", "url(", "@import",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The name that SVG itself goes by is an address, and none is fetched.
    assert_eq!(
        page.matches("http").count(),
        page.matches("http://www.w3.org/2000/svg").count()
    );
    assert_eq!(page.matches("<svg").count(), 1);
}

#[test]
fn every_assumption_has_its_row_and_every_gap_its_remedy() {
    let report = report(&MadeUp::default().trace());
    let page = page(&report, &[], &[]);
    assert!(!report.assumptions.is_empty());
    for row in &report.assumptions {
        assert!(
            page.contains(&escaped(row.assumption)),
            "{}",
            row.assumption
        );
        assert!(page.contains(&escaped(row.threshold.text)));
        if let brink_analysis::assumptions::Measurement::Missing { needs } = &row.overall {
            assert!(
                page.contains(&format!("needs {}", escaped(needs))),
                "{needs}"
            );
        }
    }
    // The made-up run measures some and not others.
    assert!(page.contains("verdict holds") && page.contains("verdict missing"));
    assert!(page.contains("r of Λ and ‖A‖²"));
    // One row a phase, in a table of its own.
    let cells = page.matches("class=\"phase").count();
    assert_eq!(cells, report.phases.len());
}

#[test]
fn all_elements_are_closed() {
    let page = page(&report(&MadeUp::default().trace()), &[], &[]);
    for element in [
        "table", "tr", "td", "th", "section", "div", "dl", "li", "main", "b", "span",
    ] {
        let open = page.matches(&format!("<{element}>")).count()
            + page.matches(&format!("<{element} ")).count();
        assert_eq!(
            open,
            page.matches(&format!("</{element}>")).count(),
            "{element}"
        );
    }
}

#[test]
fn what_a_run_calls_itself_is_text() {
    let facts = Facts {
        name: "<script>alert(1)</script>".to_owned(),
        description: Some("a & b < c".to_owned()),
        outcome: Some("\"<b>\"".to_owned()),
        ..Facts::default()
    };
    let trace = Trace::new(facts, vec![0]).unwrap();
    let page = page(&report(&trace), &[], &[]);
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("a &amp; b &lt; c"));
}

#[test]
fn an_empty_run_has_a_page() {
    let trace = Trace::new(Facts::default(), Vec::new()).unwrap();
    let page = page(&report(&trace), &[], &[]);
    assert!(page.contains("Not measured"));
}
