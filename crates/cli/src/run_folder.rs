//! The folder that a run leaves behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint;
use crate::folder_lock::{FolderLock, Holder, LOCK_FILE, Refused};
use crate::measure;

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
/// A figure of chosen columns, by `brink plot --panel`.
pub const COLUMNS_SVG: &str = "columns.svg";
/// The report as a page, by `brink report`.
pub const REPORT_HTML: &str = "report.html";
/// The report as data.
pub const REPORT_JSON: &str = "report.json";

/// Room for the manifest at the end, while the run goes on.
pub const MANIFEST_ROOM: &str = ".manifest.json.end";

/// Every file that a run writes, and what is made of it later; `--force` replaces these, with what
/// was measured of the run, and nothing else.
pub const FILES: [&str; 10] = [
    TRACE_CSV,
    EIGENVALUES_CSV,
    MANIFEST_JSON,
    INITIAL_WEIGHTS,
    FINAL_WEIGHTS,
    TRACE_SVG,
    TRACE_PNG,
    COLUMNS_SVG,
    REPORT_HTML,
    REPORT_JSON,
];

/// The files of a run's end, which are gone while it goes on.
const FILES_OF_THE_END: [&str; 6] = [
    COLUMNS_SVG,
    FINAL_WEIGHTS,
    TRACE_SVG,
    TRACE_PNG,
    REPORT_HTML,
    REPORT_JSON,
];

/// The figure of a table.
pub fn table_figure(table: &str) -> String {
    format!("{table}.svg")
}

/// The tables of measurements, and their figures.
fn of_tables() -> [Vec<String>; 2] {
    let tables = measure::arrays().into_iter().flat_map(|(_, tables)| tables);
    let names: Vec<&str> = tables.map(|table| table.name).collect();
    let each = |name: fn(&str) -> String| names.iter().map(|table| name(table)).collect();
    [each(brink_traces::table_file), each(table_figure)]
}

/// Whether a run writes a file of that name, or something is made of it later.
fn is_file(name: &str) -> bool {
    FILES.contains(&name) || of_tables().iter().flatten().any(|file| file == name)
}

/// Whether it is one of its end.
fn is_file_of_the_end(name: &str) -> bool {
    FILES_OF_THE_END.contains(&name) || of_tables()[1].iter().any(|file| file == name)
}

/// Where numbered run folders go.
const OUTPUTS: &str = "outputs";

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
    /// Another run writes to it.
    #[error("{} is in use by another run{}", path.display(), by(holder))]
    #[diagnostic(help("wait until that run ends, stop it, or choose another --out"))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who, where it can be told.
        holder: Option<Holder>,
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

fn by(holder: &Option<Holder>) -> String {
    holder
        .as_ref()
        .map_or_else(String::new, |holder| format!(" ({holder})"))
}

/// Where a run's folder goes, as the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// The folder; without one, the next numbered one of the name.
    pub out: Option<PathBuf>,
    /// Whether the files of an earlier run in it may be replaced.
    pub force: bool,
    /// Whether nothing is said but errors.
    pub quiet: bool,
}

impl Destination {
    /// Takes the folder; `name` is that of numbered ones.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn take(&self, name: &str) -> Result<RunFolder, FolderError> {
        match &self.out {
            Some(path) => RunFolder::at(path, self.force),
            None => RunFolder::next(Path::new(OUTPUTS), name),
        }
    }
}

