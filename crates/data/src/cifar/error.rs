//! What can be wrong with CIFAR-10's files.

use std::path::PathBuf;

use brink_files::ReadFault;

use crate::records::RECORD_BYTES;

/// CIFAR-10 was not found, or a file is not in its binary layout.
#[derive(Debug, thiserror::Error)]
pub enum CifarError {
    /// Nothing stands at the path.
    #[error(
        "no CIFAR-10 at {}; run `brink data fetch`, or name the folder that holds \
         data_batch_1.bin with `--data-dir` or `data.dir`",
        path.display()
    )]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The folder holds no training file.
    #[error(
        "no data_batch_*.bin or other training file *.bin in {}{}",
        folder.display(),
        if *python_version {
            "; it holds CIFAR-10's Python version: get the binary one with `brink data fetch`"
        } else {
            "; run `brink data fetch`, or name another folder with `--data-dir` or `data.dir`"
        }
    )]
    NoBinaryFiles {
        /// The folder.
        folder: PathBuf,
        /// Whether it looks like the pickled distribution for Python.
        python_version: bool,
    },
    /// A file without a byte.
    #[error("{} is empty; remove it or fetch it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A size that is no multiple of a record's.
    #[error(
        "{} has {bytes} bytes: {} records of {RECORD_BYTES} bytes and {remainder} bytes over, at \
         offset {}; it is truncated or no CIFAR-10 file in the binary layout: fetch it again",
        path.display(),
        bytes / RECORD_BYTES as u64,
        bytes - remainder
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Bytes after the last whole record.
        remainder: u64,
    },
    /// A label byte that is no class.
    #[error(
        "{} has label {label} in record {record}, at byte offset {offset}; labels are 0 to 9: the \
         file is damaged or no CIFAR-10 file in the binary layout: fetch it again",
        path.display()
    )]
    Label {
        /// The file.
        path: PathBuf,
        /// Byte offset of the label in the file.
        offset: u64,
        /// Number of the record, from 0.
        record: usize,
        /// The label byte.
        label: u8,
    },
    /// The system refused to read.
    #[error("cannot read {}: {cause}; check the path and its permissions", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        cause: ReadFault,
    },
}

impl CifarError {
    /// Whether CIFAR-10 is absent, as opposed to present and damaged.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NoBinaryFiles { .. })
    }
}
