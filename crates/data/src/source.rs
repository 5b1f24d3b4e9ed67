//! The sources of data: one file and one entry each.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{ClassSet, DataConfig, Dataset, Error, cifar100, file, images, mnist, sequence};

/// Keys of labelled images.
const IMAGES: &[&str] = &["balanced", "classes", "groups", "targets", "standardise"];

/// Makes [`Source`] of the sources' names, their keys and how they are loaded.
macro_rules! sources {
    ($($(#[$doc:meta])* $source:ident: $name:literal, $keys:expr, $load:expr;)*) => {
        /// Where the data come from.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Source {
            $($(#[$doc])* #[serde(rename = $name)] $source,)*
        }

        impl Source {
            /// Every source.
            pub const ALL: &[Self] = &[$(Self::$source),*];

            /// The name in configs.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$source => $name,)*
                }
            }

            /// Its keys in `[data]`, besides `source` and `samples`.
            pub fn keys(self) -> Vec<&'static str> {
                match self {
                    $(Self::$source => {
                        let keys: &[&[&str]] = &$keys;
                        keys.concat()
                    })*
                }
            }

            /// Loads what a config of this source asks for.
            pub(crate) fn load(
                self,
                config: &DataConfig,
                data_dir: Option<&Path>,
            ) -> Result<Dataset, Error> {
                match self {
                    $(Self::$source => $load(config, data_dir),)*
                }
            }
        }
    };
}

sources! {
    /// CIFAR-10 or an error.
    #[default]
    Cifar10: "cifar10", [IMAGES, &["dir", "seed"]], images::cifar10;

    /// The offline stand-in.
    Synthetic: "synthetic", [IMAGES, &["dir", "seed"]], images::synthetic;

    /// CIFAR-10 if it is found, else the stand-in.
    Auto: "auto", [IMAGES, &["dir", "seed"]], images::auto;

    /// CIFAR-100, by its fine labels or its coarse ones.
    Cifar100: "cifar100", [IMAGES, &["dir", "labels"]], cifar100::load;

    /// MNIST, or Fashion-MNIST.
    Mnist: "mnist", [IMAGES, &["dir"]], mnist::load;

    /// Arrays in a file of one's own.
    File: "file", [&["file", "targets", "vocabulary", "test_samples"]], |config, _| file::load(config);

    /// Sequences of tokens.
    Sequence: "sequence",
        [&["task", "length", "vocabulary", "text", "test_samples", "seed"]],
        |config, _| sequence::load(config);
}

/// Which of CIFAR-100's two labels of an image is its class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Labels {
    /// One of 100.
    #[default]
    Fine,
    /// One of 20.
    Coarse,
}

impl Source {
    /// The classes of its images. Sources of other data have none that could be chosen.
    pub(crate) fn class_set(self, labels: Option<Labels>) -> ClassSet {
        match (self, labels.unwrap_or_default()) {
            (Self::Cifar100, Labels::Fine) => ClassSet::Cifar100Fine,
            (Self::Cifar100, Labels::Coarse) => ClassSet::Cifar100Coarse,
            (Self::Mnist, _) => ClassSet::Mnist,
            _ => ClassSet::Cifar10,
        }
    }
}
