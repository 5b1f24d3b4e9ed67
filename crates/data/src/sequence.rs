//! Sequences of tokens that need no download: one file and one entry a task.

mod copy;
mod draw;
mod modular;
mod sort;
mod text;

use serde::{Deserialize, Serialize};

pub use text::TextError;

use crate::subset::{Goals, Inputs};
use crate::{
    ConfigError, DataConfig, Dataset, Encoding, Error, Origin, Provenance, Samples, Subset, Targets,
};

/// The longest list that is sorted or copied, and the most characters that are read at a time.
pub const MAX_LENGTH: usize = 1024;
/// The most tokens, and the largest modulus.
pub const MAX_VOCABULARY: usize = 4096;

/// All samples of a task, in the order in which they are taken.
pub(crate) struct Sequences {
    /// Tokens of a sample.
    pub length: usize,
    /// How many different tokens there are.
    pub vocabulary: usize,
    /// How many different targets there are.
    pub classes: usize,
    /// How many of the last positions have a target.
    pub positions: usize,
    /// The samples' tokens, one after the other.
    pub tokens: Vec<u32>,
    /// Their targets.
    pub labels: Vec<u32>,
    /// The files that were read.
    pub files: Vec<std::path::PathBuf>,
}

/// Makes [`Task`] of the tasks' names, the keys that they need and how they make samples.
macro_rules! tasks {
    ($($(#[$doc:meta])* $task:ident: $name:literal, $needs:expr, $make:expr;)*) => {
        /// What sequences are made of, and what is asked about them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Task {
            $($(#[$doc])* #[serde(rename = $name)] $task,)*
        }

        impl Task {
            /// The name in configs.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$task => $name,)*
                }
            }

            /// The keys that it needs.
            pub(crate) fn needs(self) -> &'static [&'static str] {
                match self {
                    $(Self::$task => $needs,)*
                }
            }

            /// Makes so many samples, or all there are.
            fn make(self, config: &DataConfig, samples: Option<usize>) -> Result<Sequences, Error> {
                match self {
                    $(Self::$task => $make(config, samples),)*
                }
            }
        }
    };
}

tasks! {
    /// A list of tokens, then the same in order.
    Sort: "sort", &["length", "vocabulary"], sort::make;

    /// A list of tokens, then the same again.
    Copy: "copy", &["length", "vocabulary"], copy::make;

    /// a, b and an equals sign; then a + b modulo p.
    ModularAddition: "modular-addition", &["vocabulary"], modular::make;

    /// A text by characters; at each, the next one.
    Text: "text", &["length", "text"], text::make;
}

/// Loads what a config of `source = "sequence"` asks for: first the samples trained on, then those
/// of the test set, none of which is twice the same (a text may repeat itself).
///
/// # Errors
/// Fewer samples than asked for, or a text that cannot be read.
pub fn load(config: &DataConfig) -> Result<Dataset, Error> {
    let task = config.task.ok_or(ConfigError::MissingKey {
        key: "task",
        what: "source = \"sequence\"",
    })?;
    let wanted = match config.samples {
        Samples::All => None,
        Samples::Count(train) => {
            let test = config.test_samples.map_or(0, std::num::NonZeroUsize::get);
            Some(train.get().saturating_add(test))
        }
    };
    let made = task.make(config, wanted)?;
    let encoding = Encoding::unnamed(made.classes, made.positions);
    let inputs = Inputs::Tokens {
        length: made.length,
        vocabulary: made.vocabulary,
        tokens: made.tokens,
    };
    let targets = Goals::Classes {
        classes: made.classes,
        positions: made.positions,
        labels: made.labels,
        targets: Targets::OneHot,
    };
    let all = Subset::new(inputs, targets);
    let split = all.split(config.samples, config.test_samples, &made.files)?;
    let (test, test_provenance) = split.test.unzip();
    Ok(Dataset {
        train: split.train.0,
        test,
        provenance: Provenance {
            source: Origin::Sequence,
            fallback: None,
            folder: None,
            seed: task.needs().contains(&"vocabulary").then_some(config.seed),
            standardise: None,
            standardisation: None,
            targets: encoding,
            train: split.train.1,
            test: test_provenance,
        },
    })
}
