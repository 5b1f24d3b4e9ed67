//! `brink measure`: what a config measures, at a checkpoint of a run or at weights.

use std::path::{Path, PathBuf};

use brink_data::Dataset;
use brink_dynamics::{Inherited, Problem};
use brink_model::Weights;
use burn::tensor::Device;
use miette::Diagnostic;

use super::fork::Forked;
use super::origin::{Origin, initial};
use super::{Request, Trained, begin};
use crate::args;
use crate::checkpoint::{CheckpointError, Checkpoints, Facts, Parent};
use crate::config::overrides::Override;
use crate::config::{Change, Config, changes, without};
use crate::error::Error;
use crate::measure::{SOLVED, SpectrumOperator, table_names};
use crate::run_folder::{Destination, MANIFEST_JSON, RunFolder};

/// Tables of what happens along a run.
const OF_A_RUN: [(&str, &str); 2] = [
    (
        "flow",
        "it follows gradient flow from the run's first step, of which a single state knows \
         nothing: add the table to the run's config",
    ),
    (
        "central_flow",
        "it follows the central flow from an earlier step, of which a single state knows nothing: \
         add the table to the run's config",
    ),
];

/// A measurement that cannot be made as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum MeasureRequestError {
    /// No table.
    #[error("nothing is asked for")]
    #[diagnostic(help(
        "name what to measure: {flags}, or a key of it such as --set measure.spectrum.probes=20"
    ))]
    Nothing {
        /// The options that name one.
        flags: String,
    },
    /// Neither a run nor weights.
    #[error("{} is neither the folder of a run nor a file of weights", path.display())]
    #[diagnostic(help(
        "name a folder such as outputs/tanh-1, or a .safetensors file with --config"
    ))]
    Neither {
        /// The path.
        path: PathBuf,
    },
    /// Weights without a config.
    #[error("{} says nothing of the network and the data that its weights belong to", path.display())]
    #[diagnostic(help("name a config with --config, such as --config configs/tanh.toml"))]
    NoConfig {
        /// The file.
        path: PathBuf,
    },
    /// An option that belongs to the other kind.
    #[error("{option} means nothing for {what}")]
    #[diagnostic(help("leave it out"))]
    Meaningless {
        /// The option.
        option: &'static str,
        /// A run, or a file of weights.
        what: &'static str,
    },
    /// A table that needs more than the state has.
    #[error("`measure.{table}` cannot be measured here")]
    #[diagnostic(help("{why}"))]
    NotInState {
        /// The table.
        table: &'static str,
        /// What is missing.
        why: &'static str,
    },
    /// A key of the run itself.
    #[error("`{key}` was {was}, and is {now} now: a measurement does not change it")]
    #[diagnostic(help(
        "to be changed here are measure.*, data.* and run.*; for another run from here there is `brink fork`"
    ))]
    Fixed {
        /// The key.
        key: String,
        /// Its value in the run.
        was: String,
        /// What was asked for.
        now: String,
    },
}

/// A state that is measured.
#[derive(Debug)]
pub struct Measured {
    /// The checkpoint; without one, the config's weights.
    at: Option<Forked>,
}

/// Runs `brink measure`.
///
/// # Errors
/// [`Error`]. The files of the run that is measured are not touched.
pub fn execute(arguments: &args::Measure, command_line: Vec<String>) -> Result<Trained, Error> {
    let path = &arguments.path;
    let asked = asked(arguments)?;
    if path.join(MANIFEST_JSON).is_file() {
        of_run(path, &asked, arguments, command_line)
    } else if path.is_file() {
        of_weights(path, &asked, arguments, command_line)
    } else {
        Err(MeasureRequestError::Neither { path: path.clone() }.into())
    }
}

/// The tables asked for, by options of their names and by their keys.
fn asked(arguments: &args::Measure) -> Result<Vec<&'static str>, MeasureRequestError> {
    let by_key = |name: &&str| {
        let keys = arguments.changes.set.iter();
        let mut rest = keys.filter_map(|set| {
            set.trim_start()
                .strip_prefix("measure.")?
                .strip_prefix(name)
        });
        rest.any(|rest| rest.trim_start().starts_with(['.', '=']))
    };
    let by_option = |name: &&str| arguments.tables.0.contains(name);
    let names = table_names();
    let asked: Vec<&'static str> = (names.iter().copied())
        .filter(|name| by_option(name) || by_key(name))
        .collect();
    if asked.is_empty() {
        let flags: Vec<String> = names.iter().map(|name| args::flag_of(name)).collect();
        let flags = flags.join(", ");
        return Err(MeasureRequestError::Nothing { flags });
    }
    for (table, why) in OF_A_RUN {
        if asked.contains(&table) {
            return Err(MeasureRequestError::NotInState { table, why });
        }
    }
    Ok(asked)
}

