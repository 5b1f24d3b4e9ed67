//! `brink resume`: a run goes on where it was stopped, in its folder.

use std::path::PathBuf;

use brink_data::Dataset;
use brink_dynamics::Goals;
use brink_dynamics::observer::{Outcome, RunSummary};
use brink_model::Weights;

use super::left::{lacking, recorded};
use super::origin::{Origin, began_with, initial};
use super::{Request, Trained, begin};
use crate::args;
use crate::checkpoint::{Checkpoint, CheckpointError, Checkpoints, Facts};
use crate::config::overrides::Override;
use crate::config::{Change, Config, StepSizesKind, changes};
use crate::error::Error;
use crate::manifest::{Earlier, Manifest};
use crate::run_folder::{
    Destination, FINAL_WEIGHTS, INITIAL_WEIGHTS, MANIFEST_JSON, RunFolder, TRACE_CSV, TRACE_SVG,
};

/// The keys that a run does not depend on but for its end.
const CHANGEABLE: [&str; 5] = [
    "optimizer.steps",
    "optimizer.stop_loss",
    "optimizer.stop_accuracy",
    "run.checkpoint.every",
    "run.checkpoint.keep",
];

/// A run that goes on.
#[derive(Debug)]
pub struct Resumed {
    /// From where.
    pub checkpoint: Checkpoint,
    /// The goal that the record before it reaches, if any.
    pub reached: Option<Outcome>,
    /// How it ended, if nothing is left to do, and what would have it go on.
    ended: Option<(RunSummary, String)>,
    /// What its manifest said.
    earlier: Earlier,
    folder: PathBuf,
}

/// Runs `brink resume`.
///
/// # Errors
/// [`Error`]. A run that cannot be resumed is left as it is.
pub fn execute(arguments: &args::Resume, command_line: Vec<String>) -> Result<Trained, Error> {
    let path = &arguments.run;
    if !path.join(MANIFEST_JSON).is_file() {
        let folder = path.clone();
        return Err(CheckpointError::NoRun { folder }.into());
    }
    let folder = RunFolder::of_run(path)?;
    let checkpoint = checkpoint(&folder, arguments.from)?;
    let earlier = Earlier::read(&folder.file(MANIFEST_JSON))?;
    let overrides = changed(&earlier, &arguments.set);
    let was = checkpoint.config()?;
    let text = checkpoint.facts.config.clone();
    let now = Config::parse(&checkpoint.config_name(), text, &overrides)?;
    for change in changes(&was, &now)? {
        refuse(&was, change)?;
    }
    let reached = reached(&folder, &checkpoint, &now)?;
    let ended = ended(&folder, &checkpoint, &earlier, &reached, &now);
    let ended = ended.map(|summary| {
        let further = further(&summary.outcome, checkpoint.step, &now);
        (summary, further)
    });
    if ended.is_none() {
        refuse_earlier_end(&folder, &checkpoint, arguments.from, &now)?;
    }
    let request = Request {
        backend: Some(checkpoint.facts.backend.clone()),
        device: checkpoint.facts.device.clone(),
        destination: Destination {
            quiet: arguments.quiet,
            ..Destination::default()
        },
    };
    let path = path.clone();
    let origin = Origin::Resumed(Box::new(Resumed {
        checkpoint,
        reached,
        ended,
        earlier,
        folder: path,
    }));
    begin(now, &request, command_line, origin, |_| Ok(folder))
}

/// What is other than in the checkpoint: what was changed before, which the manifest knows, then what is
/// changed now.
fn changed(earlier: &Earlier, set: &[String]) -> Vec<Override> {
    let before = CHANGEABLE.iter().filter_map(|key| {
        let value = earlier.number(key)?;
        Some(Override::option(MANIFEST_JSON, key, value))
    });
    let now = set.iter().map(|set| Override::set(set));
    before.chain(now).collect()
}

/// The goal that the last record before a checkpoint reaches, if any.
fn reached(
    folder: &RunFolder,
    checkpoint: &Checkpoint,
    config: &Config,
) -> Result<Option<Outcome>, CheckpointError> {
    let goals = Goals {
        loss: config.optimizer.stop_loss,
        accuracy: config.optimizer.stop_accuracy,
    };
    if checkpoint.step == checkpoint.facts.first_step() {
        return Ok(None);
    }
    let record = recorded(folder, checkpoint.step - 1)?;
    Ok(record.and_then(|(loss, accuracy)| goals.reached(loss, accuracy)))
}

/// How the run ended, if nothing is left to do from the checkpoint and all its files are there.
fn ended(
    folder: &RunFolder,
    checkpoint: &Checkpoint,
    earlier: &Earlier,
    reached: &Option<Outcome>,
    config: &Config,
) -> Option<RunSummary> {
    let all = checkpoint.step >= config.optimizer.steps;
    let outcome = reached.clone().or(all.then_some(Outcome::Completed))?;
    let summary = earlier.ended(&outcome)?;
    let recorded = checkpoint.step - checkpoint.facts.first_step();
    let there = |name: &&str| folder.file(name).is_file();
    let files = [FINAL_WEIGHTS, TRACE_SVG].iter().all(there);
    (files && summary.steps_recorded == recorded).then_some(summary)
}

