//! The top eigenvector of M, and the eigenvalue below it.

use super::check::{Also, Bound, MOST, NEARLY_ALL, Rule, Texts, stepwise};
use super::row::Assumption;
use super::{Run, combine};

/// cos 0.99 is an angle of 8°: of a residual along v₁, 1% of the norm squared leaves it in a step.
const COSINE_LIMIT: f64 = 0.99;
/// λ₂ crosses where it reaches 2/η.
const CROSSING: f64 = 1.0;
/// That λ₂ stays below is meant of every step.
const EVERY: f64 = 1.0;

pub(super) fn moves_slowly(run: Run<'_>) -> Assumption {
    let values = run.trace.measured("v1_cos_previous");
    let start = run.trace.measured("v1_cos_start");
    stepwise(
        run,
        Texts {
            key: "top_eigenvector_moves_slowly",
            assumption: "v₁ moves slowly",
            quantity: "|cos(v₁(t), v₁(t−1))|, where v₁ was measured; also |cos(v₁(t), v₁(0))|",
        },
        &Rule {
            bound: Bound::AtLeast,
            limit: COSINE_LIMIT,
            holds: NEARLY_ALL,
            partly: MOST,
            text: "holds if the first is at least 0.99 at 95% of the measured steps, in part if at \
                   half of them",
        },
        values
            .map(<[_]>::to_vec)
            .ok_or("v1_cos_previous by [measure.gram]"),
        start.map(|start| Also {
            values: start.to_vec(),
            median: "start_median",
            minimum: "start_min",
        }),
    )
}

pub(super) fn crosses_alone(run: Run<'_>) -> Assumption {
    let threshold: Vec<Option<f64>> = run
        .trace
        .sharpness()
        .into_iter()
        .map(|(_, _, threshold)| Some(threshold))
        .collect();
    let [gram_1, gram_2] = ["gram_lambda_1", "gram_lambda_2"].map(|name| run.trace.measured(name));
    let gap = gram_1
        .zip(gram_2)
        .map(|(first, second)| combine(first, second, |first, second| first / second));
    stepwise(
        run,
        Texts {
            key: "only_top_eigenvalue_crosses",
            assumption: "only the top eigenvalue crosses",
            quantity: "(2κ/n) λ₂(M) / (2/η); also the gap λ₁(M)/λ₂(M)",
        },
        &Rule {
            bound: Bound::AtMost,
            limit: CROSSING,
            holds: EVERY,
            partly: NEARLY_ALL,
            text: "holds if at most 1 at every measured step, in part if at 95% of them",
        },
        gram_2
            .map(|second| combine(second, &threshold, |second, threshold| second / threshold))
            .filter(|ratios| ratios.iter().any(Option::is_some))
            .ok_or("gram_lambda_2 by [measure.gram], with two eigenvalues or more, and threshold"),
        gap.map(|values| Also {
            values,
            median: "gap_median",
            minimum: "gap_min",
        }),
    )
}
