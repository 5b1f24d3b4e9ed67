//! Why a run cannot be analysed.

use std::path::PathBuf;

use brink_files::ReadFault;

use crate::TableError;

/// Why a run cannot be read as a trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// `trace.csv` is not there, or is no table of the kind it should be.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The manifest cannot be read.
    #[error("cannot read {}", path.display())]
    ReadManifest {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ReadFault,
    },
    /// The manifest is no manifest.
    #[error(
        "cannot understand {}: remove or repair it, a trace can be read without it",
        path.display()
    )]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// A step that does not come after the one before it, in a trace that was made in memory.
    #[error("row {row}: step {step} follows step {previous}; steps have to increase")]
    OrderInMemory {
        /// The row, counted from 0.
        row: usize,
        /// The step.
        step: u64,
        /// The step of the row before it.
        previous: u64,
    },
    /// A column with another number of values than there are steps.
    #[error("column {column} has {got} values for {steps} steps; give one a step, empty or not")]
    Length {
        /// The column's name.
        column: String,
        /// Its values.
        got: usize,
        /// The steps of the trace.
        steps: usize,
    },
}

impl TraceError {
    /// What the reader of the message can do about it, in one line.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Table(error) => error.advice(),
            Self::ReadManifest { .. } | Self::Manifest { .. } => {
                "remove or repair it: a trace can be read without its manifest"
            }
            Self::OrderInMemory { .. } => "sort the rows by step, one row a step",
            Self::Length { .. } => "give one value a step, empty or not",
        }
    }
}
