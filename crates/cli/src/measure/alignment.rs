//! `[measure.alignment]`: the layers that the Hessian's top eigenvector lies in.

use brink_dynamics::measurement::{Alignment, columns};

use super::schedule::ScheduleConfig;
use super::table::{Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<ScheduleConfig> = Table {
    keys: &keys! {
        "measure.alignment.every", "1", "share of each layer in the Hessian's top eigenvector";
        "measure.alignment.from", "0", "the first step to measure at";
    },
    needs: &[Need::TopEigenvector],
    faults: ScheduleConfig::faults,
    columns: || columns::alignment(["<layer>"].iter()),
    arrays: Vec::new,
    measurement: |table, run| {
        let alignment = Alignment::new(table.schedule(), run.layers());
        Ok(Some(Box::new(alignment)))
    },
};
