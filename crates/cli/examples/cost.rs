//! What a gradient and products in blocks cost on this machine, on the tanh network of
//! `configs/tanh.toml` with the synthetic images: `just bench`.
//!
//! Medians over interleaved rounds, with minimum and maximum, and ratios to the gradient.

use std::time::Instant;

use brink_cli::backend::Backend;
use brink_data::DataConfig;
use brink_linearize::{Batch, LinearizeError, Objective};
use brink_model::{Loss, ModelConfig, Network, Weights};
use burn::tensor::{DType, Tensor, TensorData};

const ROUNDS: usize = 15;
const BLOCKS: [usize; 4] = [1, 2, 4, 8];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let backend = match std::env::args().nth(1) {
        Some(name) => name.parse()?,
        None => Backend::default_of_build()?,
    };
    let (device, adapter) = backend.device(None)?;
    let data: DataConfig = toml::from_str("source = \"synthetic\"\nsamples = 1000")?;
    let train = brink_data::load(&data, None)?.train;
    let (n, d, c) = (train.samples(), train.features(), train.outputs());
    let model: ModelConfig =
        toml::from_str("kind = \"mlp\"\nhidden = [200, 200]\nactivation = \"tanh\"\nbias = true")?;
    let weights = Weights::initial(&model, d, c)?;
    let network = Network::new(&model, d, c, &weights, &device, DType::F32.into())?;
    let batch = Batch::new()
        .with(Tensor::<2>::from_data(
            TensorData::new(train.inputs_f32(), [n, d]),
            (&device, DType::F32),
        ))
        .with(Tensor::<2>::from_data(
            TensorData::new(train.targets(), [n, c]).convert_dtype(DType::F32),
            (&device, DType::F32),
        ));
    let loss = Loss::Mse { factor: 0.5 };
    let objective = Objective::trace(
        &network,
        &batch,
        |network, batch| network.forward(batch.float(0)),
        |outputs, batch| loss.forward(outputs, batch.float(1)),
    )?;
    let theta = objective.layout().flatten(&network);
    let p = objective.parameters();
    println!("fc-tanh {d}-200-200-{c}, n = {n}, P = {p}, float32, on {adapter}");

    let mut gradients = Vec::new();
    let mut products = BLOCKS.map(|_| Vec::new());
    for round in 0..=ROUNDS {
        // The first round warms caches and kernels up, and is not kept.
        let keep = round > 0;
        let seconds = time(|| Ok(objective.gradient(&theta)?.gradient))?;
        gradients.extend(keep.then_some(seconds));
        let mut at = objective.linearize(&theta)?;
        for (k, times) in BLOCKS.into_iter().zip(&mut products) {
            let block = at.gradient().clone().reshape([1, p]).repeat_dim(0, k);
            let seconds = time(|| Ok(at.hvp(block.clone())?.reshape([k * p])))?;
            times.extend(keep.then_some(seconds / k as f64));
        }
    }
    let gradient = row("gradient", &mut gradients, None);
    for (k, times) in BLOCKS.into_iter().zip(&mut products) {
        row(&format!("product in a block of {k}"), times, Some(gradient));
    }
    Ok(())
}

/// Seconds until the result has been computed and can be read.
fn time(
    work: impl FnOnce() -> Result<Tensor<1>, LinearizeError>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let result = work()?;
    result.slice(0..1).try_into_data()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Prints a row and returns its median.
fn row(what: &str, seconds: &mut [f64], gradient: Option<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let ratio = gradient.map_or(String::new(), |g| format!("  {:.2} gradients", median / g));
    println!(
        "{what:<24} {:7.2} ms  ({:.2} … {:.2}){ratio}",
        median * 1e3,
        seconds[0] * 1e3,
        seconds[seconds.len() - 1] * 1e3,
    );
    median
}
