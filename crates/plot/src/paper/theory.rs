//! A model of the dynamics against the network that it models.

use brink_analysis::Trace;

use super::parts::{figure, loss, panel, relative_difference, sharpness};
use super::source::Source;
use crate::chart::{Column, Curve, Scale, style};
use crate::error::PlotError;

const NAME: &str = "the figure of theory and training";
const COLUMNS: [&str; 3] = ["lambda_1", "output_norm_sq", "loss"];

/// Λ, ‖A‖² and the loss of a model and of the trained network, and how far the model is from the
/// network, relative to the network, over the steps that both have.
///
/// # Errors
///
/// [`PlotError::NotMeasured`] without λ₁, ‖A‖² or the loss of either, [`PlotError::NotInRun`] if
/// they share no step.
pub fn theory(model: &Trace, trained: &Trace) -> Result<String, PlotError> {
    let source = |trace| Source {
        figure: NAME,
        trace,
    };
    let (predicted, measured) = (source(model), source(trained));
    let both = |column: &str| -> Result<Vec<Curve>, PlotError> {
        let curve = |source: &Source<'_>, name: &str, at| -> Result<Curve, PlotError> {
            let values = source.column(column)?;
            Ok(Curve::new(
                name,
                style::compared(at),
                &source.steps(),
                values,
            ))
        };
        // The dashes of the model go over the line of the network.
        Ok(vec![
            curve(&predicted, "theory", 1)?,
            curve(&measured, "trained network", 0)?,
        ])
    };
    let (common, rows) = common(model.steps(), trained.steps());
    if common.is_empty() {
        return Err(predicted.lacks(
            "a step that the trained run has too",
            "record both at the same steps",
        ));
    }
    let apart = |(at, column): (usize, &str)| -> Result<Curve, PlotError> {
        let (theory, network) = (predicted.column(column)?, measured.column(column)?);
        let theory: Vec<_> = rows.iter().map(|(row, _)| theory[*row]).collect();
        let network: Vec<_> = rows.iter().map(|(_, row)| network[*row]).collect();
        let name = ["Λ", "‖A‖²", "L"][at];
        let stroke = style::compared(at + 2);
        let values = relative_difference(&theory, &network);
        Ok(Curve::new(name, stroke, &common, &values))
    };
    let apart = COLUMNS.into_iter().enumerate().map(apart);
    let mut edge = sharpness(both("lambda_1")?, measured.threshold()?);
    edge.left.label = "sharpness Λ".to_owned();
    let column = Column::of_steps(vec![
        edge,
        panel("output layer ‖A‖²", Scale::Wide, both("output_norm_sq")?),
        loss(both("loss")?),
        panel(
            "relative difference",
            Scale::Logarithmic,
            apart.collect::<Result<_, _>>()?,
        ),
    ]);
    let title = "Theory and the trained network";
    Ok(figure(title, "", vec![column], &[model, trained]).draw()?)
}

/// Steps in both, with their rows in each.
fn common(a: &[u64], b: &[u64]) -> (Vec<f64>, Vec<(usize, usize)>) {
    let rows = a.iter().enumerate();
    rows.filter_map(|(row, step)| {
        let other = b.binary_search(step).ok()?;
        Some((*step as f64, (row, other)))
    })
    .unzip()
}