/// What makes the tables asked for due at any step, before the words of the command line.
fn due(asked: &[&str], has_eigenvalues: bool) -> Vec<Override> {
    let mut overrides = Vec::new();
    for &name in table_names() {
        let kept = name == SOLVED[0] && has_eigenvalues;
        if !kept && !asked.contains(&name) {
            continue;
        }
        for (key, value) in [("every", 1), ("from", 0)] {
            let path = format!("measure.{name}.{key}");
            overrides.push(Override::number(&args::flag_of(name), &path, value));
        }
    }
    overrides
}

/// The tables of a config's text that were not asked for, but for the eigenvalues, which others need.
fn others(asked: &[&str]) -> Vec<String> {
    let names = table_names().iter();
    let others = names.filter(|name| **name != SOLVED[0] && !asked.contains(name));
    others.map(|name| format!("measure.{name}")).collect()
}

/// How many eigenvalues where nothing says so.
fn counts(asked: &[&str], text: &str) -> Vec<Override> {
    let mut overrides = Vec::new();
    for (name, count) in SOLVED.into_iter().zip([2, 1]) {
        if asked.contains(&name) && !text.contains(&format!("[measure.{name}]")) {
            let path = format!("measure.{name}.count");
            overrides.push(Override::number(&args::flag_of(name), &path, count));
        }
    }
    overrides
}

fn config(
    name: &str,
    text: String,
    asked: &[&str],
    arguments: &args::Measure,
    more: Vec<Override>,
) -> Result<Config, Error> {
    let others = others(asked);
    let malformed = |source: toml::de::Error| CheckpointError::ConfigText {
        name: name.to_owned(),
        source,
    };
    let (text, _) = without(&text, others.iter().map(String::as_str)).map_err(malformed)?;
    let has_eigenvalues = text.contains(&format!("[measure.{}]", SOLVED[0]));
    let mut overrides = counts(asked, &text);
    overrides.extend(due(asked, has_eigenvalues));
    overrides.extend(more);
    overrides.extend(arguments.changes.overrides());
    Ok(Config::parse(name, text, &overrides)?)
}

fn of_run(
    run: &Path,
    asked: &[&str],
    arguments: &args::Measure,
    command_line: Vec<String>,
) -> Result<Trained, Error> {
    if arguments.config.is_some() {
        return Err(MeasureRequestError::Meaningless {
            option: "--config",
            what: "a run, which has its own",
        }
        .into());
    }
    let checkpoint = Checkpoints::of(run).read(arguments.at)?;
    let was = checkpoint.config()?;
    let text = checkpoint.facts.config.clone();
    let now = config(
        &checkpoint.config_name(),
        text,
        asked,
        arguments,
        Vec::new(),
    )?;
    for change in changes(&was, &now)? {
        refuse(change)?;
    }
    let step = checkpoint.step;
    let parent = Parent {
        folder: run.to_owned(),
        step,
        checksum: checkpoint.checksum.clone(),
    };
    let (backend, device) = (arguments.backend.clone(), arguments.device.clone());
    let request = Request {
        // A device's number means something for its backend only.
        device: match backend {
            Some(_) => device,
            None => device.or(checkpoint.facts.device.clone()),
        },
        backend: backend.or(Some(checkpoint.facts.backend.clone())),
        destination: destination(arguments),
    };
    let forked = Forked::at(checkpoint, parent, was, now.clone(), run.to_owned())?;
    let origin = Origin::Measured(Box::new(Measured { at: Some(forked) }));
    begin(now, &request, command_line, origin, |_| {
        let name = format!("measure-{step:06}");
        Ok(take(arguments, run, &name)?)
    })
}

