//! Whether the files that a run left are whole, before any of them is cut.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::checkpoint::CheckpointError;
use crate::run_folder::{EIGENVALUES_CSV, RunFolder, TRACE_CSV};

/// The first step whose eigenvalues are in `trace.csv` and not in `eigenvalues.csv`.
pub fn first_without_eigenvalues(folder: &RunFolder) -> Result<Option<u64>, CheckpointError> {
    let measured = steps(&folder.file(TRACE_CSV), |name| {
        let kinds = ["lambda_", "preconditioned_"].iter();
        let mut rests = kinds.filter_map(|kind| name.strip_prefix(kind));
        rests.any(|rest| rest.starts_with("min") || rest.parse::<usize>().is_ok())
    })?;
    let there = steps(&folder.file(EIGENVALUES_CSV), |name| name == "value")?;
    Ok(measured.difference(&there).next().copied())
}

/// The steps whose rows have something in some of the columns; none where the file is not there.
fn steps(path: &Path, columns: impl Fn(&str) -> bool) -> Result<BTreeSet<u64>, CheckpointError> {
    let fault = |error: csv::Error| CheckpointError::Read {
        path: path.to_owned(),
        source: match error.into_kind() {
            csv::ErrorKind::Io(error) => error.into(),
            other => io::Error::other(format!("{other:?}")).into(),
        },
    };
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = match reader.flexible(true).from_path(path) {
        Err(error) if is_missing(&error) => return Ok(BTreeSet::new()),
        reader => reader.map_err(fault)?,
    };
    let names = reader.headers().map_err(fault)?.iter().enumerate();
    let wanted: Vec<usize> = names
        .filter(|(_, name)| columns(name))
        .map(|(at, _)| at)
        .collect();
    let mut steps = BTreeSet::new();
    for row in reader.records() {
        let row = row.map_err(fault)?;
        // Where rows end being rows the run that goes on says so.
        let Some(step) = row.get(0).and_then(|step| step.parse().ok()) else {
            break;
        };
        let mut cells = wanted.iter().filter_map(|at| row.get(*at));
        if cells.any(|cell| !cell.is_empty()) {
            steps.insert(step);
        }
    }
    Ok(steps)
}

fn is_missing(error: &csv::Error) -> bool {
    match error.kind() {
        csv::ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}
