//! `trace.svg`, drawn when the run has ended.

use std::io::Write;
use std::path::PathBuf;

use brink_dynamics::observer::{Observer, ObserverError, Outcome, RunSummary};
use brink_dynamics::record::StepRecord;

use crate::atomic::write_atomically;
use crate::manifest::outcome_note;
use crate::plot::{Series, Titles, draw};

/// Collects what the figure shows, and draws it at the end, however the run ended.
#[derive(Debug)]
pub struct FigureObserver {
    path: PathBuf,
    titles: Titles,
    series: Series,
}

impl FigureObserver {
    /// A figure at `path`.
    pub fn new(path: impl Into<PathBuf>, titles: Titles) -> Self {
        Self {
            path: path.into(),
            titles,
            series: Series::default(),
        }
    }

    fn titles(&self, outcome: &Outcome) -> Titles {
        let mut titles = self.titles.clone();
        let last = self.series.step.last().map(|step| *step as u64);
        titles.note(outcome_note(outcome, last).as_deref());
        titles
    }
}

impl Observer for FigureObserver {
    fn name(&self) -> &'static str {
        "trace.svg"
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        self.series.push(record);
        Ok(())
    }

    fn finish(&mut self, summary: &RunSummary) -> Result<(), ObserverError> {
        let svg = draw(&self.series, &self.titles(&summary.outcome))?;
        write_atomically(&self.path, |file| file.write_all(svg.as_bytes()))?;
        Ok(())
    }
}
