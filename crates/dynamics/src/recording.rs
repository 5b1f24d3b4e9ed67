//! What a run tells its observers, whatever its records come from.

use std::error::Error;

use brink_state::{Memory, Part};

use crate::caught::caught;
use crate::error::RunError;
use crate::observer::{Observer, ObserverError, Outcome, RunSummary};
use crate::record::{RunHeader, StepRecord};

/// What ends a run before its last step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Goals {
    /// A loss to reach or fall below.
    pub loss: Option<f64>,
    /// A training accuracy to reach or exceed.
    pub accuracy: Option<f64>,
}

impl Goals {
    /// The goal that a record of such a loss and training accuracy reaches, if any.
    pub fn reached(&self, loss: f64, accuracy: Option<f64>) -> Option<Outcome> {
        match (self.loss, self.accuracy) {
            (Some(goal), _) if loss <= goal => Some(Outcome::LossGoal { goal }),
            (_, Some(goal)) if accuracy.is_some_and(|a| a >= goal) => {
                Some(Outcome::AccuracyGoal { goal })
            }
            _ => None,
        }
    }
}

/// A run in the eyes of its observers: started, told of every record, and told of the end.
pub struct Recording<'r, 'o> {
    observers: &'r mut [&'o mut dyn Observer],
    goals: Goals,
    /// Records so far.
    recorded: u64,
    /// The step that the next one is of.
    next_step: u64,
    /// Of the rule's threshold.
    formula: String,
    last: Option<StepRecord>,
    crossing: Crossing,
}

impl<'r, 'o> Recording<'r, 'o> {
    /// A run that no observer has been told of yet.
    pub fn new(observers: &'r mut [&'o mut dyn Observer], goals: Goals) -> Self {
        Self {
            observers,
            goals,
            recorded: 0,
            next_step: 0,
            formula: String::new(),
            last: None,
            crossing: Crossing::default(),
        }
    }

    /// Tells the observers that the run starts.
    ///
    /// # Errors
    /// [`RunError::Observer`] of the first that fails.
    pub fn start(&mut self, header: &RunHeader) -> Result<(), RunError> {
        self.formula.clone_from(&header.threshold_formula);
        self.next_step = header.next_step;
        self.notify(0, |observer| observer.start(header))
    }

    /// The step that the next record is of.
    pub fn next_step(&self) -> u64 {
        self.next_step
    }

    /// Tells the observers of a record; the outcome if it reaches a goal.
    ///
    /// # Errors
    /// [`RunError::Observer`] of the first that fails.
    pub fn step(&mut self, record: StepRecord) -> Result<Option<Outcome>, RunError> {
        self.crossing.see(&record);
        self.recorded += 1;
        self.next_step = record.step + 1;
        let told = self.notify(record.step, |observer| observer.step(&record));
        let reached = self.goals.reached(record.loss, record.train_accuracy);
        self.last = Some(record);
        told.map(|()| reached)
    }

    /// Tells every observer how the run ended, even if one before it fails; an error becomes
    /// [`Outcome::Failed`]. Also returns the failures of all observers to finish.
    pub fn finish(
        self,
        ended: Result<Outcome, &dyn Error>,
        counters: Vec<(String, u64)>,
        seconds: Vec<(String, f64)>,
    ) -> (RunSummary, Vec<RunError>) {
        let summary = RunSummary {
            outcome: ended.unwrap_or_else(|error| Outcome::Failed {
                message: with_causes(error),
            }),
            steps_recorded: self.recorded,
            last: self.last,
            first_crossing: self.crossing.first,
            threshold_formula: self.formula,
            counters,
            seconds,
        };
        let mut failures = Vec::new();
        for observer in self.observers {
            // One observer's panic must not keep the others from writing what they have.
            let told = caught(|| observer.finish(&summary));
            let told = told.unwrap_or_else(|panicked| Err(panicked.into()));
            failures.extend(
                told.err()
                    .map(|source| failed(observer.name(), self.next_step, source)),
            );
        }
        (summary, failures)
    }

    fn notify(
        &mut self,
        step: u64,
        mut tell: impl FnMut(&mut dyn Observer) -> Result<(), ObserverError>,
    ) -> Result<(), RunError> {
        for observer in self.observers.iter_mut() {
            tell(*observer).map_err(|source| failed(observer.name(), step, source))?;
        }
        Ok(())
    }
}

/// What the observers were told, but for the last record.
impl Memory for Recording<'_, '_> {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("recorded", &mut self.recorded),
            ("next_step", &mut self.next_step),
            ("was_below", &mut self.crossing.was_below),
            ("first_crossing", &mut self.crossing.first),
        ]
    }
}

fn failed(observer: &'static str, step: u64, source: ObserverError) -> RunError {
    RunError::Observer {
        observer,
        step,
        source,
    }
}

/// An error and its causes in one line.
pub fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}

/// Finds the first step at which the eigenvalue that decides rose past the rule's threshold.
#[derive(Debug, Default)]
struct Crossing {
    was_below: bool,
    first: Option<u64>,
}

impl Crossing {
    fn see(&mut self, record: &StepRecord) {
        let Some((sharpness, threshold)) = record.edge() else {
            return;
        };
        if sharpness < threshold {
            self.was_below = true;
        } else if self.was_below && self.first.is_none() {
            self.first = Some(record.step);
        }
    }
}
