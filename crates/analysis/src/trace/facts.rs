//! What a run says of itself in `manifest.json`, as far as the analysis needs it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::TraceError;
use crate::phases::PhaseParams;

/// The facts of a run that its columns do not hold. A fact that is not known is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Facts {
    /// The config's name; the folder's name when there is no manifest.
    pub name: String,
    /// What was trained on what, in one line.
    pub description: Option<String>,
    /// Step size η.
    pub step_size: Option<f64>,
    /// The optimizer's kind in the config: `gd`, `adam`, …
    pub optimizer: Option<String>,
    /// What was minimised.
    pub loss: Option<Loss>,
    /// Training samples n.
    pub samples: Option<usize>,
    /// Outputs c.
    pub outputs: Option<usize>,
    /// How the run ended: `completed`, `diverged`, `running`, …
    pub outcome: Option<String>,
    /// The first step whose sharpness exceeded 2/η after having been below it, as the run saw it.
    pub first_crossing: Option<u64>,
    /// The layers' names, input to output.
    pub layers: Vec<String>,
    /// The rule that the run's phases are told by; the default where the config has none. A report
    /// says by itself which rule it went by.
    #[serde(skip)]
    pub phases: PhaseParams,
}

/// The loss: L = (κ/n) ‖F − Y‖² for `mse`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Loss {
    /// Its name in the config: `mse`, `cross-entropy`.
    pub kind: String,
    /// κ of the squared error; another loss has none.
    pub factor: Option<f64>,
}

#[derive(Deserialize)]
struct Manifest {
    name: Option<String>,
    description: Option<String>,
    outcome: Option<Outcome>,
    first_crossing: Option<u64>,
    config: Option<Config>,
    dataset: Option<Dataset>,
    #[serde(default)]
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Outcome {
    kind: String,
}

#[derive(Deserialize)]
struct Config {
    loss: Option<LossConfig>,
    optimizer: Option<Optimizer>,
    measure: Option<Measure>,
}

#[derive(Deserialize)]
struct Measure {
    phases: Option<PhaseParams>,
}

#[derive(Deserialize)]
struct LossConfig {
    kind: String,
    factor: Option<f64>,
}

#[derive(Deserialize)]
struct Optimizer {
    kind: Option<String>,
    step_size: Option<f64>,
}

#[derive(Deserialize)]
struct Dataset {
    train: Option<Split>,
    targets: Option<Targets>,
}

#[derive(Deserialize)]
struct Split {
    samples: Option<usize>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Targets {
    OneHot {
        columns: Vec<serde_json::Value>,
    },
    Binary {},
    #[serde(other)]
    Unknown,
}

/// The largest manifest read: a thousand times the usual one. Its config may be a megabyte.
pub const MANIFEST_LIMIT: u64 = 16 << 20;

/// κ of a config that names the squared error and leaves its factor out.
const DEFAULT_FACTOR: f64 = 1.0;

impl Facts {
    /// Reads a manifest; without the file, only the folder's name is known.
    pub(super) fn read(folder: &Path) -> Result<Self, TraceError> {
        let path = folder.join("manifest.json");
        match brink_files::read(&path, MANIFEST_LIMIT) {
            Ok(json) => {
                let facts = Self::parse(&json, &folder_name(folder));
                facts.map_err(|source| TraceError::Manifest { path, source })
            }
            Err(fault) if fault.is_absent() => Ok(Self {
                name: folder_name(folder),
                ..Self::default()
            }),
            Err(source) => Err(TraceError::ReadManifest { path, source }),
        }
    }

    /// The facts of a manifest's JSON; one without a name is called `name`.
    ///
    /// # Errors
    ///
    /// What is wrong, with line and column.
    pub fn parse(json: &[u8], name: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json).map(|manifest| Self::of(manifest, name))
    }

    fn of(manifest: Manifest, name: &str) -> Self {
        let (loss, optimizer, measure) = match manifest.config {
            Some(config) => (config.loss, config.optimizer, config.measure),
            None => (None, None, None),
        };
        let (train, targets) = match manifest.dataset {
            Some(dataset) => (dataset.train, dataset.targets),
            None => (None, None),
        };
        Self {
            name: manifest.name.unwrap_or_else(|| name.to_owned()),
            description: manifest.description,
            step_size: optimizer.as_ref().and_then(|optimizer| optimizer.step_size),
            optimizer: optimizer.and_then(|optimizer| optimizer.kind),
            loss: loss.map(|LossConfig { kind, factor }| Loss {
                factor: factor.or((kind == "mse").then_some(DEFAULT_FACTOR)),
                kind,
            }),
            samples: train.and_then(|train| train.samples),
            outputs: match targets {
                Some(Targets::OneHot { columns }) => Some(columns.len()),
                Some(Targets::Binary {}) => Some(1),
                Some(Targets::Unknown) | None => None,
            },
            outcome: manifest.outcome.map(|outcome| outcome.kind),
            first_crossing: manifest.first_crossing,
            layers: manifest.layers,
            phases: measure
                .and_then(|measure| measure.phases)
                .unwrap_or_default(),
        }
    }
}

fn folder_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    name.to_string_lossy().into_owned()
}
