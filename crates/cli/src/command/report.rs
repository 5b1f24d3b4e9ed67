//! `brink report`.

use std::io::Write;

use brink_analysis::{Report, Table, Trace};
use brink_plot::{PlotError, draw_columns, draw_run, html, paper, read_run};

use crate::args;
use crate::atomic::write_atomically;
use crate::measure::panels;
use crate::run_folder::{REPORT_HTML, REPORT_JSON, TRACE_CSV};
use crate::tell::tell_to;

/// Judges a run by the paper's assumptions, as a page and as data.
///
/// # Errors
/// A trace that cannot be read, or files that cannot be written.
pub fn run(command: &args::Report, out: &mut impl Write) -> Result<(), crate::error::Error> {
    let trace = Trace::read(&command.run)?;
    let report = Report::of(&trace, &trace.facts().phases);
    let (series, titles) = read_run(&command.run)?;
    let mut figures = vec![draw_run(&series, &titles)?];
    // A run without a whole cycle, or without the residual, has no such figure; the report says why.
    figures.extend(paper::four_phases(&trace).ok());
    let columns = Table::read(command.run.join(TRACE_CSV)).map_err(PlotError::from)?;
    let measured = panels::of_trace(&columns)
        .into_iter()
        .map(|(table, panels)| {
            let heading = format!("[measure.{table}]");
            Ok((heading, draw_columns(&command.run, &panels)?))
        });
    let measured: Vec<_> = measured.collect::<Result<_, PlotError>>()?;
    let page = html::page(&report, &figures, &measured);
    let json = report.to_json()?;
    let folder = command.out.as_deref().unwrap_or(&command.run);
    for (name, content) in [(REPORT_HTML, page), (REPORT_JSON, json)] {
        let path = folder.join(name);
        write_atomically(&path, |file| file.write_all(content.as_bytes()))?;
        tell_to(out, path.display());
    }
    Ok(())
}
