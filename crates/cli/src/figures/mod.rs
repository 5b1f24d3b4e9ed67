//! `brink figures`: the runs that the paper's figures need, then the figures.

mod plan;

use std::io::Write;
use std::path::{Path, PathBuf};

use brink_analysis::{MANIFEST_LIMIT, Trace};
use brink_plot::{paper, png};

use crate::args;
use crate::atomic::write_atomically;
use crate::config::Config;
use crate::error::Error;
use crate::run_folder::{Destination, MANIFEST_JSON};
use crate::signals;
use crate::tell::{tell, tell_to};
use crate::{theory, train};

use plan::{FIGURES, Kind, Planned, PlannedFigure};

/// Scale of the PNG files against the SVG's points: about 200 dots an inch.
const PNG_SCALE: f32 = 2.75;

/// A figure number that there is none of.
#[derive(Debug, thiserror::Error)]
#[error("there is no figure {number}: they are numbered 1 to {last}")]
pub struct NoSuchFigure {
    /// What was asked for.
    pub number: usize,
    /// The highest number.
    pub last: usize,
}

/// Runs what is not there yet, draws every figure, and says where it is.
///
/// A run that completed with the same config is not repeated, so an interrupted call goes on
/// where it stopped.
///
/// # Errors
/// [`Error`] of the first run or figure that fails; the figures before it are there.
pub fn run(
    arguments: &args::Figures,
    command_line: &[String],
    out: &mut impl Write,
) -> Result<i32, Error> {
    let last = FIGURES.len();
    if let Some(&number) = arguments.only.iter().find(|n| !(1..=last).contains(n)) {
        return Err(NoSuchFigure { number, last }.into());
    }
    if arguments.configs.is_none() && !arguments.quiet {
        tell("uses the configs built in, those of configs/figures; --configs names others");
    }
    signals::listen().map_err(Error::Interrupt)?;
    let wanted = FIGURES
        .iter()
        .filter(|figure| arguments.only.is_empty() || arguments.only.contains(&figure.number));
    for figure in wanted {
        let mut traces = Vec::with_capacity(figure.runs.len());
        for run in figure.runs {
            let folder = arguments.runs.join(run.name);
            if let Some(code) = complete(arguments, run, &folder, command_line)? {
                return Ok(code);
            }
            traces.push(Trace::read(&folder)?);
        }
        signals::go_on()?;
        for path in write(arguments, figure, &traces)? {
            tell_to(out, path.display());
        }
    }
    Ok(0)
}

/// Makes sure that a run is there; the exit code if it was interrupted.
fn complete(
    arguments: &args::Figures,
    run: &Planned,
    folder: &Path,
    command_line: &[String],
) -> Result<Option<i32>, Error> {
    let mut changes = arguments.changes();
    changes
        .set
        .extend(run.set.iter().map(|set| (*set).to_owned()));
    // What the caller sets wins.
    changes.set.extend(arguments.set.iter().cloned());
    let config = match &arguments.configs {
        Some(configs) => Config::load(&configs.join(run.config.name), &changes.overrides())?,
        None => {
            let name = format!("configs/figures/{} (built in)", run.config.name);
            Config::parse(&name, run.config.text, &changes.overrides())?
        }
    };
    if is_complete(folder, &config, run.kind) {
        return Ok(None);
    }
    signals::go_on()?;
    let command_line = command_line.to_vec();
    let destination = Destination {
        out: Some(folder.to_owned()),
        force: folder.exists(),
        quiet: arguments.quiet,
    };
    let trained = match run.kind {
        Kind::Train => {
            let request = train::Request {
                backend: arguments.backend.clone(),
                device: None,
                destination,
            };
            train::run(config, &request, command_line)?
        }
        Kind::Theory => theory::follow(config, &destination, command_line)?,
    };
    let code = train::exit_code(&trained.summary.outcome);
    Ok((code != 0).then_some(code))
}

/// Whether a folder holds a run of this config that came to its end.
fn is_complete(folder: &Path, config: &Config, kind: Kind) -> bool {
    let Ok(json) = brink_files::read(&folder.join(MANIFEST_JSON), MANIFEST_LIMIT) else {
        return false;
    };
    let Ok(manifest) = serde_json::from_slice::<serde_json::Value>(&json) else {
        return false;
    };
    let mut config = config.clone();
    if kind == Kind::Theory {
        config.run.dtype = crate::config::Dtype::Float64;
    }
    let same = serde_json::to_value(config).is_ok_and(|config| manifest["config"] == config);
    let ended = ["completed", "diverged", "loss_goal", "accuracy_goal"];
    let outcome = manifest["outcome"]["kind"].as_str();
    same && outcome.is_some_and(|outcome| ended.contains(&outcome))
}

/// Draws a figure as SVG and PNG.
fn write(
    arguments: &args::Figures,
    figure: &PlannedFigure,
    traces: &[Trace],
) -> Result<Vec<PathBuf>, Error> {
    let svg = match (figure.number, traces) {
        (1, [linear]) => paper::loss_and_sharpness(linear)?,
        (2, [linear]) => paper::four_phases(linear)?,
        (3, networks) => paper::sharpness_and_output_norm(networks)?,
        (4, [linear]) => paper::gauss_newton(linear)?,
        (5, [flow]) => paper::gradient_flow(flow)?,
        (6, [model, trained]) => paper::theory(model, trained)?,
        (_, runs) => paper::step_sizes(runs)?,
    };
    let name = format!("figure{}-{}", figure.number, figure.name);
    let path = |extension: &str| arguments.out.join(format!("{name}.{extension}"));
    let (vector, raster) = (path("svg"), path("png"));
    std::fs::create_dir_all(&arguments.out).map_err(|source| crate::atomic::WriteError {
        path: arguments.out.clone(),
        source,
    })?;
    write_atomically(&vector, |file| file.write_all(svg.as_bytes()))?;
    let pixels = png::from_svg(&svg, PNG_SCALE)?;
    write_atomically(&raster, |file| file.write_all(&pixels))?;
    Ok(vec![vector, raster])
}
