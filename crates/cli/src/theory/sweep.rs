//! `brink theory --widths`: how the terms in 1/m vanish.

use std::io::Write;

use brink_model::{Precision, Weights};
use brink_theory::faer::Mat;
use brink_theory::{Parametrisation, WidthSweep, width_sweep};

use super::{Unsupported, setup};
use crate::args;
use crate::config::Config;
use crate::error::Error;
use crate::train::task;

/// Prints one row a width, as CSV.
///
/// # Errors
/// A config whose outputs do not carry the factor 1/√m, or a width at which the run diverges.
pub fn sweep(arguments: &args::Theory, out: &mut impl Write) -> Result<(), Error> {
    let config = Config::load(&arguments.config, &arguments.changes.overrides())?;
    let (network, factor) = setup::network(&config, config.loss.loss()?)?;
    if network.parametrisation != Parametrisation::Scaled {
        return Err(Unsupported {
            key: "model.output_factor",
            expected: "1/√m for a sweep over widths, with init = \"standard-normal\"",
        }
        .into());
    }
    let dataset = brink_data::load(&config.data, None)?;
    let weights = Weights::initial(&config.model, &task(&dataset.train), Precision::F64)?;
    let (model, state) = setup::model((network, factor), &dataset.train, &weights)?;
    let width = network.width as f64;
    let features = &state.gram_features;
    let problem = WidthSweep {
        kernel: model.kernel().clone(),
        targets: model.targets().to_vec(),
        factor,
        output_norm_sq_per_unit: state.output_norm_sq / width,
        gram_features_per_unit: Mat::from_fn(features.nrows(), features.ncols(), |i, j| {
            features[(i, j)] / width
        }),
        outputs: state.outputs,
        step_size: config.optimizer.step_size,
        steps: config.optimizer.steps - 1,
    };
    writeln!(out, "width,sharpness_difference,loss_difference")?;
    for row in width_sweep(&problem, &arguments.widths)? {
        let (sharpness, loss) = (row.sharpness_difference, row.loss_difference);
        writeln!(out, "{},{sharpness:?},{loss:?}", row.width)?;
    }
    out.flush()?;
    Ok(())
}
