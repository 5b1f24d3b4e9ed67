//! The sources of data: one file and one entry each.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{DataConfig, Dataset, Error, cifar100, file, images, mnist, sequence};

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

    /// CIFAR-100, by its fine labels.
    Cifar100: "cifar100", [&["dir", "balanced", "standardise"]], cifar100::load;

    /// MNIST, or Fashion-MNIST.
    Mnist: "mnist", [&["dir", "balanced", "standardise"]], mnist::load;

    /// Arrays in a file of one's own.
    File: "file", [&["file", "targets", "vocabulary", "test_samples"]], |config, _| file::load(config);

    /// Sequences of tokens.
    Sequence: "sequence",
        [&["task", "length", "vocabulary", "text", "test_samples", "seed"]],
        |config, _| sequence::load(config);
}
