//! The figure of a run, from its records as they come or from its folder later.

mod before;
mod columns;
mod figure;
mod manifest;
mod read;
mod series;
mod spectrum;
mod tables;
mod thin;

#[cfg(test)]
mod tests;

pub use before::{Before, before};
pub use columns::draw_columns;
pub use figure::draw_run;
pub use manifest::{Head, outcome_note};
pub use read::read_run;
pub use series::{Measured, Row, Rule, Series};
pub use tables::draw_table;
