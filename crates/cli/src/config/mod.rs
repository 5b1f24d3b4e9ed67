//! The whole of a config: one TOML file an experiment.
//!
//! A file is parsed into a [`document::Node`], which keeps the place of every key and value; the
//! command line's assignments are laid over it; the typed [`Config`] is read out of the result.
//! So one error type, [`Problem`], points at the place of any fault, in the file or on the
//! command line.

pub mod document;
pub mod keys;
pub mod overrides;
pub mod problem;
pub mod source;

mod changes;
mod check;
mod de;
mod fault;
mod model_keys;
mod nearest;
mod optimizer;
mod rules;
mod run;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use changes::{Change, changes, without};
pub use optimizer::{MinibatchConfig, OptimizerConfig, StepSizesConfig, StepSizesKind};
pub use problem::{ConfigError, Problem};
pub use rules::OptimizerKind;
pub use run::{CheckpointConfig, Compression, Dtype, Fusion, RunConfig};

pub use crate::measure::{EigenvaluesConfig, GramMethodConfig, MeasureConfig, Stale};

use document::Node;
use overrides::Override;
use source::Source;

/// A config with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Names the run folders.
    pub name: String,
    /// What is trained on.
    #[serde(default)]
    pub data: brink_data::DataConfig,
    /// What is trained.
    #[serde(default)]
    pub model: brink_model::ModelConfig,
    /// What is minimised.
    #[serde(default)]
    pub loss: brink_model::LossConfig,
    /// How.
    pub optimizer: OptimizerConfig,
    /// What is measured on the way.
    #[serde(default)]
    pub measure: MeasureConfig,
    /// How the arithmetic is done.
    #[serde(default)]
    pub run: RunConfig,
}

/// The largest config read: a thousand times the usual one, which is a page.
const LIMIT: u64 = 1 << 20;

impl Config {
    /// Reads a file, lays the overrides over it in order, and checks the result.
    pub fn load(path: &Path, overrides: &[Override]) -> Result<Self, ConfigError> {
        Self::parse(&path.display().to_string(), Self::text(path)?, overrides)
    }

    /// A file's text.
    pub fn text(path: &Path) -> Result<String, ConfigError> {
        brink_files::read_text(path, LIMIT).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })
    }

    /// The same from a text; `name` stands for it in errors.
    pub fn parse(
        name: &str,
        text: impl Into<String>,
        overrides: &[Override],
    ) -> Result<Self, ConfigError> {
        let source = Arc::new(Source {
            name: name.to_owned(),
            text: text.into(),
        });
        let mut document = Node::parse(&source)?;
        for assignment in overrides {
            document.overlay(assignment.parse()?);
        }
        let config = Self::deserialize(&document)
            .map_err(|fault| Box::new(fault.into_problem(&document.origin)))?;
        check::check(config, &document)
    }

    /// The config as TOML, with every default written out.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}
