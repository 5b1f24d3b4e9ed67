//! Arrays in a file of one's own.

mod array;
mod error;
mod numpy;
mod tensors;
mod zip;

use std::path::{Path, PathBuf};

use crate::sequence::{MAX_LENGTH, MAX_VOCABULARY};
use crate::subset::{Goals, Inputs};
use crate::{
    ConfigError, DataConfig, Dataset, Encoding, Error, Origin, Provenance, Subset, Targets,
};

use array::{Array, Numbers};
pub use error::{FileError, FileFault};

/// The largest file read.
const LIMIT: u64 = 4 << 30;

/// The most classes that whole numbers may stand for.
const MAX_CLASSES: u64 = 1 << 16;

/// Loads what a config of `source = "file"` asks for.
///
/// The arrays `inputs` `[n, …]` and `targets` `[n]` or `[n, m]` have one entry a sample: the first
/// `samples` are trained on, the next `test_samples` make the test set. Inputs are real values of
/// any shape, or with `vocabulary` tokens `[n, length]`. Targets that are whole numbers are classes
/// from 0, of which m at the last m positions; others are real values in m columns.
///
/// # Errors
/// [`FileError`], which names file, array and place.
pub fn load(config: &DataConfig) -> Result<Dataset, Error> {
    let path = config.file.clone().ok_or(ConfigError::MissingKey {
        key: "file",
        what: "source = \"file\"",
    })?;
    let fault = |fault: FileFault| Error::File(FileError::new(&path, fault));
    let (inputs, targets) = read(&path).map_err(fault)?;
    check_samples(&inputs, &targets).map_err(fault)?;
    let inputs = read_inputs(&inputs, config).map_err(fault)?;
    let targets = read_targets(&targets, config).map_err(fault)?;
    let length = match &inputs {
        Inputs::Tokens { length, .. } => *length,
        _ => 1,
    };
    let encoding = match &targets {
        Goals::Values { outputs, .. } => Encoding::values(*outputs),
        Goals::Classes {
            positions, targets, ..
        } if *positions > length => {
            let targets = *positions;
            return Err(fault(FileFault::Positions { targets, length }));
        }
        Goals::Classes {
            classes, positions, ..
        } => Encoding::unnamed(*classes, *positions),
        Goals::OfLabels(encoding) => encoding.clone(),
    };
    let all = Subset::new(inputs, targets);
    let files = std::slice::from_ref(&path);
    let split = all.split(config.samples, config.test_samples, files)?;
    let (test, test_provenance) = split.test.unzip();
    Ok(Dataset {
        train: split.train.0,
        test,
        provenance: Provenance {
            source: Origin::File,
            fallback: None,
            folder: path.parent().map(Path::to_owned),
            seed: None,
            standardise: None,
            standardisation: None,
            targets: encoding,
            train: split.train.1,
            test: test_provenance,
        },
    })
}

/// The two arrays of a file, or of a pair of files.
fn read(path: &Path) -> Result<(Array, Array), FileFault> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("npz") => numpy::pair(path),
        Some("safetensors") => tensors::pair(path),
        Some("npy") => {
            let beside = targets_beside(path);
            Ok((
                numpy::single(path, "inputs")?,
                numpy::single(&beside, "targets")?,
            ))
        }
        _ => Err(FileFault::Extension),
    }
}

/// `x.npy` has its targets in `x-targets.npy`.
fn targets_beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    path.with_file_name(format!("{}-targets.npy", stem.unwrap_or_default()))
}

/// Refuses arrays without values, or of different numbers of samples.
fn check_samples(inputs: &Array, targets: &Array) -> Result<(), FileFault> {
    let [n, m] = [inputs, targets].map(|array| array.shape.first().copied().unwrap_or(0));
    if n != m {
        return Err(FileFault::Samples {
            inputs: inputs.shape.clone(),
            targets: targets.shape.clone(),
        });
    }
    for array in [inputs, targets] {
        if array.shape.contains(&0) || array.shape.is_empty() {
            return Err(FileFault::Empty {
                array: array.name,
                shape: array.shape.clone(),
            });
        }
    }
    Ok(())
}

fn read_inputs(array: &Array, config: &DataConfig) -> Result<Inputs, FileFault> {
    let shape = array.shape[1..].to_vec();
    let Some(vocabulary) = config.vocabulary else {
        return Ok(Inputs::Values {
            shape: if shape.is_empty() { vec![1] } else { shape },
            values: array.finite()?,
        });
    };
    let [length] = shape[..] else {
        return Err(FileFault::TokensShape {
            shape: array.shape.clone(),
        });
    };
    if length > MAX_LENGTH || vocabulary > MAX_VOCABULARY {
        return Err(FileFault::TokensSize { length, vocabulary });
    }
    Ok(Inputs::Tokens {
        length,
        vocabulary,
        tokens: array.below(vocabulary as u64)?,
    })
}

fn read_targets(array: &Array, config: &DataConfig) -> Result<Goals, FileFault> {
    let columns = array.shape[1..].iter().product();
    let whole = matches!(array.numbers, Numbers::Whole(_)) && config.targets != Targets::Values;
    if !whole {
        if config.targets == Targets::Binary {
            return Err(FileFault::BinaryValues);
        }
        return Ok(Goals::Values {
            outputs: columns,
            values: array.finite()?,
        });
    }
    if config.targets == Targets::Binary {
        return Ok(Goals::Classes {
            classes: 2,
            positions: columns,
            labels: array.signs()?,
            targets: Targets::Binary,
        });
    }
    let labels = array.below(MAX_CLASSES)?;
    let largest = labels.iter().copied().max().unwrap_or(0) as usize;
    Ok(Goals::Classes {
        classes: config.vocabulary.unwrap_or(0).max(largest + 1),
        positions: columns,
        labels,
        targets: Targets::OneHot,
    })
}
