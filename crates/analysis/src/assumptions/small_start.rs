//! The run starts from small outputs.

use super::Run;
use super::row::{Assumption, Figure, Measurement, Threshold, Verdict};

/// A tenth of the targets' norm: then DᵀF ≈ −YᵀF, and the start says little about where F goes.
pub const START_LIMIT: f64 = 0.1;

const TEXT: &str = "holds if ‖F(0)‖/‖Y‖ is at most 0.1 and DᵀF at step 0 is negative, in part if \
                    one of both";

const NEEDS: &str = "residual_norm_sq, residual_dot_output, residual_dot_target and \
                     target_norm_sq by [measure.residual], at step 0";

pub(super) fn row(run: Run<'_>) -> Assumption {
    let (overall, verdict) = match start(run) {
        None => (
            Measurement::Missing {
                needs: NEEDS.to_owned(),
            },
            Verdict::Missing,
        ),
        Some(Start { ratio, dot }) => (
            Measurement::Measured {
                figures: vec![
                    Figure::new("output_to_target_norm", ratio),
                    Figure::new("residual_dot_output", dot),
                ],
                steps: 1,
            },
            match (ratio <= START_LIMIT, dot < 0.0) {
                (true, true) => Verdict::Holds,
                (false, false) => Verdict::Fails,
                _ => Verdict::Partly,
            },
        ),
    };
    Assumption {
        key: "small_start",
        assumption: "small start",
        quantity: "‖F(0)‖/‖Y‖; sign of DᵀF at step 0",
        overall,
        // One step has one phase: there is nothing to tell apart.
        by_phase: Vec::new(),
        threshold: Threshold {
            value: START_LIMIT,
            text: TEXT,
        },
        verdict,
    }
}

struct Start {
    /// ‖F(0)‖/‖Y‖.
    ratio: f64,
    /// DᵀF.
    dot: f64,
}

/// From F = D + Y: ‖F‖² = ‖D‖² + 2DᵀY + ‖Y‖². The terms cancel for a small F, so that the ratio is
/// known to about the square root of the columns' relative error.
fn start(run: Run<'_>) -> Option<Start> {
    let first = run.trace.steps().first().filter(|step| **step == 0);
    first?;
    let at_start = |name: &str| run.trace.column(name)?.first().copied().flatten();
    let residual = at_start("residual_norm_sq")?;
    let target = at_start("target_norm_sq")?;
    let output = residual + 2.0 * at_start("residual_dot_target")? + target;
    let start = Start {
        ratio: (output.max(0.0) / target).sqrt(),
        dot: at_start("residual_dot_output")?,
    };
    (start.ratio.is_finite() && start.dot.is_finite()).then_some(start)
}
