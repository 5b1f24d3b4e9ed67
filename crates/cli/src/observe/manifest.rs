//! `manifest.json`, written when the run starts and again when everything else is.

use std::io::Write;
use std::path::{Path, PathBuf};

use brink_dynamics::observer::{Observer, ObserverError, RunSummary};
use brink_dynamics::record::RunHeader;

use crate::atomic::{WriteError, write_atomically};
use crate::manifest::Manifest;
use crate::reserve::Reserve;
use crate::run_folder::MANIFEST_ROOM;

/// Bytes kept for what the end adds: an error's message, counters, times.
const ADDED: usize = 64 << 10;

/// Keeps the manifest of a run.
///
/// Room for how it ends is taken at the start, so that a run ended by a full disk can still say so.
#[derive(Debug)]
pub struct ManifestObserver {
    path: PathBuf,
    manifest: Manifest,
    room: Option<Reserve>,
}

impl ManifestObserver {
    /// A manifest at `path`.
    pub fn new(path: impl Into<PathBuf>, manifest: Manifest) -> Self {
        Self {
            path: path.into(),
            manifest,
            room: None,
        }
    }

    /// Writes how the run ended, with what is missing of its files.
    ///
    /// # Errors
    /// [`WriteError`]
    pub fn close(mut self, not_written: Vec<String>) -> Result<(), WriteError> {
        self.manifest.not_written = not_written;
        let json = self.json()?;
        match self.room {
            Some(room) if json.len() <= room.room() => room.fill(&self.path, &json),
            // The start failed, or a message is a book.
            _ => write_whole(&self.path, &json),
        }
    }

    fn json(&self) -> Result<Vec<u8>, WriteError> {
        let json = serde_json::to_string_pretty(&self.manifest);
        let json = json.map_err(|error| WriteError {
            path: self.path.clone(),
            source: error.into(),
        })?;
        Ok((json + "\n").into_bytes())
    }
}

fn write_whole(path: &Path, json: &[u8]) -> Result<(), WriteError> {
    write_atomically(path, |file| file.write_all(json))
}

impl Observer for ManifestObserver {
    fn name(&self) -> &'static str {
        "manifest.json"
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        self.manifest.start(header);
        let json = self.json()?;
        // First the room: a manifest that says that the run goes on must not outlive it.
        let room = self.path.with_file_name(MANIFEST_ROOM);
        let room = Reserve::take(&room, json.len() + ADDED).map_err(|error| WriteError {
            path: self.path.clone(),
            ..error
        })?;
        self.room = Some(room);
        write_whole(&self.path, &json)?;
        Ok(())
    }

    fn finish(&mut self, summary: &RunSummary) -> Result<(), ObserverError> {
        self.manifest.finish(summary);
        Ok(())
    }
}
