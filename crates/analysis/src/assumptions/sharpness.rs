//! Λ stays bounded.

use super::Run;
use super::check::{Bound, Rule, Texts, stepwise};
use super::row::{Assumption, Verdict};

/// Lewkowycz et al. (2020) find that training diverges beyond ηΛ ≈ 4.
const LIMIT: f64 = 4.0;
/// A bound is meant of every step, and there is no holding it in part.
const EVERY: f64 = 1.0;

const NEEDS: &str =
    "lambda_1 by [measure.eigenvalues] of gradient descent, and the step size or threshold";

pub(super) fn bounded(run: Run<'_>) -> Assumption {
    let step_size = run.trace.step_size();
    let step_size = step_size.filter(|_| run.trace.is_gradient_descent());
    let values = run.trace.measured("lambda_1").zip(step_size);
    let row = stepwise(
        run,
        Texts {
            key: "sharpness_stays_bounded",
            assumption: "Λ stays bounded",
            quantity: "ηΛ",
        },
        &Rule {
            bound: Bound::AtMost,
            limit: LIMIT,
            holds: EVERY,
            partly: EVERY,
            text: "holds if at most 4 at every measured step and the run did not diverge",
        },
        values
            .map(|(sharpness, step_size)| {
                let product = |value: &Option<f64>| value.map(|value| step_size * value);
                sharpness.iter().map(product).collect()
            })
            .ok_or(NEEDS),
        None,
    );
    // A run ends before the sharpness of its divergence can be measured.
    match row.verdict {
        Verdict::Holds if diverged(run) => Assumption {
            verdict: Verdict::Fails,
            ..row
        },
        _ => row,
    }
}

fn diverged(run: Run<'_>) -> bool {
    let sharpness = run.trace.column("lambda_1").unwrap_or_default();
    let infinite = sharpness.iter().flatten().any(|value| !value.is_finite());
    infinite || run.trace.facts().outcome.as_deref() == Some("diverged")
}
