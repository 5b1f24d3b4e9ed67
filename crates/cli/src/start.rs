//! The whole of a program that is the `brink` command.

use std::io::IsTerminal;
use std::process::exit;

use clap::Parser;
use miette::{MietteHandlerOpts, Report};

use crate::args::Cli;
use crate::error::Error;
use crate::signals;
use crate::tell::tell;

/// Runs the command that the process was started with, and ends the process.
///
/// A program with networks of its own registers them first
/// ([`brink_model::register`]), and has the whole command with them.
pub fn start() -> ! {
    quieten_vulkan();
    signals::take_size_limits_as_errors();
    // Usage errors end here, with exit code 2.
    let cli = Cli::parse();
    let command_line = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match crate::run(&cli, command_line, &mut std::io::stdout()) {
        Ok(code) => exit(code),
        Err(error) => {
            show(error);
            exit(1);
        }
    }
}

/// Prints an error with its causes, its place and what to do.
fn show(error: Error) {
    // In a log or a pipe, a message is one line.
    let wrap = std::io::stderr().is_terminal();
    // Only a second hook is refused, and there is none.
    let _ = miette::set_hook(Box::new(move |_| {
        Box::new(MietteHandlerOpts::new().wrap_lines(wrap).build())
    }));
    tell(format_args!("{:?}", Report::new(error)));
}

/// Keeps Mesa's device-selection layer from complaining on machines without a desktop session.
///
/// The layer asks the display server which GPU it prefers, and prints an error for every Vulkan
/// instance when there is no runtime directory to find a server in.
fn quieten_vulkan() {
    let wanted = |name| std::env::var_os(name).is_some();
    if cfg!(target_os = "linux") && !wanted("XDG_RUNTIME_DIR") && !wanted("MESA_VK_DEVICE_SELECT") {
        // SAFETY: called first thing in `start`, while the process has one thread.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
