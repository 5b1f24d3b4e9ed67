//! The `brink` command.

#![deny(clippy::print_stderr, clippy::print_stdout)]

use std::io::IsTerminal;
use std::process::exit;

use brink_cli::args::Cli;
use brink_cli::error::Error;
use brink_cli::tell::tell;
use clap::Parser;
use miette::{MietteHandlerOpts, Report};

fn main() {
    quieten_vulkan();
    brink_cli::signals::take_size_limits_as_errors();
    // Usage errors end here, with exit code 2.
    let cli = Cli::parse();
    let command_line = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match brink_cli::run(&cli, command_line, &mut std::io::stdout()) {
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
        // SAFETY: called first thing in `main`, while the process has one thread.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