/// What has a run go on that ended before a step.
fn further(outcome: &Outcome, step: u64, config: &Config) -> String {
    let more = format!("--set optimizer.steps={}", step.saturating_mul(2));
    let all = step >= config.optimizer.steps;
    let goal = |which: &str, key: &str| {
        let steps = if all {
            format!(" {more}")
        } else {
            String::new()
        };
        format!(
            "set a {which} goal with{steps} --set {key}=, or branch off without one with `brink fork \
             --at {step}{steps} --unset {key}`"
        )
    };
    match outcome {
        Outcome::LossGoal { .. } => goal("lower", "optimizer.stop_loss"),
        Outcome::AccuracyGoal { .. } => goal("higher", "optimizer.stop_accuracy"),
        _ if is_cosine(config) => {
            format!(
                "start another run from its last checkpoint with `brink fork --at {step} {more}`"
            )
        }
        _ => more,
    }
}

fn is_cosine(config: &Config) -> bool {
    let schedule = config.optimizer.schedule.as_ref();
    schedule.is_some_and(|schedule| schedule.kind == StepSizesKind::Cosine)
}

/// The checkpoint of a step; without one, the last that all rows before are there of.
fn checkpoint(folder: &RunFolder, from: Option<u64>) -> Result<Checkpoint, CheckpointError> {
    let checkpoints = Checkpoints::of(folder.path());
    let last = checkpoints.read(from)?;
    let rows = rows(folder)?;
    let first = last.facts.first_step();
    let lacking = lacking(folder, &last.config()?)?;
    let has_tables = |step: u64| lacking.as_ref().is_none_or(|l| step <= l.step);
    let has_rows = |step: u64| step - first.min(step) <= rows && has_tables(step);
    if has_rows(last.step) {
        return Ok(last);
    }
    // The machine went down before rows reached the disk that were written. A step that was asked
    // for is not replaced by another.
    let steps = from.map_or_else(|| checkpoints.steps(), |from| vec![from]);
    match steps.iter().rev().find(|step| has_rows(**step)) {
        Some(step) => checkpoints.read(Some(*step)),
        None => Err(match lacking.filter(|l| l.step < rows + first) {
            Some(lacking) => CheckpointError::Lacking {
                path: folder.file(&lacking.file),
                what: lacking.what,
                step: lacking.step,
                steps,
            },
            None => CheckpointError::Rows {
                path: folder.file(TRACE_CSV),
                rows,
                steps,
            },
        }),
    }
}

/// Whole rows of the run's trace.
fn rows(folder: &RunFolder) -> Result<u64, CheckpointError> {
    let path = folder.file(TRACE_CSV);
    match brink_traces::steps_in(&path) {
        Ok(rows) => Ok(rows),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(source) => {
            let source = source.into();
            Err(CheckpointError::Read { path, source })
        }
    }
}

/// Refuses an end before what is recorded, which would be lost. With `from`, one before that step: what
/// comes after it is taken away anyway.
fn refuse_earlier_end(
    folder: &RunFolder,
    checkpoint: &Checkpoint,
    from: Option<u64>,
    now: &Config,
) -> Result<(), CheckpointError> {
    let taken = match from {
        Some(step) => step,
        None => (checkpoint.facts.first_step() + rows(folder)?).max(checkpoint.step),
    };
    let steps = now.optimizer.steps;
    if steps >= taken {
        return Ok(());
    }
    let checkpoints = Checkpoints::of(folder.path()).steps().into_iter();
    Err(CheckpointError::PastEnd {
        steps,
        taken,
        earlier: checkpoints.filter(|step| *step <= steps).collect(),
    })
}

/// Refuses a change that the steps before would not have been taken with.
fn refuse(was: &Config, change: Change) -> Result<(), CheckpointError> {
    let advice = if change.key == "optimizer.steps" && is_cosine(was) {
        "the step sizes of a cosine schedule depend on it: start another run from a checkpoint with \
         `brink fork`"
    } else if CHANGEABLE.contains(&change.key.as_str()) {
        return Ok(());
    } else {
        "start another run from a checkpoint with `brink fork`; to be changed here are \
         optimizer.steps, optimizer.stop_loss, optimizer.stop_accuracy and run.checkpoint"
    };
    Err(CheckpointError::Changed {
        key: change.key,
        was: change.was,
        now: change.now,
        advice,
    })
}

impl Resumed {
    /// How the run ended, if nothing is left to do, and a line about it.
    pub fn ended(&self) -> Option<(RunSummary, String)> {
        let (summary, further) = self.ended.clone()?;
        let line = format!("the run has ended, and stays as it is; to go on, {further}");
        Some((summary, line))
    }

    /// The first step of the run.
    pub fn first_step(&self) -> u64 {
        self.checkpoint.facts.first_step()
    }

    /// The weights that the run began with.
    pub fn weights(&self, config: &Config, dataset: &Dataset) -> Result<Weights, Error> {
        let written = began_with(&self.folder, config, dataset)?;
        if self.checkpoint.facts.parent.is_some() {
            // They came from another run's checkpoint, in this precision.
            return Ok(written);
        }
        let weights = initial(config, dataset)?;
        if weights.clone().rounded(config.run.dtype.precision()) != written {
            let path = self.folder.join(INITIAL_WEIGHTS);
            return Err(CheckpointError::InitialWeights { path }.into());
        }
        Ok(weights)
    }

    /// Refuses other data.
    pub fn check(&self, facts: &Facts) -> Result<(), CheckpointError> {
        let (was, now) = (&self.checkpoint.facts.data, &facts.data);
        match was == now {
            true => Ok(()),
            false => Err(CheckpointError::Data {
                was: was.clone(),
                now: now.clone(),
            }),
        }
    }

    /// The run's manifest, with this moment added.
    pub fn manifest(&self, manifest: Manifest) -> Manifest {
        self.earlier.clone().resumed(manifest, self.checkpoint.step)
    }
}
