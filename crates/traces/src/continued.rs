//! A CSV file that a run left, cut to the steps before one, for the run to go on from there.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::csv_file::{CsvFile, line};

/// A CSV file that a run cannot go on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContinueError {
    /// It cannot be read or cut.
    #[error("cannot go on with {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It has other columns.
    #[error("cannot go on with {}: its columns are not those of this run", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
    },
    /// A line is no row of it.
    #[error("cannot go on with {}: line {line} does not begin with a step", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// Rows are missing.
    #[error(
        "cannot go on with {} at step {next_step}: its rows end before step {found}",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The first step it has not.
        found: u64,
        /// The step to go on at.
        next_step: u64,
    },
}

/// The rows of a file that a run left, whole ones only.
#[derive(Debug)]
pub(crate) struct Left {
    path: PathBuf,
    text: String,
    /// Bytes of the rows that are kept.
    kept: usize,
}

impl Left {
    /// Reads a file that has this header.
    pub fn read<H: AsRef<[u8]>>(
        path: &Path,
        header: impl IntoIterator<Item = H>,
    ) -> Result<Self, ContinueError> {
        let system = |source| ContinueError::File {
            path: path.to_owned(),
            source,
        };
        let text = fs::read_to_string(path).map_err(system)?;
        let header = line(header).map_err(system)?;
        if !text.as_bytes().starts_with(&header) {
            let path = path.to_owned();
            return Err(ContinueError::Columns { path });
        }
        Ok(Self {
            path: path.to_owned(),
            text,
            kept: header.len(),
        })
    }

    /// Keeps the whole rows of steps before `next_step`, and returns each with its step.
    pub fn keep_before(&mut self, next_step: u64) -> Result<Vec<(u64, &str)>, ContinueError> {
        let mut rows = Vec::new();
        // The header is the first line.
        for (number, row) in (2..).zip(self.text[self.kept..].split_inclusive('\n')) {
            // One without its end was being written when the run was killed.
            let Some(fields) = row.strip_suffix('\n') else {
                break;
            };
            let step = fields.split(',').next().unwrap_or_default();
            let step = step.parse::<u64>().map_err(|_| ContinueError::Row {
                path: self.path.clone(),
                line: number,
            })?;
            if step >= next_step {
                break;
            }
            rows.push((step, fields));
            self.kept += row.len();
        }
        Ok(rows)
    }

    /// Cuts the file to the rows kept, and opens it behind them.
    pub fn cut(&self) -> Result<CsvFile, ContinueError> {
        let cut = || {
            let mut file = OpenOptions::new().write(true).open(&self.path)?;
            file.set_len(self.kept as u64)?;
            file.seek(SeekFrom::Start(self.kept as u64))?;
            Ok(file)
        };
        let file = cut().map_err(|source| ContinueError::File {
            path: self.path.clone(),
            source,
        })?;
        Ok(CsvFile::opened(&self.path, file, self.kept as u64))
    }
}
