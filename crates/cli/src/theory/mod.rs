//! `brink theory`: the closed recursion of a two-layer linear network, in the place of training.

mod record;
mod setup;
mod sweep;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use brink_dynamics::observer::Outcome;
use brink_dynamics::record::{RunHeader, StepRecord};
use brink_dynamics::{Goals, Recording, RunError, caught};
use brink_model::{Precision, Weights, weight_name};
use brink_theory::{Model, Run, Schedule, Settings, State, run};

use crate::args;
use crate::conclude::{Failure, conclude};
use crate::config::{Config, Dtype};
use crate::error::Error;
use crate::manifest::{Manifest, Method};
use crate::memory;
use crate::observe::RunFiles;
use crate::run_folder::Destination;
use crate::signals;
use crate::tell::tell;
use crate::train::task;
use crate::train::{Trained, describe};
use crate::utc;

use record::Converter;

pub use setup::Unsupported;
pub use sweep::sweep;

/// Everything that the recursion needs, before anything is written.
struct Prepared {
    config: Config,
    model: Model,
    state: State,
    settings: Settings,
    header: RunHeader,
    converter: Converter,
    manifest: Manifest,
}

/// Runs `brink theory`: the same config as `brink train`, the same files but for the weights.
///
/// # Errors
/// [`Error`]. Whatever can be found wrong is found before the run's folder is created.
pub fn execute(arguments: &args::Theory, command_line: Vec<String>) -> Result<Trained, Error> {
    let config = Config::load(&arguments.config, &arguments.changes.overrides())?;
    let destination = Destination {
        out: arguments.out.clone(),
        force: arguments.force,
        quiet: arguments.quiet,
    };
    follow(config, &destination, command_line)
}

/// The same with a config that was read already.
///
/// # Errors
/// As [`execute`].
pub fn follow(
    config: Config,
    destination: &Destination,
    command_line: Vec<String>,
) -> Result<Trained, Error> {
    let kept = memory::keep_freed();
    let prepared = caught(|| prepare(config, command_line))??;
    kept.trim();
    let Prepared {
        config,
        model,
        state,
        settings,
        header,
        converter,
        manifest,
    } = prepared;
    let recursion = caught(|| run(&model, state, settings))??;
    // From here on there is something to keep.
    let interrupt = signals::listen().map_err(Error::Interrupt)?;
    // Between two runs of a series: the files of an earlier run are not replaced for nothing.
    signals::go_on()?;
    let folder = destination.take(&format!("{}-theory", config.name))?;
    if !destination.quiet {
        tell(&manifest.description);
        tell(format_args!("writes to {}", folder.path().display()));
    }
    let mut files = RunFiles::new(&folder, manifest, destination.quiet);
    let mut observers = files.observers();
    let goals = Goals {
        loss: config.optimizer.stop_loss,
        accuracy: config.optimizer.stop_accuracy,
    };
    let mut recording = Recording::new(&mut observers, goals);
    let clock = Instant::now();
    let result = caught(|| {
        recording.start(&header).map_err(Failure::new)?;
        steps(recursion, model.targets(), converter, interrupt, |record| {
            recording.step(record)
        })
    })
    .unwrap_or_else(|panic| Err(Failure::new(panic)));
    let ended = match &result {
        Ok(outcome) => Ok(outcome.clone()),
        Err(failure) => Err(failure as &dyn std::error::Error),
    };
    let seconds = vec![("recursion".to_owned(), clock.elapsed().as_secs_f64())];
    let (summary, unfinished) = recording.finish(ended, Vec::new(), seconds);
    let unfinished = unfinished.into_iter().map(Failure::new);
    let failures = result.err().into_iter().chain(unfinished).collect();
    conclude(folder, files, summary, failures)
}

fn prepare(mut config: Config, command_line: Vec<String>) -> Result<Prepared, Error> {
    let started = utc::iso_8601(SystemTime::now());
    // Whatever precision training would have: the recursion has this one.
    config.run.dtype = Dtype::Float64;
    let loss = config.loss.loss()?;
    let network = setup::network(&config, loss)?;

    let clock = Instant::now();
    let dataset = brink_data::load(&config.data, None)?;
    let data_seconds = clock.elapsed().as_secs_f64();
    if dataset.train.outputs() != 1 {
        return Err(Unsupported {
            key: "data.targets",
            expected: "\"binary\"",
        }
        .into());
    }
    let task = task(&dataset.train);
    let weights = Weights::initial(&config.model, &task, Precision::F64)?;
    let clock = Instant::now();
    let (model, state) = setup::model(network, &dataset.train, &weights)?;
    let setup_seconds = clock.elapsed().as_secs_f64();

    let settings = settings(&config);
    let gram = settings.gram.map_or(0, |schedule| schedule.count);
    let parameters = weights.parameter_count();
    let hidden_norm_sq = weights
        .get(&weight_name(0))
        .map_or(0.0, |tensor| tensor.values.iter().map(|w| w * w).sum());
    let description = describe::describe(&config, &task, &dataset.provenance)?;
    let manifest = Manifest {
        description: format!("{description} · closed recursion"),
        method: Method::Recursion,
        parameters,
        seconds: [("data", data_seconds), ("setup", setup_seconds)]
            .map(|(stage, seconds)| (stage.to_owned(), seconds))
            .into(),
        ..Manifest::new(config.clone(), dataset.provenance, started, command_line)
    };
    Ok(Prepared {
        header: record::header(&config, parameters, gram),
        converter: Converter::new(&config, &model, gram, hidden_norm_sq),
        config,
        model,
        state,
        settings,
        manifest,
    })
}

/// The config's schedules; what costs nothing is measured anyway.
fn settings(config: &Config) -> Settings {
    let eigenvalues = config.measure.eigenvalues.as_ref();
    let gram = config.measure.gram.as_ref();
    Settings {
        gram: Some(Schedule {
            count: gram.map_or(2, |gram| gram.count),
            every: gram.map_or(1, |gram| gram.every),
        }),
        hessian: eigenvalues.map(|eigenvalues| Schedule {
            count: eigenvalues.count,
            every: eigenvalues.every,
        }),
        layers_every: config.measure.layer_sharpness.as_ref().map(|t| t.every),
        // A run of T steps records the iterates 0 to T − 1.
        ..Settings::new(config.optimizer.step_size, config.optimizer.steps - 1)
    }
}

/// Takes the steps, and gives each record to `see`, which may end the run.
fn steps(
    mut recursion: Run<'_>,
    targets: &[f64],
    mut converter: Converter,
    interrupt: &AtomicBool,
    mut see: impl FnMut(StepRecord) -> Result<Option<Outcome>, RunError>,
) -> Result<Outcome, Failure> {
    while !interrupt.load(Ordering::Relaxed) {
        let accuracy = accuracy(&recursion.state().outputs, targets);
        let Some(record) = recursion.next() else {
            return Ok(match recursion.outcome() {
                Some(brink_theory::Outcome::Diverged { step }) => Outcome::Diverged {
                    what: format!("the state at step {step}"),
                },
                _ => Outcome::Completed,
            });
        };
        let record = converter.convert(&record.map_err(Failure::new)?, accuracy);
        if let Some(outcome) = see(record).map_err(Failure::new)? {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Interrupted)
}

/// The share of outputs with their target's sign.
fn accuracy(outputs: &[f64], targets: &[f64]) -> f64 {
    let right = outputs.iter().zip(targets).filter(|(f, y)| *f * *y > 0.0);
    right.count() as f64 / targets.len().max(1) as f64
}
