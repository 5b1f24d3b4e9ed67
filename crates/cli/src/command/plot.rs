//! `brink plot`.

use std::io::Write;

use brink_plot::{draw_columns, draw_run, png, read_run};

use crate::args;
use crate::atomic::write_atomically;
use crate::observe::draw_tables;
use crate::run_folder::{COLUMNS_SVG, TRACE_SVG};
use crate::tell::tell_to;

/// Draws a run's figure from its folder.
pub fn run(command: &args::Plot, out: &mut impl Write) -> Result<(), crate::error::Error> {
    let (svg, name) = match command.panel.is_empty() {
        true => {
            let (series, titles) = read_run(&command.run)?;
            (draw_run(&series, &titles)?, TRACE_SVG)
        }
        false => {
            let names = |panel: &String| panel.split(',').map(|n| n.trim().to_owned()).collect();
            let panels: Vec<Vec<String>> = command.panel.iter().map(names).collect();
            (draw_columns(&command.run, &panels)?, COLUMNS_SVG)
        }
    };
    let path = command.out.clone();
    let path = path.unwrap_or_else(|| command.run.join(name));
    write_atomically(&path, |file| file.write_all(svg.as_bytes()))?;
    tell_to(out, path.display());
    if command.png {
        let pixels = png::from_svg(&svg, png::scale_of_dpi(command.dpi))?;
        let path = path.with_extension("png");
        write_atomically(&path, |file| file.write_all(&pixels))?;
        tell_to(out, path.display());
    }
    if command.out.is_none() && command.panel.is_empty() {
        for path in draw_tables(&command.run)? {
            tell_to(out, path.display());
        }
    }
    Ok(())
}
