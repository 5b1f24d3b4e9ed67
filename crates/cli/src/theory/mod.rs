//! `brink theory`: the closed recursion of a two-layer linear network, in the place of training.

mod record;
mod setup;
mod sweep;

use std::path::Path;
use std::time::{Instant, SystemTime};

use brink_dynamics::observer::{Observer, Outcome, RunSummary};
use brink_dynamics::record::{RunHeader, StepRecord};
use brink_model::{Weights, weight_name};
use brink_plot::Titles;
use brink_theory::{Model, Schedule, Settings, State, run};

use crate::args;
use crate::config::{Config, Dtype};
use crate::error::Error;
use crate::manifest::{BURN_VERSION, Manifest, Method, Running, Status, git_revision};
use crate::observe::{EigenvaluesCsv, FigureObserver, ManifestObserver, Progress, TraceCsv};
use crate::run_folder::{EIGENVALUES_CSV, MANIFEST_JSON, RunFolder, TRACE_CSV, TRACE_SVG};
use crate::train::{OUTPUTS, Trained, describe, listen_for_interrupts};
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
/// [`Error`], before the folder is created for anything wrong with the config.
pub fn execute(arguments: &args::Theory, command_line: Vec<String>) -> Result<Trained, Error> {
    let prepared = prepare(arguments, command_line)?;
    let folder = match &arguments.out {
        Some(path) => RunFolder::at(path, arguments.force)?,
        None => RunFolder::next(
            Path::new(OUTPUTS),
            &format!("{}-theory", prepared.config.name),
        )?,
    };
    if !arguments.quiet {
        eprintln!("{}", prepared.manifest.description);
        eprintln!("writes to {}", folder.path().display());
    }
    let summary = follow(prepared, &folder, arguments.quiet)?;
    Ok(Trained { folder, summary })
}

