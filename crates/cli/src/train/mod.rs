//! `brink train`: from a config to a run folder.

mod compression;
pub(crate) mod describe;
mod fork;
mod left;
mod measure;
mod origin;
mod problem;
mod resume;
mod settings;
mod sizes;
mod targets;

use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime};

use brink_dynamics::measurement::Measurement;
use brink_dynamics::observer::{Observer, ObserverError, Outcome, RunSummary};
use brink_dynamics::record::{RunHeader, StepRecord};
use brink_dynamics::{Descent, Finished, Problem, Run, caught};
use brink_model::{Declared, Network, WeightFileError, Weights};
use burn::tensor::Device;

use crate::args;
use crate::backend::{Adapter, Backend, check_precision};
use crate::checkpoint::{CheckpointWriter, Facts};
use crate::conclude::{Failure, conclude};
use crate::config::{Config, Dtype, Fusion};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::measure::Context;
use crate::memory;
use crate::observe::RunFiles;
use crate::run_folder::{Destination, FINAL_WEIGHTS, INITIAL_WEIGHTS, RunFolder};
use crate::signals;
use crate::tell::tell;
use crate::utc;

use compression::{Compressed, compress};
use origin::Origin;
use problem::{Tensors, burn_dtype};

pub use fork::execute as fork;
pub use measure::{MeasureRequestError, execute as measure};
pub use problem::task;
pub use resume::execute as resume;
pub use sizes::SizeError;
pub use targets::WrongTargets;

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
    declared: Declared,
    weights: Weights,
    compressed: Option<Compressed>,
    problem: Problem<2>,
    measurements: Vec<Box<dyn Measurement<2>>>,
    adapter: Adapter,
    manifest: Manifest,
    origin: Origin,
    facts: Facts,
    /// What is other than the config says.
    note: Option<String>,
}

/// How a run is computed and where it goes, as the command line says.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What computes; without one, the build's first CPU backend.
    pub backend: Option<String>,
    /// Which of its devices.
    pub device: Option<String>,
    /// Where the run's files go.
    pub destination: Destination,
}

/// Runs `brink train`.
///
/// # Errors
///
/// [`Error`]. Whatever can be found wrong is found before the run's folder is created; of a run
/// that fails later, everything written so far is kept.
pub fn execute(arguments: &args::Train, command_line: Vec<String>) -> Result<Trained, Error> {
    let config = Config::load(&arguments.config, &arguments.changes.overrides())?;
    let request = Request {
        backend: arguments.backend.clone(),
        device: arguments.device.clone(),
        destination: Destination {
            out: arguments.out.clone(),
            force: arguments.force,
            quiet: arguments.quiet,
        },
    };
    run(config, &request, command_line)
}

/// The same with a config that was read already.
///
/// # Errors
/// As [`execute`].
pub fn run(config: Config, request: &Request, command_line: Vec<String>) -> Result<Trained, Error> {
    begin(config, request, command_line, Origin::Start, |name| {
        Ok(request.destination.take(name)?)
    })
}

/// Prepares a run, takes its folder by its name, and takes its steps.
fn begin(
    config: Config,
    request: &Request,
    command_line: Vec<String>,
    origin: Origin,
    take: impl FnOnce(&str) -> Result<RunFolder, Error>,
) -> Result<Trained, Error> {
    let kept = memory::keep_freed();
    let prepared = caught(|| prepare(config, request, command_line, origin))??;
    kept.trim();
    // From here on there is something to keep.
    let interrupt = signals::listen().map_err(Error::Interrupt)?;
    // Between two runs of a series: the files of an earlier run are not replaced for nothing.
    signals::go_on()?;
    let folder = take(&prepared.config.name)?;
    let quiet = request.destination.quiet;
    let say = |line: &str| {
        if !quiet {
            tell(line);
        }
    };
    if let Some((summary, line)) = prepared.origin.ended() {
        say(&line);
        return Ok(Trained { folder, summary });
    }
    say(&prepared.manifest.description);
    if let Some(reason) = &prepared.manifest.dataset.fallback {
        say(&format!("note: trains on synthetic images: {reason}"));
    }
    let absent = prepared.manifest.dataset.absent_classes();
    match absent.as_slice() {
        // Of CIFAR-100's, a line each would hide everything else.
        [first, .., last] if absent.len() > 10 => say(&format!(
            "note: no training sample is of {} of the classes, from class {first} to class {last}",
            absent.len()
        )),
        few => {
            for class in few {
                say(&format!("note: no training sample is of class {class}"));
            }
        }
    }
    if let Some(note) = &prepared.note {
        say(note);
    }
    say(&format!(
        "{} parameters in {}, on {}",
        prepared.manifest.parameters,
        prepared.config.run.dtype.as_str(),
        prepared.adapter,
    ));
    if let Some(line) = prepared.origin.in_words() {
        say(&line);
    }
    say(&format!("writes to {}", folder.path().display()));
    follow(prepared, folder, quiet, interrupt)
}

