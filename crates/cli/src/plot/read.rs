//! Reads a run's columns back from its folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::canvas::DrawError;
use super::figure::Titles;
use super::series::{Measured, Quality, Series};
use crate::atomic::WriteError;
use crate::manifest::Head;
use crate::run_folder::{EIGENVALUES_CSV, MANIFEST_JSON, TRACE_CSV};

/// Why a run cannot be plotted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PlotError {
    /// A file of the run cannot be read.
    #[error("cannot read {}", path.display())]
    #[diagnostic(help("the argument is the folder of a run, such as outputs/quickstart-1"))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A row has too many or too few cells, or the file is no CSV.
    #[error("{}: line {line} {message}", path.display())]
    #[diagnostic(help("the file was changed after the run, or is not a trace of brink's"))]
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
    #[diagnostic(help("the file was changed after the run, or is not a trace of brink's"))]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What the cell holds.
        cell: String,
        /// What it should.
        expected: &'static str,
    },
    /// A column that the figure cannot do without.
    #[error("{} has no column `{column}`", path.display())]
    #[diagnostic(help("a trace begins with the columns step, time, loss"))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: &'static str,
    },
    /// The manifest is no manifest.
    #[error("cannot understand {}", path.display())]
    #[diagnostic(help("remove or repair it: without it, the figure is titled by the folder"))]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The drawing failed.
    #[error("cannot draw the figure")]
    Draw(#[from] DrawError),
    /// The figure cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] WriteError),
}

/// The columns and titles of a run, from `trace.csv` and, where they exist, `eigenvalues.csv`
/// (which values did not converge) and `manifest.json` (titles).
///
/// A last row that is not complete, as in a run that is going on, is left out.
pub fn read_run(folder: &Path) -> Result<(Series, Titles), PlotError> {
    let trace = Table::read(folder.join(TRACE_CSV))?;
    let eigenvalues = folder.join(EIGENVALUES_CSV);
    let qualities = if eigenvalues.exists() {
        qualities(&Table::read(eigenvalues)?)?
    } else {
        HashMap::new()
    };
    Ok((series(&trace, &qualities)?, titles(folder)?))
}

fn titles(folder: &Path) -> Result<Titles, PlotError> {
    let path = folder.join(MANIFEST_JSON);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let name = folder.file_name().unwrap_or(folder.as_os_str());
            return Ok(Titles {
                title: name.to_string_lossy().into_owned(),
                subtitle: String::new(),
            });
        }
        Err(source) => return Err(PlotError::Read { path, source }),
    };
    let head: Head =
        serde_json::from_str(&text).map_err(|source| PlotError::Manifest { path, source })?;
    Ok(head.titles())
}

fn series(trace: &Table, qualities: &HashMap<(u64, i64), Quality>) -> Result<Series, PlotError> {
    let step = trace.column("step").ok_or(PlotError::MissingColumn {
        path: trace.path.clone(),
        column: "step",
    })?;
    let steps: Vec<u64> = trace.parsed(step, "a whole number")?;
    let optional = |name: &str| match trace.column(name) {
        Some(column) => trace.numbers(column),
        None => Ok(Vec::new()),
    };
    let mut eigenvalues = Vec::new();
    while let Some(column) = trace.column(&format!("lambda_{}", eigenvalues.len() + 1)) {
        let index = eigenvalues.len() as i64 + 1;
        let measured = trace
            .numbers(column)?
            .into_iter()
            .zip(&steps)
            .map(|(value, step)| {
                value.map(|value| Measured {
                    value,
                    quality: *qualities.get(&(*step, index)).unwrap_or(&Quality::Solved),
                })
            });
        eigenvalues.push(measured.collect());
    }
    Ok(Series {
        step: steps.iter().map(|step| *step as f64).collect(),
        loss: optional("loss")?,
        output_norm_sq: optional("output_norm_sq")?,
        eigenvalues,
        threshold: optional("threshold")?.into_iter().flatten().next_back(),
    })
}

fn qualities(table: &Table) -> Result<HashMap<(u64, i64), Quality>, PlotError> {
    let column = |name: &'static str| {
        table.column(name).ok_or(PlotError::MissingColumn {
            path: table.path.clone(),
            column: name,
        })
    };
    let steps: Vec<u64> = table.parsed(column("step")?, "a whole number")?;
    let indices: Vec<i64> = table.parsed(column("index")?, "a whole number")?;
    let converged: Vec<bool> = table.parsed(column("converged")?, "true or false")?;
    let kind = column("kind")?;
    let rows = steps.into_iter().zip(indices).zip(converged);
    Ok(rows
        .zip(&table.rows)
        .map(|((key, converged), row)| {
            let quality = match (row.cells.get(kind), converged) {
                (Some("rayleigh_quotient"), _) => Quality::Stale,
                (_, true) => Quality::Solved,
                (_, false) => Quality::NotConverged,
            };
            (key, quality)
        })
        .collect())
}

struct Row {
    line: u64,
    cells: csv::StringRecord,
}

/// A CSV file with a header.
struct Table {
    path: PathBuf,
    header: csv::StringRecord,
    rows: Vec<Row>,
}

impl Table {
    fn read(path: PathBuf) -> Result<Self, PlotError> {
        let text = std::fs::read_to_string(&path).map_err(|source| PlotError::Read {
            path: path.clone(),
            source,
        })?;
        // A row without its line break is still being written.
        let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut reader = csv::Reader::from_reader(complete.as_bytes());
        let fail = |error: csv::Error| Self::malformed(&path, &error);
        let header = reader.headers().map_err(fail)?.clone();
        let mut rows = Vec::new();
        for record in reader.records() {
            let cells = record.map_err(fail)?;
            let line = cells.position().map_or(0, csv::Position::line);
            rows.push(Row { line, cells });
        }
        Ok(Self { path, header, rows })
    }

    fn malformed(path: &Path, error: &csv::Error) -> PlotError {
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => {
                format!("has {len} cells, the header has {expected_len}")
            }
            _ => "is not valid CSV".to_owned(),
        };
        PlotError::Row {
            path: path.to_owned(),
            line: error.position().map_or(0, csv::Position::line),
            message,
        }
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    fn numbers(&self, column: usize) -> Result<Vec<Option<f64>>, PlotError> {
        self.rows
            .iter()
            .map(|row| match row.cells.get(column) {
                None | Some("") => Ok(None),
                Some(_) => self.cell(row, column, "a number").map(Some),
            })
            .collect()
    }

    fn parsed<T: std::str::FromStr>(
        &self,
        column: usize,
        expected: &'static str,
    ) -> Result<Vec<T>, PlotError> {
        self.rows
            .iter()
            .map(|row| self.cell(row, column, expected))
            .collect()
    }

    fn cell<T: std::str::FromStr>(
        &self,
        row: &Row,
        column: usize,
        expected: &'static str,
    ) -> Result<T, PlotError> {
        let cell = row.cells.get(column).unwrap_or_default();
        cell.parse().map_err(|_| PlotError::Cell {
            path: self.path.clone(),
            line: row.line,
            column: self.header.get(column).unwrap_or_default().to_owned(),
            cell: cell.to_owned(),
            expected,
        })
    }
}
