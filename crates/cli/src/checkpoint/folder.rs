//! The checkpoints in a run's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Checkpoint, CheckpointError};
use crate::manifest::Earlier;
use crate::run_folder::MANIFEST_JSON;

/// The folder's name in the run's.
pub const FOLDER: &str = "checkpoints";

/// The commands that write a folder with a manifest and no checkpoint.
const UNSAVED: [&str; 2] = ["measure", "theory"];

const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";

/// The name of the file of a step.
pub fn file_name(step: u64) -> String {
    format!("{PREFIX}{step:06}{SUFFIX}")
}

/// Whether a file in the folder is a checkpoint.
pub fn is_checkpoint(name: &str) -> bool {
    step_of(name).is_some()
}

fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let step = step.parse().ok()?;
    (file_name(step) == name).then_some(step)
}

/// The checkpoints of a run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    run: PathBuf,
}

impl Checkpoints {
    /// Those in the folder of a run.
    pub fn of(run: &Path) -> Self {
        Self {
            run: run.to_owned(),
        }
    }

    /// The file of a step.
    pub fn file(&self, step: u64) -> PathBuf {
        self.run.join(FOLDER).join(file_name(step))
    }

    /// Their steps, in order.
    pub fn steps(&self) -> Vec<u64> {
        // A folder that cannot be read has none that could be.
        steps(&self.run.join(FOLDER)).unwrap_or_default()
    }

    /// Reads the one of a step, or the last.
    ///
    /// # Errors
    /// [`CheckpointError`]
    pub fn read(&self, step: Option<u64>) -> Result<Checkpoint, CheckpointError> {
        let found = self.steps();
        let Some(&last) = found.last() else {
            return Err(self.none());
        };
        let step = step.unwrap_or(last);
        if !found.contains(&step) {
            return Err(CheckpointError::NoSuchStep {
                folder: self.run.clone(),
                step,
                found,
            });
        }
        Checkpoint::read(&self.file(step))
    }

    /// Why there is none.
    fn none(&self) -> CheckpointError {
        let folder = self.run.clone();
        let earlier = Earlier::read(&folder.join(MANIFEST_JSON)).ok();
        match earlier.as_ref().and_then(Earlier::command) {
            Some(command) if UNSAVED.contains(&command) => CheckpointError::Unsaved {
                folder,
                command: command.to_owned(),
            },
            _ => CheckpointError::None { folder },
        }
    }

    /// Removes those of steps after one.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove_after(&self, step: u64) -> io::Result<()> {
        let mut later = self.steps().into_iter().filter(|later| *later > step);
        later.try_for_each(|step| fs::remove_file(self.file(step)))
    }
}

fn steps(folder: &Path) -> io::Result<Vec<u64>> {
    let mut steps = Vec::new();
    for entry in fs::read_dir(folder)? {
        steps.extend(entry?.file_name().to_str().and_then(step_of));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// The steps of the checkpoints beside a file.
pub(super) fn others(path: &Path) -> Vec<u64> {
    let folder = path.parent().unwrap_or(path);
    let mut others = steps(folder).unwrap_or_default();
    others.retain(|step| !path.ends_with(file_name(*step)));
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_by_names_of_our_making_only() {
        assert_eq!(file_name(100), "step-000100.safetensors");
        for step in [0, 7, 999_999, 1_000_000, u64::MAX] {
            assert_eq!(step_of(&file_name(step)), Some(step));
        }
        for name in [
            "step-7.safetensors",
            "step-000007",
            "step-.safetensors",
            ".step-000007.safetensors.1.tmp",
        ] {
            assert!(!is_checkpoint(name), "{name}");
        }
    }
}
