//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that could not be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write {}", path.display())]
#[diagnostic(help("{}", self.help()))]
pub struct WriteError {
    /// The file as it would have been called.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl WriteError {
    fn help(&self) -> String {
        let folder = self.path.parent().filter(|f| !f.as_os_str().is_empty());
        match folder {
            Some(folder) if !folder.exists() => format!(
                "the folder {} does not exist: create it, or choose another with --out",
                folder.display()
            ),
            _ => advice(&self.source).to_owned(),
        }
    }
}

/// What a person can do about a failed write.
pub fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, or choose another folder with --out"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "the folder may not be written to: choose another with --out"
        }
        io::ErrorKind::FileTooLarge => {
            "the file reached the limit on a file's size: raise it (`ulimit -f`), or choose a folder \
             on another disk with --out"
        }
        io::ErrorKind::NotFound => {
            "the folder does not exist: create it, or choose another with --out"
        }
        io::ErrorKind::NotADirectory => {
            "a part of its path is a file, not a folder: choose another with --out"
        }
        _ => "files written before this one are kept",
    }
}

/// Writes `path` through `write`: the file is seen complete, or as it was before.
///
/// The content goes to a temporary file beside it, is forced to disk, and takes its name last.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    let fail = |source| WriteError {
        path: path.to_owned(),
        source,
    };
    let temporary = temporary_path(path).map_err(fail)?;
    let written = write_temporary(&temporary, write).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The first error is the one to report; a leftover is only untidy.
        let _ = fs::remove_file(&temporary);
        return Err(fail(error));
    }
    sync_folder_of(path);
    Ok(())
}

/// Has a rename reach the disk.
///
/// One that has not is still whole or absent, so this may fail silently.
pub(crate) fn sync_folder_of(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}

fn temporary_path(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn write_temporary(
    temporary: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(temporary)?;
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, |w| w.write_all(b"first")).unwrap();
        write_atomically(&path, |w| w.write_all(b"second")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, |w| w.write_all(b"first")).unwrap();
        let error = write_atomically(&path, |w| {
            w.write_all(b"half of the sec")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert_eq!(error.path, path);
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("a.txt");
        let error = write_atomically(&path, |w| w.write_all(b"x")).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
    }
}
