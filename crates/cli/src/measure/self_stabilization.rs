//! `[measure.self_stabilization]`: the gradient of the sharpness, and what self-stabilisation follows from it.

use brink_dynamics::measurement::{SelfStabilization, columns};

use super::schedule::ScheduleConfig;
use super::table::{Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<ScheduleConfig> = Table {
    keys: &keys! {
        "measure.self_stabilization.every", "1", "gradient ∇S of the sharpness S = λ₁ (∇³L[u, u], u its eigenvector), and Damian et al.'s α = −⟨∇L, ∇S⟩ (of S a unit of time), β = ‖∇S‖² without the part along u, x (in units of θ) and √(2α/β), the |x| in balance; where λ₁ is known to be simple";
        "measure.self_stabilization.from", "0", "the first step to measure at";
    },
    needs: &[Need::TwoEigenvalues],
    faults: ScheduleConfig::faults,
    columns: columns::self_stabilization,
    arrays: Vec::new,
    measurement: |table, _| Ok(Some(Box::new(SelfStabilization::new(table.schedule())))),
};
