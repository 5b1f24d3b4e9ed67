//! What can go wrong with a download.

use std::io;
use std::path::{Path, PathBuf};

/// CIFAR-10 could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, or no answer.
    #[error(
        "cannot reach {url}: {cause}; check the network and try again, or copy \
         cifar-10-batches-bin from another machine (see datasets/README.md)"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// The network's reason.
        cause: Box<ureq::Error>,
    },
    /// The server answered with something else than the file.
    #[error("{url} answered with HTTP status {status}; try again later")]
    Status {
        /// The address.
        url: String,
        /// HTTP status code.
        status: u16,
    },
    /// The connection broke off.
    #[error(
        "the download of {url} broke off after {received} bytes of {}{}; run it again to resume",
        total.map_or("an unknown number".to_owned(), |total| total.to_string()),
        cause.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default()
    )]
    Interrupted {
        /// The address.
        url: String,
        /// Bytes on disk.
        received: u64,
        /// Size of the archive, if the server told it.
        total: Option<u64>,
        /// The network's reason; none when the server just stopped.
        cause: Option<io::Error>,
    },
    /// The file is not the one that was asked for.
    #[error("{url} has MD5 {got}, not {expected}, and was thrown away; try again later")]
    Checksum {
        /// The address.
        url: String,
        /// The published checksum.
        expected: String,
        /// The checksum of what came.
        got: String,
    },
    /// More bytes than CIFAR-10 has.
    #[error("{what} has more than {limit} bytes, and CIFAR-10 has fewer; it is another archive")]
    TooLarge {
        /// The address, or the archive that was being unpacked.
        what: String,
        /// The most bytes accepted.
        limit: u64,
    },
    /// The archive lacks files of CIFAR-10.
    #[error("the archive lacks {missing}; it is not CIFAR-10's binary version")]
    Incomplete {
        /// Names of the files, with commas.
        missing: String,
    },
    /// The folder to write to exists and is not a whole CIFAR-10.
    #[error(
        "{} exists but lacks {missing}, and is not overwritten; move it away and run this again",
        folder.display()
    )]
    InTheWay {
        /// The folder.
        folder: PathBuf,
        /// Names of the files, with commas.
        missing: String,
    },
    /// The disk refused.
    #[error(
        "cannot {action} {}: {cause}; check free space and permissions",
        path.display()
    )]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
}

impl FetchError {
    pub(super) fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            cause,
        }
    }
}
