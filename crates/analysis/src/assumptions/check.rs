//! Assumptions that hold or fail step by step: a quantity of each step against a limit.

use super::Run;
use super::row::{Assumption, Figure, Measurement, PhaseMeasurement, Threshold, Verdict};
use crate::phases::Phase;
use crate::statistics::{Share, count, maximum, median, minimum, quantile};

/// Which side of the limit is within it.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    /// At most the limit: an error.
    AtMost,
    /// At least the limit: an alignment.
    AtLeast,
}

/// How a row is decided.
pub(super) struct Rule {
    pub bound: Bound,
    pub limit: f64,
    /// The share of measured steps within the limit that makes it hold.
    pub holds: f64,
    /// The share that makes it hold in part.
    pub partly: f64,
    pub text: &'static str,
}

/// The share of steps that has to keep to a limit for an approximation to hold: the paper's
/// argument goes phase by phase, and a phase can be as short as a twentieth of a cycle.
pub(super) const NEARLY_ALL: f64 = 0.95;
/// Below this share an approximation is wrong more often than right.
pub(super) const MOST: f64 = 0.5;

impl Rule {
    fn within(&self, value: f64) -> bool {
        match self.bound {
            Bound::AtMost => value <= self.limit,
            Bound::AtLeast => value >= self.limit,
        }
    }

    fn share(&self, values: &[Option<f64>]) -> Option<Share> {
        let finite = values.iter().flatten().filter(|value| value.is_finite());
        Share::of(finite.map(|value| self.within(*value)))
    }

    fn verdict(&self, values: &[Option<f64>]) -> Verdict {
        match self.share(values) {
            None => Verdict::Missing,
            Some(Share { share, .. }) if share >= self.holds => Verdict::Holds,
            Some(Share { share, .. }) if share >= self.partly => Verdict::Partly,
            Some(_) => Verdict::Fails,
        }
    }
}

/// The texts of a row.
pub(super) struct Texts {
    pub key: &'static str,
    pub assumption: &'static str,
    pub quantity: &'static str,
}

/// A second quantity that is reported and not judged: its name's figures, and its values.
pub(super) struct Also {
    pub values: Vec<Option<f64>>,
    pub median: &'static str,
    pub minimum: &'static str,
}

/// The row of a quantity that has a value a step; `Err` says what it would need.
pub(super) fn stepwise(
    run: Run<'_>,
    texts: Texts,
    rule: &Rule,
    values: Result<Vec<Option<f64>>, &str>,
    also: Option<Also>,
) -> Assumption {
    let (overall, by_phase, verdict) = match values {
        Err(needs) => (
            Measurement::Missing {
                needs: needs.to_owned(),
            },
            Vec::new(),
            Verdict::Missing,
        ),
        Ok(values) => {
            let of = |phase| figures(run, rule, &values, also.as_ref(), phase);
            let by_phase = run.phases().map(|phase| PhaseMeasurement {
                phase,
                measurement: of(Some(phase)),
            });
            (of(None), by_phase.collect(), rule.verdict(&values))
        }
    };
    Assumption {
        key: texts.key,
        assumption: texts.assumption,
        quantity: texts.quantity,
        overall,
        by_phase,
        threshold: Threshold {
            value: rule.limit,
            text: rule.text,
        },
        verdict,
    }
}

fn figures(
    run: Run<'_>,
    rule: &Rule,
    values: &[Option<f64>],
    also: Option<&Also>,
    phase: Option<Phase>,
) -> Measurement {
    let values = run.of_phase(values, phase);
    let steps = run.trace.steps();
    let (name, tail, extreme) = match rule.bound {
        Bound::AtMost => ("max", ("quantile_95", NEARLY_ALL), maximum(steps, &values)),
        Bound::AtLeast => (
            "min",
            ("quantile_05", 1.0 - NEARLY_ALL),
            minimum(steps, &values),
        ),
    };
    let (Some(middle), Some(far), Some(extreme), Some(share)) = (
        median(&values),
        quantile(&values, tail.1),
        extreme,
        rule.share(&values),
    ) else {
        return Measurement::Missing {
            needs: "a measured step in this phase".to_owned(),
        };
    };
    let mut figures = vec![
        Figure::new("median", middle),
        Figure::new(tail.0, far),
        Figure {
            name,
            value: extreme.value,
            step: Some(extreme.step),
        },
        Figure::new("share_within", share.share),
    ];
    if let Some(also) = also {
        let values = run.of_phase(&also.values, phase);
        figures.extend(median(&values).map(|value| Figure::new(also.median, value)));
        figures.extend(minimum(steps, &values).map(|extreme| Figure {
            name: also.minimum,
            value: extreme.value,
            step: Some(extreme.step),
        }));
    }
    Measurement::Measured {
        figures,
        steps: count(&values),
    }
}
