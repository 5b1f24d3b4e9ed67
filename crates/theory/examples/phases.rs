//! Prints a run that goes around the four phases a few times, as CSV.
//!
//! Inputs are normal with a variance that falls as a power of the coordinate's index, as that of
//! the principal components of natural images does; targets are ±1, the sign of a linear function
//! plus noise. Arguments, all optional, in order: samples n, dimension d, width m, step size η,
//! steps, power, noise, seed. Among them may stand the words `summary`, to print one line instead,
//! and `plain`, for the network of plain linear layers: inputs of variance 1 a coordinate and
//! weights of variance 1/(3·fan-in), as PyTorch's default, without the factor 1/√m; try
//! `64 768 32 0.008 800 plain`.

use std::error::Error;

use brink_theory::faer::Mat;
use brink_theory::{InitialScale, Model, Network, Parametrisation, Schedule, Settings, State, run};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let mut unit = || ((rng.next_u64() >> 11) as f64 + 0.5) * 2f64.powi(-53);
    (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos()
}

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, words): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|word| word.parse::<f64>().is_err());
    if let Some(word) = flags.iter().find(|w| *w != "summary" && *w != "plain") {
        return Err(format!("`{word}` is neither a number nor `summary` nor `plain`").into());
    }
    let flag = |name: &str| flags.iter().any(|word| word == name);
    let (summary, plain) = (flag("summary"), flag("plain"));
    let number = |i: usize, default: f64| words.get(i).map_or(Ok(default), |w| w.parse::<f64>());
    let (n, d) = (number(0, 64.0)? as usize, number(1, 300.0)? as usize);
    let (m, step_size, steps) = (
        number(2, 16.0)? as usize,
        number(3, 1.2)?,
        number(4, 540.0)?,
    );
    let (power, noise, seed) = (number(5, 1.4)?, number(6, 1.0)?, number(7, 0.0)? as u64);

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let variance: Vec<f64> = (1..=d).map(|j| (j as f64).powf(-power)).collect();
    // A sample's squared norm is 1 on average, or d.
    let norm_sq = if plain { d as f64 } else { 1.0 };
    let scale = norm_sq / variance.iter().sum::<f64>();
    let teacher: Vec<f64> = (0..d).map(|_| normal(&mut rng)).collect();
    let mut inputs = Mat::zeros(d, n);
    let mut targets = Vec::with_capacity(n);
    for i in 0..n {
        let mut signal = noise * normal(&mut rng);
        for j in 0..d {
            let value = (scale * variance[j]).sqrt() * normal(&mut rng);
            inputs[(j, i)] = value;
            signal += teacher[j] * value / norm_sq.sqrt();
        }
        targets.push(signal.signum());
    }

    let network = Network {
        width: m,
        parametrisation: if plain {
            Parametrisation::Plain
        } else {
            Parametrisation::Scaled
        },
    };
    let initial = if plain {
        InitialScale {
            output: (3.0 * m as f64).sqrt().recip(),
            hidden: (3.0 * d as f64).sqrt().recip(),
        }
    } else {
        InitialScale::default()
    };
    let model = Model::from_inputs(inputs.as_ref(), targets, network, 1.0)?;
    let state = State::draw(inputs.as_ref(), network, initial, seed)?;
    let mut settings = Settings::new(step_size, steps as u64);
    settings.gram = Some(Schedule { count: 2, every: 1 });
    settings.hessian = Some(Schedule { count: 1, every: 1 });

    let (mut before, mut upward, mut highest) = (f64::NAN, Vec::new(), 0.0_f64);
    if !summary {
        println!(
            "step,loss,sharpness_over_threshold,gram_2_over_threshold,output_norm_sq_per_unit,residual_on_v1,residual_dot_output"
        );
    }
    let mut run = run(&model, state, settings)?;
    let mut last = 0.0;
    for record in run.by_ref() {
        let record = record?;
        let sharpness = record.lambda[0] / record.threshold;
        if before < 1.0 && sharpness >= 1.0 {
            upward.push(record.step);
        }
        (before, highest, last) = (sharpness, highest.max(sharpness), record.loss);
        if !summary {
            println!(
                "{},{:e},{},{},{},{:e},{}",
                record.step,
                record.loss,
                sharpness,
                record.gram_lambda[1] / record.threshold,
                record.output_norm_sq / m as f64,
                record.residual_on_v1.unwrap_or_default(),
                record.residual_dot_output,
            );
        } else if record.step == 0 {
            print!("start {sharpness:.3} loss {:.3}; ", record.loss);
        }
    }
    if summary {
        println!(
            "highest {highest:.3}, end {before:.3} loss {last:.2e}, {:?}; upward at {:?}",
            run.outcome(),
            &upward[..upward.len().min(14)]
        );
    }
    Ok(())
}
