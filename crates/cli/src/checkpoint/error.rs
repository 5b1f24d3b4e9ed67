//! Why a run cannot go on from a checkpoint.

use std::path::PathBuf;

use brink_dynamics::state::StateError;
use brink_files::ReadFault;
use brink_model::WeightFileError;

use crate::config::ConfigError;

/// A run that cannot be resumed or branched.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The folder is none of a run's.
    #[error("{} is not the folder of a run: it has no manifest.json", folder.display())]
    #[diagnostic(help("name a folder that `brink train` wrote, such as outputs/quickstart-1"))]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// The run has no checkpoint.
    #[error("{} has no checkpoint", folder.display())]
    #[diagnostic(help(
        "it was stopped before its first one was written: start it again with `brink train`, or \
         `brink train --out {} --force` for the same folder",
        folder.display()
    ))]
    None {
        /// The run's folder.
        folder: PathBuf,
    },
    /// What is in the folder is none that has checkpoints.
    #[error("{} is what `brink {command}` wrote, which leaves no checkpoints", folder.display())]
    #[diagnostic(help(
        "name the folder of a run that `brink train` or `brink fork` began{}",
        match command.as_str() {
            "measure" => ": that of the run which was measured",
            _ => "",
        }
    ))]
    Unsaved {
        /// The folder.
        folder: PathBuf,
        /// The command that wrote it.
        command: String,
    },
    /// The run has no checkpoint of that step.
    #[error("{} has no checkpoint of step {step}", folder.display())]
    #[diagnostic(help(
        "there are those of step {}; run.checkpoint.every and run.checkpoint.keep say which are \
         written and kept",
        list(found)
    ))]
    NoSuchStep {
        /// The run's folder.
        folder: PathBuf,
        /// The step asked for.
        step: u64,
        /// The steps there are.
        found: Vec<u64>,
    },
    /// The system refuses to read it.
    #[error("cannot read the checkpoint {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReadFault,
    },
    /// It is damaged, or no checkpoint of this version.
    #[error("cannot use the checkpoint {}", path.display())]
    #[diagnostic(help("{}", advice(source, others)))]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The steps of the other checkpoints beside it.
        others: Vec<u64>,
        /// What is wrong with it.
        source: StateError,
    },
    /// Its config is none.
    #[error("the config in the checkpoint {} cannot be used", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<ConfigError>,
    },
    /// Something was changed that a run cannot be resumed with.
    #[error("a run cannot be resumed with another {key}: it was {was} and would be {now}")]
    #[diagnostic(help("{}", advice))]
    Changed {
        /// The config's key.
        key: String,
        /// Its value so far.
        was: String,
        /// The new one.
        now: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// The run is past the end that it should have.
    #[error(
        "the run cannot end with optimizer.steps = {steps}: it has taken {taken} steps already"
    )]
    #[diagnostic(help("{}", past_end(*steps, *taken, earlier)))]
    PastEnd {
        /// The steps it should have.
        steps: u64,
        /// The steps it has taken, or is to go on from.
        taken: u64,
        /// The checkpoints that it could have such an end from.
        earlier: Vec<u64>,
    },
    /// Something was changed that a checkpoint belongs to.
    #[error("a run cannot branch off with another {key}: it was {was} and would be {now}")]
    #[diagnostic(help("{}", advice))]
    Fixed {
        /// The config's key.
        key: String,
        /// Its value so far.
        was: String,
        /// The new one.
        now: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// A key to be removed is not there.
    #[error("the config has no `{key}` to remove")]
    #[diagnostic(help("--unset takes the path of a key or a table, such as measure.flow"))]
    Unset {
        /// The path.
        key: String,
    },
    /// The config's text is no TOML.
    #[error("{name} is no TOML")]
    ConfigText {
        /// Where it is.
        name: String,
        /// Why.
        source: toml::de::Error,
    },
    /// The data are not those that the run began with.
    #[error("the training data are not those that the run began with (SHA-256 {now}, not {was})")]
    #[diagnostic(help(
        "give back data.dir the records it had, or start a new run with `brink train`"
    ))]
    Data {
        /// SHA-256 of those of the run.
        was: String,
        /// SHA-256 of those found now.
        now: String,
    },
    /// The initial weights are not those of the run.
    #[error(
        "the initial weights are not those in {}: the file in model.weights has changed",
        path.display()
    )]
    #[diagnostic(help("give model.weights the file that the run began with"))]
    InitialWeights {
        /// The run's own copy.
        path: PathBuf,
    },
    /// The run's initial weights cannot be read.
    #[error("cannot read the weights that the run began with")]
    Weights {
        /// Why.
        #[source]
        source: Box<WeightFileError>,
    },
    /// The run's manifest cannot be read.
    #[error("cannot read {}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// No checkpoint has all rows before it.
    #[error(
        "{} ends after {rows} rows, before the step of any checkpoint ({})",
        path.display(),
        list(steps)
    )]
    #[diagnostic(help("start it again with `brink train`"))]
    Rows {
        /// The trace.
        path: PathBuf,
        /// Its whole rows.
        rows: u64,
        /// The steps of the checkpoints.
        steps: Vec<u64>,
    },
    /// No checkpoint has all rows of another file before it.
    #[error(
        "{} lacks the {what} of step {step}, before the step of any checkpoint ({}), which the \
         trace has",
        path.display(),
        list(steps)
    )]
    #[diagnostic(help(
        "nothing was changed: give the file back as the run left it, or branch off with `brink fork`, \
         which begins a file of its own"
    ))]
    Lacking {
        /// The file.
        path: PathBuf,
        /// What its rows are.
        what: &'static str,
        /// The first step that it lacks.
        step: u64,
        /// The steps of the checkpoints.
        steps: Vec<u64>,
    },
    /// A fork would replace the run that it begins in.
    #[error("{} is the run to branch off from: a fork does not replace it", folder.display())]
    #[diagnostic(help("choose another folder with --out, or leave --out away"))]
    OntoItself {
        /// The folder.
        folder: PathBuf,
    },
    /// A fork would take no step.
    #[error("nothing is left to do at step {step}: optimizer.steps is {steps}")]
    #[diagnostic(help(
        "it counts from step 0, as the checkpoint's step does: for {step} steps more, \
         --set optimizer.steps={}",
        step.saturating_mul(2)
    ))]
    NoStepLeft {
        /// The step of the checkpoint.
        step: u64,
        /// The step that the run would end before.
        steps: u64,
    },
    /// What the rule remembers is of another size than the parameters now.
    #[error(
        "the memory of the optimizer {optimizer} is of {was} numbers in {was_dtype}, and there would be {now} parameters in {now_dtype}"
    )]
    #[diagnostic(help(
        "pass --fresh-optimizer to begin without it, or keep run.dtype and run.compression"
    ))]
    OptimizerMemory {
        /// The rule.
        optimizer: String,
        /// Numbers of each of its vectors.
        was: usize,
        /// Their precision.
        was_dtype: &'static str,
        /// Parameters of the new run.
        now: usize,
        /// Their precision.
        now_dtype: &'static str,
    },
}

fn list(steps: &[u64]) -> String {
    let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
    steps.join(", ")
}

fn advice(source: &StateError, others: &[u64]) -> String {
    let what = match source {
        StateError::Version { .. } => "use the version of brink that wrote it",
        StateError::Foreign => "checkpoints are the files in a run's folder checkpoints/",
        _ => "it was not changed, nor was the run",
    };
    match others {
        [] => what.to_owned(),
        others => format!(
            "{what}; there are checkpoints of step {}: `brink resume --from`, `brink fork --at`",
            list(others)
        ),
    }
}

fn past_end(steps: u64, taken: u64, earlier: &[u64]) -> String {
    let whole = format!("nothing was changed: to go on, set optimizer.steps to {taken} or more");
    match earlier {
        [] => whole,
        earlier => format!(
            "{whole}; to end at {steps} and lose what comes after it, add --from with a checkpoint before \
             ({})",
            list(earlier)
        ),
    }
}