fn prepare(arguments: &args::Theory, command_line: Vec<String>) -> Result<Prepared, Error> {
    let started = utc::iso_8601(SystemTime::now());
    let mut config = Config::load(&arguments.config, &arguments.changes.overrides())?;
    // Whatever precision training would have: the recursion has this one.
    config.run.dtype = Dtype::Float64;
    let loss = config.loss.loss()?;
    let network = setup::network(&config, loss)?;

    let clock = Instant::now();
    let dataset = brink_data::load(&config.data, None)?;
    let data_seconds = clock.elapsed().as_secs_f64();
    let (inputs, outputs) = (dataset.train.features(), dataset.train.outputs());
    if outputs != 1 {
        return Err(Unsupported {
            key: "data.targets",
            expected: "\"binary\"",
        }
        .into());
    }
    let layers = config.model.layers(inputs, outputs)?;
    let weights = Weights::initial(&config.model, inputs, outputs)?;
    let clock = Instant::now();
    let (model, state) = setup::model(network, &dataset.train, &weights)?;
    let setup_seconds = clock.elapsed().as_secs_f64();

    let settings = settings(&config);
    let gram = settings.gram.map_or(0, |schedule| schedule.count);
    let parameters = weights.parameter_count();
    let hidden_norm_sq = weights
        .get(&weight_name(0))
        .map_or(0.0, |tensor| tensor.values.iter().map(|w| w * w).sum());
    let description = describe::describe(&config, &layers, loss, &dataset.provenance);
    let manifest = Manifest {
        name: config.name.clone(),
        description: format!("{description} · closed recursion"),
        outcome: Status::Running(Running {}),
        started,
        steps_recorded: 0,
        first_crossing: None,
        command_line,
        brink_version: env!("CARGO_PKG_VERSION"),
        burn_version: BURN_VERSION,
        git_revision: git_revision(Path::new(".")),
        method: Method::Recursion,
        parameters,
        coordinates: None,
        dtype: config.run.dtype,
        backend: None,
        adapter: None,
        dataset: dataset.provenance,
        config: config.clone(),
        counters: Default::default(),
        seconds: [("data", data_seconds), ("setup", setup_seconds)]
            .map(|(stage, seconds)| (stage.to_owned(), seconds))
            .into(),
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

fn follow(prepared: Prepared, folder: &RunFolder, quiet: bool) -> Result<RunSummary, Error> {
    let Prepared {
        config,
        model,
        state,
        settings,
        header,
        mut converter,
        manifest,
    } = prepared;
    let titles = Titles {
        title: config.name.clone(),
        subtitle: manifest.description.clone(),
    };
    let phases = config.measure.phases;
    let mut trace = TraceCsv::new(folder.file(TRACE_CSV), phases);
    let mut eigenvalues = EigenvaluesCsv::new(folder.file(EIGENVALUES_CSV));
    let mut figure = FigureObserver::new(folder.file(TRACE_SVG), titles, phases);
    let mut manifest = ManifestObserver::new(folder.file(MANIFEST_JSON), manifest);
    let mut progress = Progress::on_stderr(quiet);
    let mut observers: [&mut dyn Observer; 5] = [
        &mut trace,
        &mut eigenvalues,
        &mut progress,
        &mut figure,
        &mut manifest,
    ];
    let interrupt = listen_for_interrupts()?;
    let failed = |observer: &'static str, step: u64, source| Error::Run {
        folder: folder.path().to_owned(),
        source: Box::new(brink_dynamics::RunError::Observer {
            observer,
            step,
            source,
        }),
    };
    for observer in &mut observers {
        let told = observer.start(&header);
        told.map_err(|source| failed(observer.name(), 0, source))?;
    }
    let clock = Instant::now();
    let mut recursion = run(&model, state, settings)?;
    let mut summary = RunSummary {
        outcome: Outcome::Completed,
        steps_recorded: 0,
        last: None,
        first_crossing: None,
        counters: Vec::new(),
        seconds: Vec::new(),
    };
    let mut was_below = false;
    let result = loop {
        if interrupt.load(std::sync::atomic::Ordering::Relaxed) {
            break Ok(Outcome::Interrupted);
        }
        let accuracy = accuracy(&recursion.state().outputs, model.targets());
        let record = match recursion.next() {
            Some(Ok(record)) => converter.convert(&record, accuracy),
            Some(Err(error)) => break Err(Error::Theory(error)),
            None => {
                break Ok(match recursion.outcome() {
                    Some(brink_theory::Outcome::Diverged { step }) => Outcome::Diverged {
                        what: format!("the state at step {step}"),
                    },
                    _ => Outcome::Completed,
                });
            }
        };
        note_crossing(&record, &mut was_below, &mut summary);
        let told = observers.iter_mut().try_for_each(|observer| {
            let told = observer.step(&record);
            told.map_err(|source| failed(observer.name(), record.step, source))
        });
        summary.steps_recorded = record.step + 1;
        let stop = goal(&config, &record);
        summary.last = Some(record);
        match (told, stop) {
            (Err(error), _) => break Err(error),
            (Ok(()), Some(outcome)) => break Ok(outcome),
            (Ok(()), None) => {}
        }
    };
    summary
        .seconds
        .push(("recursion".into(), clock.elapsed().as_secs_f64()));
    summary.outcome = match &result {
        Ok(outcome) => outcome.clone(),
        Err(error) => Outcome::Failed {
            message: error.to_string(),
        },
    };
    let mut finished = Ok(());
    for observer in &mut observers {
        let told = observer.finish(&summary);
        let step = summary.steps_recorded;
        finished = finished.and(told.map_err(|source| failed(observer.name(), step, source)));
    }
    result?;
    finished?;
    Ok(summary)
}

fn note_crossing(record: &StepRecord, was_below: &mut bool, summary: &mut RunSummary) {
    match record.sharpness() {
        Some(sharpness) if sharpness < record.threshold => *was_below = true,
        Some(_) if *was_below && summary.first_crossing.is_none() => {
            summary.first_crossing = Some(record.step);
        }
        _ => {}
    }
}

fn goal(config: &Config, record: &StepRecord) -> Option<Outcome> {
    let optimizer = &config.optimizer;
    match (optimizer.stop_loss, optimizer.stop_accuracy) {
        (Some(goal), _) if record.loss <= goal => Some(Outcome::LossGoal { goal }),
        (_, Some(goal)) if record.train_accuracy.is_some_and(|a| a >= goal) => {
            Some(Outcome::AccuracyGoal { goal })
        }
        _ => None,
    }
}

/// The share of outputs with their target's sign.
fn accuracy(outputs: &[f64], targets: &[f64]) -> f64 {
    let right = outputs.iter().zip(targets).filter(|(f, y)| *f * *y > 0.0);
    right.count() as f64 / targets.len().max(1) as f64
}
