//! Where a run begins: at the start, where it was stopped, or at a checkpoint of another.

use std::fs;
use std::path::Path;

use brink_data::Dataset;
use brink_dynamics::observer::{Outcome, RunSummary};
use brink_dynamics::state::State;
use brink_dynamics::{Descent, Problem};
use brink_model::Weights;
use brink_traces::table_file;
use burn::tensor::Device;

use super::fork::Forked;
use super::measure::Measured;
use super::problem::task;
use super::resume::Resumed;
use crate::checkpoint::{CheckpointError, Checkpoints, Facts, Parent};
use crate::config::Config;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::run_folder::{EIGENVALUES_CSV, FolderError, INITIAL_WEIGHTS, RunFolder, TRACE_CSV};

/// Where a run begins.
#[derive(Debug)]
pub enum Origin {
    /// At its initial weights.
    Start,
    /// Where it was stopped.
    Resumed(Box<Resumed>),
    /// At a checkpoint of another run.
    Forked(Box<Forked>),
    /// At a state that is only measured.
    Measured(Box<Measured>),
}

impl Origin {
    /// A line about it.
    pub fn in_words(&self) -> Option<String> {
        match self {
            Self::Start => None,
            Self::Measured(measured) => measured.in_words(),
            Self::Resumed(resumed) => Some(format!("goes on at step {}", resumed.checkpoint.step)),
            Self::Forked(forked) => {
                let parent = &forked.parent;
                let folder = parent.folder.display();
                Some(format!(
                    "branches off from {folder} at step {}",
                    parent.step
                ))
            }
        }
    }

    /// The weights that the run begins with.
    pub fn weights(
        &self,
        config: &Config,
        dataset: &Dataset,
        device: &Device,
    ) -> Result<Weights, Error> {
        match self {
            Self::Start => Ok(initial(config, dataset)?),
            Self::Resumed(resumed) => resumed.weights(config, dataset),
            Self::Forked(forked) => forked.weights(config, dataset, device),
            Self::Measured(measured) => measured.weights(config, dataset, device),
        }
    }

    /// The run that it branched off from.
    pub fn parent(&self) -> Option<&Parent> {
        match self {
            Self::Start => None,
            Self::Resumed(resumed) => resumed.checkpoint.facts.parent.as_ref(),
            Self::Forked(forked) => Some(&forked.parent),
            Self::Measured(measured) => measured.parent(),
        }
    }

    /// Refuses what does not belong to the run that begins, and decides what a fork inherits.
    pub fn check(&mut self, facts: &Facts, problem: &Problem<2>) -> Result<(), Error> {
        match self {
            Self::Start => Ok(()),
            Self::Resumed(resumed) => Ok(resumed.check(facts)?),
            Self::Forked(forked) => Ok(forked.check(facts, problem)?),
            Self::Measured(measured) => Ok(measured.check(facts, problem)?),
        }
    }

    /// The manifest with what is known of the run from before.
    pub fn manifest(&self, manifest: Manifest) -> Manifest {
        match self {
            Self::Resumed(resumed) => resumed.manifest(manifest),
            _ => manifest,
        }
    }

    /// Gives a run that branches off what it inherits.
    pub fn give(&self, descent: &mut Descent<'_, 2>) -> Result<(), Error> {
        let forked = match self {
            Self::Forked(forked) => Some(&**forked),
            Self::Measured(measured) => measured.at(),
            _ => None,
        };
        match forked {
            Some(forked) => Ok(descent.inherit(&forked.checkpoint.state, &forked.inherited)?),
            None => Ok(()),
        }
    }

    /// The only step, where nothing but a measurement is made.
    pub fn only_step(&self) -> Option<u64> {
        match self {
            Self::Measured(measured) => Some(measured.step()),
            _ => None,
        }
    }

    /// The state to go on from, as the same run.
    pub fn resumed(&self) -> Option<&State> {
        match self {
            Self::Resumed(resumed) => Some(&resumed.checkpoint.state),
            _ => None,
        }
    }

    /// The goal that the record before that state reaches, if any.
    pub fn reached(&self) -> Option<Outcome> {
        match self {
            Self::Resumed(resumed) => resumed.reached.clone(),
            _ => None,
        }
    }

    /// How the run ended, if nothing is left to do, and a line about it.
    pub fn ended(&self) -> Option<(RunSummary, String)> {
        match self {
            Self::Resumed(resumed) => resumed.ended(),
            _ => None,
        }
    }

    /// The step of the checkpoint that is in the run's folder already.
    pub fn saved(&self) -> Option<u64> {
        match self {
            Self::Resumed(resumed) => Some(resumed.checkpoint.step),
            _ => None,
        }
    }

    /// Takes away what is in a folder from after the checkpoint that the run goes on from; `tables`
    /// are those that its measurements write.
    pub fn reopen(&self, folder: &RunFolder, tables: &[&str]) -> Result<(), Error> {
        let Self::Resumed(resumed) = self else {
            return Ok(());
        };
        folder.reopen()?;
        let step = resumed.checkpoint.step;
        let fail = |source| FolderError::Io {
            path: folder.path().to_owned(),
            source,
        };
        let later = Checkpoints::of(folder.path()).remove_after(step);
        later.map_err(fail)?;
        if step == resumed.first_step() {
            // They are begun anew.
            let tables = tables.iter().map(|table| table_file(table));
            let files = [TRACE_CSV, EIGENVALUES_CSV].map(String::from);
            for name in files.into_iter().chain(tables) {
                match fs::remove_file(folder.file(&name)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(fail(error).into());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The weights that a config begins with.
pub fn initial(config: &Config, dataset: &Dataset) -> Result<Weights, brink_model::BuildError> {
    let precision = config.run.dtype.precision();
    Weights::initial(&config.model, &task(&dataset.train), precision)
}

/// The weights that the run in a folder began with, as it wrote them.
pub fn began_with(folder: &Path, config: &Config, dataset: &Dataset) -> Result<Weights, Error> {
    let declared = config.model.declare(&task(&dataset.train))?;
    let precision = config.run.dtype.precision();
    let path = folder.join(INITIAL_WEIGHTS);
    let weights = Weights::read(&path, &declared.parameters, precision);
    Ok(weights.map_err(|source| CheckpointError::Weights {
        source: Box::new(source),
    })?)
}
