//! `trace.svg`, drawn when the run has ended.

use std::io::Write;
use std::path::PathBuf;

use brink_analysis::phases::PhaseParams;
use brink_dynamics::observer::{Observer, ObserverError, Outcome, RunSummary};
use brink_dynamics::record::{Eigenvalue, EigenvalueKind, RunHeader, StepRecord};
use brink_plot::{Measured, Quality, Row, Rule, Series, Titles, before, draw_run, read_run};
use brink_traces::{PHASED, written};

use crate::atomic::write_atomically;
use crate::manifest::outcome_note;

/// Collects what the figure shows, and draws it at the end, however the run ended.
#[derive(Debug)]
pub struct FigureObserver {
    path: PathBuf,
    titles: Titles,
    series: Series,
}

impl FigureObserver {
    /// A figure at `path`; its phases follow the rule that the run's labels do.
    pub fn new(path: impl Into<PathBuf>, titles: Titles, phases: PhaseParams) -> Self {
        Self {
            path: path.into(),
            titles,
            series: Series::new(phases),
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

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        if header.next_step > header.first_step
            && let Some(folder) = self.path.parent()
        {
            // What was told before is in the run's folder.
            (self.series, _) = read_run(folder)?;
        }
        if header.first_step > 0
            && let Some(folder) = self.path.parent()
        {
            self.series.before = before(folder)?;
        }
        self.series.rule = Rule {
            formula: header.threshold_formula.clone(),
            preconditioned: header.preconditioned > 0,
            phases: header.optimizer == PHASED,
        };
        Ok(())
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        let eigenvalues = match self.series.rule.preconditioned {
            true => record.preconditioned.iter(),
            false => record.eigenvalues.iter(),
        };
        let threshold = match self.series.rule.preconditioned {
            true => record.preconditioned_threshold,
            false => record.threshold,
        };
        let eigenvalues: Vec<_> = eigenvalues.map(|e| Some(measured(e))).collect();
        self.series.push(Row {
            step: record.step,
            // As the trace has them, which the figure can be drawn from again.
            loss: Some(written(record.loss)),
            output_norm_sq: record.output_norm_sq.map(written),
            threshold: threshold.map(written),
            eigenvalues: &eigenvalues,
        });
        Ok(())
    }

    fn finish(&mut self, summary: &RunSummary) -> Result<(), ObserverError> {
        let svg = draw_run(&self.series, &self.titles(&summary.outcome))?;
        write_atomically(&self.path, |file| file.write_all(svg.as_bytes()))?;
        Ok(())
    }
}

fn measured(eigenvalue: &Eigenvalue) -> Measured {
    let quality = match eigenvalue.kind {
        EigenvalueKind::RayleighQuotient => Quality::Stale,
        EigenvalueKind::Solved if eigenvalue.converged => Quality::Solved,
        EigenvalueKind::Solved => Quality::NotConverged,
    };
    Measured {
        value: written(eigenvalue.value),
        quality,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use brink_traces::{EigenvaluesCsv, TraceCsv};

    use super::*;
    use crate::run_folder::{EIGENVALUES_CSV, TRACE_CSV, TRACE_SVG};
    use brink_traces::testing::{eigenvalue, header, record};

    fn titles(folder: &Path) -> Titles {
        Titles {
            title: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            subtitle: String::new(),
        }
    }

    fn measured(step: u64, lambda: f64) -> StepRecord {
        let mut record = record(step);
        record.loss = 1.0 / (1.0 + step as f64);
        record.eigenvalues = vec![eigenvalue(1, lambda), eigenvalue(2, lambda / 2.0)];
        record
    }

    fn written_run(folder: &Path, records: &[StepRecord]) {
        let phases = PhaseParams::default();
        let mut observers: [Box<dyn Observer>; 3] = [
            Box::new(TraceCsv::new(folder.join(TRACE_CSV), phases)),
            Box::new(EigenvaluesCsv::new(folder.join(EIGENVALUES_CSV))),
            Box::new(FigureObserver::new(
                folder.join(TRACE_SVG),
                titles(folder),
                phases,
            )),
        ];
        let summary = RunSummary {
            outcome: Outcome::Completed,
            steps_recorded: records.len() as u64,
            last: records.last().cloned(),
            first_crossing: None,
            threshold_formula: "2/η".into(),
            counters: Vec::new(),
            seconds: Vec::new(),
        };
        for observer in &mut observers {
            observer.start(&header()).unwrap();
            for record in records {
                observer.step(record).unwrap();
            }
            observer.finish(&summary).unwrap();
        }
    }

    #[test]
    fn the_figure_of_the_folder_is_the_one_made_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut records = vec![
            measured(0, 1.0 / 3.0),
            record(1),
            measured(2, 2e-9),
            measured(3, f64::INFINITY),
        ];
        records[2].eigenvalues[1].converged = false;
        records[3].eigenvalues[0].kind = EigenvalueKind::RayleighQuotient;
        written_run(folder.path(), &records);
        let (series, titles) = read_run(folder.path()).unwrap();
        let qualities: Vec<Vec<Option<Quality>>> = series
            .eigenvalues
            .iter()
            .map(|column| column.iter().map(|m| m.map(|m| m.quality)).collect())
            .collect();
        let (solved, open, stale) = (Quality::Solved, Quality::NotConverged, Quality::Stale);
        assert_eq!(
            qualities,
            [
                [Some(solved), None, Some(solved), Some(stale)],
                [Some(solved), None, Some(open), Some(solved)]
            ]
        );
        let again = draw_run(&series, &titles).unwrap();
        let at_the_end = std::fs::read_to_string(folder.path().join(TRACE_SVG)).unwrap();
        assert_eq!(again, at_the_end);
    }

    #[test]
    fn the_figure_of_a_long_run_is_the_same_from_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let records: Vec<_> = (0..70_001)
            .map(|t| match t {
                // Spikes of one step, and values that the trace writes as zero.
                40_001 => measured(t, 900.0),
                t if t % 3 == 1 => record(t),
                t if t % 1000 == 0 => measured(t, -1e-310),
                _ => measured(t, 200.0 - 60.0 * (t as f64 / 5000.0).cos()),
            })
            .collect();
        written_run(folder.path(), &records);
        let (series, titles) = read_run(folder.path()).unwrap();
        assert!(series.step.len() < 40_000, "{}", series.step.len());
        let top = series.eigenvalues[0].iter().flatten();
        assert_eq!(top.map(|m| m.value).reduce(f64::max), Some(900.0));
        let again = draw_run(&series, &titles).unwrap();
        let at_the_end = std::fs::read_to_string(folder.path().join(TRACE_SVG)).unwrap();
        assert!(again.contains("III: above, falling"));
        assert_eq!(again, at_the_end);
    }

    #[test]
    fn phases_of_a_run_that_crosses_are_shown_in_both() {
        let folder = tempfile::tempdir().unwrap();
        let records: Vec<_> = (0..120)
            .map(|t| measured(t, 200.0 - 60.0 * (t as f64 / 10.0).cos()))
            .collect();
        written_run(folder.path(), &records);
        let (series, titles) = read_run(folder.path()).unwrap();
        let again = draw_run(&series, &titles).unwrap();
        let at_the_end = std::fs::read_to_string(folder.path().join(TRACE_SVG)).unwrap();
        assert!(again.contains("III: above, falling"));
        assert_eq!(again, at_the_end);
    }
}
