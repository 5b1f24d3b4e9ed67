//! The figures of the tables that measurements write, by the tables' names.

use std::path::Path;

use brink_analysis::Table;

use super::spectrum;
use crate::error::PlotError;

type Draw = fn(&Path, &Table) -> Result<Option<String>, PlotError>;

/// Those that have a figure.
const FIGURES: [(&str, Draw); 1] = [("spectrum", spectrum::draw)];

/// Draws the figure of a table in a run's folder, as an SVG document; none if the table has no rows
/// or no figure.
///
/// # Errors
/// [`PlotError::Table`] for a table that is missing or malformed, by line and column.
pub fn draw_table(folder: &Path, name: &str) -> Result<Option<String>, PlotError> {
    let figure = FIGURES.iter().find(|(table, _)| *table == name);
    let Some((_, draw)) = figure else {
        return Ok(None);
    };
    let table = Table::read(folder.join(format!("{name}.csv")))?;
    draw(folder, &table)
}
