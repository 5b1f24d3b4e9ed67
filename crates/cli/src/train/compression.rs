//! Training on the inputs' coordinates in the space that they span, invisible in what is written.

use brink_data::Subset;
use brink_model::{ModelConfig, RowSpace, Task, Weights};

use crate::config::{Compression, Config};
use crate::error::Error;

/// Up to this share of the features, fewer samples pay for the decomposition at once.
const WORTHWHILE: f64 = 0.75;

/// The full network's weights, and the smaller problem that is trained instead of them.
#[derive(Debug)]
pub struct Compressed {
    space: RowSpace,
    /// The weights with the first layer in coordinates.
    pub weights: Weights,
    /// Squared norm of the first weight's part that does not move.
    pub fixed_norm_sq: f64,
    /// How many parameters that part has.
    pub fixed_parameters: usize,
}

/// The problem in coordinates, if the config asks for it and it holds and pays.
///
/// # Errors
/// `compression = "on"` where it does not hold.
pub fn compress(
    config: &Config,
    train: &Subset,
    weights: &Weights,
) -> Result<Option<Compressed>, Error> {
    let (samples, features) = (train.samples(), train.features());
    let wanted = match config.run.compression {
        Compression::Off => false,
        Compression::On => true,
        Compression::Auto => {
            holds(&config.model)
                && config.measure.test.is_none()
                && config.optimizer.forbids_compression().is_none()
                && samples as f64 <= WORTHWHILE * features as f64
        }
    };
    if !wanted {
        return Ok(None);
    }
    let space = RowSpace::of(&train.inputs_f64(), samples, features)?;
    let projected = space.project(weights)?;
    Ok(Some(Compressed {
        fixed_parameters: weights.parameter_count() - projected.weights.parameter_count(),
        weights: projected.weights,
        fixed_norm_sq: projected.fixed_norm_sq,
        space,
    }))
}

/// Whether the first thing the network does to its inputs is a linear map of all of them.
fn holds(model: &ModelConfig) -> bool {
    model.network_kind().is_ok_and(|kind| kind.starts_linear)
}

impl Compressed {
    /// n.
    pub fn coordinates(&self) -> usize {
        self.space.samples()
    }

    /// The same task with inputs in coordinates.
    pub fn task(&self, task: &Task) -> Task {
        task.with_features(self.coordinates())
    }

    /// The inputs' coordinates, `[n, n]` row by row; computed anew.
    pub fn inputs(&self) -> Vec<f64> {
        self.space.coordinates()
    }

    /// The full weights, from those at the start and the end of a run in coordinates.
    pub fn lift(
        &self,
        initial: &Weights,
        start: &Weights,
        end: &Weights,
    ) -> Result<Weights, Error> {
        Ok(self.space.lift(initial, start, end)?)
    }
}
