//! Arrays in a file of one's own.

mod array;
mod error;
mod numpy;
mod tensors;
mod zip;

use std::path::{Path, PathBuf};

use crate::digest::Sum;
use crate::sequence::{MAX_LENGTH, MAX_VOCABULARY};
use crate::subset::{Goals, Inputs};
use crate::{
    ConfigError, DataConfig, Dataset, Encoding, Error, Origin, Provenance, Samples, SelectionError,
    SplitProvenance, Subset, Targets,
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
    let available = samples(&inputs, &targets).map_err(fault)?;
    let test = config.test_samples.map_or(0, std::num::NonZeroUsize::get);
    let train = match config.samples {
        Samples::All => available.saturating_sub(test),
        Samples::Count(count) => count.get(),
    };
    if train == 0 || train.saturating_add(test) > available {
        return Err(Error::Selection(SelectionError::TooFewSequences {
            asked: train.max(1).saturating_add(test),
            available,
        }));
    }
    let all = Rows {
        inputs: read_inputs(&inputs, config).map_err(fault)?,
        targets: read_targets(&targets, config).map_err(fault)?,
    };
    if all.targets.positions() > all.inputs.positions() {
        return Err(fault(FileFault::Positions {
            targets: all.targets.positions(),
            length: all.inputs.positions(),
        }));
    }
    let files = vec![path.clone()];
    let split = |from: usize, to: usize| {
        let (subset, sha256) = all.split(from, to);
        let provenance = SplitProvenance::new(to - from, files.clone(), sha256);
        (subset, provenance)
    };
    let (train_set, train_provenance) = split(0, train);
    let (test_set, test_provenance) = (test > 0).then(|| split(train, train + test)).unzip();
    Ok(Dataset {
        provenance: Provenance {
            source: Origin::File,
            fallback: None,
            folder: path.parent().map(Path::to_owned),
            seed: None,
            standardise: None,
            standardisation: None,
            targets: match (&all.targets, train_set.targets_kind()) {
                (TargetRows::Values { outputs, .. }, _) => Encoding::values(*outputs),
                (_, Targets::Binary) => Encoding::unnamed(2, 1),
                _ => Encoding::unnamed(train_set.outputs(), train_set.positions()),
            },
            train: train_provenance,
            test: test_provenance,
        },
        train: train_set,
        test: test_set,
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

fn samples(inputs: &Array, targets: &Array) -> Result<usize, FileFault> {
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
    Ok(n)
}

/// Inputs and targets by rows.
struct Rows {
    inputs: InputRows,
    targets: TargetRows,
}

enum InputRows {
    Values {
        shape: Vec<usize>,
        values: Vec<f64>,
    },
    Tokens {
        length: usize,
        vocabulary: usize,
        tokens: Vec<u32>,
    },
}

enum TargetRows {
    Values {
        outputs: usize,
        values: Vec<f64>,
    },
    Classes {
        classes: usize,
        positions: usize,
        labels: Vec<u32>,
        targets: Targets,
    },
}

fn read_inputs(array: &Array, config: &DataConfig) -> Result<InputRows, FileFault> {
    let shape = array.shape[1..].to_vec();
    let Some(vocabulary) = config.vocabulary else {
        return Ok(InputRows::Values {
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
    Ok(InputRows::Tokens {
        length,
        vocabulary,
        tokens: array.below(vocabulary as u64)?,
    })
}

fn read_targets(array: &Array, config: &DataConfig) -> Result<TargetRows, FileFault> {
    let columns = array.shape[1..].iter().product();
    let whole = matches!(array.numbers, Numbers::Whole(_)) && config.targets != Targets::Values;
    if !whole {
        if config.targets == Targets::Binary {
            return Err(FileFault::BinaryValues);
        }
        return Ok(TargetRows::Values {
            outputs: columns,
            values: array.finite()?,
        });
    }
    if config.targets == Targets::Binary {
        return Ok(TargetRows::Classes {
            classes: 2,
            positions: columns,
            labels: array.signs()?,
            targets: Targets::Binary,
        });
    }
    let labels = array.below(MAX_CLASSES)?;
    let largest = labels.iter().copied().max().unwrap_or(0) as usize;
    Ok(TargetRows::Classes {
        classes: config.vocabulary.unwrap_or(0).max(largest + 1),
        positions: columns,
        labels,
        targets: Targets::OneHot,
    })
}

impl InputRows {
    /// How many positions could have a target.
    fn positions(&self) -> usize {
        match self {
            Self::Values { .. } => 1,
            Self::Tokens { length, .. } => *length,
        }
    }
}

impl TargetRows {
    fn positions(&self) -> usize {
        match self {
            Self::Values { .. } => 1,
            Self::Classes { positions, .. } => *positions,
        }
    }
}

impl Rows {
    /// Some samples, and their checksum.
    fn split(&self, from: usize, to: usize) -> (Subset, String) {
        let mut sum = Sum::default();
        let reals = |values: &[f64], width: usize, sum: &mut Sum| {
            let rows = values[from * width..to * width].to_vec();
            sum.add(rows.iter().flat_map(|value| value.to_le_bytes()));
            rows
        };
        let wholes = |numbers: &[u32], width: usize, sum: &mut Sum| {
            let rows = numbers[from * width..to * width].to_vec();
            sum.add(rows.iter().flat_map(|number| number.to_le_bytes()));
            rows
        };
        let inputs = match &self.inputs {
            InputRows::Values { shape, values } => Inputs::Values {
                shape: shape.clone(),
                values: reals(values, shape.iter().product(), &mut sum),
            },
            InputRows::Tokens {
                length,
                vocabulary,
                tokens,
            } => Inputs::Tokens {
                length: *length,
                vocabulary: *vocabulary,
                tokens: wholes(tokens, *length, &mut sum),
            },
        };
        let targets = match &self.targets {
            TargetRows::Values { outputs, values } => Goals::Values {
                outputs: *outputs,
                values: reals(values, *outputs, &mut sum),
            },
            TargetRows::Classes {
                classes,
                positions,
                labels,
                targets,
            } => Goals::Classes {
                classes: *classes,
                positions: *positions,
                labels: wholes(labels, *positions, &mut sum),
                targets: *targets,
            },
        };
        (Subset::new(inputs, targets), sum.finish())
    }
}
