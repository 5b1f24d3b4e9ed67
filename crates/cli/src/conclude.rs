//! The end of a run: its last files, and what went wrong.

use std::error::Error as StdError;
use std::fmt;

use brink_dynamics::observer::{Outcome, RunSummary};
use brink_dynamics::{Panicked, RunError, with_causes};
use brink_model::{WeightFileError, WeightFileFault};
use miette::Diagnostic;

use crate::atomic;
use crate::error::Error;
use crate::observe::RunFiles;
use crate::run_folder::RunFolder;
use crate::train::Trained;

/// Something that went wrong in a run that had begun.
#[derive(Debug)]
pub struct Failure(Box<dyn StdError + Send + Sync>);

impl Failure {
    /// A failure with its causes.
    pub fn new(error: impl StdError + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }

    /// What a person can do about it: about a failed write or a panic, if that is at its root.
    pub(crate) fn advice(&self) -> &'static str {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(self.0.as_ref());
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                return atomic::advice(error);
            }
            if let Some(file) = error.downcast_ref::<WeightFileError>()
                && let WeightFileFault::Write { source } = file.fault.as_ref()
            {
                return atomic::advice(source);
            }
            let panicked = matches!(error.downcast_ref(), Some(RunError::Panicked { .. }));
            if panicked || error.is::<Panicked>() {
                return PANIC_ADVICE;
            }
            cause = error.source();
        }
        "manifest.json has the config and the command line to repeat it"
    }
}

const PANIC_ADVICE: &str = "if the device is out of memory: run.microbatch computes on fewer samples at a time, \
     --backend flex on the CPU; manifest.json has the config and the command line to repeat it";

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.advice()))
    }
}

/// Writes how a run ended into its manifest, as the last of its files, and reports what went wrong:
/// first what ended it, if it failed, then everything that could not be written.
///
/// # Errors
/// [`Error::Run`] of a run that failed, [`Error::Unwritten`] of one that lacks a file.
pub fn conclude(
    folder: RunFolder,
    files: RunFiles,
    summary: RunSummary,
    mut failures: Vec<Failure>,
) -> Result<Trained, Error> {
    let failed = matches!(summary.outcome, Outcome::Failed { .. });
    // The manifest's outcome says why a run failed; the rest is what is missing.
    let missing = failures.iter().skip(usize::from(failed));
    let missing = missing.map(|failure| with_causes(failure)).collect();
    failures.extend(files.close(missing).err().map(Failure::new));
    if failures.is_empty() {
        return Ok(Trained { folder, summary });
    }
    let first = failures.remove(0);
    let (folder, others) = (folder.path().to_owned(), failures);
    Err(if failed {
        Error::Run {
            folder,
            first,
            others,
        }
    } else {
        Error::Unwritten {
            folder,
            first,
            others,
        }
    })
}
