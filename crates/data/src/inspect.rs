//! What a folder of CIFAR-10 holds.

use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cifar::{self, CifarError};
use crate::digest::hex;
use crate::records::CHANNELS;
use crate::{ChannelSums, ClassCount, ClassSet};

/// A folder's training and test files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The folder.
    pub folder: PathBuf,
    /// All training files together.
    pub train: SplitInspection,
    /// The test file when it is there.
    pub test: Option<SplitInspection>,
}

/// Figures of some files together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitInspection {
    /// The files in reading order.
    pub files: Vec<PathBuf>,
    /// Records in all of them.
    pub records: usize,
    /// Records of each class that occurs.
    pub counts: Vec<ClassCount>,
    /// Mean of red, green and blue as a fraction of white.
    pub mean: [f64; CHANNELS],
    /// Standard deviation of red, green and blue as a fraction of white.
    pub std: [f64; CHANNELS],
    /// SHA-256 of the files, one after the other.
    pub sha256: String,
}

/// Reads every file at `place`, which is what [`locate`](crate::locate) accepts.
///
/// # Errors
/// [`CifarError`] when a file is missing, unreadable or not in the binary layout.
pub fn inspect(place: &Path) -> Result<Inspection, CifarError> {
    let files = cifar::locate(place)?;
    Ok(Inspection {
        train: split(files.train)?,
        test: files.test.map(|path| split(vec![path])).transpose()?,
        folder: files.folder,
    })
}

fn split(files: Vec<PathBuf>) -> Result<SplitInspection, CifarError> {
    let mut hasher = Sha256::new();
    let mut sums = ChannelSums::default();
    let mut labels = Vec::new();
    for path in &files {
        let records = cifar::read_records(path)?;
        records.hash_into(&mut hasher);
        sums.add(&records);
        labels.extend_from_slice(records.labels());
    }
    Ok(SplitInspection {
        files,
        records: labels.len(),
        counts: ClassCount::all(ClassSet::Cifar10, &labels),
        mean: sums.mean(),
        std: sums.std(),
        sha256: hex(&hasher.finalize()),
    })
}
