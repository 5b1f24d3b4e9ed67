//! The Gauss–Newton part gives Λ.

use super::check::{Bound, MOST, NEARLY_ALL, Rule, Texts, stepwise};
use super::row::Assumption;
use super::{Run, combine};

/// A tenth: then the side of 2/η is told right unless Λ is within 10% of it, which is less than a
/// cycle's swing.
const LIMIT: f64 = 0.1;

const NEEDS: &str = "lambda_1 by [measure.eigenvalues], and gram_lambda_1 by [measure.gram] (or \
                     gauss_newton_lambda_1 by [measure.gauss_newton])";

pub(super) fn row(run: Run<'_>) -> Assumption {
    // JJᵀ and JᵀJ have the same non-zero eigenvalues.
    let gram = run.trace.measured("gram_lambda_1");
    let gram = gram.or_else(|| run.trace.measured("gauss_newton_lambda_1"));
    let values = run.trace.measured("lambda_1").zip(gram);
    stepwise(
        run,
        Texts {
            key: "gauss_newton_gives_sharpness",
            assumption: "Gauss–Newton gives Λ",
            quantity: "|Λ − (2κ/n) λ₁(M)| / |Λ|",
        },
        &Rule {
            bound: Bound::AtMost,
            limit: LIMIT,
            holds: NEARLY_ALL,
            partly: MOST,
            text: "holds if at most 0.1 at 95% of the measured steps, in part if at half of them",
        },
        values
            .map(|(sharpness, gram)| combine(sharpness, gram, |h, m| (h - m).abs() / h.abs()))
            .ok_or(NEEDS),
        None,
    )
}
