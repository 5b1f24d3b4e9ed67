//! Gradient descent against gradient flow from the same start.

use brink_analysis::Trace;

use super::parts::{figure, loss, panel, sharpness};
use super::source::Source;
use crate::chart::{Column, Curve, Mark, Scale, style};
use crate::error::PlotError;
use crate::phases::phase_spans;
use crate::ticks;

/// Λ and the loss of both, and their distance, over the time ηt; the first time that gradient
/// descent exceeds 2/η is marked.
///
/// # Errors
///
/// [`PlotError::NotMeasured`] without the columns of either, [`PlotError::NotInRun`] without η.
pub fn gradient_flow(trace: &Trace) -> Result<String, PlotError> {
    let source = Source {
        figure: "the figure of gradient flow",
        trace,
    };
    let times = source.times()?;
    let curve = |name: &str, at, column| -> Result<Curve, PlotError> {
        let values = source.column(column)?;
        Ok(Curve::new(name, style::compared(at), &times, values))
    };
    let eigenvalues = vec![
        curve("gradient descent", 0, "lambda_1")?,
        curve("gradient flow", 1, "flow_lambda_1")?,
    ];
    let mut edge = sharpness(eigenvalues, source.threshold()?);
    edge.left.label = "sharpness Λ".to_owned();
    let losses = loss(vec![
        curve("gradient descent", 0, "loss")?,
        curve("gradient flow", 1, "flow_loss")?,
    ]);
    let plain = style::plain();
    let distance = panel(
        "distance to flow",
        Scale::Logarithmic,
        vec![Curve::new(
            "",
            plain,
            &times,
            source.column("flow_distance")?,
        )],
    );
    let mut column = Column::of_time(vec![edge, losses, distance]);
    let spans = phase_spans(&trace.sharpness(), &trace.facts().phases);
    let crossing = spans.iter().find(|span| span.cycle > 0);
    if let Some(crossing) = crossing {
        let x = crossing.from as f64 * source.step_size()?;
        let at = ticks::short(x);
        column.marks.push(Mark {
            x,
            name: format!("Λ first exceeds 2/η, at ηt = {at}"),
        });
    }
    let title = "Gradient descent and gradient flow from the same start";
    Ok(figure(title, "", vec![column], &[trace]).draw()?)
}
