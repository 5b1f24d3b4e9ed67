//! The observers that every run has.

use brink_dynamics::observer::Observer;
use brink_plot::Titles;
use brink_traces::{EigenvaluesCsv, TablesCsv, TraceCsv};

use super::{FigureObserver, ManifestObserver, Progress, TableFigures};
use crate::atomic::WriteError;
use crate::manifest::Manifest;
use crate::run_folder::{EIGENVALUES_CSV, MANIFEST_JSON, RunFolder, TRACE_CSV, TRACE_SVG};

/// What writes a run's folder, but for the weights, and shows its progress.
pub struct RunFiles {
    trace: TraceCsv,
    eigenvalues: EigenvaluesCsv,
    tables: TablesCsv,
    progress: Progress,
    figure: FigureObserver,
    table_figures: TableFigures,
    manifest: ManifestObserver,
}

impl RunFiles {
    /// The files of a folder; titles and the rule of the phases are the manifest's.
    pub fn new(folder: &RunFolder, manifest: Manifest, quiet: bool) -> Self {
        let titles = Titles {
            title: manifest.name.clone(),
            subtitle: manifest.description.clone(),
        };
        let phases = manifest.config.measure.phases;
        Self {
            trace: TraceCsv::new(folder.file(TRACE_CSV), phases),
            eigenvalues: EigenvaluesCsv::new(folder.file(EIGENVALUES_CSV)),
            tables: TablesCsv::new(folder.path()),
            progress: Progress::on_stderr(quiet),
            figure: FigureObserver::new(folder.file(TRACE_SVG), titles, phases),
            table_figures: TableFigures::new(folder.path()),
            manifest: ManifestObserver::new(folder.file(MANIFEST_JSON), manifest),
        }
    }

    /// All of them; the manifest is there first.
    pub fn observers(&mut self) -> [&mut dyn Observer; 7] {
        [
            &mut self.manifest,
            &mut self.trace,
            &mut self.eigenvalues,
            &mut self.tables,
            &mut self.progress,
            &mut self.figure,
            &mut self.table_figures,
        ]
    }

    /// Writes into the manifest how the run ended, when all other files are there, or `missing`.
    ///
    /// # Errors
    /// [`WriteError`]
    pub fn close(self, missing: Vec<String>) -> Result<(), WriteError> {
        self.manifest.close(missing)
    }
}
