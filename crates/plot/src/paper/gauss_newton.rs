//! The Hessian against its Gauss–Newton part and the Gram matrix.

use brink_analysis::Trace;

use super::parts::{figure, over_steps, panel, phase_bands, relative_difference, sharpness};
use super::source::Source;
use crate::chart::{Column, Curve, Scale, style};
use crate::error::PlotError;

/// λ₁ of the Hessian, of its Gauss–Newton part and its residual part, and (2κ/n) λ₁(M); below,
/// how far apart they are, relative to λ₁ of the Hessian.
///
/// # Errors
///
/// [`PlotError::NotMeasured`] for any of the four.
pub fn gauss_newton(trace: &Trace) -> Result<String, PlotError> {
    let source = Source {
        figure: "the figure of the Gauss–Newton split",
        trace,
    };
    let curve = |name: &str, at, column| over_steps(&source, name, style::compared(at), column);
    // The finer dashes go over the others: the first three are nearly the same.
    let curves = vec![
        curve("λ₁ of the Gauss–Newton part", 2, "gauss_newton_lambda_1")?,
        curve("(2κ/n) λ₁(M)", 1, "gram_lambda_1")?,
        curve("λ₁ of the Hessian", 0, "lambda_1")?,
        curve("λ₁ of the residual part", 3, "residual_hessian_lambda_1")?,
    ];
    let hessian = source.column("lambda_1")?;
    let apart = |at, column| -> Result<Curve, PlotError> {
        let values = relative_difference(source.column(column)?, hessian);
        Ok(Curve::new(
            "",
            style::compared(at),
            &source.steps(),
            &values,
        ))
    };
    let differences = panel(
        "relative difference to λ₁",
        Scale::Logarithmic,
        vec![
            apart(2, "gauss_newton_lambda_1")?,
            apart(1, "gram_lambda_1")?,
        ],
    );
    let mut column = Column::of_steps(vec![sharpness(curves, source.threshold()?), differences]);
    column.panels[0].left.label = "largest eigenvalue".to_owned();
    column.bands = phase_bands(trace);
    let title = "The Gauss–Newton part of the Hessian";
    Ok(figure(title, "", vec![column], &[trace]).draw()?)
}
