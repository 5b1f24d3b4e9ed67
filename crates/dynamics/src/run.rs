//! The loop over a run's steps: measure, tell the observers, move, save.

use std::error::Error as StdError;

use brink_state::{Memory, State};
use burn::tensor::Tensor;

use crate::caught::caught;
use crate::checkpoints::Checkpoints;
use crate::descent::Descent;
use crate::error::RunError;
use crate::interrupt::Interrupt;
use crate::measurement::Measurement;
use crate::observer::{Observer, Outcome, RunSummary};
use crate::problem::Problem;
use crate::recording::{Goals, Recording};
use crate::settings::Settings;

/// How a run ended, and where.
#[derive(Debug)]
pub struct Finished {
    /// What the observers were told.
    pub summary: RunSummary,
    /// The parameters after the last step taken; if the run diverged, those of the last record.
    pub theta: Tensor<1>,
    /// What went wrong, if anything: first what ended the run, if its outcome is
    /// [`Outcome::Failed`]; then what could not be done at its end.
    pub errors: Vec<RunError>,
}

/// Moves `theta` by the settings' rule, recording every iterate before its step.
///
/// # Errors
///
/// [`RunError`] if there is no run to begin; no observer is told of it.
pub fn run<const D: usize>(
    problem: &Problem<D>,
    theta: Tensor<1>,
    settings: &Settings,
    measurements: &mut [Box<dyn Measurement<D>>],
    observers: &mut [&mut dyn Observer],
    interrupt: &dyn Interrupt,
) -> Result<Finished, RunError> {
    let descent = Descent::new(problem, theta, settings, measurements)?;
    Ok(Run::new(descent).follow(observers, interrupt))
}

/// A run before its first record.
pub struct Run<'a, 'c, const D: usize> {
    descent: Descent<'a, D>,
    checkpoints: Option<&'c mut dyn Checkpoints>,
    /// What its observers were told before, if it continues another.
    recorded: Option<&'c State>,
    /// The goal that its last record before has reached, if it did.
    reached: Option<Outcome>,
    /// The state before a record that was given up.
    given_up: Option<State>,
}

impl<'a, 'c, const D: usize> Run<'a, 'c, D> {
    /// A run of the steps that a descent has still to take.
    pub fn new(descent: Descent<'a, D>) -> Self {
        Self {
            descent,
            checkpoints: None,
            recorded: None,
            reached: None,
            given_up: None,
        }
    }

    /// Saves its state where `checkpoints` says.
    pub fn with_checkpoints(self, checkpoints: &'c mut dyn Checkpoints) -> Self {
        Self {
            checkpoints: Some(checkpoints),
            ..self
        }
    }

    /// Goes on from a state that [`Checkpoints::save`] was given, as the same run.
    ///
    /// # Errors
    /// [`RunError::State`]: it is the state of another run.
    pub fn resumed(mut self, state: &'c State) -> Result<Self, RunError> {
        let restored = self.descent.restore(state);
        let step = self.descent.step();
        restored.map_err(|source| RunError::State { step, source })?;
        self.recorded = Some(state);
        Ok(self)
    }

    /// A run that ends with no further record where the last one has `reached` a goal already.
    pub fn after_goal(self, reached: Option<Outcome>) -> Self {
        Self { reached, ..self }
    }

    /// Takes the steps. Every way to end is an [`Outcome`]: completion, a goal, divergence,
    /// `interrupt`, and failure: of an observer, of a checkpoint, of the evaluation of the loss, a
    /// panic of the backend's. Observers are told of all of them; what they wrote stands.
    pub fn follow(
        self,
        observers: &mut [&mut dyn Observer],
        interrupt: &dyn Interrupt,
    ) -> Finished {
        // One that lives no longer than what interrupts it.
        let mut run: Run<'_, '_, D> = self;
        run.descent.listen(interrupt);
        run.followed(observers, interrupt)
    }

