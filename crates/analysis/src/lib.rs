//! What a recorded run says: its phases, its statistics, and which of the assumptions of Wang, Li
//! & Li (2022) hold along it.
//!
//! The way in is [`Trace::read`] on a run's folder and [`Report::of`] on the trace. Nothing here
//! trains or measures anything; every figure comes from recorded columns, and what was not
//! recorded is said to be missing.

pub mod assumptions;
pub mod phases;
pub mod statistics;

mod correlation;
mod report;
mod table;
mod trace;

#[cfg(test)]
mod testing;

pub use correlation::{Correlation, PhaseCorrelation};
pub use report::Report;
pub use table::{Table, TableError};
pub use trace::columns;
pub use trace::{Facts, Loss, MANIFEST_LIMIT, Trace, TraceError};
