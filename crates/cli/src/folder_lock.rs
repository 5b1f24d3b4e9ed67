//! The claim of a run to its folder, which ends with the process at the latest.
//!
//! The claim is a lock of the system's on a file of its own in the folder: on the trace or the
//! manifest it would be lost, since a new run removes the one and replaces the other. The file is
//! removed when the claim ends, so that a finished folder holds nothing but the run's files. Another
//! run may have opened it just before; once it has the lock, it therefore looks whether the file is
//! still the one in the folder, and begins again if it is not.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::tell::tell;
use crate::utc;

/// The file's name. It is there while a run goes on, and after one that was killed.
pub const LOCK_FILE: &str = ".brink.lock";

/// Who has a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The machine's name, where it is known: folders can be shared.
    pub host: Option<String>,
    /// When the claim was made, ISO 8601 in UTC.
    pub since: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {}", self.pid)?;
        if let Some(host) = &self.host {
            write!(f, " on {host}")?;
        }
        write!(f, ", since {}", self.since)
    }
}

/// Why a folder cannot be claimed.
#[derive(Debug)]
pub enum Refused {
    /// Another run has it; who, if its file says so.
    Held(Option<Holder>),
    /// The file cannot be created.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The claim, until it is dropped.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
    path: PathBuf,
}

impl FolderLock {
    /// Claims a folder that exists.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn take(folder: &Path) -> Result<Self, Refused> {
        let path = folder.join(LOCK_FILE);
        loop {
            let open = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path);
            let mut file = open.map_err(|source| Refused::Io {
                path: path.clone(),
                source,
            })?;
            match file.try_lock() {
                Ok(()) if !is_at(&file, &path) => continue,
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(Refused::Held(holder(&path))),
                // Better a run without a lock than none, on a file system that keeps no locks.
                Err(TryLockError::Error(error)) => tell(format_args!(
                    "note: {} cannot be locked ({error}): start no second run in this folder",
                    folder.display()
                )),
            }
            // Who it is only helps a person: on a full disk the lock holds without it.
            let _ = sign(&mut file);
            return Ok(Self { file, path });
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Removed while it is still locked. Where that cannot be told to be safe, it stays.
        if cfg!(unix) && is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    let holder = Holder {
        pid: std::process::id(),
        host: host(),
        since: utc::iso_8601(SystemTime::now()),
    };
    let line = format!("{}\n", serde_json::to_string(&holder)?);
    // The line of a run that was killed is overwritten first and cut after, so that it is never empty.
    file.write_all(line.as_bytes())?;
    file.set_len(line.len() as u64)
}

fn holder(path: &Path) -> Option<Holder> {
    let text = fs::read_to_string(path).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(unix)]
fn host() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

#[cfg(not(unix))]
fn host() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

/// Whether a file is the one of that path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(path)) => identity(file) == identity(path),
        _ => false,
    }
}

/// The file is never removed here, so it is the one.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_claim_says_whose_it_is_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let Err(Refused::Held(Some(holder))) = FolderLock::take(folder.path()) else {
            panic!("taken twice, or nobody knows by whom");
        };
        assert_eq!(holder.pid, std::process::id());
        assert!(holder.since.ends_with('Z'), "{holder}");
        drop(lock);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_longer_line_of_a_killed_run_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOCK_FILE), "x".repeat(500)).unwrap();
        let _lock = FolderLock::take(folder.path()).unwrap();
        let holder = holder(&folder.path().join(LOCK_FILE)).unwrap();
        assert_eq!(holder.pid, std::process::id());
    }

    /// Claims that come and go all the time remove the file under each other's hands.
    #[test]
    fn of_many_claims_one_at_a_time_is_granted() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, granted) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut mine = 0;
                    while mine < 200 {
                        let Ok(lock) = FolderLock::take(folder.path()) else {
                            std::thread::yield_now();
                            continue;
                        };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                        granted.fetch_add(1, Ordering::SeqCst);
                        mine += 1;
                    }
                });
            }
        });
        assert_eq!(granted.load(Ordering::SeqCst), 800);
    }
}
