//! The folder that a run leaves behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One row a step.
pub const TRACE_CSV: &str = "trace.csv";
/// One row an eigenvalue.
pub const EIGENVALUES_CSV: &str = "eigenvalues.csv";
/// What the run was and how it ended.
pub const MANIFEST_JSON: &str = "manifest.json";
/// The weights before the first step.
pub const INITIAL_WEIGHTS: &str = "initial.safetensors";
/// The weights after the last.
pub const FINAL_WEIGHTS: &str = "final.safetensors";
/// The figure.
pub const TRACE_SVG: &str = "trace.svg";

/// The figure in pixels, by `brink plot --png`.
pub const TRACE_PNG: &str = "trace.png";
/// The report as a page, by `brink report`.
pub const REPORT_HTML: &str = "report.html";
/// The report as data.
pub const REPORT_JSON: &str = "report.json";

/// Every file that a run writes, and what is made of it later; `--force` replaces these and
/// nothing else.
pub const FILES: [&str; 9] = [
    TRACE_CSV,
    EIGENVALUES_CSV,
    MANIFEST_JSON,
    INITIAL_WEIGHTS,
    FINAL_WEIGHTS,
    TRACE_SVG,
    TRACE_PNG,
    REPORT_HTML,
    REPORT_JSON,
];

/// Why a run has no folder.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FolderError {
    /// It holds something already.
    #[error("{} exists and is not empty ({found} is in it)", path.display())]
    #[diagnostic(help(
        "choose another --out, leave it out for a new numbered folder, or pass --force to replace the files of an earlier run in it"
    ))]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of the names in it.
        found: String,
    },
    /// It is no folder.
    #[error("{} is not a folder", path.display())]
    #[diagnostic(help("choose another --out"))]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot prepare the output folder {}", path.display())]
    #[diagnostic(help("{}", crate::atomic::advice(source)))]
    Io {
        /// The folder, or the file in it that could not be replaced.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A folder that this run alone writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Creates `outputs/<name>-<n>` with the next free n, counted from 1.
    pub fn next(outputs: &Path, name: &str) -> Result<Self, FolderError> {
        let fail = |path: &Path, source| FolderError::Io {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(outputs).map_err(|source| fail(outputs, source))?;
        let mut number = highest(outputs, name).map_err(|source| fail(outputs, source))? + 1;
        loop {
            let path = outputs.join(format!("{name}-{number}"));
            // Creating the folder is the claim to it: of two runs at once, one gets the number.
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(fail(&path, source)),
            }
        }
    }

    /// Takes `path`, creating it if it is missing.
    ///
    /// A folder with something in it is refused, unless `force` allows the files of an earlier
    /// run in it to be replaced; other files in it are left alone in either case.
    pub fn at(path: &Path, force: bool) -> Result<Self, FolderError> {
        let fail = |path: &Path, source| FolderError::Io {
            path: path.to_owned(),
            source,
        };
        if path.exists() && !path.is_dir() {
            return Err(FolderError::NotAFolder {
                path: path.to_owned(),
            });
        }
        fs::create_dir_all(path).map_err(|source| fail(path, source))?;
        let mut entries = fs::read_dir(path).map_err(|source| fail(path, source))?;
        if let Some(entry) = entries.next() {
            let entry = entry.map_err(|source| fail(path, source))?;
            if !force {
                return Err(FolderError::NotEmpty {
                    path: path.to_owned(),
                    found: entry.file_name().to_string_lossy().into_owned(),
                });
            }
            // Gone before the run starts, so that no file of the earlier run passes for one of this.
            for name in FILES {
                let file = path.join(name);
                match fs::remove_file(&file) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => return Err(fail(&file, source)),
                }
            }
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn highest(outputs: &Path, name: &str) -> io::Result<u64> {
    let mut highest = 0;
    for entry in fs::read_dir(outputs)? {
        let file_name = entry?.file_name();
        let number = file_name
            .to_str()
            .and_then(|text| text.strip_prefix(name)?.strip_prefix('-'))
            // A number too large to count on from is not one of ours.
            .and_then(|digits| digits.parse::<u32>().ok());
        highest = highest.max(number.map_or(0, u64::from));
    }
    Ok(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_highest() {
        let outputs = tempfile::tempdir().unwrap();
        let first = RunFolder::next(outputs.path(), "tanh").unwrap();
        assert_eq!(first.path(), outputs.path().join("tanh-1"));
        fs::create_dir(outputs.path().join("tanh-7")).unwrap();
        fs::create_dir(outputs.path().join("tanh-x")).unwrap();
        fs::create_dir(outputs.path().join("tanh-wide-30")).unwrap();
        let next = RunFolder::next(outputs.path(), "tanh").unwrap();
        assert_eq!(next.path(), outputs.path().join("tanh-8"));
    }

    #[test]
    fn runs_at_once_get_different_folders() {
        let outputs = tempfile::tempdir().unwrap();
        let mut paths: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..5)
                            .map(|_| RunFolder::next(outputs.path(), "run").unwrap().path)
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 40);
    }

    #[test]
    fn a_full_folder_is_refused_and_forced() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        RunFolder::at(&out, false).unwrap();
        RunFolder::at(&out, false).unwrap();
        fs::write(out.join("notes.txt"), "mine").unwrap();
        fs::write(out.join(TRACE_CSV), "old").unwrap();
        assert!(matches!(
            RunFolder::at(&out, false),
            Err(FolderError::NotEmpty { .. })
        ));
        assert_eq!(fs::read_to_string(out.join(TRACE_CSV)).unwrap(), "old");
        RunFolder::at(&out, true).unwrap();
        assert!(!out.join(TRACE_CSV).exists());
        assert_eq!(fs::read_to_string(out.join("notes.txt")).unwrap(), "mine");
    }

    #[test]
    fn a_file_is_not_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::write(&out, "x").unwrap();
        assert!(matches!(
            RunFolder::at(&out, true),
            Err(FolderError::NotAFolder { .. })
        ));
    }
}
