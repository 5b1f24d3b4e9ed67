//! `[measure.flow]`: gradient flow from the same start.

use brink_dynamics::flow::{FlowMethod, GradientFlow};
use brink_dynamics::measurement::{Schedule, columns};
use serde::{Deserialize, Serialize};

use super::schedule::{below_one, every, not_zero, relative_tolerance};
use super::table::{Fault, Need, Table};
use crate::config::keys::keys;

/// The table.
pub const TABLE: Table<FlowConfig> = Table {
    keys: &keys! {
        "measure.flow.method", "\"rk4\"", "rk4 | adaptive (Dormand–Prince): gradient flow from the same start";
        "measure.flow.alpha", "0.5", "rk4: its step is min(alpha/λ₁, cap)";
        "measure.flow.cap", "none", "rk4: its longest step in units of time, η if left out";
        "measure.flow.tolerance", "1e-6", "adaptive: error of a step relative to 1 + ‖θ‖";
        "measure.flow.until", "none", "the last step at which the flow is followed; its cost rises with its λ₁";
        "measure.flow.every", "1", "measure at every so many steps";
        "measure.flow.relative_tolerance", "1e-3", "bound on an eigenvalue's error, relative to it, as in measure.eigenvalues";
    },
    needs: &[Need::GradientDescent, Need::NoWeightDecay],
    faults: FlowConfig::faults,
    columns: columns::flow,
    arrays: Vec::new,
    measurement: |table, run| {
        let method = match table.method {
            FlowMethodConfig::Rk4 => FlowMethod::RungeKutta4 {
                alpha: table.alpha,
                cap: table.cap.unwrap_or(run.config.optimizer.step_size),
            },
            FlowMethodConfig::Adaptive => FlowMethod::DormandPrince {
                tolerance: table.tolerance,
            },
        };
        let schedule = Schedule {
            every: table.every,
            from: 0,
        };
        let flow = GradientFlow::new(schedule, table.until, method, table.relative_tolerance)?;
        Ok(Some(Box::new(
            flow.with_flat_directions(run.flat_directions()),
        )))
    },
};

/// What the table says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// How the flow is integrated.
    #[serde(default)]
    pub method: FlowMethodConfig,
    /// Runge–Kutta's step in units of 1/Λ.
    #[serde(default = "alpha")]
    pub alpha: f64,
    /// Runge–Kutta's longest step, in units of time; η if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// The adaptive pair's error of one step, relative to 1 + ‖θ‖.
    #[serde(default = "tolerance")]
    pub tolerance: f64,
    /// The last step at which the flow is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Measure at every so many steps.
    #[serde(default = "every")]
    pub every: u64,
    /// Bound on an eigenvalue's error, relative to it.
    #[serde(default = "relative_tolerance")]
    pub relative_tolerance: f64,
}

/// How gradient flow is integrated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowMethodConfig {
    /// Runge–Kutta of order four with steps min(alpha/Λ, cap).
    #[default]
    Rk4,
    /// Dormand–Prince of orders five and four with error control.
    Adaptive,
}

impl FlowConfig {
    fn faults(&self) -> Vec<Fault> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let unless = |possible: bool, key, fault: &str| (!possible).then(|| (key, fault.into()));
        let faults = [
            not_zero(self.every),
            below_one(self.relative_tolerance),
            unless(
                positive(self.alpha) && self.alpha <= 2.5,
                "alpha",
                "must be above 0 and at most 2.5: the method is unstable beyond 2.785",
            ),
            unless(
                self.cap.is_none_or(positive),
                "cap",
                "must be a positive, finite number",
            ),
            unless(
                self.tolerance > 0.0 && self.tolerance < 1.0,
                "tolerance",
                "must be between 0 and 1",
            ),
        ];
        faults.into_iter().flatten().collect()
    }
}

/// Well within the method's stability, 2.785, and accurate to better than 1e-3 a step.
fn alpha() -> f64 {
    0.5
}

fn tolerance() -> f64 {
    1e-6
}
