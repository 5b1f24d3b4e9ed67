//! `brink plot`.

use std::io::Write;

use brink_plot::{draw_run, png, read_run};

use crate::args;
use crate::atomic::write_atomically;
use crate::observe::draw_tables;
use crate::run_folder::TRACE_SVG;
use crate::tell::tell_to;

/// Draws a run's figure from its folder.
pub fn run(command: &args::Plot, out: &mut impl Write) -> Result<(), crate::error::Error> {
    let (series, titles) = read_run(&command.run)?;
    let svg = draw_run(&series, &titles)?;
    let path = command
        .out
        .clone()
        .unwrap_or_else(|| command.run.join(TRACE_SVG));
    write_atomically(&path, |file| file.write_all(svg.as_bytes()))?;
    tell_to(out, path.display());
    if command.png {
        let pixels = png::from_svg(&svg, png::scale_of_dpi(command.dpi))?;
        let path = path.with_extension("png");
        write_atomically(&path, |file| file.write_all(&pixels))?;
        tell_to(out, path.display());
    }
    if command.out.is_none() {
        for path in draw_tables(&command.run)? {
            tell_to(out, path.display());
        }
    }
    Ok(())
}
