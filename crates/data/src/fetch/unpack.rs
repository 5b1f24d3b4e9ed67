//! From the archive to a folder that appears whole or not at all.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use tar::{Archive, Entry};

use super::FetchError;
use crate::cifar::{FOLDER_NAME, TEST_FILE, record_count};

/// Without these a copy of CIFAR-10 is not whole.
const DATA_FILES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    TEST_FILE,
];
/// The archive's other members.
const TEXT_FILES: [&str; 2] = ["batches.meta.txt", "readme.html"];
/// The most bytes that the archive may hold: CIFAR-10's has 184,410,112.
const UNPACKED_LIMIT: u64 = 256 << 20;
/// Beside the target, so that a rename puts it there in one step.
const TEMPORARY_NAME: &str = ".cifar-10-batches-bin.unpacking";

/// Unpacks `archive` to `target`, a folder in `folder` that does not exist yet.
pub(super) fn unpack(archive: &Path, folder: &Path, target: &Path) -> Result<(), FetchError> {
    let temporary = folder.join(TEMPORARY_NAME);
    discard(&temporary)?;
    let unpacked = fill(archive, &temporary).and_then(|()| {
        fs::rename(&temporary, target).map_err(|cause| FetchError::io("make", target, cause))
    });
    if unpacked.is_err() {
        discard(&temporary)?;
    }
    unpacked
}

/// Names of the data files that are not in `folder` as a whole number of records.
pub(super) fn missing_files(folder: &Path) -> Vec<&'static str> {
    let is_missing = |name: &&str| record_count(&folder.join(name)).is_err();
    DATA_FILES.into_iter().filter(is_missing).collect()
}

fn fill(archive: &Path, folder: &Path) -> Result<(), FetchError> {
    fs::create_dir(folder).map_err(|cause| FetchError::io("make", folder, cause))?;
    let file = File::open(archive).map_err(|cause| FetchError::io("unpack", archive, cause))?;
    let extracted = extract(GzDecoder::new(file), |name, content| {
        let mut file = File::create(folder.join(name))?;
        io::copy(content, &mut file)?;
        file.sync_all()
    });
    match extracted {
        Ok(()) => {}
        Err(Refused::TooLarge) => {
            return Err(FetchError::TooLarge {
                what: archive.display().to_string(),
                limit: UNPACKED_LIMIT,
            });
        }
        Err(Refused::Io(cause)) => return Err(FetchError::io("unpack", archive, cause)),
    }
    match missing_files(folder).as_slice() {
        [] => Ok(()),
        missing => Err(FetchError::Incomplete {
            missing: missing.join(", "),
        }),
    }
}

/// Why an archive is not unpacked.
#[derive(Debug)]
enum Refused {
    /// It holds more than [`UNPACKED_LIMIT`].
    TooLarge,
    /// It cannot be read, or what it holds cannot be written.
    Io(io::Error),
}

/// Gives the files of CIFAR-10 in a tar archive to `write`, by name.
fn extract(
    archive: impl Read,
    mut write: impl FnMut(&'static str, &mut dyn Read) -> io::Result<()>,
) -> Result<(), Refused> {
    let mut archive = Archive::new(archive.take(UNPACKED_LIMIT));
    let result = each_member(&mut archive, &mut write);
    // At the limit the archive seems to end, in the middle of a member or after one.
    match (archive.into_inner().limit(), result) {
        (0, _) => Err(Refused::TooLarge),
        (_, result) => result.map_err(Refused::Io),
    }
}

fn each_member<R: Read>(
    archive: &mut Archive<R>,
    write: &mut impl FnMut(&'static str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    // Raw: names of any length, which extensions of the format allow, would be read into memory.
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        // Only known names are written, so that no member can choose a path outside the folder.
        if let Some(name) = expected_name(&entry)? {
            write(name, &mut entry)?;
        }
    }
    Ok(())
}

/// The file name of a regular member `cifar-10-batches-bin/<name>` that belongs to CIFAR-10.
fn expected_name(entry: &Entry<impl Read>) -> io::Result<Option<&'static str>> {
    let path = entry.path()?;
    let mut parts = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(Component::as_os_str);
    let inside = parts.next() == Some(OsStr::new(FOLDER_NAME));
    let (name, rest) = (parts.next(), parts.next());
    if !inside || rest.is_some() || !entry.header().entry_type().is_file() {
        return Ok(None);
    }
    let known = DATA_FILES.into_iter().chain(TEXT_FILES);
    Ok(known
        .into_iter()
        .find(|known| name == Some(OsStr::new(known))))
}

fn discard(folder: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::io("remove", folder, cause))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
