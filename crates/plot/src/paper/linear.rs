//! Loss and sharpness of one network, as in Figure 1 of the paper.

use brink_analysis::Trace;

use super::parts::{figure, loss, over_steps, panel, phase_bands, sharpness};
use super::source::Source;
use crate::chart::{Column, Scale, style};
use crate::error::PlotError;

/// Λ and λ₂ against 2/η, the loss and ‖A‖² of a run, in front of its phases.
///
/// # Errors
///
/// [`PlotError::NotMeasured`] without λ₁, λ₂, the loss or ‖A‖².
pub fn loss_and_sharpness(trace: &Trace) -> Result<String, PlotError> {
    let source = Source {
        figure: "the figure of loss and sharpness",
        trace,
    };
    let curve = |name: &str, stroke, column| over_steps(&source, name, stroke, column);
    let eigenvalues = vec![
        curve("sharpness Λ = λ₁", style::eigenvalue(0), "lambda_1")?,
        curve("λ₂", style::eigenvalue(1), "lambda_2")?,
    ];
    let norm = curve("", style::OUTPUT_NORM, "output_norm_sq")?;
    let mut column = Column::of_steps(vec![
        sharpness(eigenvalues, source.threshold()?),
        loss(vec![curve("", style::LOSS, "loss")?]),
        panel("output layer ‖A‖²", Scale::Wide, vec![norm]),
    ]);
    column.bands = phase_bands(trace);
    let title = "Sharpness, loss and output layer along gradient descent";
    Ok(figure(title, "", vec![column], &[trace]).draw()?)
}