fn of_weights(
    file: &Path,
    asked: &[&str],
    arguments: &args::Measure,
    command_line: Vec<String>,
) -> Result<Trained, Error> {
    let Some(path) = &arguments.config else {
        let path = file.to_owned();
        return Err(MeasureRequestError::NoConfig { path }.into());
    };
    if arguments.at.is_some() {
        return Err(MeasureRequestError::Meaningless {
            option: "--at",
            what: "a file of weights, which is of one moment",
        }
        .into());
    }
    let text = Config::text(path)?;
    let weights = file.display().to_string();
    let weights = Override::option("the file of weights", "model.weights", weights);
    let name = path.display().to_string();
    let now = config(&name, text, asked, arguments, vec![weights])?;
    let spectrum = now.measure.spectrum.as_ref().map(|s| s.operator);
    let preconditioned = [
        (now.measure.preconditioned.is_some(), "preconditioned"),
        (
            spectrum == Some(SpectrumOperator::Preconditioned),
            "spectrum",
        ),
    ];
    if let Some((_, table)) = preconditioned.into_iter().find(|(asked, _)| *asked) {
        return Err(MeasureRequestError::NotInState {
            table,
            why: "the preconditioner is what the optimizer remembers of the steps before, which \
                  weights do not have: measure a run at a checkpoint",
        }
        .into());
    }
    let request = Request {
        backend: arguments.backend.clone(),
        device: arguments.device.clone(),
        destination: destination(arguments),
    };
    let origin = Origin::Measured(Box::new(Measured { at: None }));
    begin(now, &request, command_line, origin, |_| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let folder = file.parent().unwrap_or(Path::new(""));
        Ok(take(arguments, folder, &format!("measure-{stem}"))?)
    })
}

fn destination(arguments: &args::Measure) -> Destination {
    Destination {
        out: arguments.out.clone(),
        force: false,
        quiet: arguments.quiet,
    }
}

fn take(
    arguments: &args::Measure,
    beside: &Path,
    name: &str,
) -> Result<RunFolder, crate::run_folder::FolderError> {
    match &arguments.out {
        Some(out) => RunFolder::at(out, false),
        None => RunFolder::beside(beside, name),
    }
}

/// Refuses what would make it another run's state.
fn refuse(change: Change) -> Result<(), MeasureRequestError> {
    let free = ["measure.", "data.", "run."];
    let table = |prefix: &&str| {
        change.key.starts_with(*prefix) || change.key == prefix.trim_end_matches('.')
    };
    match free.iter().any(table) {
        true => Ok(()),
        false => Err(MeasureRequestError::Fixed {
            key: change.key,
            was: change.was,
            now: change.now,
        }),
    }
}

impl Measured {
    /// A line about it.
    pub fn in_words(&self) -> Option<String> {
        let parent = &self.at.as_ref()?.parent;
        let folder = parent.folder.display();
        Some(format!("measures {folder} at step {}", parent.step))
    }

    /// The weights that are measured.
    pub fn weights(
        &self,
        config: &Config,
        dataset: &Dataset,
        device: &Device,
    ) -> Result<Weights, Error> {
        let Some(forked) = &self.at else {
            return Ok(initial(config, dataset)?);
        };
        if forked.was().data == config.data {
            return forked.weights(config, dataset, device);
        }
        // Where θ is of coordinates, these are of the run's own images.
        let own = brink_data::load(&forked.was().data, None)?;
        forked.weights(config, &own, device)
    }

    /// The checkpoint's run.
    pub fn parent(&self) -> Option<&Parent> {
        self.at.as_ref().map(|forked| &forked.parent)
    }

    /// Decides what of the state suits the problem.
    pub fn check(&mut self, facts: &Facts, problem: &Problem<2>) -> Result<(), CheckpointError> {
        let Some(forked) = &mut self.at else {
            return Ok(());
        };
        if forked.checkpoint.facts.data == facts.data {
            return forked.check(facts, problem);
        }
        let same_size = forked.dimension() == Some(problem.objective.parameters());
        forked.inherited = Inherited {
            optimizer: same_size,
            ..Inherited::default()
        };
        Ok(())
    }

    /// The checkpoint and what is taken over of it.
    pub fn at(&self) -> Option<&Forked> {
        self.at.as_ref()
    }

    /// The only step.
    pub fn step(&self) -> u64 {
        self.at.as_ref().map_or(0, |forked| forked.checkpoint.step)
    }
}
