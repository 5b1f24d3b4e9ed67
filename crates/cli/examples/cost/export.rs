//! A config's problem written to files, for all contestants.

use std::path::Path;

use brink_cli::config::{Config, overrides::Override};
use brink_model::{Precision, Weights};
use burn::tensor::Device;
use serde_json::json;

use crate::Answer;
use crate::contestant::{Contestant, Problem};
use crate::npy::write_npy;

/// Writes `inputs.npy`, `targets.npy` and `weights-<steps>.safetensors`, and describes them.
pub fn export(
    config: &Path,
    set: &[String],
    folder: &Path,
    after: &[usize],
    device: &Device,
) -> Answer {
    let overrides: Vec<Override> = set.iter().map(|set| Override::set(set)).collect();
    let config = Config::load(config, &overrides)?;
    let dataset = brink_data::load(&config.data, None)?;
    let train = &dataset.train;
    let (n, d, c) = (train.samples(), train.features(), train.columns());
    let task = brink_cli::train::task(train);
    std::fs::create_dir_all(folder)?;
    let weights = |steps: usize| folder.join(format!("weights-{steps}.safetensors"));
    let problem = Problem {
        model: config.model.resolved()?,
        loss: config.loss.resolved()?,
        task: task.clone(),
        inputs: folder.join("inputs.npy"),
        targets: folder.join("targets.npy"),
        weights: weights(0),
    };
    write_npy(&problem.inputs, [n, d], train.inputs_f32())?;
    let targets = train.targets().into_iter().map(|y| y as f32);
    write_npy(&problem.targets, [n, c], targets.collect())?;
    let parameters = config.model.declare(&task)?.parameters;
    Weights::initial(&config.model, &task, Precision::F32)?.write(
        &problem.weights,
        &parameters,
        Precision::F32,
        &[],
    )?;

    let mut stops: Vec<usize> = after.iter().copied().filter(|&steps| steps > 0).collect();
    stops.sort_unstable();
    let step_size = config.optimizer.step_size;
    if !stops.is_empty() {
        let mut at = Contestant::new(&problem, config.run.compression, device)?;
        let mut taken = 0;
        for steps in stops {
            at.descend(steps - taken, step_size)?;
            at.save(&weights(steps))?;
            taken = steps;
        }
    }
    Ok(json!({
        "samples": n,
        "features": d,
        "outputs": task.outputs,
        "task": task,
        "step_size": step_size,
        "source": dataset.provenance.source.to_string(),
        "model": problem.model,
        "loss": problem.loss,
    }))
}
