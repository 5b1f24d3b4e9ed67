//! Why a run cannot be plotted.

use std::path::PathBuf;

use brink_analysis::{TableError, TraceError};
use brink_files::ReadFault;

use crate::chart::DrawError;

/// Why a run cannot be plotted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum PlotError {
    /// A table of the run cannot be read.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.advice()))]
    Table(#[from] TableError),
    /// A file of the run cannot be read.
    #[error("cannot read {}", path.display())]
    #[diagnostic(help("the argument is the folder of a run, such as outputs/quickstart-1"))]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ReadFault,
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
    /// The trace has no such column.
    #[error("the trace has no column `{column}`")]
    #[diagnostic(help("it has {known}"))]
    NoColumn {
        /// The name asked for.
        column: String,
        /// The names there are.
        known: String,
    },
    /// The figure shows a quantity that the run did not measure.
    #[error("{figure} needs the column `{column}`, which the run `{run}` does not have")]
    #[diagnostic(help("run again with {measurement}"))]
    NotMeasured {
        /// The figure.
        figure: &'static str,
        /// The column of the trace.
        column: String,
        /// The run's name.
        run: String,
        /// The part of the config that switches the measurement on.
        measurement: &'static str,
    },
    /// The figure shows something that did not happen in the run.
    #[error("{figure} needs {what}, which the run `{run}` does not have")]
    #[diagnostic(help("{advice}"))]
    NotInRun {
        /// The figure.
        figure: &'static str,
        /// What is missing.
        what: &'static str,
        /// The run's name.
        run: String,
        /// What to do.
        advice: &'static str,
    },
    /// A run cannot be read as a trace.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.advice()))]
    Trace(#[from] TraceError),
    /// The figure cannot be drawn.
    #[error("cannot draw the figure")]
    Draw(#[from] DrawError),
    /// A figure of several runs got none.
    #[error("{figure} needs at least one run")]
    #[diagnostic(help("name the folders of runs, such as outputs/figure1a-1"))]
    NoRuns {
        /// The figure.
        figure: &'static str,
    },
}
