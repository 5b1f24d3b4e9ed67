//! A CSV file with a header, read once and addressed by column.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use brink_files::ReadFault;

/// The largest table read: half a million steps of a run with all its measurements, and more than
/// one may want to look at.
const LIMIT: u64 = 256 << 20;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ReadFault,
    },
    /// A row has too many or too few cells, or the file is no CSV.
    #[error("{}: line {line} {message}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// A cell is not what its column holds.
    #[error("{}: line {line}, column {column}: \"{cell}\" is not {expected}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What the cell holds.
        cell: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A column that the reader cannot do without.
    #[error("{} has no column `{column}`", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: &'static str,
    },
    /// A step that does not come after the one before it.
    #[error(
        "{}: line {line}: step {step} follows step {previous}; steps have to increase",
        path.display()
    )]
    Order {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The step.
        step: u64,
        /// The step of the row before it.
        previous: u64,
    },
    /// Two columns of one name: it is not said which is meant.
    #[error("{} has two columns named `{column}`", path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The name that occurs twice.
        column: String,
    },
}

impl TableError {
    /// What the reader of the message can do about it, in one line.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Read {
                source: ReadFault::TooLarge { .. },
                ..
            } => "keep the header and every tenth row, say, in a folder of its own",
            Self::Read { .. } => {
                "the argument is the folder of a run, such as outputs/quickstart-1"
            }
            Self::Row { .. }
            | Self::Cell { .. }
            | Self::Order { .. }
            | Self::DuplicateColumn { .. } => {
                "the file was changed after the run, or is not a trace of brink's"
            }
            Self::MissingColumn { .. } => "a trace begins with the columns step, time, loss",
        }
    }
}

/// A CSV file: its header, its rows, and the line each row came from.
#[derive(Debug, Clone)]
pub struct Table {
    path: PathBuf,
    header: Vec<String>,
    /// All cells, one after the other: a string of its own for each would take many times as much.
    text: String,
    /// Where each cell ends in `text`, row by row.
    ends: Vec<usize>,
    /// The line of each row.
    lines: Vec<u64>,
}

impl Table {
    /// Reads a file.
    ///
    /// A last row without its line break is still being written, and is left out.
    ///
    /// # Errors
    ///
    /// [`TableError::Read`] when the file cannot be read, else as [`Table::parse`].
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, TableError> {
        let path = path.into();
        match brink_files::read(&path, LIMIT) {
            Ok(bytes) => Self::from_bytes(path, &bytes),
            Err(source) => Err(TableError::Read { path, source }),
        }
    }

    /// Reads a text; `path` is only what errors call it.
    ///
    /// # Errors
    ///
    /// [`TableError::Row`] when a row has another number of cells than the header,
    /// [`TableError::DuplicateColumn`] when the header says a name twice.
    pub fn parse(path: impl Into<PathBuf>, text: &str) -> Result<Self, TableError> {
        Self::from_bytes(path.into(), text.as_bytes())
    }

