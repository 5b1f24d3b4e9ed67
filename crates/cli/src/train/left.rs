//! Whether the files that a run left are whole, before any of them is cut.

use std::collections::BTreeSet;
use std::fs::File;
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

/// Loss and training accuracy of a step, as `trace.csv` has them; none where it has no whole row of it.
pub fn recorded(
    folder: &RunFolder,
    step: u64,
) -> Result<Option<(f64, Option<f64>)>, CheckpointError> {
    let path = folder.file(TRACE_CSV);
    let fault = |error| unreadable(&path, error);
    let Some(mut reader) = opened(&path)? else {
        return Ok(None);
    };
    let names = reader.headers().map_err(fault)?.clone();
    let at = |name: &str| names.iter().position(|column| column == name);
    let (loss, accuracy) = (at("loss"), at("train_accuracy"));
    let step = step.to_string();
    for row in reader.records() {
        let row = row.map_err(fault)?;
        if row.get(0) == Some(step.as_str()) {
            let number = |at: Option<usize>| row.get(at?)?.parse::<f64>().ok();
            return Ok(number(loss).map(|loss| (loss, number(accuracy))));
        }
    }
    Ok(None)
}

/// The steps whose rows have something in some of the columns; none where the file is not there.
fn steps(path: &Path, columns: impl Fn(&str) -> bool) -> Result<BTreeSet<u64>, CheckpointError> {
    let fault = |error| unreadable(path, error);
    let Some(mut reader) = opened(path)? else {
        return Ok(BTreeSet::new());
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

/// A file, if it is there.
fn opened(path: &Path) -> Result<Option<csv::Reader<File>>, CheckpointError> {
    let mut reader = csv::ReaderBuilder::new();
    match reader.flexible(true).from_path(path) {
        Err(error) if is_missing(&error) => Ok(None),
        reader => Ok(Some(reader.map_err(|error| unreadable(path, error))?)),
    }
}

fn unreadable(path: &Path, error: csv::Error) -> CheckpointError {
    CheckpointError::Read {
        path: path.to_owned(),
        source: match error.into_kind() {
            csv::ErrorKind::Io(error) => error.into(),
            other => io::Error::other(format!("{other:?}")).into(),
        },
    }
}

fn is_missing(error: &csv::Error) -> bool {
    match error.kind() {
        csv::ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}
