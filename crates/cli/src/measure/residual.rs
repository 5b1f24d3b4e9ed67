//! `[measure.residual]`: the residual D = F − Y and what it predicts for the output layer.

use brink_dynamics::measurement::{Residual, columns};

use super::schedule::ScheduleConfig;
use super::table::{Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<ScheduleConfig> = Table {
    keys: &keys! {
        "measure.residual.every", "1", "D = F − Y: ‖D‖², DᵀF, DᵀY, and the change of ‖A‖² that it predicts; mse only, without model.tied";
        "measure.residual.from", "0", "the first step to measure at";
    },
    needs: &[
        Need::SquaredError,
        Need::OutputWeightOfItsOwn,
        Need::GradientDescent,
        Need::NoWeightDecay,
    ],
    faults: ScheduleConfig::faults,
    columns: columns::residual,
    arrays: Vec::new,
    measurement: |table, run| {
        let Some((squared, (weight, bias))) = run.squared_error().zip(run.output_layer()) else {
            return Ok(None);
        };
        let residual = Residual::new(table.schedule(), squared, weight, bias);
        Ok(Some(Box::new(residual)))
    },
};