    fn followed(
        mut self,
        observers: &mut [&mut dyn Observer],
        interrupt: &dyn Interrupt,
    ) -> Finished {
        let settings = self.descent.settings();
        let goals = Goals {
            loss: settings.stop_loss,
            accuracy: settings.stop_accuracy,
        };
        let mut recording = Recording::new(observers, goals);
        let at_goal = self.reached.is_some();
        let result = caught(|| {
            self.start(&mut recording)?;
            self.steps(&mut recording, interrupt)
        })
        .unwrap_or_else(|panic| {
            let step = recording.next_step();
            Err(RunError::Panicked { step, panic })
        });
        let result = match result {
            Err(diverged @ RunError::Diverged { .. }) => Ok(Outcome::Diverged {
                what: diverged.to_string(),
            }),
            result => result,
        };
        let theta = match at_goal {
            // As at the end of a run that reaches it now: the step beyond was taken to be saved.
            true => self.descent.recorded().clone(),
            false => self.descent.theta().clone(),
        };
        let mut errors = Vec::new();
        match result {
            // There is nothing to go on from that the last checkpoint has not.
            Ok(Outcome::Diverged { .. }) => {}
            Ok(_) => errors.extend(self.save_end(&mut recording).err()),
            Err(_) => {}
        }
        let ended = match &result {
            Ok(outcome) => Ok(outcome.clone()),
            Err(error) => Err(error as &dyn StdError),
        };
        let (counters, seconds) = (self.descent.counters(), self.descent.seconds());
        let (summary, unfinished) = recording.finish(ended, counters, seconds);
        let failed = result.err().into_iter();
        Finished {
            summary,
            theta,
            errors: failed.chain(errors).chain(unfinished).collect(),
        }
    }

    fn start(&mut self, recording: &mut Recording<'_, '_>) -> Result<(), RunError> {
        let step = self.descent.step();
        if let Some(state) = self.recorded {
            let device = self.descent.theta().device();
            recording
                .restore(&state.loader(&device).part("recording"))
                .map_err(|source| RunError::State { step, source })?;
        }
        recording.start(&self.descent.header())?;
        match self.recorded {
            // It is there already.
            Some(_) => Ok(()),
            None => self.save_if_due(recording),
        }
    }

    fn steps(
        &mut self,
        recording: &mut Recording<'_, '_>,
        interrupt: &dyn Interrupt,
    ) -> Result<Outcome, RunError> {
        if let Some(outcome) = self.reached.take() {
            return Ok(outcome);
        }
        while !interrupt.is_set() {
            let before = self.before_long_record(recording)?;
            let record = match self.descent.next().transpose() {
                Err(error) if error.is_interruption() => {
                    self.given_up = before;
                    return Ok(Outcome::Interrupted);
                }
                record => record?,
            };
            let Some(record) = record else {
                return Ok(Outcome::Completed);
            };
            let told = self.descent.time("observers", || recording.step(record))?;
            if let Some(outcome) = told {
                return Ok(outcome);
            }
            self.descent.advance()?;
            self.save_if_due(recording)?;
        }
        Ok(Outcome::Interrupted)
    }

    fn save_if_due(&mut self, recording: &mut Recording<'_, '_>) -> Result<(), RunError> {
        let step = self.descent.step();
        let due = (self.checkpoints.as_ref()).is_some_and(|checkpoints| checkpoints.is_due(step));
        match due {
            true => self.save(recording),
            false => Ok(()),
        }
    }

    /// Saves the state after the step from the last record, which a run that reached a goal has yet
    /// to take.
    fn save_end(&mut self, recording: &mut Recording<'_, '_>) -> Result<(), RunError> {
        self.descent.advance()?;
        let step = self.descent.step();
        let missing = (self.checkpoints.as_ref()).is_some_and(|c| c.saved() != Some(step));
        match missing {
            true => caught(|| self.save(recording))
                .unwrap_or_else(|panic| Err(RunError::Panicked { step, panic })),
            false => Ok(()),
        }
    }

    /// The state before a record that may be given up, where none is saved: what is measured before
    /// the record is given up is part of no state that can be gone on from.
    fn before_long_record(
        &mut self,
        recording: &mut Recording<'_, '_>,
    ) -> Result<Option<State>, RunError> {
        let step = self.descent.step();
        let missing = (self.checkpoints.as_ref()).is_some_and(|c| c.saved() != Some(step));
        let coming = step < self.descent.settings().steps;
        let wanted = missing && coming && self.descent.may_be_interrupted();
        wanted.then(|| self.state(recording)).transpose()
    }

    fn state(&mut self, recording: &mut Recording<'_, '_>) -> Result<State, RunError> {
        let mut state = self.descent.state()?;
        let step = self.descent.step();
        recording
            .save(&mut state.saver().part("recording"))
            .map_err(|source| RunError::State { step, source })?;
        Ok(state)
    }

    fn save(&mut self, recording: &mut Recording<'_, '_>) -> Result<(), RunError> {
        if self.checkpoints.is_none() {
            return Ok(());
        }
        let start = std::time::Instant::now();
        let state = match self.given_up.take() {
            Some(state) => state,
            None => self.state(recording)?,
        };
        let step = self.descent.step();
        let Some(checkpoints) = self.checkpoints.as_deref_mut() else {
            return Ok(());
        };
        let saved = checkpoints.save(step, state);
        self.descent.spent("checkpoints", start.elapsed());
        saved.map_err(|source| RunError::Checkpoint { step, source })
    }
}
