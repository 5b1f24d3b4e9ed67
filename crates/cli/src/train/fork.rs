//! `brink fork`: a run that begins at a checkpoint of another, with other settings.

use std::fs;
use std::path::PathBuf;

use brink_data::Dataset;
use brink_dynamics::state::StateError;
use brink_dynamics::{Inherited, Problem};
use brink_linearize::Layout;
use brink_model::{NamedTensor, Network, Weights};
use burn::tensor::Device;

use super::compression::compress;
use super::origin::{Origin, began_with};
use super::problem::{burn_dtype, task};
use super::{Request, Trained, begin};
use crate::args;
use crate::checkpoint::{Checkpoint, CheckpointError, Checkpoints, Facts, Parent};
use crate::config::document::Value;
use crate::config::overrides::Override;
use crate::config::{Change, Config, ConfigError, changes, without};
use crate::error::Error;
use crate::run_folder::{Destination, MANIFEST_JSON};

/// The keys of `[optimizer]` that belong to a kind.
const OF_THE_KIND: [&str; 6] = [
    "optimizer.momentum",
    "optimizer.beta1",
    "optimizer.beta2",
    "optimizer.epsilon",
    "optimizer.bias_correction",
    "optimizer.radius",
];

/// Those that say when a run ends.
const END: [&str; 3] = [
    "optimizer.steps",
    "optimizer.stop_loss",
    "optimizer.stop_accuracy",
];

/// A run that branches off.
#[derive(Debug)]
pub struct Forked {
    /// From where.
    pub checkpoint: Checkpoint,
    /// The same, for the manifest.
    pub parent: Parent,
    /// What it takes over.
    pub inherited: Inherited,
    /// The other run's config.
    was: Config,
    now: Config,
    /// The keys in which they differ.
    other_keys: Vec<String>,
    fresh_optimizer: bool,
    folder: PathBuf,
}

/// Runs `brink fork`.
///
/// # Errors
/// [`Error`]. The other run is not touched.
pub fn execute(arguments: &args::Fork, command_line: Vec<String>) -> Result<Trained, Error> {
    let folder = arguments.run.clone();
    if !folder.join(MANIFEST_JSON).is_file() {
        return Err(CheckpointError::NoRun { folder }.into());
    }
    if let Some(out) = &arguments.out
        && let (Ok(from), Ok(to)) = (fs::canonicalize(&folder), fs::canonicalize(out))
        && from == to
    {
        return Err(CheckpointError::OntoItself { folder }.into());
    }
    let checkpoint = Checkpoints::of(&folder).read(Some(arguments.at))?;
    let (was, text) = (checkpoint.config()?, &checkpoint.facts.config);
    let now = changed(&checkpoint.config_name(), &was, text, arguments)?;
    let mut other_keys = Vec::new();
    for change in changes(&was, &now)? {
        other_keys.push(change.key.clone());
        refuse(change)?;
    }
    let (step, steps) = (checkpoint.step, now.optimizer.steps);
    if step >= steps {
        return Err(CheckpointError::NoStepLeft { step, steps }.into());
    }
    let parent = Parent {
        folder: folder.clone(),
        step,
        checksum: checkpoint.checksum.clone(),
    };
    let backend = arguments.backend.clone();
    let request = Request {
        // A device's number means something for its backend only.
        device: match backend {
            Some(_) => arguments.device.clone(),
            None => arguments.device.clone().or(checkpoint.facts.device.clone()),
        },
        backend: backend.or(Some(checkpoint.facts.backend.clone())),
        destination: Destination {
            out: arguments.out.clone(),
            force: arguments.force,
            quiet: arguments.quiet,
        },
    };
    let config = now.clone();
    let origin = Origin::Forked(Box::new(Forked {
        checkpoint,
        parent,
        inherited: Inherited::default(),
        was,
        now,
        other_keys,
        fresh_optimizer: arguments.fresh_optimizer,
        folder,
    }));
    begin(config, &request, command_line, origin, |name| {
        Ok(request.destination.take(name)?)
    })
}

