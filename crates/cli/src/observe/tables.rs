//! The figures of a run's tables, drawn when it has ended.

use std::io::Write;
use std::path::{Path, PathBuf};

use brink_dynamics::observer::{Observer, ObserverError, RunSummary};
use brink_plot::draw_table;
use brink_traces::table_file;

use crate::atomic::write_atomically;
use crate::error::Error;
use crate::measure;
use crate::run_folder::table_figure;

/// Draws the figure of every table in a run's folder.
#[derive(Debug)]
pub struct TableFigures {
    folder: PathBuf,
}

impl TableFigures {
    /// Figures in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }
}

impl Observer for TableFigures {
    fn name(&self) -> &'static str {
        "the figures of the tables"
    }

    fn finish(&mut self, _summary: &RunSummary) -> Result<(), ObserverError> {
        draw_tables(&self.folder)?;
        Ok(())
    }
}

/// Draws the figures of the tables that are in a run's folder, and returns their paths.
///
/// # Errors
/// [`Error::Plot`] for a table that cannot be read, [`Error::Write`].
pub fn draw_tables(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut drawn = Vec::new();
    for table in measure::arrays().into_iter().flat_map(|(_, tables)| tables) {
        if !folder.join(table_file(table.name)).is_file() {
            continue;
        }
        // One without rows, or one that has no figure.
        let Some(svg) = draw_table(folder, table.name)? else {
            continue;
        };
        let path = folder.join(table_figure(table.name));
        write_atomically(&path, |file| file.write_all(svg.as_bytes()))?;
        drawn.push(path);
    }
    Ok(drawn)
}
