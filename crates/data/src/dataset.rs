//! From a config to a training set, a test set and their provenance.

use std::path::{Path, PathBuf};

use crate::cifar::{self, CifarFiles};
use crate::synthetic::{self, SyntheticImages};
use crate::{
    DataConfig, Error, Origin, Provenance, Records, Samples, Selection, SelectionError, Source,
    SplitProvenance, Standardisation, Subset,
};

/// What a run is trained and tested on.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The training set.
    pub train: Subset,
    /// The records of the same classes in the source's test set, when it has any.
    pub test: Option<Subset>,
    /// Where both came from.
    pub provenance: Provenance,
}

/// Records before anything is computed from them.
struct Loaded {
    origin: Origin,
    fallback: Option<String>,
    folder: Option<PathBuf>,
    seed: Option<u64>,
    train: Split,
    test: Option<Split>,
}

struct Split {
    records: Records,
    files: Vec<PathBuf>,
}

/// Loads what `config` asks for. `data_dir`, the command line's, goes before `config.dir`.
///
/// With [`Source::Auto`] only the absence of CIFAR-10 leads to the stand-in; files that are there
/// and damaged, or hold too few records, are an error.
///
/// # Errors
/// [`Error`], by layer.
pub fn load(config: &DataConfig, data_dir: Option<&Path>) -> Result<Dataset, Error> {
    config.validate()?;
    let encoding = config.encoding()?;
    let loaded = read(config, data_dir)?;
    let labels = loaded.train.records.labels();
    if let Some((sign, classes)) = encoding.empty_side(labels) {
        return Err(Error::Selection(SelectionError::OneSided {
            samples: labels.len(),
            sign,
            classes: classes.to_vec(),
        }));
    }
    let standardisation = Standardisation::of(config.standardise, &loaded.train.records)?;
    let provenance = Provenance {
        source: loaded.origin,
        fallback: loaded.fallback,
        folder: loaded.folder,
        seed: loaded.seed,
        standardise: config.standardise,
        standardisation,
        targets: encoding.clone(),
        train: loaded.train.provenance(),
        test: loaded.test.as_ref().map(Split::provenance),
    };
    let subset = |split: Split| Subset::new(split.records, standardisation, encoding.clone());
    Ok(Dataset {
        train: subset(loaded.train),
        test: loaded.test.map(subset),
        provenance,
    })
}

fn read(config: &DataConfig, data_dir: Option<&Path>) -> Result<Loaded, Error> {
    if config.source == Source::Synthetic {
        return synthesise(config, None);
    }
    match cifar::find(data_dir, config.dir.as_deref()) {
        Ok(files) => read_cifar(config, files),
        Err(error) if config.source == Source::Auto && error.is_absent() => {
            synthesise(config, Some(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

fn read_cifar(config: &DataConfig, files: CifarFiles) -> Result<Loaded, Error> {
    let mut selection = training_selection(config)?;
    let (records, read) = cifar::select(&files.train, &mut selection)?;
    selection.finish()?;
    let test = match files.test {
        Some(path) => {
            let (records, files) = cifar::select(&[path], &mut test_selection(config)?)?;
            (!records.is_empty()).then_some(Split { records, files })
        }
        None => None,
    };
    Ok(Loaded {
        origin: Origin::Cifar10,
        fallback: None,
        folder: Some(files.folder),
        seed: None,
        train: Split {
            records,
            files: read,
        },
        test,
    })
}

fn synthesise(config: &DataConfig, fallback: Option<String>) -> Result<Loaded, Error> {
    let images = SyntheticImages::new(config.seed);
    let mut selection = training_selection(config)?;
    let train = synthetic::select(&images, synthetic::Sequence::Train, &mut selection);
    selection.finish()?;
    let mut selection = test_selection(config)?;
    let test = synthetic::select(&images, synthetic::Sequence::Test, &mut selection);
    let split = |records| Split {
        records,
        files: Vec::new(),
    };
    Ok(Loaded {
        origin: Origin::Synthetic,
        fallback,
        folder: None,
        seed: Some(config.seed),
        train: split(train),
        test: (!test.is_empty()).then(|| split(test)),
    })
}

fn training_selection(config: &DataConfig) -> Result<Selection, Error> {
    let classes = config.encoding()?.classes();
    Ok(Selection::new(classes, config.samples, config.balanced)?)
}

fn test_selection(config: &DataConfig) -> Result<Selection, Error> {
    let classes = config.encoding()?.classes();
    Ok(Selection::new(classes, Samples::All, false)?)
}

impl Split {
    fn provenance(&self) -> SplitProvenance {
        SplitProvenance::new(&self.records, self.files.clone())
    }
}
