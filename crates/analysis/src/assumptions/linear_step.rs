//! The step in function space is of first order.

use super::Run;
use super::check::{Bound, MOST, NEARLY_ALL, Rule, Texts, stepwise};
use super::row::Assumption;

/// A twentieth of the residual. At the edge a step along v₁ moves the residual by about 2·Dᵀv₁:
/// an error of this size is small against it once v₁ carries a tenth of the residual.
const LIMIT: f64 = 0.05;

pub(super) fn row(run: Run<'_>) -> Assumption {
    let values = run.trace.measured("first_order_error");
    stepwise(
        run,
        Texts {
            key: "first_order_step",
            assumption: "first-order step in function space",
            quantity: "‖D⁺ − (I − (2κη/n) M) D‖ / ‖D‖",
        },
        &Rule {
            bound: Bound::AtMost,
            limit: LIMIT,
            holds: NEARLY_ALL,
            partly: MOST,
            text: "holds if at most 0.05 at 95% of the measured steps, in part if at half of them",
        },
        values
            .map(<[_]>::to_vec)
            .ok_or("first_order_error by [measure.first_order]"),
        None,
    )
}
