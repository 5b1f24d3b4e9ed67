//! Tables: what a measurement finds that is more than a number a step.

use serde::Serialize;

use crate::column::Column;

/// A table of a measurement, to be written to a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its name, that of the file without `.csv`.
    pub name: &'static str,
    /// Its columns, without the first, which is `step`.
    pub columns: Vec<Column>,
}

/// A cell of a table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// A word of a fixed set, such as an operator's name.
    Word(&'static str),
}

/// The rows that a step adds to a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rows {
    /// The table's name.
    pub table: &'static str,
    /// As many cells each as the table has columns.
    pub rows: Vec<Vec<Cell>>,
}
