//! `[measure.step]`: how far the step along the gradient is from the longest one that does not raise the loss.

use brink_dynamics::measurement::{Step, columns};

use super::schedule::ScheduleConfig;
use super::table::{Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<ScheduleConfig> = Table {
    keys: &keys! {
        "measure.step.every", "1", "of the coming step along the gradient g: directional sharpness gᵀHg/‖g‖², relative progress (L(θ - ηg) - L(θ))/(η‖g‖²), and the critical sharpness 2/η_c, by forward passes, of the step size η_c at which the loss would begin to rise; gd only";
        "measure.step.from", "0", "the first step to measure at";
    },
    needs: &[Need::GradientDescent],
    faults: ScheduleConfig::faults,
    columns: columns::step,
    arrays: Vec::new,
    measurement: |table, _| Ok(Some(Box::new(Step::new(table.schedule())))),
};
