//! One cycle of the four phases, enlarged.

use brink_analysis::Trace;
use brink_analysis::phases::{Phase, Span};

use super::parts::{axis, figure, panel, phase_bands, sharpness, zero};
use super::source::Source;
use crate::chart::{Column, Curve, Scale, Stroke, style};
use crate::error::PlotError;
use crate::phases::phase_spans;

/// The first complete cycle of a run with some steps around it: Λ against 2/η, loss and ‖A‖²,
/// DᵀF around zero, |Dᵀv₁| and ‖R‖.
///
/// A cycle is complete if it has all of the phases II, III, IV and I, and the next one has begun.
///
/// # Errors
///
/// [`PlotError::NotInRun`] without a complete cycle, [`PlotError::NotMeasured`] for a column.
pub fn four_phases(trace: &Trace) -> Result<String, PlotError> {
    let source = Source {
        figure: "the figure of the four phases",
        trace,
    };
    source.column("lambda_1")?;
    let spans = phase_spans(&trace.sharpness(), &trace.facts().phases);
    let (from, to) = first_cycle(&spans).ok_or_else(|| {
        source.lacks(
            "a complete cycle of phases",
            "run more steps, or with a step size whose 2/η the sharpness reaches",
        )
    })?;
    let around = ((to - from) / 5).max(3);
    let window = (from.saturating_sub(around), to + around);
    let rows = rows(trace.steps(), window);
    let steps = &source.steps()[rows.clone()];
    let curve = |name: &str, stroke: Stroke, column: &str| -> Result<Curve, PlotError> {
        let values = &source.column(column)?[rows.clone()];
        Ok(Curve::new(name, stroke, steps, values))
    };
    let absolute = |mut curve: Curve| {
        for sample in &mut curve.samples {
            sample.y = sample.y.map(f64::abs);
        }
        curve
    };

    let eigenvalue = curve("sharpness Λ", style::eigenvalue(0), "lambda_1")?;
    let mut edge = sharpness(vec![eigenvalue], source.threshold()?);
    edge.left.scale = Scale::Linear;
    edge.left.label = "sharpness Λ".to_owned();
    let mut losses = panel(
        "training loss L",
        Scale::Logarithmic,
        vec![curve("loss", style::LOSS, "loss")?],
    );
    let norm = curve("‖A‖²", style::OVERLAY, "output_norm_sq")?;
    losses.right = Some(axis("output layer ‖A‖²", Scale::Linear, vec![norm]));
    let pull = curve("", style::plain(), "residual_dot_output")?;
    let mut balance = panel("DᵀF", Scale::Linear, vec![pull]);
    balance.left.levels.push(zero());
    let along = absolute(curve("|Dᵀv₁|", style::compared(0), "residual_on_v1")?);
    let off = curve("‖R‖", style::compared(1), "residual_off_v1")?;
    let parts = panel("residual", Scale::Logarithmic, vec![along, off]);

    let mut column = Column::of_steps(vec![edge, losses, balance, parts]);
    column.bands = phase_bands(trace);
    let title = "The four phases of one cycle";
    let uncoloured = if spans
        .iter()
        .any(|span| span.phase == Phase::Before && span.to >= window.0)
    {
        "without colour: before Λ first exceeds 2/η"
    } else {
        ""
    };
    Ok(figure(title, uncoloured, vec![column], &[trace]).draw()?)
}

/// The steps of the first complete cycle: from its crossing upward to the last before the next.
pub fn first_cycle(spans: &[Span]) -> Option<(u64, u64)> {
    let last = spans.last()?.cycle;
    spans
        .chunk_by(|a, b| a.cycle == b.cycle)
        .filter(|cycle| (1..last).contains(&cycle[0].cycle))
        .find(|cycle| {
            let has = |phase| cycle.iter().any(|span| span.phase == phase);
            [Phase::I, Phase::II, Phase::III, Phase::IV]
                .into_iter()
                .all(has)
        })
        .map(|cycle| (cycle[0].from, cycle[cycle.len() - 1].to))
}

fn rows(steps: &[u64], (from, to): (u64, u64)) -> std::ops::Range<usize> {
    steps.partition_point(|step| *step < from)..steps.partition_point(|step| *step <= to)
}
