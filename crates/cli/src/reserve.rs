//! Room on the disk for what must be written when the disk is full.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use crate::atomic::{WriteError, sync_folder_of};

/// A file whose blocks are taken already, to be filled later and then renamed.
///
/// It is written over in place, which needs no further room on file systems that do so (ext4, xfs,
/// tmpfs, NTFS), and its new name appears when the content is whole.
#[derive(Debug)]
pub struct Reserve {
    file: File,
    path: PathBuf,
    room: usize,
}

impl Reserve {
    /// Takes so many bytes at `path`.
    ///
    /// # Errors
    /// The system refuses, for instance because there is not so much room.
    pub fn take(path: &Path, room: usize) -> Result<Self, WriteError> {
        let take = || {
            let mut file = File::create(path)?;
            // Written, not only given a length: a file of a length alone may have no blocks.
            file.write_all(&vec![b' '; room])?;
            file.sync_all()?;
            Ok(file)
        };
        let file = take().map_err(|source| {
            // What it took is room that others can use.
            let _ = fs::remove_file(path);
            WriteError {
                path: path.to_owned(),
                source,
            }
        })?;
        Ok(Self {
            file,
            path: path.to_owned(),
            room,
        })
    }

    /// Bytes that it can hold for certain.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Makes it the file `path` with this content.
    ///
    /// # Errors
    /// The system refuses.
    pub fn fill(mut self, path: &Path, content: &[u8]) -> Result<(), WriteError> {
        self.write(path, content).map_err(|source| WriteError {
            path: path.to_owned(),
            source,
        })?;
        sync_folder_of(path);
        Ok(())
    }

    fn write(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(content)?;
        self.file.set_len(content.len() as u64)?;
        self.file.sync_all()?;
        fs::rename(&self.path, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_replaces_the_room() {
        let folder = tempfile::tempdir().unwrap();
        let (hidden, path) = (folder.path().join(".r"), folder.path().join("a.json"));
        fs::write(&path, "old").unwrap();
        let reserve = Reserve::take(&hidden, 100).unwrap();
        assert_eq!(fs::metadata(&hidden).unwrap().len(), 100);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        reserve.fill(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!hidden.exists());
    }

    #[test]
    fn content_beyond_the_room_is_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let reserve = Reserve::take(&folder.path().join(".r"), 2).unwrap();
        assert_eq!(reserve.room(), 2);
        reserve.fill(&path, b"longer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"longer");
    }
}
