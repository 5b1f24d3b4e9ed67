//! From a config to a training set, a test set and their provenance.

use std::path::Path;

use crate::{DataConfig, Error, Provenance, Subset};

/// What a run is trained and tested on.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The training set.
    pub train: Subset,
    /// The test set, when there is one: of images, the records of the same classes in the source's
    /// test set.
    pub test: Option<Subset>,
    /// Where both came from.
    pub provenance: Provenance,
}

/// Loads what `config` asks for. `data_dir`, the command line's, goes before `config.dir`.
///
/// With [`Source::Auto`](crate::Source::Auto) only the absence of CIFAR-10 leads to the stand-in;
/// files that are there and damaged, or hold too few records, are an error.
///
/// # Errors
/// [`Error`], by layer.
pub fn load(config: &DataConfig, data_dir: Option<&Path>) -> Result<Dataset, Error> {
    config.validate()?;
    config.source.load(config, data_dir)
}
