//! A CSV file with a header, read once and addressed by column.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
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
            Self::Read { .. } => {
                "the argument is the folder of a run, such as outputs/quickstart-1"
            }
            Self::Row { .. } | Self::Cell { .. } | Self::DuplicateColumn { .. } => {
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
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    line: u64,
    cells: csv::StringRecord,
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
        match std::fs::read(&path) {
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
        let mut rows = Vec::new();
        for record in reader.records() {
            let cells = record.map_err(|error| malformed(&path, &error))?;
            let line = cells.position().map_or(0, csv::Position::line);
            rows.push(Row { line, cells });
        }
        Ok(Self { path, header, rows })
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
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
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
        self.rows.get(row).map(|row| row.line)
    }

    /// A column's cells as they are written, one for each row.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows
            .iter()
            .map(move |row| row.cells.get(column).unwrap_or_default())
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
        self.rows
            .iter()
            .map(|row| match row.cells.get(column) {
                None | Some("") => Ok(None),
                Some(_) => self.cell(row, column, expected).map(Some),
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
        self.rows
            .iter()
            .map(|row| self.cell(row, column, expected))
            .collect()
    }

    fn cell<T: FromStr>(
        &self,
        row: &Row,
        column: usize,
        expected: &'static str,
    ) -> Result<T, TableError> {
        let cell = row.cells.get(column).unwrap_or_default();
        cell.parse().map_err(|_| TableError::Cell {
            path: self.path.clone(),
            line: row.line,
            column: self.header.get(column).cloned().unwrap_or_default(),
            cell: cell.to_owned(),
            expected,
        })
    }
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
