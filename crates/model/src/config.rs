//! The `[model]` section of a configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::parameter::Declared;
use crate::params::Source;
use crate::{
    Activation, BuildError, ConfigError, Domain, Init, KeyValue, Keys, Layers, ModelKey,
    NetworkKind, Params, Task, kind, kinds,
};

/// The widest hidden layer, or most channels, that a configuration may ask for.
pub const MAX_WIDTH: usize = 1 << 16;

/// The most parameters a network may have: one gibibyte of float32 a vector. A slip in a width
/// should be refused, not exhaust the machine.
pub const MAX_PARAMETERS: usize = 1 << 28;

/// The keys that every kind of network has.
pub(crate) const COMMON: [&str; 5] = ["kind", "output_factor", "init", "seed", "weights"];

/// The `[model]` section. A key that is left out takes the default given here, or its kind's.
///
/// A key of another kind is refused by [`keys`](Self::keys), never ignored. The one precedence:
/// with `weights`, `init` and `seed` are not consulted, so that a configuration can be repeated
/// from a file by setting that key alone.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Name of the [`NetworkKind`]; `"mlp"`.
    pub kind: String,
    /// The keys that not every kind has, as far as they are given.
    pub given: BTreeMap<String, KeyValue>,
    /// Multiplies the outputs; 1. A two-layer network of width m with 1/√m here and
    /// `init = "standard-normal"` is that of the neural-tangent-kernel theory.
    pub output_factor: f64,
    /// Distribution of the initial weights; `"uniform-fan-in"`.
    pub init: Init,
    /// Seed of the initial weights; 0.
    pub seed: u64,
    /// A `.safetensors` file to take the initial weights from, instead of `init` and `seed`.
    pub weights: Option<PathBuf>,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            kind: "mlp".to_owned(),
            given: BTreeMap::new(),
            output_factor: 1.0,
            init: Init::default(),
            seed: 0,
            weights: None,
        }
    }
}

impl ModelConfig {
    /// A network of this kind with its defaults.
    pub fn of(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            ..Self::default()
        }
    }

    /// The same with a key of its kind set.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<KeyValue>) -> Self {
        self.given.insert(key.to_owned(), value.into());
        self
    }

    /// What `model.kind` names.
    ///
    /// # Errors
    /// A name that no kind has.
    pub fn network_kind(&self) -> Result<&'static NetworkKind, ConfigError> {
        kind(&self.kind).ok_or_else(|| ConfigError::Kind {
            kind: self.kind.clone(),
            kinds: kinds().iter().map(|kind| kind.name).collect(),
        })
    }

    /// The keys of this kind of network, with defaults in place of those left out.
    ///
    /// # Errors
    /// An output factor that is zero or not finite, a kind that there is not, a key of another
    /// kind, or a value that its key does not take.
    pub fn keys(&self) -> Result<Keys, ConfigError> {
        let factor = self.output_factor;
        if !(factor.is_finite() && factor != 0.0) {
            return Err(ConfigError::OutputFactor { factor });
        }
        let kind = self.network_kind()?;
        let foreign = |name: &str| !kind.keys.iter().any(|key| key.name == name);
        if let Some((name, _)) = self.given.iter().find(|(name, _)| foreign(name)) {
            return Err(ConfigError::ForeignKey {
                key: format!("model.{name}"),
                kind: kind.name,
                keys: kind.keys.iter().map(|key| key.name).collect(),
            });
        }
        Keys::complete(kind.keys, &self.given)
    }

    /// The same configuration with the defaults of its kind written out, for a manifest.
    ///
    /// # Errors
    /// As [`keys`](Self::keys).
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let keys = self.keys()?;
        let given = keys
            .iter()
            .map(|(name, value)| (name.to_owned(), value.clone()));
        Ok(Self {
            given: given.collect(),
            ..self.clone()
        })
    }

    /// The function between layers, of a kind that has one.
    pub fn activation(&self) -> Option<Activation> {
        self.keys().and_then(|keys| keys.activation()).ok()
    }

    /// The parameters of the network for a task.
    ///
    /// # Errors
    /// As [`keys`](Self::keys); besides, what the kind refuses: no inputs or outputs, data that it
    /// cannot take, more than [`MAX_PARAMETERS`] parameters.
    pub fn declare(&self, task: &Task) -> Result<Declared, BuildError> {
        Source::note(|params| self.build(task, params).map(drop))
    }

    /// The network in a word or two: `tanh 3072-200-10`.
    ///
    /// # Errors
    /// As [`declare`](Self::declare).
    pub fn describe(&self, task: &Task) -> Result<String, BuildError> {
        (self.network_kind()?.describe)(&self.keys()?, task)
    }

    /// The layers of the network for a task, with their parameters.
    pub(crate) fn build(&self, task: &Task, params: &Params<'_>) -> Result<Layers, BuildError> {
        let keys = self.keys()?;
        if task.features() == Some(0) || task.row() == Some(0) {
            return Err(ConfigError::NoUnits {
                inputs: task.features().unwrap_or(0),
                outputs: task.row().unwrap_or(0),
            }
            .into());
        }
        (self.network_kind()?.build)(&keys, task, params)
    }
}