fn prepare(
    mut config: Config,
    request: &Request,
    command_line: Vec<String>,
    mut origin: Origin,
) -> Result<Prepared, Error> {
    let started = utc::iso_8601(SystemTime::now());
    let (backend, device, adapter) = open(request, config.run.dtype)?;
    let check = check_precision(&device, &adapter, config.run.matmul_precision)?;

    let clock = Instant::now();
    let dataset = brink_data::load(&config.data, None)?;
    let data_seconds = clock.elapsed().as_secs_f64();

    let clock = Instant::now();
    let task = task(&dataset.train);
    let declared = config.model.declare(&task)?;
    let loss = config.loss.loss()?.over(dataset.train.positions());
    let (kind, outputs) = (dataset.train.targets_kind(), dataset.train.outputs());
    targets::check(config.loss.kind, kind, outputs)?;
    let weights = origin.weights(&config, &dataset, &device)?;
    let samples = dataset.train.samples();
    let note = match origin.only_step() {
        Some(_) => sizes::fit_batches(&mut config, samples)?,
        None => None,
    };
    sizes::check(
        &config,
        weights.parameter_count(),
        samples,
        dataset.train.columns(),
    )?;
    let precision = burn_dtype(config.run.dtype).into();
    let compressed = compress(&config, &dataset.train, &weights)?;
    let (trained, trained_task) = match &compressed {
        Some(compressed) => (&compressed.weights, compressed.task(&task)),
        None => (&weights, task.clone()),
    };
    let network = Network::new(&config.model, &trained_task, trained, &device, precision)?;
    let tensors = Tensors::upload(
        &dataset.train,
        compressed.as_ref(),
        &device,
        config.run.dtype,
        config.run.microbatch,
    );
    let minibatch = config.optimizer.minibatch.as_ref();
    let mut problem = problem::trace(
        &network,
        &declared,
        loss,
        &tensors,
        compressed.as_ref(),
        minibatch,
    )?;
    let objective = &mut problem.objective;
    objective.set_fusion(config.run.fusion == Fusion::Auto);
    let measurements = config.measure.measurements(&Context {
        config: &config,
        problem: &problem,
        declared: &declared,
        loss,
        samples: &dataset.train,
        targets: &tensors.targets,
        random_batches: &|size, seed| {
            let fusion = config.run.fusion == Fusion::Auto;
            problem::random_batches((&network, loss, fusion), &tensors, size, seed)
        },
        test_set: &|samples| {
            let test = dataset.test.as_ref().ok_or(Error::NoTestSet)?;
            let test = test.first(samples.unwrap_or(usize::MAX));
            let run = &config.run;
            let tensors = Tensors::upload(&test, None, &device, run.dtype, run.microbatch);
            problem::test_set((&network, loss, run.fusion == Fusion::Auto), &tensors)
        },
    })?;
    let facts = Facts {
        brink_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: config.to_toml()?,
        backend: backend.to_string(),
        device: request.device.clone(),
        data: dataset.provenance.train.sha256.clone(),
        parent: origin.parent().cloned(),
    };
    origin.check(&facts, &problem)?;
    let trace_seconds = clock.elapsed().as_secs_f64();

    let told = Manifest::new(
        config.clone(),
        dataset.provenance.clone(),
        started,
        command_line,
    );
    let manifest = Manifest {
        parent: facts.parent.clone(),
        description: describe::describe(&config, &task, &dataset.provenance)?,
        parameters: weights.parameter_count(),
        coordinates: compressed.as_ref().map(Compressed::coordinates),
        backend: Some(backend),
        adapter: Some(adapter.clone()),
        matmul_check: Some(check),
        seconds: [("data", data_seconds), ("trace", trace_seconds)]
            .map(|(stage, seconds)| (stage.to_owned(), seconds))
            .into(),
        ..origin.manifest(told)
    };
    Ok(Prepared {
        config,
        network,
        declared,
        weights,
        compressed,
        problem,
        measurements,
        adapter,
        manifest,
        origin,
        facts,
        note,
    })
}

fn open(request: &Request, dtype: Dtype) -> Result<(Backend, Device, Adapter), Error> {
    let backend = match &request.backend {
        Some(name) => name.parse()?,
        None => Backend::default_of_build()?,
    };
    if !backend.has_float64() && dtype == Dtype::Float64 {
        return Err(Error::Float64 { backend });
    }
    let (device, adapter) = backend.device(request.device.as_deref())?;
    Ok((backend, device, adapter))
}