    fn from_bytes(path: PathBuf, bytes: &[u8]) -> Result<Self, TableError> {
        // Cut before decoding: the row being written may end inside a character.
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        let complete = end.map_or(&[][..], |end| &bytes[..=end]);
        let mut reader = csv::Reader::from_reader(complete);
        let header: Vec<String> = match reader.headers() {
            Ok(names) => names.iter().map(str::to_owned).collect(),
            Err(error) => return Err(malformed(&path, &error)),
        };
        let mut seen = HashSet::new();
        if let Some(column) = header.iter().find(|name| !seen.insert(name.as_str())) {
            let column = column.clone();
            return Err(TableError::DuplicateColumn { path, column });
        }
        let mut table = Self {
            path,
            header,
            text: String::new(),
            ends: Vec::new(),
            lines: Vec::new(),
        };
        let mut row = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut row) {
                Ok(true) => table.push(&row),
                Ok(false) => return Ok(table),
                Err(error) => return Err(malformed(&table.path, &error)),
            }
        }
    }

    /// Appends a row, which has a cell for each column.
    fn push(&mut self, row: &csv::StringRecord) {
        self.lines
            .push(row.position().map_or(0, csv::Position::line));
        for cell in row {
            self.text.push_str(cell);
            self.ends.push(self.text.len());
        }
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The columns' names, in the file's order.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The number of complete rows, the header not counted.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// The index of a column that has to be there.
    ///
    /// # Errors
    ///
    /// [`TableError::MissingColumn`].
    pub fn required(&self, name: &'static str) -> Result<usize, TableError> {
        self.column(name).ok_or_else(|| TableError::MissingColumn {
            path: self.path.clone(),
            column: name,
        })
    }

    /// The line of a row (both from the file's beginning; lines count from 1), as errors name it.
    pub fn line(&self, row: usize) -> Option<u64> {
        self.lines.get(row).copied()
    }

    /// A column's cells as they are written, one for each row.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        (0..self.len()).map(move |row| self.text(row, column))
    }

    /// The column `step`, which a table of a run has to have.
    ///
    /// # Errors
    ///
    /// [`TableError::MissingColumn`], [`TableError::Cell`].
    pub fn steps(&self) -> Result<Vec<u64>, TableError> {
        self.parsed(self.required("step")?, "a whole number")
    }

    /// The column `step` of a table that has one row a step.
    ///
    /// # Errors
    ///
    /// As [`Table::steps`], and [`TableError::Order`] where the steps do not increase.
    pub fn increasing_steps(&self) -> Result<Vec<u64>, TableError> {
        let steps = self.steps()?;
        match disorder(&steps) {
            None => Ok(steps),
            Some((row, step, previous)) => Err(TableError::Order {
                path: self.path.clone(),
                line: self.line(row).unwrap_or_default(),
                step,
                previous,
            }),
        }
    }

    /// A column of numbers; an empty cell is no number.
    ///
    /// `NaN` and `inf` are numbers here: a run that diverges writes them.
    ///
    /// # Errors
    ///
    /// [`TableError::Cell`] for the first cell that is neither empty nor a number.
    pub fn numbers(&self, column: usize) -> Result<Vec<Option<f64>>, TableError> {
        self.optional(column, "a number")
    }

    /// A column of which every cell that is not empty parses; `expected` is how an error calls
    /// what it should be.
    ///
    /// # Errors
    ///
    /// [`TableError::Cell`] for the first cell that is neither empty nor such a value.
    pub fn optional<T: FromStr>(
        &self,
        column: usize,
        expected: &'static str,
    ) -> Result<Vec<Option<T>>, TableError> {
        (0..self.len())
            .map(|row| match self.text(row, column) {
                "" => Ok(None),
                _ => self.cell(row, column, expected).map(Some),
            })
            .collect()
    }

    /// A column of which every cell parses; `expected` is how an error calls what it should be.
    ///
    /// # Errors
    ///
    /// [`TableError::Cell`] for the first cell that does not parse, an empty one among them.
    pub fn parsed<T: FromStr>(
        &self,
        column: usize,
        expected: &'static str,
    ) -> Result<Vec<T>, TableError> {
        (0..self.len())
            .map(|row| self.cell(row, column, expected))
            .collect()
    }

    /// The text of a cell; empty beside the table.
    fn text(&self, row: usize, column: usize) -> &str {
        if column >= self.header.len() {
            return "";
        }
        let at = row * self.header.len() + column;
        let start = at
            .checked_sub(1)
            .map_or(Some(0), |before| self.ends.get(before).copied());
        let place = start.zip(self.ends.get(at).copied());
        place.map_or("", |(start, end)| &self.text[start..end])
    }

    fn cell<T: FromStr>(
        &self,
        row: usize,
        column: usize,
        expected: &'static str,
    ) -> Result<T, TableError> {
        let cell = self.text(row, column);
        cell.parse().map_err(|_| TableError::Cell {
            path: self.path.clone(),
            line: self.line(row).unwrap_or_default(),
            column: self.header.get(column).cloned().unwrap_or_default(),
            cell: cell.to_owned(),
            expected,
        })
    }
}

/// The first row whose step does not exceed the one before it, with both steps.
pub(crate) fn disorder(steps: &[u64]) -> Option<(usize, u64, u64)> {
    let pairs = steps.windows(2).enumerate();
    pairs
        .map(|(row, pair)| (row + 1, pair[1], pair[0]))
        .find(|(_, step, previous)| step <= previous)
}

fn malformed(path: &Path, error: &csv::Error) -> TableError {
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("has {len} cells, the header has {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        _ => "is not valid CSV".to_owned(),
    };
    TableError::Row {
        path: path.to_owned(),
        line: error.position().map_or(0, csv::Position::line),
        message,
    }
}

#[cfg(test)]
mod tests;
