//! The `[data]` section of a config.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::sequence::{MAX_LENGTH, MAX_VOCABULARY};
use crate::{
    Class, ClassChoice, Encoding, Labels, Selection, Source, Standardise, Targets, Task,
    UnknownClass,
};

/// What data to train on. Every key may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// `cifar10` (default), `synthetic`, `auto`, `cifar100`, `mnist`, `file` or `sequence`.
    pub source: Source,
    /// Where the images are; for CIFAR-10 the default is [`DEFAULT_FOLDER`](crate::DEFAULT_FOLDER). Relative to the
    /// current directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// How many training records, or `"all"`; default 1000. The first ones in file order.
    pub samples: Samples,
    /// As many records of each class instead of the first ones; default false. When `samples` is
    /// no multiple of the number of classes, the classes listed first get one more.
    pub balanced: bool,
    /// Which labels of CIFAR-100: `fine` (default) or `coarse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Only these classes, by number or name; default all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<ClassChoice>>,
    /// Two groups of classes for binary targets: the first becomes −1, the second +1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<[Vec<ClassChoice>; 2]>,
    /// `one-hot` (default) or `binary`.
    pub targets: Targets,
    /// `cifar10` (default), `subset` or `none`.
    pub standardise: Standardise,
    /// Seed of synthetic images, and of sequences that are drawn at random; default 0. CIFAR-10 does
    /// not use it.
    pub seed: u64,
    /// A `.npz` or `.safetensors` file of arrays `inputs` and `targets`, or an `.npy` file of inputs
    /// beside the targets of the same name with `-targets` before `.npy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// How many samples after those trained on make the test set; none if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_samples: Option<NonZeroUsize>,
    /// What sequences are: `sort`, `copy`, `modular-addition` or `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Tokens to sort or copy, or characters of a text that are read at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// How many different tokens are sorted or copied, or the modulus of an addition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    /// A text, in UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<PathBuf>,
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
    /// A key of another source.
    #[error("`{key}` means nothing for `{of}`: remove it")]
    ForeignKey {
        /// The key.
        key: &'static str,
        /// The source or task that was chosen.
        of: String,
    },
    /// A key that the source, or its task, cannot do without.
    #[error("`{key}` is needed for {what}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// What for.
        what: &'static str,
    },
    /// A number outside its range.
    #[error("`{key}` is {given}: it must be from {least} to {most}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// The value found.
        given: usize,
        /// The smallest value accepted.
        least: usize,
        /// The largest value accepted.
        most: usize,
    },
    /// Real targets of images, which have labels.
    #[error("images have labels: `targets` must be \"one-hot\" or \"binary\"")]
    ValuesOfImages,
    /// A list of classes without a class.
    #[error("`{key}` lists no class; name at least one")]
    NoClasses {
        /// `classes` or `groups`.
        key: &'static str,
    },
    /// A number or a name that is no class of the images.
    #[error("`{key}`: {unknown}")]
    UnknownClass {
        /// `classes` or `groups`.
        key: &'static str,
        /// What was named.
        unknown: UnknownClass,
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
        self.refuse_foreign_keys()?;
        match self.source {
            Source::File => return self.validate_file(),
            Source::Sequence => return self.validate_sequence(),
            Source::Cifar10
            | Source::Synthetic
            | Source::Auto
            | Source::Cifar100
            | Source::Mnist => {}
        }
        Selection::new(self.encoding()?.classes(), self.samples, self.balanced).map(|_| ())
    }

    fn refuse_foreign_keys(&self) -> Result<(), ConfigError> {
        let plain = Self::default();
        let given = [
            ("dir", self.dir.is_some()),
            ("balanced", self.balanced),
            ("labels", self.labels.is_some()),
            ("classes", self.classes.is_some()),
            ("groups", self.groups.is_some()),
            ("targets", self.targets != plain.targets),
            ("standardise", self.standardise != plain.standardise),
            ("seed", self.seed != plain.seed),
            ("file", self.file.is_some()),
            ("test_samples", self.test_samples.is_some()),
            ("task", self.task.is_some()),
            ("length", self.length.is_some()),
            ("vocabulary", self.vocabulary.is_some()),
            ("text", self.text.is_some()),
        ];
        let keys = self.source.keys();
        match given
            .iter()
            .find(|(key, given)| *given && !keys.contains(key))
        {
            Some((key, _)) => Err(ConfigError::ForeignKey {
                key,
                of: format!("source = \"{}\"", self.source.name()),
            }),
            None => Ok(()),
        }
    }

    fn validate_file(&self) -> Result<(), ConfigError> {
        need("file", self.file.as_ref(), "source = \"file\": the data").map(drop)
    }

    fn validate_sequence(&self) -> Result<(), ConfigError> {
        let task = need(
            "task",
            self.task,
            "source = \"sequence\": what the sequences are",
        )?;
        for key in ["length", "vocabulary", "text"] {
            let given = match key {
                "length" => self.length.is_some(),
                "vocabulary" => self.vocabulary.is_some(),
                _ => self.text.is_some(),
            };
            match (task.needs().contains(&key), given) {
                (true, false) => {
                    return Err(ConfigError::MissingKey {
                        key,
                        what: task.name(),
                    });
                }
                (false, true) => {
                    return Err(ConfigError::ForeignKey {
                        key,
                        of: format!("task = \"{}\"", task.name()),
                    });
                }
                _ => {}
            }
        }
        for (key, given, least, most) in [
            ("length", self.length, 1, MAX_LENGTH),
            ("vocabulary", self.vocabulary, 2, MAX_VOCABULARY),
        ] {
            if let Some(given) = given.filter(|given| !(least..=most).contains(given)) {
                return Err(ConfigError::OutOfRange {
                    key,
                    given,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }

    /// How labels become targets; also fixes the chosen classes and their order.
    ///
    /// # Errors
    /// [`ConfigError`] when classes, groups and targets do not fit together.
    pub fn encoding(&self) -> Result<Encoding, ConfigError> {
        let listed = match &self.classes {
            Some(classes) => Some(self.known("classes", classes)?),
            None => None,
        };
        match (self.targets, &self.groups) {
            (Targets::Values, _) => Err(ConfigError::ValuesOfImages),
            (Targets::OneHot, None) => Ok(Encoding::one_hot(&listed.unwrap_or_else(|| self.all()))),
            (Targets::OneHot, Some(_)) => Err(ConfigError::GroupsNeedBinary),
            (Targets::Binary, Some([negative, positive])) => {
                self.grouped(negative, positive, listed)
            }
            (Targets::Binary, None) => match listed.unwrap_or_else(|| self.all()).as_slice() {
                [negative, positive] => Ok(Encoding::binary(&[*negative], &[*positive])),
                other => Err(ConfigError::BinaryNeedsTwoClasses { got: other.len() }),
            },
        }
    }

    /// The same with classes by their numbers, which is what two configs are compared by.
    ///
    /// # Errors
    /// [`ConfigError::UnknownClass`].
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let numbers = |key: &'static str, choices: &[ClassChoice]| {
            let classes = self.find(key, choices)?.into_iter();
            Ok(classes.map(ClassChoice::from).collect())
        };
        let classes = self.classes.as_ref();
        let groups = match &self.groups {
            Some([negative, positive]) => {
                Some([numbers("groups", negative)?, numbers("groups", positive)?])
            }
            None => None,
        };
        Ok(Self {
            classes: classes.map(|list| numbers("classes", list)).transpose()?,
            groups,
            ..self.clone()
        })
    }

    fn all(&self) -> Vec<Class> {
        self.source.class_set(self.labels).all()
    }

    fn find(&self, key: &'static str, choices: &[ClassChoice]) -> Result<Vec<Class>, ConfigError> {
        let set = self.source.class_set(self.labels);
        let found = choices.iter().map(|choice| set.find(choice));
        found
            .collect::<Result<_, _>>()
            .map_err(|unknown| ConfigError::UnknownClass { key, unknown })
    }

    /// Classes of a list that has some, each once.
    fn known(&self, key: &'static str, choices: &[ClassChoice]) -> Result<Vec<Class>, ConfigError> {
        let classes = self.find(key, choices)?;
        check_classes(key, &classes)?;
        Ok(classes)
    }

    fn grouped(
        &self,
        negative: &[ClassChoice],
        positive: &[ClassChoice],
        listed: Option<Vec<Class>>,
    ) -> Result<Encoding, ConfigError> {
        let negative = self.find("groups", negative)?;
        let positive = self.find("groups", positive)?;
        if negative.is_empty() || positive.is_empty() {
            return Err(ConfigError::NoClasses { key: "groups" });
        }
        let mut grouped = [negative.as_slice(), &positive].concat();
        check_classes("groups", &grouped)?;
        if let Some(mut chosen) = listed {
            chosen.sort_unstable();
            grouped.sort_unstable();
            if chosen != grouped {
                return Err(ConfigError::GroupsContradictClasses);
            }
        }
        Ok(Encoding::binary(&negative, &positive))
    }
}

/// The value of a key that must be there.
fn need<T>(key: &'static str, value: Option<T>, what: &'static str) -> Result<T, ConfigError> {
    value.ok_or(ConfigError::MissingKey { key, what })
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
            Self::NoClasses { key }
            | Self::DuplicateClass { key, .. }
            | Self::UnknownClass { key, .. }
            | Self::ForeignKey { key, .. }
            | Self::MissingKey { key, .. }
            | Self::OutOfRange { key, .. } => key,
            Self::BinaryNeedsTwoClasses { .. } | Self::ValuesOfImages => "targets",
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
