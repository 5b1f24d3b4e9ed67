//! The CSV files of a run: one row a step, one row an eigenvalue, and the tables of measurements.
//!
//! The crate `brink-dynamics` shows how a run of your own module writes them.

mod continued;
mod csv_file;
mod eigenvalues;
mod tables;
#[doc(hidden)]
pub mod testing;
mod trace;
mod whole;

pub use continued::ContinueError;
pub use csv_file::{CsvError, written};
pub use eigenvalues::EigenvaluesCsv;
pub use tables::{TablesCsv, table_file};
pub use trace::{PHASED, TraceCsv, columns};
pub use whole::{steps_in, whole_lines};
