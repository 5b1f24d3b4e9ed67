//! Signals that ask a run to stop: Ctrl-C, and what schedulers and closed terminals send.

use std::io;
use std::os::raw::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::Error;
use crate::tell::tell;

/// Whether a run is asked to stop.
static STOP: AtomicBool = AtomicBool::new(false);
/// The signal that asked last.
static SIGNAL: AtomicUsize = AtomicUsize::new(SIGINT as usize);
static LISTENING: OnceLock<()> = OnceLock::new();

/// Has signals ask for a stop instead of ending the process, and returns the flag that they set.
///
/// A second SIGINT or SIGTERM ends the process at once. A second SIGHUP does not: a terminal that is
/// closed sends it twice, by the shell and by the system. Where SIGHUP is ignored from the start,
/// as `nohup` has it, it stays ignored.
///
/// # Errors
/// The system refuses.
pub fn listen() -> io::Result<&'static AtomicBool> {
    if LISTENING.get().is_some() {
        return Ok(&STOP);
    }
    for signal in [SIGINT, SIGTERM] {
        // Handlers run in this order, so the first signal finds the flag not yet set.
        flag::register_conditional_shutdown(signal, exit_code_of(signal), &STOP)?;
        ask_on(signal)?;
    }
    #[cfg(unix)]
    if !is_ignored(nix::sys::signal::Signal::SIGHUP)? {
        ask_on(signal_hook::consts::SIGHUP)?;
    }
    // The handlers themselves may not print. Without the thread, only the note is missing.
    let _ = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(note_the_first);
    let _ = LISTENING.set(());
    Ok(&STOP)
}

/// Whether a signal has asked for a stop.
fn asked_to_stop() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Refuses to begin something that would be given up at once.
///
/// # Errors
/// [`Error::Stopped`]
pub fn go_on() -> Result<(), Error> {
    if asked_to_stop() {
        Err(Error::Stopped)
    } else {
        Ok(())
    }
}

/// The exit code of what a signal ended, by the shells' convention: 128 and the signal's number.
pub fn exit_code() -> i32 {
    c_int::try_from(SIGNAL.load(Ordering::Relaxed)).map_or(1, exit_code_of)
}

/// Has a write beyond the limit on a file's size fail, as it does on a full disk, and not end the
/// process.
pub fn take_size_limits_as_errors() {
    #[cfg(unix)]
    {
        static BEYOND: AtomicBool = AtomicBool::new(false);
        // Where the system refuses, such a write goes on ending the process.
        let _ = flag::register(signal_hook::consts::SIGXFSZ, &BEYOND);
    }
}

fn exit_code_of(signal: c_int) -> i32 {
    128 + signal
}

fn ask_on(signal: c_int) -> io::Result<()> {
    flag::register_usize(signal, &SIGNAL, usize::try_from(signal).unwrap_or_default())?;
    flag::register(signal, &STOP)?;
    Ok(())
}

fn note_the_first() {
    while !asked_to_stop() {
        std::thread::sleep(Duration::from_millis(50));
    }
    tell("\nstopping after this step, or within a long measurement; Ctrl-C again to stop at once");
}

/// Whether the process ignores a signal, which its parent has then asked of it.
#[cfg(unix)]
fn is_ignored(signal: nix::sys::signal::Signal) -> io::Result<bool> {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};
    // There is no asking without setting, and ignoring is the setting that can do no harm here.
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: installs no handler of ours, and puts back what was there unless it is replaced.
    unsafe {
        let before = sigaction(signal, &ignore)?;
        sigaction(signal, &before)?;
        Ok(matches!(before.handler(), SigHandler::SigIgn))
    }
}
