//! A check on the numbers: identity 3 of the paper notes holds exactly, whatever the network.

use super::check::{Bound, MOST, NEARLY_ALL, Rule, Texts, stepwise};
use super::row::Assumption;
use super::{Run, combine};

/// In float32 ‖A‖² is known to about 1e-7 of itself, and a step changes it by 1e-4 of itself or
/// more, but near its turns: the identity then holds to 1e-3. More than ten times that is a fault.
const LIMIT: f64 = 1e-2;

const NEEDS: &str = "output_norm_sq_change and output_norm_sq_predicted by [measure.residual]";

pub(super) fn row(run: Run<'_>) -> Assumption {
    let change = run.trace.measured("output_norm_sq_change");
    let both = change.zip(run.trace.measured("output_norm_sq_predicted"));
    stepwise(
        run,
        Texts {
            key: "output_norm_identity",
            assumption: "check of the numbers: identity 3, exact for a linear output layer \
                         without bias under squared error",
            quantity: "|Δ‖A‖² − (−(4κη/n) DᵀF + (4κ²η²/n²) ‖ΦᵀD‖²)| / |Δ‖A‖²|",
        },
        &Rule {
            bound: Bound::AtMost,
            limit: LIMIT,
            holds: NEARLY_ALL,
            partly: MOST,
            text: "holds if at most 0.01 at 95% of the measured steps, in part if at half of them",
        },
        both.map(|(change, predicted)| {
            combine(change, predicted, |change, predicted| {
                (change - predicted).abs() / change.abs()
            })
        })
        .ok_or(NEEDS),
        None,
    )
}
