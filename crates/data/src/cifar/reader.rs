//! Reading records from CIFAR-10's binary files.

use std::path::{Path, PathBuf};

use brink_files::ReadFault;

use super::CifarError;
use crate::records::{RECORD_BYTES, Records};
use crate::{Class, Selection};

/// Records of a file in memory; `path` is for messages.
///
/// # Errors
/// [`CifarError::Empty`], [`CifarError::Truncated`] or [`CifarError::Label`].
pub fn parse_records(bytes: &[u8], path: &Path) -> Result<Records, CifarError> {
    whole_records(bytes.len() as u64, path)?;
    let mut records = Records::new();
    for (record, content) in bytes.chunks_exact(RECORD_BYTES).enumerate() {
        let (label, image) = (content[0], &content[1..]);
        if usize::from(label) >= Class::COUNT {
            return Err(CifarError::Label {
                path: path.to_owned(),
                offset: (record * RECORD_BYTES) as u64,
                record,
                label,
            });
        }
        records.push_bytes(label, image);
    }
    Ok(records)
}

/// All records of a file.
///
/// # Errors
/// As [`parse_records`], and [`CifarError::Io`].
pub fn read_records(path: &Path) -> Result<Records, CifarError> {
    // The size is looked at first, so that a large foreign file is not read for nothing.
    record_count(path)?;
    let bytes = brink_files::read(path, LIMIT).map_err(|cause| unreadable(path, cause))?;
    parse_records(&bytes, path)
}

/// The largest file read: five times all of CIFAR-10.
const LIMIT: u64 = 1 << 30;

fn unreadable(path: &Path, cause: ReadFault) -> CifarError {
    CifarError::Io {
        path: path.to_owned(),
        cause,
    }
}

/// How many records a file holds, judged by its size.
///
/// # Errors
/// [`CifarError::Empty`], [`CifarError::Truncated`] or [`CifarError::Io`].
pub(crate) fn record_count(path: &Path) -> Result<u64, CifarError> {
    let (_, size) = brink_files::open(path).map_err(|cause| unreadable(path, cause))?;
    whole_records(size, path)
}

/// The selected records of `files`, and the files that were read to find them.
///
/// # Errors
/// As [`read_records`]. Whether there were enough is for [`Selection::finish`] to say.
pub(crate) fn select(
    files: &[PathBuf],
    selection: &mut Selection,
) -> Result<(Records, Vec<PathBuf>), CifarError> {
    let (mut selected, mut read) = (Records::new(), Vec::new());
    for path in files {
        if selection.is_complete() {
            break;
        }
        for (label, image) in read_records(path)?.iter() {
            if selection.accept(label) {
                selected.push_bytes(label, image);
            }
        }
        read.push(path.clone());
    }
    Ok((selected, read))
}

fn whole_records(bytes: u64, path: &Path) -> Result<u64, CifarError> {
    let record_bytes = RECORD_BYTES as u64;
    match (bytes, bytes % record_bytes) {
        (0, _) => Err(CifarError::Empty {
            path: path.to_owned(),
        }),
        (_, 0) => Ok(bytes / record_bytes),
        (_, remainder) => Err(CifarError::Truncated {
            path: path.to_owned(),
            bytes,
            remainder,
        }),
    }
}
