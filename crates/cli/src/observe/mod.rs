//! What hangs on a run: traces, progress, the plot and the manifest.

mod figure;
mod manifest;
mod progress;
mod set;
mod tables;

pub use figure::FigureObserver;
pub use manifest::ManifestObserver;
pub use progress::Progress;
pub use set::RunFiles;
pub use tables::{TableFigures, draw_tables};
