//! The `brink` command, as a library: configs, run folders, traces, figures, devices.

// `tell` says things without failing.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod args;
pub mod atomic;
pub mod backend;
pub mod checkpoint;
pub mod command;
pub mod conclude;
pub mod config;
pub mod error;
pub mod figures;
pub mod folder_lock;
pub mod manifest;
pub mod measure;
pub mod memory;
pub mod observe;
pub mod reserve;
pub mod run_folder;
pub mod signals;
mod start;
pub mod tell;
pub mod theory;
pub mod train;
pub mod utc;

use std::io::{ErrorKind, Write};

pub use start::start;

use args::{Cli, Command};
use error::Error;
use tell::tell_to;

/// Runs a command and returns its exit code; what it says of success goes to `out`.
///
/// # Errors
///
/// [`Error`]; the caller shows it and exits with 1.
pub fn run(cli: &Cli, command_line: Vec<String>, out: &mut impl Write) -> Result<i32, Error> {
    match dispatch(cli, command_line, out) {
        // Whoever read the output has what they wanted of it, as `head` has.
        Err(Error::Print(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(0),
        Err(Error::Stopped) => Ok(signals::exit_code()),
        ended => ended,
    }
}

fn dispatch(cli: &Cli, command_line: Vec<String>, out: &mut impl Write) -> Result<i32, Error> {
    match &cli.command {
        Command::Train(arguments) => {
            let trained = train::execute(arguments, command_line)?;
            return Ok(ended(&trained, arguments.quiet, out));
        }
        Command::Resume(arguments) => {
            let trained = train::resume(arguments, command_line)?;
            return Ok(ended(&trained, arguments.quiet, out));
        }
        Command::Fork(arguments) => {
            let trained = train::fork(arguments, command_line)?;
            return Ok(ended(&trained, arguments.quiet, out));
        }
        Command::Measure(arguments) => {
            let measured = train::measure(arguments, command_line)?;
            return Ok(ended(&measured, arguments.quiet, out));
        }
        Command::Theory(arguments) if !arguments.widths.is_empty() => {
            theory::sweep(arguments, out)?;
        }
        Command::Theory(arguments) => {
            let trained = theory::execute(arguments, command_line)?;
            return Ok(ended(&trained, arguments.quiet, out));
        }
        Command::Figures(arguments) => return figures::run(arguments, &command_line, out),
        Command::Report(arguments) => command::report::run(arguments, out)?,
        Command::Plot(arguments) => command::plot::run(arguments, out)?,
        Command::Devices => command::devices::run(out)?,
        Command::Data(arguments) => command::data::run(arguments, out)?,
        Command::Config(arguments) => command::config::run(arguments, out)?,
    }
    Ok(0)
}

/// Says how a run ended, and returns its exit code.
fn ended(trained: &train::Trained, quiet: bool, out: &mut impl Write) -> i32 {
    if !quiet {
        tell_to(out, train::report(trained));
    }
    train::exit_code(&trained.summary.outcome)
}
