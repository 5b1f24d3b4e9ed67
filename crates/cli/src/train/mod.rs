//! `brink train`: from a config to a run folder.

mod compression;
pub(crate) mod describe;
mod measurements;
mod problem;
mod settings;
mod sizes;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use brink_dynamics::measurement::Measurement;
use brink_dynamics::observer::{Outcome, RunSummary};
use brink_dynamics::{Finished, Problem};
use brink_model::{Network, Precision, Weights};
use burn::tensor::Device;

use crate::args;
use crate::backend::{Adapter, Backend};
use crate::config::{Config, Dtype, Fusion};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::observe::RunFiles;
use crate::run_folder::{FINAL_WEIGHTS, INITIAL_WEIGHTS, RunFolder};
use crate::utc;

use compression::{Compressed, compress};
use problem::{Tensors, burn_dtype};

pub use sizes::SizeError;

/// Where numbered run folders go.
pub(crate) const OUTPUTS: &str = "outputs";

/// A run that has come to its end.
#[derive(Debug)]
pub struct Trained {
    /// Its folder.
    pub folder: RunFolder,
    /// How it ended.
    pub summary: RunSummary,
}

/// Everything that a run needs, before anything of it is written.
struct Prepared {
    config: Config,
    network: Network,
    weights: Weights,
    compressed: Option<Compressed>,
    problem: Problem<2>,
    measurements: Vec<Box<dyn Measurement<2>>>,
    adapter: Adapter,
    manifest: Manifest,
}

/// Runs `brink train`.
///
/// # Errors
///
/// [`Error`]. Whatever can be found wrong is found before the run's folder is created; of a run
/// that fails later, everything written so far is kept.
pub fn execute(arguments: &args::Train, command_line: Vec<String>) -> Result<Trained, Error> {
    let prepared = prepare(arguments, command_line)?;
    let folder = match &arguments.out {
        Some(path) => RunFolder::at(path, arguments.force)?,
        None => RunFolder::next(Path::new(OUTPUTS), &prepared.config.name)?,
    };
    let say = |line: &str| {
        if !arguments.quiet {
            eprintln!("{line}");
        }
    };
    say(&prepared.manifest.description);
    if let Some(reason) = &prepared.manifest.dataset.fallback {
        say(&format!("note: trains on synthetic images: {reason}"));
    }
    say(&format!(
        "{} parameters in {}, on {}",
        prepared.manifest.parameters,
        prepared.config.run.dtype.as_str(),
        prepared.adapter,
    ));
    say(&format!("writes to {}", folder.path().display()));
    let summary = follow(prepared, &folder, arguments.quiet)?;
    Ok(Trained { folder, summary })
}

fn prepare(arguments: &args::Train, command_line: Vec<String>) -> Result<Prepared, Error> {
    let started = utc::iso_8601(SystemTime::now());
    let config = Config::load(&arguments.config, &arguments.changes.overrides())?;
    let (backend, device, adapter) = open(arguments, config.run.dtype)?;

    let clock = Instant::now();
    let dataset = brink_data::load(&config.data, None)?;
    let data_seconds = clock.elapsed().as_secs_f64();

    let clock = Instant::now();
    let (inputs, outputs) = (dataset.train.features(), dataset.train.outputs());
    let layers = config.model.layers(inputs, outputs)?;
    let loss = config.loss.loss()?;
    let weights = Weights::initial(&config.model, inputs, outputs)?;
    let samples = dataset.train.samples();
    sizes::check(&config, weights.parameter_count(), samples, outputs)?;
    let precision = burn_dtype(config.run.dtype).into();
    let compressed = compress(&config, &dataset.train, &weights)?;
    let (trained, inputs) = match &compressed {
        Some(compressed) => (&compressed.weights, compressed.coordinates()),
        None => (&weights, inputs),
    };
    let network = Network::new(&config.model, inputs, outputs, trained, &device, precision)?;
    let tensors = Tensors::upload(
        &dataset.train,
        compressed.as_ref(),
        &device,
        config.run.dtype,
        config.run.microbatch,
    );
    let mut problem = problem::trace(&network, &layers, loss, &tensors, compressed.as_ref())?;
    let objective = &mut problem.objective;
    objective.set_fusion(config.run.fusion == Fusion::Auto);
    let measurements = measurements::measurements(&config, &problem, loss, &tensors.targets)?;
    let trace_seconds = clock.elapsed().as_secs_f64();

    let manifest = Manifest {
        description: describe::describe(&config, &layers, loss, &dataset.provenance),
        parameters: weights.parameter_count(),
        coordinates: compressed.as_ref().map(Compressed::coordinates),
        backend: Some(backend),
        adapter: Some(adapter.clone()),
        seconds: [("data", data_seconds), ("trace", trace_seconds)]
            .map(|(stage, seconds)| (stage.to_owned(), seconds))
            .into(),
        ..Manifest::new(config.clone(), dataset.provenance, started, command_line)
    };
    Ok(Prepared {
        config,
        network,
        weights,
        compressed,
        problem,
        measurements,
        adapter,
        manifest,
    })
}

