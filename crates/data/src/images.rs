//! CIFAR-10 and the offline stand-in: labelled images of one shape.

use std::path::{Path, PathBuf};

use crate::cifar::{self, CifarFiles};
use crate::synthetic::{self, Sequence, SyntheticImages};
use crate::{
    DataConfig, Dataset, Error, Origin, Provenance, Records, Samples, Selection, SelectionError,
    SplitProvenance, Standardisation, Subset,
};

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

/// CIFAR-10, which must be there.
pub fn cifar10(config: &DataConfig, data_dir: Option<&Path>) -> Result<Dataset, Error> {
    let files = cifar::find(data_dir, config.dir.as_deref())?;
    dataset(config, read_cifar(config, files)?)
}

/// The stand-in.
pub fn synthetic(config: &DataConfig, _data_dir: Option<&Path>) -> Result<Dataset, Error> {
    dataset(config, synthesise(config, None)?)
}

/// CIFAR-10 if it is found, else the stand-in.
pub fn auto(config: &DataConfig, data_dir: Option<&Path>) -> Result<Dataset, Error> {
    let loaded = match cifar::find(data_dir, config.dir.as_deref()) {
        Ok(files) => read_cifar(config, files)?,
        Err(error) if error.is_absent() => synthesise(config, Some(error.to_string()))?,
        Err(error) => return Err(error.into()),
    };
    dataset(config, loaded)
}

fn dataset(config: &DataConfig, loaded: Loaded) -> Result<Dataset, Error> {
    let encoding = config.encoding()?;
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
        standardise: Some(config.standardise),
        standardisation: Some(standardisation),
        targets: encoding.clone(),
        train: loaded.train.provenance(),
        test: loaded.test.as_ref().map(Split::provenance),
    };
    let subset = |split: Split| Subset::of_images(split.records, standardisation, encoding.clone());
    Ok(Dataset {
        train: subset(loaded.train),
        test: loaded.test.map(subset),
        provenance,
    })
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
    let train = synthetic::select(&images, Sequence::Train, &mut selection);
    selection.finish()?;
    let mut selection = test_selection(config)?;
    let test = synthetic::select(&images, Sequence::Test, &mut selection);
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
        SplitProvenance::of_images(&self.records, self.files.clone())
    }
}
