//! The `[data]` section of a config.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::{Class, Encoding, Selection, Standardise, Targets};

/// What data to train on. Every key may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// `cifar10` (default), `synthetic` or `auto`.
    pub source: Source,
    /// Where CIFAR-10 is; default [`DEFAULT_FOLDER`](crate::DEFAULT_FOLDER). Relative to the
    /// current directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// How many training records, or `"all"`; default 1000. The first ones in file order.
    pub samples: Samples,
    /// As many records of each class instead of the first ones; default false. When `samples` is
    /// no multiple of the number of classes, the classes listed first get one more.
    pub balanced: bool,
    /// Only these classes, by number or name; default all ten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<Class>>,
    /// Two groups of classes for binary targets: the first becomes −1, the second +1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<[Vec<Class>; 2]>,
    /// `one-hot` (default) or `binary`.
    pub targets: Targets,
    /// `cifar10` (default), `subset` or `none`.
    pub standardise: Standardise,
    /// Seed of the synthetic images; default 0. CIFAR-10 does not use it.
    pub seed: u64,
}

/// Where the images come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// CIFAR-10 or an error.
    #[default]
    Cifar10,
    /// The offline stand-in.
    Synthetic,
    /// CIFAR-10 if it is found, else the stand-in.
    Auto,
}

/// How many training records to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    /// Every record of the chosen classes.
    All,
    /// This many.
    Count(NonZeroUsize),
}

/// A `[data]` section that asks for something impossible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A number of samples below one.
    #[error("`samples` is {given}; use a positive integer or \"all\"")]
    NoSamples {
        /// The number asked for.
        given: i64,
    },
    /// A list of classes without a class.
    #[error("`{key}` lists no class; name at least one")]
    NoClasses {
        /// `classes` or `groups`.
        key: &'static str,
    },
    /// A class is named twice.
    #[error("`{key}` names class {class} twice; name it once")]
    DuplicateClass {
        /// `classes` or `groups`.
        key: &'static str,
        /// The class.
        class: Class,
    },
    /// Binary targets without a way to tell −1 from +1.
    #[error(
        "binary targets need two classes but {got} are chosen; set `classes` to two of them, \
         or `groups` to two lists of classes"
    )]
    BinaryNeedsTwoClasses {
        /// How many classes are chosen.
        got: usize,
    },
    /// `groups` together with one-hot targets.
    #[error(
        "`groups` has a meaning for binary targets only; set `targets = \"binary\"` or remove it"
    )]
    GroupsNeedBinary,
    /// `classes` and `groups` disagree.
    #[error("`classes` and `groups` name different classes; remove `classes`, `groups` is enough")]
    GroupsContradictClasses,
    /// `balanced` needs to know how many of each class to take.
    #[error("`balanced` needs a number of samples; \"all\" takes the classes as they are")]
    BalancedNeedsCount,
    /// Balanced, but with fewer samples than classes.
    #[error(
        "{samples} samples cannot be balanced over {classes} classes; \
         ask for at least {classes} samples or choose fewer classes"
    )]
    BalancedNeedsOneEach {
        /// How many samples are asked for.
        samples: usize,
        /// How many classes are chosen.
        classes: usize,
    },
}

impl DataConfig {
    /// Checks everything that can be checked without the data.
    ///
    /// # Errors
    /// [`ConfigError`] on the first impossible value.
    pub fn validate(&self) -> Result<(), ConfigError> {
        Selection::new(self.encoding()?.classes(), self.samples, self.balanced).map(|_| ())
    }

    /// How labels become targets; also fixes the chosen classes and their order.
    ///
    /// # Errors
    /// [`ConfigError`] when classes, groups and targets do not fit together.
    pub fn encoding(&self) -> Result<Encoding, ConfigError> {
        if let Some(classes) = &self.classes {
            check_classes("classes", classes)?;
        }
        match (self.targets, &self.groups) {
            (Targets::OneHot, None) => Ok(Encoding::one_hot(self.chosen())),
            (Targets::OneHot, Some(_)) => Err(ConfigError::GroupsNeedBinary),
            (Targets::Binary, Some([negative, positive])) => self.grouped(negative, positive),
            (Targets::Binary, None) => match self.chosen() {
                [negative, positive] => Ok(Encoding::binary(&[*negative], &[*positive])),
                other => Err(ConfigError::BinaryNeedsTwoClasses { got: other.len() }),
            },
        }
    }

    fn chosen(&self) -> &[Class] {
        self.classes.as_deref().unwrap_or(&Class::ALL)
    }

    fn grouped(&self, negative: &[Class], positive: &[Class]) -> Result<Encoding, ConfigError> {
        if negative.is_empty() || positive.is_empty() {
            return Err(ConfigError::NoClasses { key: "groups" });
        }
        let mut grouped = [negative, positive].concat();
        check_classes("groups", &grouped)?;
        if let Some(classes) = &self.classes {
            let mut chosen = classes.clone();
            chosen.sort_unstable();
            grouped.sort_unstable();
            if chosen != grouped {
                return Err(ConfigError::GroupsContradictClasses);
            }
        }
        Ok(Encoding::binary(negative, positive))
    }
}

fn check_classes(key: &'static str, classes: &[Class]) -> Result<(), ConfigError> {
    if classes.is_empty() {
        return Err(ConfigError::NoClasses { key });
    }
    for (index, class) in classes.iter().enumerate() {
        if classes[..index].contains(class) {
            return Err(ConfigError::DuplicateClass { key, class: *class });
        }
    }
    Ok(())
}

impl ConfigError {
    /// The key of the `[data]` section to change.
    pub fn key(&self) -> &'static str {
        match self {
            Self::NoSamples { .. } | Self::BalancedNeedsOneEach { .. } => "samples",
            Self::NoClasses { key } | Self::DuplicateClass { key, .. } => key,
            Self::BinaryNeedsTwoClasses { .. } => "targets",
            Self::GroupsNeedBinary | Self::GroupsContradictClasses => "groups",
            Self::BalancedNeedsCount => "balanced",
        }
    }
}

impl Samples {
    /// This many.
    ///
    /// # Errors
    /// [`ConfigError::NoSamples`] for zero.
    pub fn count(samples: usize) -> Result<Self, ConfigError> {
        NonZeroUsize::new(samples)
            .map(Self::Count)
            .ok_or(ConfigError::NoSamples { given: 0 })
    }
}

impl Default for Samples {
    fn default() -> Self {
        const THOUSAND: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);
        Self::Count(THOUSAND)
    }
}

impl Serialize for Samples {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Count(samples) => samples.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SamplesVisitor;

        impl Visitor<'_> for SamplesVisitor {
            type Value = Samples;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a positive integer or \"all\"")
            }

            fn visit_i64<E: de::Error>(self, given: i64) -> Result<Samples, E> {
                let samples = usize::try_from(given).ok().and_then(NonZeroUsize::new);
                samples
                    .map(Samples::Count)
                    .ok_or_else(|| E::custom(ConfigError::NoSamples { given }))
            }

            fn visit_u64<E: de::Error>(self, given: u64) -> Result<Samples, E> {
                self.visit_i64(i64::try_from(given).unwrap_or(i64::MAX))
            }

            fn visit_str<E: de::Error>(self, given: &str) -> Result<Samples, E> {
                match given {
                    "all" => Ok(Samples::All),
                    _ => Err(E::invalid_value(de::Unexpected::Str(given), &self)),
                }
            }
        }

        deserializer.deserialize_any(SamplesVisitor)
    }
}
