//! The figure of a run, from its records as they come or from its folder later.

mod canvas;
mod figure;
mod panel;
mod range;
mod read;
mod series;
mod style;
pub mod ticks;

#[cfg(test)]
mod tests;

pub use canvas::DrawError;
pub use figure::{Titles, draw};
pub use read::{PlotError, read_run};
pub use series::{Measured, Quality, Series};
