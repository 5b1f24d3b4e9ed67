//! What hangs on a run: traces, progress, the plot and the manifest.

mod csv_file;
mod eigenvalues;
mod figure;
mod manifest;
mod progress;
mod set;
mod trace;

pub use eigenvalues::EigenvaluesCsv;
pub use figure::FigureObserver;
pub use manifest::ManifestObserver;
pub use progress::Progress;
pub use set::RunFiles;
pub use trace::{TraceCsv, columns};
