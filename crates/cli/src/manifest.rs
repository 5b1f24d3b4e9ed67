//! What a run was, and how it ended: the content of `manifest.json`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use brink_dynamics::Column;
use brink_dynamics::observer::{Outcome, RunSummary};
use brink_dynamics::record::RunHeader;
use serde::{Deserialize, Serialize};

use crate::backend::{Adapter, Backend, MatmulCheck};
use crate::checkpoint::{CheckpointError, Parent};
use crate::config::{Config, Dtype, OptimizerKind};

/// The version of Burn that this build is made with; a test holds it to the lock file.
pub const BURN_VERSION: &str = "0.22.1";

/// Everything that explains a run.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    /// The config's name.
    pub name: String,
    /// What was trained on what, in one line.
    pub description: String,
    /// How the run ended, or that it goes on.
    pub outcome: Status,
    /// Files that could not be written, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_written: Vec<String>,
    /// When it started, ISO 8601 in UTC.
    pub started: String,
    /// The run that it branched off from, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// When it was stopped and went on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Resumption>,
    /// The step of its first record.
    pub first_step: u64,
    /// Steps recorded; with the initial weights' own record.
    pub steps_recorded: u64,
    /// The formula of the optimizer's stability threshold, such as `2/η`.
    pub stability_threshold: String,
    /// Why the trace has no phases, if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_phases: Option<String>,
    /// The first step at which the eigenvalue that decides on stability exceeded that threshold
    /// after having been below it.
    pub first_crossing: Option<u64>,
    /// The words that started it.
    pub command_line: Vec<String>,
    /// Version of brink.
    pub brink_version: &'static str,
    /// Version of Burn.
    pub burn_version: &'static str,
    /// The commit of the repository in the working directory, if there is one.
    pub git_revision: Option<String>,
    /// Parameters P.
    pub parameters: usize,
    /// Coordinates that a sample was trained on, if its values were compressed to fewer.
    pub coordinates: Option<usize>,
    /// Precision.
    pub dtype: Dtype,
    /// How the trace came about.
    pub method: Method,
    /// What computed; none for a recursion, which needs no tensors.
    pub backend: Option<Backend>,
    /// On what.
    pub adapter: Option<Adapter>,
    /// How exactly the device multiplies matrices; none for a recursion.
    pub matmul_check: Option<MatmulCheck>,
    /// What was trained on.
    pub dataset: brink_data::Provenance,
    /// The config, all defaults filled in, with the command line's changes.
    pub config: Config,
    /// The columns of its trace, and what each holds.
    pub columns: Vec<Column>,
    /// Calls by name.
    pub counters: BTreeMap<String, u64>,
    /// Seconds of wall time by stage.
    pub seconds: BTreeMap<String, f64>,
}

/// A moment at which a run went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// The step that it went on at.
    pub step: u64,
    /// When, ISO 8601 in UTC.
    pub started: String,
    /// The words that did it.
    pub command_line: Vec<String>,
}

/// What a manifest says of how a run began.
#[derive(Debug, Clone, Deserialize)]
pub struct Earlier {
    started: String,
    command_line: Vec<String>,
    #[serde(default)]
    resumed: Vec<Resumption>,
    #[serde(default)]
    config: serde_json::Value,
    #[serde(default)]
    outcome: serde_json::Value,
    #[serde(default)]
    not_written: Vec<String>,
    #[serde(default)]
    steps_recorded: u64,
    #[serde(default)]
    stability_threshold: String,
}

impl Earlier {
    /// The number at a key of the config, such as `optimizer.steps`, as the run last had it.
    pub fn number(&self, key: &str) -> Option<toml::Value> {
        let mut keys = key.split('.');
        let value = keys.try_fold(&self.config, |table, key| table.get(key))?;
        match value.as_i64() {
            Some(whole) => Some(whole.into()),
            None => value.as_f64().map(Into::into),
        }
    }

    /// What the run amounts to for this `outcome`, if it came to its end and wrote everything.
    pub fn ended(&self, outcome: &Outcome) -> Option<RunSummary> {
        let ends = ["completed", "loss_goal", "accuracy_goal"];
        let kind = self.outcome.get("kind").and_then(|kind| kind.as_str());
        let whole = kind.is_some_and(|kind| ends.contains(&kind)) && self.not_written.is_empty();
        whole.then(|| RunSummary {
            outcome: outcome.clone(),
            steps_recorded: self.steps_recorded,
            last: None,
            first_crossing: None,
            threshold_formula: self.stability_threshold.clone(),
            counters: Vec::new(),
            seconds: Vec::new(),
        })
    }