/// The keys of all kinds by name: the first kind's that has it.
fn keys_of_all() -> Vec<&'static ModelKey> {
    let mut keys: Vec<&ModelKey> = Vec::new();
    for key in kinds().iter().flat_map(|kind| kind.keys) {
        if !keys.iter().any(|other| other.name == key.name) {
            keys.push(key);
        }
    }
    keys
}

/// Every name that a choice of that key has in some kind.
fn choices(key: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for other in kinds().iter().flat_map(|kind| kind.keys) {
        if let (true, Domain::Choice { of, .. }) = (other.name == key, &other.domain) {
            for name in *of {
                if !names.contains(name) {
                    names.push(name);
                }
            }
        }
    }
    names
}

/// Serde wants the valid names for as long as the program runs, and they depend on which kinds were
/// added: a faulty config costs a few bytes.
fn leaked(names: Vec<&'static str>) -> &'static [&'static str] {
    Vec::leak(names)
}

impl Serialize for ModelConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &self.kind)?;
        let listed = kind(&self.kind).map_or(&[][..], |kind| kind.keys);
        for key in listed {
            if let Some(value) = self.given.get(key.name) {
                map.serialize_entry(key.name, value)?;
            }
        }
        for (name, value) in &self.given {
            if !listed.iter().any(|key| key.name == name) {
                map.serialize_entry(name, value)?;
            }
        }
        map.serialize_entry("output_factor", &self.output_factor)?;
        map.serialize_entry("init", &self.init)?;
        map.serialize_entry("seed", &self.seed)?;
        if let Some(weights) = &self.weights {
            map.serialize_entry("weights", weights)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Section)
    }
}

struct Section;

impl<'de> Visitor<'de> for Section {
    type Value = ModelConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ModelConfig, A::Error> {
        let mut config = ModelConfig::default();
        let keys = keys_of_all();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "kind" => {
                    config.kind = map.next_value_seed(OneOf(|| {
                        kinds().iter().map(|kind| kind.name).collect()
                    }))?;
                }
                "output_factor" => config.output_factor = map.next_value()?,
                "init" => config.init = map.next_value()?,
                "seed" => config.seed = map.next_value()?,
                "weights" => config.weights = map.next_value()?,
                other => {
                    let Some(key) = keys.iter().find(|key| key.name == other) else {
                        let names = COMMON[..1].iter().chain(keys.iter().map(|key| &key.name));
                        let names = names.chain(&COMMON[1..]).copied().collect();
                        return Err(A::Error::unknown_field(other, leaked(names)));
                    };
                    let value = match key.domain {
                        Domain::Flag { .. } => KeyValue::Flag(map.next_value()?),
                        Domain::Count { .. } => KeyValue::Count(map.next_value()?),
                        Domain::Counts { .. } => KeyValue::Counts(map.next_value()?),
                        Domain::Choice { .. } => {
                            KeyValue::Name(map.next_value_seed(OneOf(|| choices(key.name)))?)
                        }
                    };
                    config = config.with(other, value);
                }
            }
        }
        Ok(config)
    }
}

/// One of several names.
struct OneOf<F>(F);

impl<'de, F: Fn() -> Vec<&'static str>> serde::de::DeserializeSeed<'de> for OneOf<F> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let name = String::deserialize(deserializer)?;
        let names = (self.0)();
        if !names.contains(&name.as_str()) {
            return Err(D::Error::unknown_variant(&name, leaked(names)));
        }
        Ok(name)
    }
}
