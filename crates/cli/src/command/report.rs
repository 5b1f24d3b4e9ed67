//! `brink report`.

use std::io::Write;
use std::path::Path;

use brink_analysis::{Report, Table, Trace};
use brink_plot::{PlotError, draw_columns, draw_run, draw_table, html, paper, read_run};
use brink_traces::table_file;

use crate::args;
use crate::atomic::write_atomically;
use crate::measure::{self, panels};
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
            let mut figures = figures_of_tables(&command.run, table)?;
            figures.push(draw_columns(&command.run, &panels)?);
            Ok((heading, figures))
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

/// The figures of what a measurement wrote to tables of its own, such as the spectrum's.
fn figures_of_tables(run: &Path, measurement: &str) -> Result<Vec<String>, PlotError> {
    let tables = measure::arrays().into_iter();
    let tables = tables.filter(|(name, _)| *name == measurement);
    let there = |table: &brink_dynamics::Table| run.join(table_file(table.name)).is_file();
    tables
        .flat_map(|(_, tables)| tables)
        .filter(there)
        .filter_map(|table| draw_table(run, table.name).transpose())
        .collect()
}
