//! A CSV file that a run left, cut to the steps before one, for the run to go on from there.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
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

/// The rows of a file that a run left, whole ones only, read one by one: a file may be larger than the
/// memory.
#[derive(Debug)]
pub(crate) struct Left {
    path: PathBuf,
    lines: BufReader<File>,
    /// Bytes of the rows that are kept.
    kept: u64,
}

impl Left {
    /// Opens a file that has this header.
    pub fn open<H: AsRef<[u8]>>(
        path: &Path,
        header: impl IntoIterator<Item = H>,
    ) -> Result<Self, ContinueError> {
        let system = |source| ContinueError::File {
            path: path.to_owned(),
            source,
        };
        let header = line(header).map_err(system)?;
        let mut lines = BufReader::new(File::open(path).map_err(system)?);
        let mut found = Vec::with_capacity(header.len());
        let as_long = lines.by_ref().take(header.len() as u64);
        { as_long }.read_to_end(&mut found).map_err(system)?;
        if found != header {
            let path = path.to_owned();
            return Err(ContinueError::Columns { path });
        }
        Ok(Self {
            path: path.to_owned(),
            lines,
            kept: header.len() as u64,
        })
    }

    /// Keeps the whole rows of steps before `next_step`, each of which `see` is told with its step.
    pub fn keep_before(
        &mut self,
        next_step: u64,
        mut see: impl FnMut(u64, &str) -> Result<(), ContinueError>,
    ) -> Result<(), ContinueError> {
        let mut row = String::new();
        // The header is the first line.
        for number in 2.. {
            row.clear();
            let read = self.lines.read_line(&mut row);
            read.map_err(|source| self.system(source))?;
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
            see(step, fields)?;
            self.kept += row.len() as u64;
        }
        Ok(())
    }

    /// Cuts the file to the rows kept, and opens it behind them.
    pub fn cut(&self) -> Result<CsvFile, ContinueError> {
        let cut = || {
            let mut file = OpenOptions::new().write(true).open(&self.path)?;
            file.set_len(self.kept)?;
            file.seek(SeekFrom::Start(self.kept))?;
            Ok(file)
        };
        let file = cut().map_err(|source| self.system(source))?;
        Ok(CsvFile::opened(&self.path, file, self.kept))
    }

    fn system(&self, source: std::io::Error) -> ContinueError {
        ContinueError::File {
            path: self.path.clone(),
            source,
        }
    }
}
