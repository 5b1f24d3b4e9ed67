//! Whether the files that a run left are whole, before any of them is cut.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Take};
use std::path::Path;

use crate::checkpoint::CheckpointError;
use crate::config::Config;
use crate::run_folder::{EIGENVALUES_CSV, RunFolder, TRACE_CSV};

/// Rows of a step that a file should have and has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The file's name.
    pub file: String,
    /// What its rows are.
    pub what: &'static str,
    /// The first such step.
    pub step: u64,
}

/// What of the first step that `trace.csv` has a cell for and a file of the run's too few rows.
pub fn lacking(folder: &RunFolder, config: &Config) -> Result<Option<Lacking>, CheckpointError> {
    let found = [
        lacking_eigenvalues(folder)?,
        lacking_spectrum(folder, config)?,
    ];
    Ok(found.into_iter().flatten().min_by_key(|found| found.step))
}

fn lacking_eigenvalues(folder: &RunFolder) -> Result<Option<Lacking>, CheckpointError> {
    let measured = steps(&folder.file(TRACE_CSV), |name| {
        let kinds = ["lambda_", "preconditioned_"].iter();
        let mut rests = kinds.filter_map(|kind| name.strip_prefix(kind));
        rests.any(|rest| rest.starts_with("min") || rest.parse::<usize>().is_ok())
    })?;
    let there = steps(&folder.file(EIGENVALUES_CSV), |name| name == "value")?;
    let mut without = measured.keys().filter(|step| !there.contains_key(step));
    Ok(without.next().map(|step| Lacking {
        file: EIGENVALUES_CSV.to_owned(),
        what: "eigenvalues",
        step: *step,
    }))
}

fn lacking_spectrum(
    folder: &RunFolder,
    config: &Config,
) -> Result<Option<Lacking>, CheckpointError> {
    let Some(spectrum) = &config.measure.spectrum else {
        return Ok(None);
    };
    // A step without a trace has no density either: a product was not finite there.
    let trace = format!("{}_trace", spectrum.operator.prefix());
    let measured = steps(&folder.file(TRACE_CSV), |name| name == trace)?;
    let file = brink_traces::table_file("spectrum");
    let there = steps(&folder.file(&file), |name| name == "density")?;
    let rows = |step: &u64| there.get(step).copied().unwrap_or(0);
    let mut without = measured.keys().filter(|step| rows(step) < spectrum.points);
    Ok(without.next().map(|step| Lacking {
        step: *step,
        what: "spectrum",
        file,
    }))
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

/// The steps whose rows have something in some of the columns, and how many rows; none where the file
/// is not there.
fn steps(
    path: &Path,
    columns: impl Fn(&str) -> bool,
) -> Result<BTreeMap<u64, usize>, CheckpointError> {
    let fault = |error| unreadable(path, error);
    let Some(mut reader) = opened(path)? else {
        return Ok(BTreeMap::new());
    };
    let names = reader.headers().map_err(fault)?.iter().enumerate();
    let wanted: Vec<usize> = names
        .filter(|(_, name)| columns(name))
        .map(|(at, _)| at)
        .collect();
    let (mut steps, mut row) = (BTreeMap::new(), csv::StringRecord::new());
    while reader.read_record(&mut row).map_err(fault)? {
        // Where rows end being rows the run that goes on says so.
        let Some(step) = row.get(0).and_then(|step| step.parse().ok()) else {
            break;
        };
        let mut cells = wanted.iter().filter_map(|at| row.get(*at));
        if cells.any(|cell| !cell.is_empty()) {
            *steps.entry(step).or_default() += 1;
        }
    }
    Ok(steps)
}

/// The whole lines of a file, if it is there, read as a stream: a spectrum may be larger than the memory.
fn opened(path: &Path) -> Result<Option<csv::Reader<Take<File>>>, CheckpointError> {
    let lines = match brink_traces::whole_lines(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        lines => lines.map_err(|error| unreadable(path, error.into()))?,
    };
    let mut reader = csv::ReaderBuilder::new();
    Ok(Some(reader.flexible(true).from_reader(lines)))
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
