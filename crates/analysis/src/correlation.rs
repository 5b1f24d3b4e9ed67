//! The sharpness against ‖A‖², the paper's indicator of it.

use serde::Serialize;

use crate::Trace;
use crate::phases::{Label, Phase};
use crate::statistics::{paired_changes, pearson, same_sign_share};

/// How Λ and ‖A‖² go together over some steps of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Correlation {
    /// Pearson's correlation; none when either is constant.
    pub pearson: Option<f64>,
    /// The share of changes from one measured step to the next that have the same sign; a change
    /// is counted where it arrives. None without a change.
    pub same_sign_share: Option<f64>,
    /// Steps at which both are measured.
    pub steps: usize,
}

/// The same for the steps of one phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PhaseCorrelation {
    /// The phase.
    pub phase: Phase,
    /// Over its steps, of all cycles together.
    pub correlation: Correlation,
}

/// With two points a correlation is ±1 whatever they are.
const FEWEST_STEPS: usize = 3;

impl Correlation {
    /// Over the rows for which `within` holds; else what is needed for it.
    pub(crate) fn measure(
        trace: &Trace,
        within: impl Fn(usize) -> bool,
    ) -> Result<Self, &'static str> {
        let sharpness = trace
            .measured("lambda_1")
            .ok_or("lambda_1 by [measure.eigenvalues]")?;
        let norm = trace
            .measured("output_norm_sq")
            .ok_or("the column output_norm_sq")?;
        let rows = || (0..trace.len()).filter(|row| within(*row));
        let [a, b] = [sharpness, norm].map(|column| rows().map(|row| column[row]).collect());
        let (a, b): (Vec<Option<f64>>, Vec<Option<f64>>) = (a, b);
        let usable = |value: &Option<f64>| value.is_some_and(f64::is_finite);
        let steps = a.iter().zip(&b).filter(|(a, b)| usable(a) && usable(b));
        let steps = steps.count();
        if steps < FEWEST_STEPS {
            return Err("three steps at which lambda_1 and output_norm_sq are measured");
        }
        let changes = paired_changes(sharpness, norm);
        let arriving = changes.iter().filter(|(row, ..)| within(*row));
        Ok(Self {
            pearson: pearson(&a, &b),
            same_sign_share: same_sign_share(arriving.map(|(_, a, b)| (*a, *b)))
                .map(|share| share.share),
            steps,
        })
    }
}

impl PhaseCorrelation {
    /// Of every phase that has enough measured steps.
    pub(crate) fn all(trace: &Trace, labels: &[Label]) -> Vec<Self> {
        let of = |phase: Phase| {
            let within = |row: usize| labels.get(row).is_some_and(|label| label.phase == phase);
            let correlation = Correlation::measure(trace, within).ok()?;
            Some(Self { phase, correlation })
        };
        Phase::ALL.into_iter().filter_map(of).collect()
    }
}
