//! `[measure.first_order]`: the error of the first-order step in function space.

use brink_dynamics::measurement::{FirstOrder, columns};

use super::schedule::ScheduleConfig;
use super::table::{Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<ScheduleConfig> = Table {
    keys: &keys! {
        "measure.first_order.every", "1", "error of the first-order step in function space; mse only";
        "measure.first_order.from", "0", "the first step to measure at";
    },
    needs: &[
        Need::SquaredError,
        Need::GradientDescent,
        Need::ConstantStepSize,
        Need::NoWeightDecay,
    ],
    faults: ScheduleConfig::faults,
    columns: columns::first_order,
    arrays: Vec::new,
    measurement: |table, run| {
        let Some(squared) = run.squared_error() else {
            return Ok(None);
        };
        Ok(Some(Box::new(FirstOrder::new(table.schedule(), squared))))
    },
};
