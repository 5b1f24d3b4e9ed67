//! `brink config`.

use std::io::Write;

use crate::args;
use crate::config::Config;
use crate::config::keys;
use crate::error::Error;

/// Runs `brink config`.
pub fn run(command: &args::Config, out: &mut impl Write) -> Result<(), Error> {
    match command {
        args::Config::Check { config, changes } => {
            let config = Config::load(config, &changes.overrides())?;
            write!(out, "{}", config.to_toml()?)?;
        }
        args::Config::Keys => list(out)?,
    }
    out.flush()?;
    Ok(())
}

fn list(out: &mut impl Write) -> std::io::Result<()> {
    let width = |text: fn(&keys::Key) -> &str| {
        keys::all()
            .iter()
            .map(|key| text(key).chars().count())
            .max()
            .unwrap_or_default()
    };
    let (paths, defaults) = (width(|key| key.path), width(|key| key.default));
    writeln!(out, "{:paths$}  {:defaults$}  meaning", "key", "default")?;
    for key in keys::all() {
        writeln!(
            out,
            "{:paths$}  {:defaults$}  {}",
            key.path, key.default, key.meaning
        )?;
    }
    Ok(())
}
