//! The CSV files of a run: one row a step, and one row an eigenvalue.
//!
//! The crate `brink-dynamics` shows how a run of your own module writes them.

mod continued;
mod csv_file;
mod eigenvalues;
#[doc(hidden)]
pub mod testing;
mod trace;

pub use continued::ContinueError;
pub use csv_file::{CsvError, written};
pub use eigenvalues::EigenvaluesCsv;
pub use trace::{PHASED, TraceCsv, columns, steps_in};