fn open(arguments: &args::Train, dtype: Dtype) -> Result<(Backend, Device, Adapter), Error> {
    let backend = match &arguments.backend {
        Some(name) => name.parse()?,
        None => Backend::default_of_build()?,
    };
    if backend == Backend::Wgpu && dtype == Dtype::Float64 {
        return Err(Error::Float64 { backend });
    }
    let (device, adapter) = backend.device(arguments.device.as_deref())?;
    Ok((backend, device, adapter))
}

/// Takes the steps, with everything that is written on the way.
fn follow(prepared: Prepared, folder: &RunFolder, quiet: bool) -> Result<RunSummary, Error> {
    let Prepared {
        config,
        network,
        weights,
        compressed,
        problem,
        mut measurements,
        manifest,
        adapter: _,
    } = prepared;
    let precision = match config.run.dtype {
        Dtype::Float32 => Precision::F32,
        Dtype::Float64 => Precision::F64,
    };
    let extra = [("name", config.name.as_str())];
    weights.write(&folder.file(INITIAL_WEIGHTS), precision, &extra)?;

    let mut files = RunFiles::new(folder, manifest, quiet);
    let interrupt = listen_for_interrupts()?;
    let layout = problem.objective.layout().clone();
    let theta = layout.flatten(&network);
    let Finished { summary, theta } = brink_dynamics::run(
        &problem,
        theta,
        &settings::settings(&config),
        &mut measurements,
        &mut files.observers(),
        interrupt,
    )
    .map_err(|source| Error::Run {
        folder: folder.path().to_owned(),
        source: Box::new(source),
    })?;
    let last = layout.unflatten(&network, &theta)?.weights()?;
    let last = match &compressed {
        Some(compressed) => compressed.lift(&weights, &network.weights()?, &last)?,
        None => last,
    };
    last.write(&folder.file(FINAL_WEIGHTS), precision, &extra)?;
    Ok(summary)
}

/// A flag that Ctrl-C sets; a second Ctrl-C ends the process at once.
pub(crate) fn listen_for_interrupts() -> Result<&'static AtomicBool, Error> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(flag) = FLAG.get() {
        return Ok(flag);
    }
    let flag = Arc::clone(FLAG.get_or_init(Arc::default));
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        eprintln!("\nfinishing this step; Ctrl-C again to stop at once");
    })?;
    Ok(FLAG.get_or_init(Arc::default))
}

/// The exit code of a process that Ctrl-C ended, by the shells' convention.
const INTERRUPTED: i32 = 130;

/// The exit code for the way a run ended.
pub fn exit_code(outcome: &Outcome) -> i32 {
    match outcome {
        Outcome::Completed | Outcome::LossGoal { .. } | Outcome::AccuracyGoal { .. } => 0,
        // A result of the experiment, not a failure of the program.
        Outcome::Diverged { .. } => 0,
        Outcome::Interrupted => INTERRUPTED,
        Outcome::Failed { .. } => 1,
    }
}

/// How a run ended, in a line or two.
pub fn report(trained: &Trained) -> String {
    let summary = &trained.summary;
    let steps = summary.steps_recorded;
    let ending = match &summary.outcome {
        Outcome::Completed => format!("all {steps} steps taken"),
        Outcome::LossGoal { goal } => format!("the loss reached {goal} after {steps} steps"),
        Outcome::AccuracyGoal { goal } => {
            format!("the training accuracy reached {goal} after {steps} steps")
        }
        Outcome::Diverged { what } => {
            format!("warning: diverged: {what} is not finite; a smaller step size may help")
        }
        Outcome::Interrupted => format!("interrupted after {steps} steps"),
        Outcome::Failed { message } => message.clone(),
    };
    let crossing = match summary.first_crossing {
        Some(step) => format!("; λ₁ first rose past 2/η at step {step}"),
        None => String::new(),
    };
    format!("{ending}{crossing}\n{}", trained.folder.path().display())
}