/// The other run's config with the changes asked for.
fn changed(name: &str, was: &Config, text: &str, arguments: &args::Fork) -> Result<Config, Error> {
    let mut overrides: Vec<Override> = Vec::new();
    if let Some(name) = &arguments.name {
        overrides.push(Override::option("--name", "name", name.clone()));
    }
    overrides.extend(arguments.set.iter().map(|set| Override::set(set)));
    let unset = arguments.unset.iter().map(String::as_str);
    let malformed = |error: toml::de::Error| CheckpointError::ConfigText {
        name: name.to_owned(),
        source: error,
    };
    let (text, absent) = without(text, unset).map_err(malformed)?;
    if let Some(key) = absent.first() {
        let key = (*key).to_owned();
        return Err(CheckpointError::Unset { key }.into());
    }
    // What the other kind had, as the config has it written out, is no wish for the new one.
    let mut text = text;
    let loss = was.loss.kind.name();
    for assignment in &overrides {
        let assignment = assignment.parse().map_err(ConfigError::from)?;
        let other = |table: &str, kind: &str| {
            let entry = assignment.entry(&[table, "kind"]);
            entry.is_some_and(|e| !matches!(&e.node.value, Value::String(now) if now == kind))
        };
        if other("optimizer", was.optimizer.kind.name()) {
            (text, _) = without(&text, OF_THE_KIND).map_err(malformed)?;
        }
        if other("loss", loss) {
            (text, _) =
                without(&text, ["loss.factor", "loss.label_smoothing"]).map_err(malformed)?;
        }
    }
    Ok(Config::parse(name, text, &overrides)?)
}

/// Refuses another model and other data.
fn refuse(change: Change) -> Result<(), CheckpointError> {
    let advice = if change.key.starts_with("model.") {
        "the checkpoint holds weights of that network: start a new run with `brink train`, whose \
         model.weights can be a run's final.safetensors"
    } else if change.key.starts_with("data.") && change.key != "data.dir" {
        "the curves before and after would be of different losses: start a new run with \
         `brink train`, whose model.weights can be a run's final.safetensors"
    } else {
        return Ok(());
    };
    Err(CheckpointError::Fixed {
        key: change.key,
        was: change.was,
        now: change.now,
        advice,
    })
}

impl Forked {
    /// A checkpoint of the run in `folder`, whose config was `was` and is `now`.
    pub fn at(
        checkpoint: Checkpoint,
        parent: Parent,
        was: Config,
        now: Config,
        folder: PathBuf,
    ) -> Result<Self, Error> {
        let keys = changes(&was, &now)?.into_iter().map(|change| change.key);
        Ok(Self {
            other_keys: keys.collect(),
            checkpoint,
            parent,
            inherited: Inherited::default(),
            was,
            now,
            fresh_optimizer: false,
            folder,
        })
    }

    /// The other run's config.
    pub fn was(&self) -> &Config {
        &self.was
    }

    /// Parameters in its θ, if it has one.
    pub fn dimension(&self) -> Option<usize> {
        self.theta().ok().map(|theta| theta.len())
    }

