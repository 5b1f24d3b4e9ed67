//! `[measure.layer_sharpness]`: λ₁ of each layer's block of the Hessian.

use brink_dynamics::measurement::{LayerSharpness, columns};

use super::schedule::SolvedConfig;
use super::table::{Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<SolvedConfig> = Table {
    keys: &keys! {
        "measure.layer_sharpness.every", "1", "λ₁ of each layer's diagonal block of the Hessian";
        "measure.layer_sharpness.from", "0", "the first step to measure at";
        "measure.layer_sharpness.relative_tolerance", "1e-3", "bound on an eigenvalue's error, relative to it, as in measure.eigenvalues";
    },
    needs: &[Need::NoWeightDecay],
    faults: SolvedConfig::faults,
    columns: || columns::layer_sharpness(["<layer>"].iter()),
    arrays: Vec::new,
    measurement: |table, run| {
        let tolerance = table.relative_tolerance;
        let sharpness = LayerSharpness::new(table.schedule(), run.layers(), tolerance)?;
        // The flat directions are parameters of the first layer.
        let sharpness = sharpness.with_flat_directions(run.flat_directions());
        Ok(Some(Box::new(sharpness)))
    },
};