    /// Reads it from a manifest.
    ///
    /// # Errors
    /// A file that is no manifest.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let json = brink_files::read(path, brink_analysis::MANIFEST_LIMIT);
        let json = json.map_err(|source| CheckpointError::Read {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_slice(&json).map_err(|source| CheckpointError::Manifest {
            path: path.to_owned(),
            source,
        })
    }

    /// The command of `brink` that wrote it first.
    pub fn command(&self) -> Option<&str> {
        self.command_line.get(1).map(String::as_str)
    }

    /// The manifest of the same run, which goes on at a step.
    pub fn resumed(mut self, manifest: Manifest, step: u64) -> Manifest {
        self.resumed.push(Resumption {
            step,
            started: manifest.started,
            command_line: manifest.command_line,
        });
        Manifest {
            started: self.started,
            command_line: self.command_line,
            resumed: self.resumed,
            ..manifest
        }
    }
}

/// How a trace came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// By gradient descent on a network's parameters.
    Training,
    /// By the closed recursion of a two-layer linear network.
    Recursion,
}

/// How a run ended, or that it goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Status {
    /// It goes on, or was killed.
    Running(Running),
    /// It ended.
    Ended(Outcome),
}

/// Says `{"kind": "running"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename = "running")]
pub struct Running {}

impl Manifest {
    /// What is known of any run before it is set up: by training, of nothing yet.
    pub fn new(
        config: Config,
        dataset: brink_data::Provenance,
        started: String,
        command_line: Vec<String>,
    ) -> Self {
        Self {
            name: config.name.clone(),
            description: String::new(),
            outcome: Status::Running(Running {}),
            not_written: Vec::new(),
            started,
            parent: None,
            resumed: Vec::new(),
            first_step: 0,
            steps_recorded: 0,
            stability_threshold: config.optimizer.rule().threshold_formula().to_owned(),
            no_phases: (config.optimizer.kind != OptimizerKind::GradientDescent).then(|| {
                let kind = config.optimizer.kind.name();
                format!("the paper's phases are those of gradient descent; the optimizer is {kind}")
            }),
            first_crossing: None,
            command_line,
            brink_version: env!("CARGO_PKG_VERSION"),
            burn_version: BURN_VERSION,
            git_revision: git_revision(Path::new(".")),
            method: Method::Training,
            parameters: 0,
            coordinates: None,
            dtype: config.run.dtype,
            backend: None,
            adapter: None,
            matmul_check: None,
            dataset,
            config,
            columns: Vec::new(),
            counters: BTreeMap::new(),
            seconds: BTreeMap::new(),
        }
    }

    /// Notes what the run says of itself before its first step.
    pub fn start(&mut self, header: &RunHeader) {
        self.parameters = header.parameters;
        self.first_step = header.first_step;
        self.columns = brink_traces::columns(header);
    }

    /// Notes how the run ended and what it cost.
    pub fn finish(&mut self, summary: &RunSummary) {
        self.outcome = Status::Ended(summary.outcome.clone());
        self.steps_recorded = summary.steps_recorded;
        self.first_crossing = summary.first_crossing;
        self.counters.extend(summary.counters.iter().cloned());
        self.seconds.extend(summary.seconds.iter().cloned());
    }
}

/// What a figure says of a run that did not simply complete; `last` is its last step.
pub fn outcome_note(outcome: &Outcome, last: Option<u64>) -> Option<String> {
    let (kind, what) = match outcome {
        Outcome::Diverged { what } => ("diverged", what.as_str()),
        Outcome::Interrupted => ("interrupted", ""),
        Outcome::Failed { .. } => ("failed", ""),
        Outcome::Completed | Outcome::LossGoal { .. } | Outcome::AccuracyGoal { .. } => {
            return None;
        }
    };
    brink_plot::outcome_note(kind, what, last)
}

/// The commit checked out around `folder`, with `-dirty` if files differ from it.
///
/// Best effort: without git, or outside a repository, there is none.
pub fn git_revision(folder: &Path) -> Option<String> {
    let output = Command::new("git")
        .args([
            "describe",
            "--always",
            "--dirty",
            "--abbrev=40",
            "--exclude=*",
        ])
        .current_dir(folder)
        .output()
        .ok()?;
    let revision = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !revision.is_empty()).then_some(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_burn_is_the_locked_one() {
        let lock = std::fs::read_to_string(Path::new("../../Cargo.lock")).unwrap();
        let expected = format!("name = \"burn\"\nversion = \"{BURN_VERSION}\"");
        assert!(lock.contains(&expected));
    }

    #[test]
    fn a_running_status_has_a_kind_as_an_outcome_has() {
        let json = |status: &Status| serde_json::to_string(status).unwrap();
        assert_eq!(json(&Status::Running(Running {})), r#"{"kind":"running"}"#);
        assert_eq!(
            json(&Status::Ended(Outcome::Completed)),
            r#"{"kind":"completed"}"#
        );
    }

    #[test]
    fn a_figure_says_what_went_wrong() {
        let what = "the loss at step 13".to_owned();
        assert_eq!(
            outcome_note(&Outcome::Diverged { what }, Some(12)).as_deref(),
            Some("diverged: the loss at step 13 is not finite")
        );
        assert_eq!(outcome_note(&Outcome::Completed, Some(3)), None);
    }

    #[test]
    fn outside_a_repository_there_is_no_revision() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(git_revision(folder.path()), None);
    }
}
