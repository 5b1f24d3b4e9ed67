//! Checkpoints: the states of a run, from which it can be resumed or branched.
//!
//! A run's folder has them in `checkpoints/step-000100.safetensors`: the state before the record of
//! that step. Each holds everything that the rest of the run depends on, with exact bits, and what
//! the run is: its config, what computes, and which data it trains on.

mod error;
mod folder;
mod writer;

use std::path::{Path, PathBuf};

use brink_dynamics::state::{State, StateError};
use serde::{Deserialize, Serialize};

use crate::config::Config;

pub use error::CheckpointError;
pub use folder::{Checkpoints, FOLDER, file_name, is_checkpoint};
pub use writer::CheckpointWriter;

/// The largest checkpoint that is read: far more than a machine's memory would let a run write.
const LIMIT: u64 = 1 << 38;

/// The name of the facts in a state.
const FACTS: &str = "run";

/// What a run is, as far as its arithmetic depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of brink.
    pub brink_version: String,
    /// The config as TOML, with all defaults filled in.
    pub config: String,
    /// What computes.
    pub backend: String,
    /// Which of its devices was asked for.
    pub device: Option<String>,
    /// SHA-256 of the training records, in the order used.
    pub data: String,
    /// What it branched off from, if it did.
    pub parent: Option<Parent>,
}

impl Facts {
    /// The step of the run's first record.
    pub fn first_step(&self) -> u64 {
        self.parent.as_ref().map_or(0, |parent| parent.step)
    }
}

/// Where a run branched off from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The other run's folder.
    pub folder: PathBuf,
    /// The step of the checkpoint, which is this run's first.
    pub step: u64,
    /// SHA-256 of the checkpoint's content.
    pub checksum: String,
}

/// A checkpoint that was read.
#[derive(Debug)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// The step whose record comes next.
    pub step: u64,
    /// What the run is.
    pub facts: Facts,
    /// Its state.
    pub state: State,
    /// SHA-256 of the content.
    pub checksum: String,
}

impl Checkpoint {
    /// Reads a file, and checks it against its checksum.
    ///
    /// # Errors
    /// [`CheckpointError::Read`], [`CheckpointError::Unusable`].
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let file = brink_files::read(path, LIMIT).map_err(|source| CheckpointError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &file).map_err(|source| CheckpointError::Unusable {
            path: path.to_owned(),
            others: folder::others(path),
            source,
        })
    }

    /// What errors call the config in it.
    pub fn config_name(&self) -> String {
        format!("the config in {}", self.path.display())
    }

    /// The run's config.
    ///
    /// # Errors
    /// [`CheckpointError::Config`]
    pub fn config(&self) -> Result<Config, CheckpointError> {
        let config = Config::parse(&self.config_name(), self.facts.config.clone(), &[]);
        config.map_err(|source| CheckpointError::Config {
            path: self.path.clone(),
            source: Box::new(source),
        })
    }

    fn parse(path: &Path, file: &[u8]) -> Result<Self, StateError> {
        let state = State::decode(file)?;
        Ok(Self {
            path: path.to_owned(),
            step: state.value("step")?,
            facts: state.value(FACTS)?,
            checksum: state.checksum()?,
            state,
        })
    }
}
