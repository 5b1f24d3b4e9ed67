//! Finding CIFAR-10's files.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::CifarError;

/// Name of the folder inside the official archive.
pub(crate) const FOLDER_NAME: &str = "cifar-10-batches-bin";
/// Name of the official test file.
pub(crate) const TEST_FILE: &str = "test_batch.bin";
/// Where CIFAR-10 is looked for when no folder is named, relative to the current directory.
pub const DEFAULT_FOLDER: &str = "datasets/cifar-10-batches-bin";

/// The files of one copy of CIFAR-10, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CifarFiles {
    /// The folder that holds them.
    pub folder: PathBuf,
    /// Training files, at least one, in reading order.
    pub train: Vec<PathBuf>,
    /// `test_batch.bin` when it is there.
    pub test: Option<PathBuf>,
}

/// Finds CIFAR-10 in the most particular place named: the command line's, else the config's, else
/// [`DEFAULT_FOLDER`]. A place that is named and does not hold it is not replaced by another.
///
/// # Errors
/// As [`locate`].
pub fn find(command_line: Option<&Path>, config: Option<&Path>) -> Result<CifarFiles, CifarError> {
    let place = command_line.or(config);
    locate(place.unwrap_or_else(|| Path::new(DEFAULT_FOLDER)))
}

/// Finds the files at `place`: a folder with `data_batch_*.bin` (taken in numeric order), a folder
/// that holds such a `cifar-10-batches-bin`, a folder with other `*.bin` files (taken in the order
/// of their names), or a single file, which then has no test set.
///
/// # Errors
/// [`CifarError::NotFound`], [`CifarError::NoBinaryFiles`] or [`CifarError::Io`].
pub fn locate(place: &Path) -> Result<CifarFiles, CifarError> {
    let metadata = fs::metadata(place).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => CifarError::NotFound {
            path: place.to_owned(),
        },
        _ => unreadable(place, cause),
    })?;
    if !metadata.is_dir() {
        return Ok(CifarFiles {
            folder: place.parent().unwrap_or(Path::new("")).to_owned(),
            train: vec![place.to_owned()],
            test: None,
        });
    }
    let names = file_names(place)?;
    let batches = numbered_batches(&names);
    let nested = place.join(FOLDER_NAME);
    if batches.is_empty() && nested.is_dir() {
        return locate(&nested);
    }
    let train = if batches.is_empty() {
        other_binaries(&names)
    } else {
        batches
    };
    if train.is_empty() {
        return Err(CifarError::NoBinaryFiles {
            folder: place.to_owned(),
            python_version: names.iter().any(|name| name == "data_batch_1"),
        });
    }
    let has_test = names.iter().any(|name| name == TEST_FILE);
    Ok(CifarFiles {
        folder: place.to_owned(),
        train: train.into_iter().map(|name| place.join(name)).collect(),
        test: has_test.then(|| place.join(TEST_FILE)),
    })
}

/// Names of the regular files in `folder`, sorted. Names that are not Unicode are none of ours.
fn file_names(folder: &Path) -> Result<Vec<String>, CifarError> {
    let entries = fs::read_dir(folder).map_err(|cause| unreadable(folder, cause))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| unreadable(folder, cause))?.path();
        if let Some(name) = path.file_name().and_then(OsStr::to_str)
            && path.is_file()
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn numbered_batches(names: &[String]) -> Vec<&str> {
    let number = |name: &str| -> Option<u64> {
        let digits = name.strip_prefix("data_batch_")?.strip_suffix(".bin")?;
        digits.parse().ok()
    };
    let mut batches: Vec<(u64, &str)> = names
        .iter()
        .filter_map(|name| Some((number(name)?, name.as_str())))
        .collect();
    batches.sort_unstable();
    batches.into_iter().map(|(_, name)| name).collect()
}

fn other_binaries(names: &[String]) -> Vec<&str> {
    names
        .iter()
        .map(String::as_str)
        .filter(|name| name.ends_with(".bin") && *name != TEST_FILE)
        .collect()
}

fn unreadable(path: &Path, cause: io::Error) -> CifarError {
    CifarError::Io {
        path: path.to_owned(),
        cause: cause.into(),
    }
}
