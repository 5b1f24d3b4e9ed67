//! Getting CIFAR-10 from its authors' site.

mod download;
mod error;
mod unpack;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

pub use error::FetchError;

use crate::cifar::FOLDER_NAME;
use crate::digest::md5_of;

/// Name of the archive while it is being downloaded.
const PART_NAME: &str = "cifar-10-binary.tar.gz.part";

/// An archive on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Address of a gzipped tar file that holds `cifar-10-batches-bin/`.
    pub url: String,
    /// Its MD5 in lower-case hexadecimal.
    pub md5: String,
}

impl Default for Archive {
    /// The official archive with the checksum that its authors publish.
    fn default() -> Self {
        Self {
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz".to_owned(),
            md5: "c32a1d4ab5d03f1284b67883e8d87530".to_owned(),
        }
    }
}

/// What [`fetch`] is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes on disk so far, those of an earlier attempt included.
    Downloading {
        /// Bytes so far.
        received: u64,
        /// Size of the archive, if the server told it.
        total: Option<u64>,
    },
    /// Computing the checksum.
    Verifying,
    /// Writing the files of the archive.
    Unpacking,
}

/// The outcome of [`fetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The folder that holds CIFAR-10.
    pub folder: PathBuf,
    /// Whether it was there before, so that nothing was done.
    pub was_there: bool,
}

/// Downloads `archive` into `folder`, checks it and unpacks it to `folder/cifar-10-batches-bin`.
///
/// That folder appears whole or not at all. A download that breaks off leaves a `.part` file, which
/// the next call resumes if the server can, and restarts otherwise; a connection that fails leaves
/// nothing.
///
/// # Errors
/// [`FetchError`]; each fits on one line.
pub fn fetch(
    archive: &Archive,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fetched, FetchError> {
    let target = folder.join(FOLDER_NAME);
    if fs::symlink_metadata(&target).is_ok() {
        return match unpack::missing_files(&target).as_slice() {
            [] => Ok(Fetched {
                folder: target,
                was_there: true,
            }),
            missing => Err(FetchError::InTheWay {
                missing: missing.join(", "),
                folder: target,
            }),
        };
    }
    let part = folder.join(PART_NAME);
    obtain(archive, &part, progress)?;
    progress(Progress::Unpacking);
    unpack::unpack(&part, folder, &target)?;
    discard(&part)?;
    Ok(Fetched {
        folder: target,
        was_there: false,
    })
}

/// Makes `part` the archive with the right checksum.
fn obtain(
    archive: &Archive,
    part: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    // An earlier call may have been stopped between download and unpacking.
    if part.is_file() && checksum(part, progress)? == archive.md5 {
        return Ok(());
    }
    loop {
        let resumed = download::download(&archive.url, part, progress)?;
        let got = checksum(part, progress)?;
        if got == archive.md5 {
            return Ok(());
        }
        discard(part)?;
        // A resumed file may be two versions in one: worth one clean attempt.
        if !resumed {
            return Err(FetchError::Checksum {
                url: archive.url.clone(),
                expected: archive.md5.clone(),
                got,
            });
        }
    }
}

fn checksum(part: &Path, progress: &mut dyn FnMut(Progress)) -> Result<String, FetchError> {
    progress(Progress::Verifying);
    let digest = File::open(part).and_then(md5_of);
    digest.map_err(|cause| FetchError::io("read", part, cause))
}

/// Removes the download, whole or not, and what is kept with it.
fn discard(part: &Path) -> Result<(), FetchError> {
    remove(part)?;
    download::forget_version(part)
}

fn remove(path: &Path) -> Result<(), FetchError> {
    fs::remove_file(path).map_err(|cause| FetchError::io("remove", path, cause))
}
