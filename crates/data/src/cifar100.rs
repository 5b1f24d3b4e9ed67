//! CIFAR-100 in its official binary layout (Krizhevsky 2009): records of a coarse label, a fine label
//! and an image like CIFAR-10's.

use std::path::{Path, PathBuf};

use brink_files::ReadFault;

use crate::labelled::{Images, Set};
use crate::{ClassSet, DataConfig, Dataset, Error, Labels, Origin};

/// Where it is looked for, relative to the current directory.
const DEFAULT_FOLDER: &str = "datasets/cifar-100-binary";

/// Two labels and 3 × 32 × 32 pixels.
const RECORD: usize = 2 + 3072;

/// The largest file read: five times all of CIFAR-100.
const LIMIT: u64 = 1 << 30;

const fn set(classes: ClassSet) -> Set {
    Set {
        origin: Origin::Cifar100,
        shape: [3, 32, 32],
        classes,
        mean: &[0.5071, 0.4867, 0.4408],
        std: &[0.2675, 0.2565, 0.2761],
    }
}

/// CIFAR-100 was not found, or a file is not in its binary layout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cifar100Error {
    /// A file cannot be read.
    #[error(
        "cannot read CIFAR-100's {}: {cause}; unpack cifar-100-binary.tar.gz from \
         https://www.cs.toronto.edu/~kriz/cifar.html into datasets, or name the folder that holds \
         train.bin with `data.dir`",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: ReadFault,
    },
    /// A size that is no multiple of a record's.
    #[error(
        "{} has {bytes} bytes, which are not whole records of {RECORD}: it is cut off, or no file \
         of CIFAR-100's binary version",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: usize,
    },
    /// A label that is no class.
    #[error(
        "{} has {labels} label {label} in record {record}; such labels are 0 to {}: fetch it again",
        path.display(),
        classes - 1
    )]
    Label {
        /// The file.
        path: PathBuf,
        /// Number of the record, from 0.
        record: usize,
        /// `fine` or `coarse`.
        labels: &'static str,
        /// The label byte.
        label: u8,
        /// How many classes there are.
        classes: usize,
    },
}

/// Loads what a config of `source = "cifar100"` asks for.
///
/// # Errors
/// [`Cifar100Error`], and what [`Set::dataset`] refuses.
pub fn load(config: &DataConfig, data_dir: Option<&Path>) -> Result<Dataset, Error> {
    let folder = data_dir.or(config.dir.as_deref());
    let folder = folder.unwrap_or_else(|| Path::new(DEFAULT_FOLDER));
    let labels = config.labels.unwrap_or_default();
    let train = read(&folder.join("train.bin"), labels)?;
    let test = folder.join("test.bin");
    let test = test.is_file().then(|| read(&test, labels)).transpose()?;
    set(config.source.class_set(config.labels)).dataset(config, folder, &train, test.as_ref())
}

fn read(path: &Path, labels: Labels) -> Result<Images, Cifar100Error> {
    let bytes = brink_files::read(path, LIMIT).map_err(|cause| Cifar100Error::Read {
        path: path.to_owned(),
        cause,
    })?;
    let records = bytes.chunks_exact(RECORD);
    if !records.remainder().is_empty() || bytes.is_empty() {
        return Err(Cifar100Error::Truncated {
            path: path.to_owned(),
            bytes: bytes.len(),
        });
    }
    let mut images = Images {
        files: vec![path.to_owned()],
        ..Images::default()
    };
    for (record, content) in records.enumerate() {
        for (labels, set, label) in [
            ("coarse", ClassSet::Cifar100Coarse, content[0]),
            ("fine", ClassSet::Cifar100Fine, content[1]),
        ] {
            if usize::from(label) >= set.count() {
                return Err(Cifar100Error::Label {
                    path: path.to_owned(),
                    record,
                    labels,
                    label,
                    classes: set.count(),
                });
            }
        }
        images.labels.push(match labels {
            Labels::Coarse => content[0],
            Labels::Fine => content[1],
        });
        images.pixels.extend(&content[2..]);
    }
    Ok(images)
}