/// Takes the steps, with everything that is written on the way and at the end.
fn follow(
    prepared: Prepared,
    folder: RunFolder,
    quiet: bool,
    interrupt: &AtomicBool,
) -> Result<Trained, Error> {
    let Prepared {
        config,
        network,
        declared,
        weights,
        compressed,
        problem,
        mut measurements,
        manifest,
        adapter: _,
        origin,
        facts,
        note: _,
    } = prepared;
    let precision = config.run.dtype.precision();
    let extra = [("name", config.name.as_str())];
    let mut settings = settings::settings(&config, manifest.matmul_check);
    let only = origin.only_step();
    if let Some(step) = only {
        settings.steps = step + 1;
        (settings.stop_loss, settings.stop_accuracy) = (None, None);
    }
    let mut files = RunFiles::new(&folder, manifest, quiet);
    let parameters = &declared.parameters;
    let initial = folder.file(INITIAL_WEIGHTS);
    let mut initial = Initial(|| weights.write(&initial, parameters, precision, &extra));
    let layout = problem.objective.layout().clone();
    let theta = layout.flatten(&network);
    let [manifest, others @ ..] = files.observers();
    let mut observers: Vec<&mut dyn Observer> = vec![manifest];
    if only.is_none() {
        observers.push(&mut initial);
    }
    observers.extend(others);
    let begin = |error| Error::Begin(Box::new(error));
    let mut descent = Descent::new(&problem, theta, &settings, &mut measurements).map_err(begin)?;
    origin.give(&mut descent)?;
    let checkpoint = config.run.checkpoint;
    let tables: Vec<&str> = (descent.header().tables.iter())
        .map(|table| table.name)
        .collect();
    let mut writer = CheckpointWriter::new(&folder, facts, checkpoint, origin.saved(), &tables);
    let mut run = Run::new(descent);
    if only.is_none() {
        run = run.with_checkpoints(&mut writer);
    }
    if let Some(state) = origin.resumed() {
        run = run.resumed(state).map_err(begin)?;
        run = run.after_goal(origin.reached());
        origin.reopen(&folder, &tables)?;
    }
    let Finished {
        summary,
        theta,
        errors,
    } = run.follow(&mut observers, interrupt);
    let mut failures: Vec<Failure> = errors.into_iter().map(Failure::new).collect();
    if only.is_some() {
        // The weights are those that were there before.
        return conclude(folder, files, summary, failures);
    }
    // Also of a run that failed: they are where it can go on from.
    let written = caught(|| -> Result<(), Failure> {
        let last = layout.unflatten(&network, &theta).map_err(Failure::new)?;
        let last = last.weights().map_err(Failure::new)?;
        let last = match &compressed {
            Some(compressed) => {
                let start = network.weights().map_err(Failure::new)?;
                let lifted = compressed.lift(&weights, &start, &last);
                lifted.map_err(Failure::new)?
            }
            None => last,
        };
        let path = folder.file(FINAL_WEIGHTS);
        let written = last.write(&path, parameters, precision, &extra);
        written.map_err(Failure::new)
    });
    failures.extend(
        written
            .unwrap_or_else(|panic| Err(Failure::new(panic)))
            .err(),
    );
    conclude(folder, files, summary, failures)
}

/// Writes the initial weights, as the first of a run's files after its manifest.
struct Initial<W>(W);

impl<W: FnMut() -> Result<(), WeightFileError>> Observer for Initial<W> {
    fn name(&self) -> &'static str {
        INITIAL_WEIGHTS
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        match header.next_step > header.first_step {
            // They are there.
            true => Ok(()),
            false => Ok((self.0)()?),
        }
    }
}

/// The exit code for the way a run ended.
pub fn exit_code(outcome: &Outcome) -> i32 {
    match outcome {
        Outcome::Completed | Outcome::LossGoal { .. } | Outcome::AccuracyGoal { .. } => 0,
        // A result of the experiment, not a failure of the program.
        Outcome::Diverged { .. } => 0,
        Outcome::Interrupted => signals::exit_code(),
        Outcome::Failed { .. } => 1,
    }
}

/// How a run ended, in a line or two.
pub fn report(trained: &Trained) -> String {
    let summary = &trained.summary;
    let steps = summary.steps_recorded;
    let ending = match &summary.outcome {
        Outcome::Completed if steps == 1 => "the one step taken".to_owned(),
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
        Some(step) => {
            let formula = &summary.threshold_formula;
            let decided_by_the_hessian =
                |last: &StepRecord| last.threshold.is_some() || last.preconditioned.is_empty();
            let name = match summary.last.as_ref().is_none_or(decided_by_the_hessian) {
                true => "λ₁",
                false => "preconditioned λ₁",
            };
            format!("; {name} first rose past {formula} at step {step}")
        }
        None => String::new(),
    };
    format!("{ending}{crossing}\n{}", trained.folder.path().display())
}
