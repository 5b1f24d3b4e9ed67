//! Figures and reports of recorded runs: SVG, PNG, HTML.
//!
//! * [`read_run`] and [`draw_run`] make the figure of one run;
//! * [`chart`] draws any grid of panels;
//! * [`paper`] makes the figures that follow Wang, Li & Li (2022);
//! * [`png`] turns SVG into PNG, with fonts of its own;
//! * [`html`] writes a report as one page.

pub mod chart;
pub mod html;
pub mod paper;
pub mod png;

mod error;
mod phases;
mod run;

#[cfg(test)]
mod testing;

pub use chart::{Quality, Titles, ticks};
pub use error::PlotError;
pub use phases::bands;
pub use run::{
    Before, Head, Measured, Row, Rule, Series, before, draw_columns, draw_run, draw_table,
    outcome_note, read_run,
};
