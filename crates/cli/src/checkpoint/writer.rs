//! Writing checkpoints as a run goes.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use brink_dynamics::observer::ObserverError;
use brink_dynamics::state::State;
use brink_traces::table_file;

use super::{Checkpoints, FACTS, Facts};
use crate::atomic::{WriteError, write_atomically};
use crate::config::CheckpointConfig;
use crate::run_folder::{EIGENVALUES_CSV, RunFolder, TRACE_CSV};

/// Writes the checkpoints of a run into its folder, and removes those beyond the newest few.
#[derive(Debug)]
pub struct CheckpointWriter {
    checkpoints: Checkpoints,
    /// The files whose rows a checkpoint relies on.
    tables: Vec<PathBuf>,
    facts: Facts,
    every: u64,
    keep: usize,
    saved: Option<u64>,
}

impl CheckpointWriter {
    /// Checkpoints of a run in a folder, that of step `saved` being there already; `tables` are those
    /// that its measurements write.
    pub fn new(
        folder: &RunFolder,
        facts: Facts,
        config: CheckpointConfig,
        saved: Option<u64>,
        tables: &[&str],
    ) -> Self {
        let tables = tables.iter().map(|table| folder.file(&table_file(table)));
        Self {
            checkpoints: Checkpoints::of(folder.path()),
            tables: [TRACE_CSV, EIGENVALUES_CSV]
                .map(|name| folder.file(name))
                .into_iter()
                .chain(tables)
                .collect(),
            facts,
            every: config.every,
            keep: config.keep,
            saved,
        }
    }

    fn write(&mut self, step: u64, mut state: State) -> Result<(), ObserverError> {
        let mut saver = state.saver();
        saver.part(FACTS).value(&self.facts)?;
        let bytes = state.encode()?;
        let path = self.checkpoints.file(step);
        let fail = |path: &PathBuf, source| WriteError {
            path: path.clone(),
            source,
        };
        // A checkpoint that reached the disk must not have rows before it that did not.
        for table in &self.tables {
            let synced = File::open(table).and_then(|file| file.sync_data());
            synced.map_err(|source| fail(table, source))?;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| fail(&path, source))?;
        }
        write_atomically(&path, |file| file.write_all(&bytes))?;
        Ok(())
    }

    /// Removes the oldest beyond those to keep.
    fn prune(&self) {
        let steps = self.checkpoints.steps();
        let surplus = match self.keep {
            0 => 0,
            keep => steps.len().saturating_sub(keep),
        };
        for step in &steps[..surplus] {
            // One that stays is only in the way.
            let _ = fs::remove_file(self.checkpoints.file(*step));
        }
    }
}

impl brink_dynamics::Checkpoints for CheckpointWriter {
    fn is_due(&self, step: u64) -> bool {
        // The first one makes any later moment one that a run can be resumed after.
        self.saved.is_none() || (self.every > 0 && step.is_multiple_of(self.every))
    }

    fn saved(&self) -> Option<u64> {
        self.saved
    }

    fn save(&mut self, step: u64, state: State) -> Result<(), ObserverError> {
        self.write(step, state)?;
        self.saved = Some(step);
        self.prune();
        Ok(())
    }
}
