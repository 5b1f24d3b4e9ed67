//! `[measure.gauss_newton]`: the Gauss–Newton and residual parts of the Hessian.

use brink_dynamics::measurement::{GaussNewton, columns};

use super::schedule::SolvedConfig;
use super::table::{Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<SolvedConfig> = Table {
    keys: &keys! {
        "measure.gauss_newton.every", "1", "λ₁ of the Hessian's Gauss–Newton part and of the rest";
        "measure.gauss_newton.from", "0", "the first step to measure at";
        "measure.gauss_newton.relative_tolerance", "1e-3", "bound on an eigenvalue's error, relative to it, as in measure.eigenvalues";
    },
    needs: &[Need::NoWeightDecay],
    faults: SolvedConfig::faults,
    columns: columns::gauss_newton,
    arrays: Vec::new,
    measurement: |table, run| {
        let parts = GaussNewton::new(table.schedule(), table.relative_tolerance)?;
        let parts = parts.with_flat_directions(run.flat_directions());
        Ok(Some(Box::new(parts)))
    },
};
