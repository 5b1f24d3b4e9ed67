//! The keys that a kind of network has in `[model]`, and their values.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Serialize, Serializer};

use crate::{Activation, ConfigError};

/// A key of one kind of network.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelKey {
    /// Its name in `[model]`.
    pub name: &'static str,
    /// Which values it takes, and what it is when left out.
    pub domain: Domain,
    /// What it means.
    pub meaning: &'static str,
}

/// Which values a key takes, and its default.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Yes or no.
    Flag {
        /// When left out.
        default: bool,
    },
    /// A number of things.
    Count {
        /// When left out.
        default: usize,
        /// The smallest and the largest.
        range: RangeInclusive<usize>,
    },
    /// A list of numbers of things.
    Counts {
        /// When left out.
        default: &'static [usize],
        /// The smallest and the largest item.
        range: RangeInclusive<usize>,
        /// Fewest items.
        at_least: usize,
    },
    /// One of several names.
    Choice {
        /// When left out.
        default: &'static str,
        /// The names.
        of: &'static [&'static str],
    },
}

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValue {
    /// Of a flag.
    Flag(bool),
    /// Of a count.
    Count(usize),
    /// Of a list of counts.
    Counts(Vec<usize>),
    /// Of a choice.
    Name(String),
}

impl ModelKey {
    /// A number of things, from the first to the last of a range.
    pub const fn count(
        name: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
        meaning: &'static str,
    ) -> Self {
        let domain = Domain::Count { default, range };
        Self {
            name,
            domain,
            meaning,
        }
    }

    /// A list of at least so many numbers of things.
    pub const fn counts(
        name: &'static str,
        default: &'static [usize],
        range: RangeInclusive<usize>,
        at_least: usize,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            domain: Domain::Counts {
                default,
                range,
                at_least,
            },
            meaning,
        }
    }

    /// One of several names.
    pub const fn choice(
        name: &'static str,
        default: &'static str,
        of: &'static [&'static str],
        meaning: &'static str,
    ) -> Self {
        let domain = Domain::Choice { default, of };
        Self {
            name,
            domain,
            meaning,
        }
    }

    /// Yes or no.
    pub const fn flag(name: &'static str, default: bool, meaning: &'static str) -> Self {
        let domain = Domain::Flag { default };
        Self {
            name,
            domain,
            meaning,
        }
    }

    /// The function between layers, as [`Keys::activation`] reads it.
    pub const fn activation(default: &'static str) -> Self {
        Self::choice(
            "activation",
            default,
            Activation::NAMES,
            "the function between layers",
        )
    }

    /// Whether layers add biases, as [`Keys::flag`] reads it under `bias`.
    pub const fn bias() -> Self {
        Self::flag("bias", true, "whether layers have biases")
    }

    /// Its value when it is left out.
    pub fn default(&self) -> KeyValue {
        match &self.domain {
            Domain::Flag { default } => KeyValue::Flag(*default),
            Domain::Count { default, .. } => KeyValue::Count(*default),
            Domain::Counts { default, .. } => KeyValue::Counts(default.to_vec()),
            Domain::Choice { default, .. } => KeyValue::Name((*default).to_owned()),
        }
    }

    /// Refuses what is no value of this key.
    fn check(&self, value: &KeyValue) -> Result<(), ConfigError> {
        let key = || format!("model.{}", self.name);
        match (&self.domain, value) {
            (Domain::Flag { .. }, KeyValue::Flag(_)) => Ok(()),
            (Domain::Count { range, .. }, KeyValue::Count(count)) => {
                if range.contains(count) {
                    return Ok(());
                }
                Err(ConfigError::Count {
                    key: key(),
                    count: *count,
                    range: range.clone(),
                })
            }
            (
                Domain::Counts {
                    range, at_least, ..
                },
                KeyValue::Counts(counts),
            ) => {
                if counts.len() < *at_least {
                    return Err(ConfigError::TooFew {
                        key: key(),
                        at_least: *at_least,
                    });
                }
                match counts.iter().position(|count| !range.contains(count)) {
                    Some(index) => Err(ConfigError::Item {
                        key: key(),
                        index,
                        value: counts[index],
                        range: range.clone(),
                    }),
                    None => Ok(()),
                }
            }
            (Domain::Choice { of, .. }, KeyValue::Name(name)) => {
                if of.contains(&name.as_str()) {
                    return Ok(());
                }
                Err(ConfigError::Choice {
                    key: key(),
                    name: name.clone(),
                    of: of.to_vec(),
                })
            }
            _ => Err(ConfigError::KeyType { key: key() }),
        }
    }
}

/// The keys of one network, each with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(Vec<(&'static str, KeyValue)>);

impl Keys {
    /// Fills in what is left out of `given`, and checks the rest.
    pub(crate) fn complete(
        keys: &[ModelKey],
        given: &BTreeMap<String, KeyValue>,
    ) -> Result<Self, ConfigError> {
        let value = |key: &ModelKey| {
            let value = given.get(key.name).cloned();
            let value = value.unwrap_or_else(|| key.default());
            key.check(&value)?;
            Ok((key.name, value))
        };
        Ok(Self(keys.iter().map(value).collect::<Result<_, _>>()?))
    }

    /// Every key and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &KeyValue)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    fn get<'k, T>(
        &'k self,
        name: &str,
        read: impl FnOnce(&'k KeyValue) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let found = self.0.iter().find(|(key, _)| *key == name);
        let value = found.and_then(|(_, value)| read(value));
        value.ok_or_else(|| ConfigError::KeyType {
            key: format!("model.{name}"),
        })
    }

    /// The value of a flag.
    ///
    /// # Errors
    /// A key that the network did not register, or not as this type.
    pub fn flag(&self, name: &str) -> Result<bool, ConfigError> {
        self.get(name, |value| match value {
            KeyValue::Flag(flag) => Some(*flag),
            _ => None,
        })
    }

    /// The value of a count.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn count(&self, name: &str) -> Result<usize, ConfigError> {
        self.get(name, |value| match value {
            KeyValue::Count(count) => Some(*count),
            _ => None,
        })
    }

    /// The value of a list of counts.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn counts(&self, name: &str) -> Result<&[usize], ConfigError> {
        self.get(name, |value| match value {
            KeyValue::Counts(counts) => Some(counts.as_slice()),
            _ => None,
        })
    }

    /// The value of a choice.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn choice(&self, name: &str) -> Result<&str, ConfigError> {
        self.get(name, |value| match value {
            KeyValue::Name(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The function between layers, of a network with [`ModelKey::activation`].
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn activation(&self) -> Result<Activation, ConfigError> {
        self.get("activation", |value| match value {
            KeyValue::Name(name) => Activation::named(name),
            _ => None,
        })
    }
}

impl Serialize for KeyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Count(count) => count.serialize(serializer),
            Self::Counts(counts) => counts.serialize(serializer),
            Self::Name(name) => name.serialize(serializer),
        }
    }
}

impl From<bool> for KeyValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<usize> for KeyValue {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

impl From<Vec<usize>> for KeyValue {
    fn from(counts: Vec<usize>) -> Self {
        Self::Counts(counts)
    }
}

impl From<&str> for KeyValue {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}
