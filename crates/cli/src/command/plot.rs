//! `brink plot`.

use std::io::Write;

use crate::args;
use crate::atomic::write_atomically;
use crate::plot::{PlotError, draw, read_run};
use crate::run_folder::TRACE_SVG;

/// Draws a run's figure from its folder.
pub fn run(command: &args::Plot, out: &mut impl Write) -> Result<(), crate::error::Error> {
    let (series, titles) = read_run(&command.run)?;
    let svg = draw(&series, &titles).map_err(PlotError::from)?;
    let path = command
        .out
        .clone()
        .unwrap_or_else(|| command.run.join(TRACE_SVG));
    write_atomically(&path, |file| file.write_all(svg.as_bytes()))?;
    writeln!(out, "{}", path.display())?;
    Ok(())
}
