//! Brink as a contestant of the benchmark (`bench/README.md`): one JSON request a line on standard
//! input, one JSON answer a line on standard output. The argument names the backend.
//!
//! It drives the engine's own parts as `brink train` does: compression, linearisation, eigensolver.

mod contestant;
mod export;
mod launches;
mod npy;

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use brink_cli::backend::Backend;
use brink_cli::config::Compression;
use burn::tensor::Device;
use serde::Deserialize;
use serde_json::{Value, json};

use contestant::{Contestant, Problem};

type Answer = Result<Value, Box<dyn Error>>;

/// What can be asked.
#[derive(Deserialize)]
#[serde(tag = "work", rename_all = "lowercase")]
enum Request {
    /// Writes a config's data and weights to a folder: those at the start, and those after some
    /// numbers of plain gradient descent steps.
    Export {
        config: PathBuf,
        set: Vec<String>,
        folder: PathBuf,
        after: Vec<usize>,
    },
    /// Takes up a problem.
    Load {
        problem: Problem,
        compression: Compression,
    },
    /// Loss, gradient norm and ‖H·g‖/‖g‖ at the current weights.
    Values,
    /// Times gradients.
    Gradient { repeat: usize },
    /// Times products in a block; seconds are those of one vector.
    Product { block: usize, repeat: usize },
    /// Times the spectral density, from `probes` vectors by `steps` products each, with the trace.
    Spectrum {
        probes: usize,
        steps: usize,
        repeat: usize,
    },
    /// Times ∇³L[u, u] and, as seconds of one vector v, ∇³L[u, v] for a block of them.
    Third { block: usize, repeat: usize },
    /// Prepares consecutive steps that begin at the weights of a file.
    Start {
        weights: PathBuf,
        count: usize,
        tolerance: f64,
    },
    /// Takes training steps with eigenvalues.
    Steps { steps: usize, step_size: f64 },
    /// Writes the weights that the last step measured.
    Save { weights: PathBuf },
    /// Times a product of two square matrices and a pass over a vector: the device's limits.
    Limits {
        side: usize,
        elements: usize,
        repeat: usize,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let _kept = brink_cli::memory::keep_freed();
    let backend = match std::env::args().nth(1) {
        Some(name) => name.parse()?,
        None => Backend::default_of_build()?,
    };
    let (device, adapter) = backend.device(None)?;
    let mut loaded = None;
    for line in std::io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?)
            .map_err(Into::into)
            .and_then(|request| answer(request, &mut loaded, &device));
        let answer = match answer {
            Ok(mut answer) => {
                answer["versions"] = json!({"brink": adapter.to_string()});
                answer
            }
            Err(error) => json!({"error": with_causes(&*error)}),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}

fn answer(request: Request, loaded: &mut Option<Contestant>, device: &Device) -> Answer {
    match request {
        Request::Export {
            config,
            set,
            folder,
            after,
        } => export::export(&config, &set, &folder, &after, device),
        Request::Load {
            problem,
            compression,
        } => Ok(loaded
            .insert(Contestant::new(&problem, compression, device)?)
            .describe()),
        Request::Values => ready(loaded)?.values(),
        Request::Gradient { repeat } => ready(loaded)?.gradient(repeat),
        Request::Product { block, repeat } => ready(loaded)?.product(block, repeat),
        Request::Spectrum {
            probes,
            steps,
            repeat,
        } => ready(loaded)?.spectrum(probes, steps, repeat),
        Request::Third { block, repeat } => ready(loaded)?.third(block, repeat),
        Request::Start {
            weights,
            count,
            tolerance,
        } => ready(loaded)?.start(&weights, count, tolerance, device),
        Request::Steps { steps, step_size } => ready(loaded)?.steps(steps, step_size),
        Request::Save { weights } => {
            ready(loaded)?.save(&weights)?;
            Ok(json!({}))
        }
        Request::Limits {
            side,
            elements,
            repeat,
        } => contestant::limits(side, elements, repeat, device),
    }
}

fn ready(loaded: &mut Option<Contestant>) -> Result<&mut Contestant, &'static str> {
    loaded.as_mut().ok_or("no problem is loaded")
}