    /// The weights at the checkpoint, in the new run's precision.
    pub fn weights(
        &self,
        config: &Config,
        dataset: &Dataset,
        device: &Device,
    ) -> Result<Weights, Error> {
        let was = &self.was;
        let task = task(&dataset.train);
        let initial = began_with(&self.folder, was, dataset)?;
        let compressed = compress(was, &dataset.train, &initial)?;
        let (trained, task) = match &compressed {
            Some(compressed) => (&compressed.weights, compressed.task(&task)),
            None => (&initial, task),
        };
        // It only says where each weight lies in θ.
        let precision = burn_dtype(config.run.dtype).into();
        let network = Network::new(&was.model, &task, trained, device, precision)?;
        let layout = Layout::of(&network)?;
        let theta = self.theta()?;
        let reached = trained.tensors().iter().map(|tensor| {
            let place = layout.get(&tensor.name);
            let place = place.map(|p| p.offset..p.offset + tensor.values.len());
            let values = place.and_then(|place| theta.get(place));
            let values = values.ok_or_else(|| StateError::Missing {
                name: format!("{} in θ", tensor.name),
            })?;
            Ok(NamedTensor {
                values: values.to_vec(),
                ..tensor.clone()
            })
        });
        let reached = Weights::new(reached.collect::<Result<_, StateError>>()?)?;
        let reached = match &compressed {
            Some(compressed) => compressed.lift(&initial, trained, &reached)?,
            None => reached,
        };
        Ok(reached.rounded(config.run.dtype.precision()))
    }

    fn theta(&self) -> Result<Vec<f64>, StateError> {
        let theta = self.checkpoint.state.numbers("theta");
        theta.ok_or_else(|| StateError::Missing {
            name: "theta".to_owned(),
        })
    }

    /// Refuses other data, and decides what is inherited: θ to the bit where its coordinates and
    /// precision are the same, and what was remembered of the steps before where that is of the
    /// same quantities.
    pub fn check(&mut self, facts: &Facts, problem: &Problem<2>) -> Result<(), CheckpointError> {
        let (parent, now) = (&self.checkpoint.facts.data, &facts.data);
        if parent != now {
            return Err(CheckpointError::Data {
                was: parent.clone(),
                now: now.clone(),
            });
        }
        let unusable = |source| CheckpointError::Unusable {
            path: self.checkpoint.path.clone(),
            others: Vec::new(),
            source,
        };
        let dimension = self.theta().map_err(unusable)?.len();
        let (was, now) = (&self.was, &self.now);
        let parameters = problem.objective.parameters();
        let theta = dimension == parameters && was.run.dtype == now.run.dtype;
        let (before, after) = (&was.optimizer, &now.optimizer);
        let same_kind = before.kind == after.kind;
        let remembers = self.checkpoint.state.has_arrays("optimizer");
        if same_kind && !self.fresh_optimizer && remembers && !theta {
            return Err(CheckpointError::OptimizerMemory {
                optimizer: after.kind.name().to_owned(),
                was: dimension,
                was_dtype: was.run.dtype.as_str(),
                now: parameters,
                now_dtype: now.run.dtype.as_str(),
            });
        }
        let same_loss = was.loss == now.loss && before.weight_decay == after.weight_decay;
        let same = |table: &str| {
            let within = |key: &String| {
                let rest = key.strip_prefix(table);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            !self.other_keys.iter().any(within)
        };
        let arithmetic = [
            "run.compression",
            "run.fusion",
            "run.matmul_precision",
            "run.microbatch",
        ];
        let same_place = theta && same_loss && arithmetic.iter().all(|key| same(key));
        let same_preconditioner = same_kind && OF_THE_KIND.iter().all(|key| same(key));
        let is_of_the_end = |key: &String| END.contains(&key.as_str());
        let mut of_the_rule = self
            .other_keys
            .iter()
            .filter(|k| k.starts_with("optimizer."));
        let same_rule = of_the_rule.all(is_of_the_end);
        // They compare with the steps before, which were the same rule's.
        let tables = now.measure.tables().into_iter();
        let tables = tables.filter(|name| same(&format!("measure.{name}")));
        let tables = tables.filter(|_| same_place && same_rule);
        self.inherited = Inherited {
            theta,
            optimizer: same_kind && !self.fresh_optimizer,
            eigenvalues: same_place && same("measure.eigenvalues"),
            preconditioned: same_place
                && same_preconditioner
                && !self.fresh_optimizer
                && same("measure.preconditioned"),
            measurements: tables.map(str::to_owned).collect(),
        };
        Ok(())
    }
}
