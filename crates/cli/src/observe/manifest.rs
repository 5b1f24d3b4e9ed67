//! `manifest.json`, written when the run starts and again when it has ended.

use std::io::Write;
use std::path::PathBuf;

use brink_dynamics::observer::{Observer, ObserverError, RunSummary};
use brink_dynamics::record::RunHeader;

use crate::atomic::write_atomically;
use crate::manifest::Manifest;

/// Keeps the manifest of a run.
#[derive(Debug)]
pub struct ManifestObserver {
    path: PathBuf,
    manifest: Manifest,
}

impl ManifestObserver {
    /// A manifest at `path`.
    pub fn new(path: impl Into<PathBuf>, manifest: Manifest) -> Self {
        Self {
            path: path.into(),
            manifest,
        }
    }

    fn write(&self) -> Result<(), ObserverError> {
        let json = serde_json::to_string_pretty(&self.manifest)?;
        write_atomically(&self.path, |file| writeln!(file, "{json}"))?;
        Ok(())
    }
}

impl Observer for ManifestObserver {
    fn name(&self) -> &'static str {
        "manifest.json"
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        self.manifest.start(header);
        self.write()
    }

    fn finish(&mut self, summary: &RunSummary) -> Result<(), ObserverError> {
        self.manifest.finish(summary);
        self.write()
    }
}
