//! What another run did before this one branched off from it.

use std::path::{Path, PathBuf};

use brink_analysis::Table;

use super::manifest::Head;
use super::read::{TRACE_CSV, series};
use super::series::Series;
use crate::error::PlotError;

/// The other run up to the step of the branch.
pub type Before = Option<Box<Series>>;

/// What the run of a folder branched off from, if its manifest says that it did and the other run is
/// still there.
///
/// # Errors
///
/// [`PlotError::Read`] and [`PlotError::Manifest`] for the run's own manifest.
pub fn before(folder: &Path) -> Result<Before, PlotError> {
    Ok(before_head(folder, &Head::read(folder)?))
}

/// The same, the manifest being read.
pub(super) fn before_head(folder: &Path, head: &Head) -> Before {
    let (parent, step) = head.parent()?;
    // The path is as it was typed: from another place the two folders may still lie side by side.
    let beside = || Some(folder.parent()?.join(parent.file_name()?));
    let places: [Option<PathBuf>; 2] = [Some(parent.to_owned()), beside()];
    let traces = places.into_iter().flatten();
    let trace = traces
        .filter_map(|place| Table::read(place.join(TRACE_CSV)).ok())
        .next()?;
    let all = series(&trace, &Default::default(), head.rule(&trace)).ok()?;
    Some(Box::new(all.until(step as f64)))
}
