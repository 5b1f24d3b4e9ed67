//! The part of `manifest.json` that the figure of a run quotes.

use std::path::{Path, PathBuf};

use brink_analysis::phases::PhaseParams;
use brink_analysis::{MANIFEST_LIMIT, Table};
use serde::Deserialize;

use super::series::Rule;
use crate::chart::Titles;
use crate::error::PlotError;

/// The file's name in a run's folder.
pub const MANIFEST_JSON: &str = "manifest.json";

/// The part of a manifest that titles a figure.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Head {
    name: String,
    description: String,
    outcome: Outcome,
    #[serde(default)]
    first_step: u64,
    #[serde(default)]
    steps_recorded: u64,
    /// The run that it branched off from.
    #[serde(default)]
    parent: Option<Parent>,
    /// The formula of the optimizer's stability threshold.
    #[serde(default)]
    stability_threshold: Option<String>,
    #[serde(default)]
    config: Config,
}

#[derive(Debug, Clone, Deserialize)]
struct Parent {
    folder: PathBuf,
    step: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Outcome {
    kind: String,
    #[serde(default)]
    what: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Config {
    measure: Measure,
    optimizer: Optimizer,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Optimizer {
    kind: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Measure {
    phases: PhaseParams,
}

impl Head {
    /// Reads the manifest of a run's folder; a folder without one lends its own name.
    ///
    /// # Errors
    ///
    /// [`PlotError::Read`], and [`PlotError::Manifest`] for a file that is no manifest.
    pub fn read(folder: &Path) -> Result<Self, PlotError> {
        let path = folder.join(MANIFEST_JSON);
        match brink_files::read(&path, MANIFEST_LIMIT) {
            Ok(json) => Self::parse(&json).map_err(|source| PlotError::Manifest { path, source }),
            Err(fault) if fault.is_absent() => {
                let name = folder.file_name().unwrap_or(folder.as_os_str());
                Ok(Self {
                    name: name.to_string_lossy().into_owned(),
                    ..Self::default()
                })
            }
            Err(source) => Err(PlotError::Read { path, source }),
        }
    }

    /// The head of a manifest's JSON.
    ///
    /// # Errors
    ///
    /// What is wrong, with line and column.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The rule that the run's phases were told by.
    pub fn phases(&self) -> PhaseParams {
        self.config.measure.phases
    }

    /// The optimizer's threshold, for the columns that a trace has.
    pub fn rule(&self, trace: &Table) -> Rule {
        let standard = Rule::default();
        let kind = self.config.optimizer.kind.as_deref();
        Rule {
            formula: match &self.stability_threshold {
                Some(formula) => formula.clone(),
                None => standard.formula,
            },
            preconditioned: trace.column("preconditioned_1").is_some(),
            phases: kind.is_none_or(|kind| kind == "gd"),
        }
    }

    /// The folder of the run that it branched off from, and the step.
    pub(super) fn parent(&self) -> Option<(&Path, u64)> {
        let parent = self.parent.as_ref()?;
        Some((&parent.folder, parent.step))
    }

    /// The titles of the run's figure.
    pub fn titles(&self) -> Titles {
        let mut titles = Titles {
            title: self.name.clone(),
            subtitle: self.description.clone(),
        };
        let what = self.outcome.what.as_deref().unwrap_or_default();
        let last = self.steps_recorded.checked_sub(1);
        let last = last.map(|last| self.first_step + last);
        titles.note(outcome_note(&self.outcome.kind, what, last).as_deref());
        titles
    }
}

/// What a figure says of a run that did not simply complete: `kind` is the outcome's in
/// `manifest.json`, `what` is what was not finite, `last` is the last step recorded.
pub fn outcome_note(kind: &str, what: &str, last: Option<u64>) -> Option<String> {
    let at = last.map_or_else(String::new, |last| format!(" at step {last}"));
    match kind {
        "diverged" => Some(format!("diverged: {what} is not finite")),
        "interrupted" => Some(format!("interrupted{at}")),
        "failed" => Some(format!("failed{at}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_says_what_went_wrong() {
        let head: Head = serde_json::from_str(
            r#"{"name": "x", "description": "y", "steps_recorded": 13,
                "outcome": {"kind": "diverged", "what": "the loss at step 13"}, "more": []}"#,
        )
        .unwrap();
        assert_eq!(
            head.titles().subtitle,
            "y · diverged: the loss at step 13 is not finite"
        );
        assert_eq!(outcome_note("completed", "", Some(3)), None);
        assert_eq!(
            outcome_note("interrupted", "", Some(3)).as_deref(),
            Some("interrupted at step 3")
        );
    }

    #[test]
    fn the_rule_of_the_phases_is_the_runs_own() {
        let head: Head = serde_json::from_str(
            r#"{"name": "x", "description": "y", "outcome": {"kind": "completed"},
                "config": {"measure": {"phases": {"hysteresis": 7}, "gram": {}}, "model": {}}}"#,
        )
        .unwrap();
        assert_eq!(head.phases().hysteresis, 7);
        assert_eq!(head.phases().turn, PhaseParams::default().turn);
    }
}