/// A folder that this run alone writes to, for as long as this lives.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: FolderLock,
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
                Ok(()) => match lock(&path) {
                    // Someone named it with --out in the meantime.
                    Err(FolderError::InUse { .. }) => number += 1,
                    lock => return Ok(Self { _lock: lock?, path }),
                },
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(fail(&path, source)),
            }
        }
    }

    /// Creates `<folder>/<name>`, or the first `<name>-<n>` that is not there, n counted from 2.
    ///
    /// # Errors
    /// [`FolderError::Io`]
    pub fn beside(folder: &Path, name: &str) -> Result<Self, FolderError> {
        let mut number = 1;
        loop {
            let path = match number {
                1 => folder.join(name),
                _ => folder.join(format!("{name}-{number}")),
            };
            match fs::create_dir(&path) {
                Ok(()) => {
                    return Ok(Self {
                        _lock: lock(&path)?,
                        path,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(FolderError::Io { path, source }),
            }
        }
    }

    /// Takes `path`, creating it if it is missing.
    ///
    /// A folder with something in it is refused, unless `force` allows the files of an earlier
    /// run in it to be replaced, with what was measured of it; other files in it are left alone in
    /// either case. One that another run writes to, or to whose measurements one is added, is refused in
    /// either case, before anything in it is touched.
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
        let lock = lock(path)?;
        let names = names(path).map_err(|source| fail(path, source))?;
        if let (Some(found), false) = (names.first(), force) {
            return Err(FolderError::NotEmpty {
                path: path.to_owned(),
                found: found.clone(),
            });
        }
        let measured = names.iter().filter(|name| is_measurement(name));
        let measured = measured.map(|name| path.join(name)).filter(|folder| {
            // No link to a folder elsewhere.
            let own = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
            own && folder.join(MANIFEST_JSON).is_file()
        });
        let measured: Vec<PathBuf> = measured.collect();
        for folder in &measured {
            drop(self::lock(folder)?);
        }
        for folder in measured {
            drop(Self::at(&folder, true)?);
            // It stays if someone put something else there.
            let _ = fs::remove_dir(&folder);
        }
        // Gone before the run starts, so that no file of the earlier run passes for one of this.
        let mut of_a_run = names.iter().filter(|name| is_of_a_run(name));
        of_a_run.try_for_each(|name| removed(&path.join(name)))?;
        let checkpoints = path.join(checkpoint::FOLDER);
        if names.iter().any(|name| name == checkpoint::FOLDER) {
            for name in self::names(&checkpoints).map_err(|source| fail(&checkpoints, source))? {
                if checkpoint::is_checkpoint(unfinished(&name).unwrap_or(&name)) {
                    removed(&checkpoints.join(name))?;
                }
            }
            // It stays if someone put something else there.
            let _ = fs::remove_dir(&checkpoints);
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Takes the folder of a run that is to go on. Nothing in it is touched.
    ///
    /// # Errors
    /// [`FolderError::InUse`]: the run goes on already. [`FolderError::Io`].
    pub fn of_run(path: &Path) -> Result<Self, FolderError> {
        Ok(Self {
            _lock: lock(path)?,
            path: path.to_owned(),
        })
    }

    /// Removes what told of the run's end, and what was not finished when it was killed.
    ///
    /// # Errors
    /// [`FolderError::Io`]
    pub fn reopen(&self) -> Result<(), FolderError> {
        let fail = |source| FolderError::Io {
            path: self.path.clone(),
            source,
        };
        let is_left_over =
            |name: &&String| is_file_of_the_end(name) || unfinished(name).is_some_and(is_file);
        let names = names(&self.path).map_err(fail)?;
        let mut left_over = names.iter().filter(is_left_over);
        left_over.try_for_each(|name| removed(&self.file(name)))
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

fn lock(path: &Path) -> Result<FolderLock, FolderError> {
    FolderLock::take(path).map_err(|refused| match refused {
        Refused::Held(holder) => FolderError::InUse {
            path: path.to_owned(),
            holder,
        },
        Refused::Io { path, source } => FolderError::Io { path, source },
    })
}

/// What is in a folder besides the lock; names that are no text have their odd parts replaced.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name != LOCK_FILE);
    Ok(names)
}

/// Removes a file, if it is there.
fn removed(file: &Path) -> Result<(), FolderError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FolderError::Io {
            path: file.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Whether a run wrote the file, or was writing it when it was killed.
fn is_of_a_run(name: &str) -> bool {
    name == MANIFEST_ROOM || is_file(unfinished(name).unwrap_or(name))
}

/// Whether `brink measure` calls a folder so: by a step or by weights of the run, and a number where
/// it was asked again.
fn is_measurement(name: &str) -> bool {
    let of_weights = [INITIAL_WEIGHTS, FINAL_WEIGHTS].map(|file| file.split('.').next());
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(of) = name.strip_prefix("measure-") else {
        return false;
    };
    let (of, again) = of.split_once('-').unwrap_or((of, "2"));
    digits(again) && (digits(of) || of_weights.contains(&Some(of)))
}

/// The name that a file would have had, as `write_atomically` calls what is not yet whole.
fn unfinished(name: &str) -> Option<&str> {
    let (whole, process) = name
        .strip_prefix('.')?
        .strip_suffix(".tmp")?
        .rsplit_once('.')?;
    process.parse::<u32>().ok().map(|_| whole)
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
                            .map(|_| RunFolder::next(outputs.path(), "run").unwrap().path.clone())
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
    fn what_a_killed_run_leaves_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let of_a_run = [MANIFEST_ROOM, ".final.safetensors.123.tmp", TRACE_SVG];
        let others = [
            ".notes.123.tmp",
            ".trace.svg.mine.tmp",
            ".trace.svg.tmp",
            "a",
        ];
        for name in of_a_run.iter().chain(&others) {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        drop(RunFolder::at(folder.path(), true).unwrap());
        let mut left = names(folder.path()).unwrap();
        left.sort();
        assert_eq!(left, others);
    }

    #[test]
    fn folders_of_measurements_are_told_by_their_names() {
        for name in ["measure-000020", "measure-1000000-3", "measure-final-2"] {
            assert!(is_measurement(name), "{name}");
        }
        for name in ["measure-mine", "measure-", "measure-000020-b", "measured"] {
            assert!(!is_measurement(name), "{name}");
        }
    }

    #[test]
    fn a_folder_in_use_is_refused_whole() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunFolder::at(folder.path(), false).unwrap();
        fs::write(first.file(TRACE_CSV), "rows").unwrap();
        for force in [false, true] {
            let refused = RunFolder::at(folder.path(), force);
            assert!(matches!(refused, Err(FolderError::InUse { .. })));
        }
        assert_eq!(fs::read_to_string(first.file(TRACE_CSV)).unwrap(), "rows");
        drop(first);
        RunFolder::at(folder.path(), true).unwrap();
    }

    #[test]
    fn a_lock_that_a_killed_run_left_is_no_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOCK_FILE), "{}").unwrap();
        RunFolder::at(folder.path(), false).unwrap();
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
