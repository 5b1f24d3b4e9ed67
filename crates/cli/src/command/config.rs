//! `brink config`.

use std::io::Write;

use brink_dynamics::record::RunHeader;

use crate::args;
use crate::config::Config;
use crate::config::keys;
use crate::error::Error;
use crate::measure;

/// Runs `brink config`.
pub fn run(command: &args::Config, out: &mut impl Write) -> Result<(), Error> {
    match command {
        args::Config::Check { config, changes } => {
            let config = Config::load(config, &changes.overrides())?;
            write!(out, "{}", config.to_toml()?)?;
        }
        args::Config::Keys => list(out)?,
        args::Config::Columns => columns(out)?,
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

fn columns(out: &mut impl Write) -> std::io::Result<()> {
    // A run that measures one of everything.
    let header = RunHeader {
        first_step: 0,
        next_step: 0,
        layers: vec!["<layer>".to_owned()],
        eigenvalues: 1,
        smallest: 1,
        preconditioned: 1,
        optimizer: String::new(),
        threshold_formula: String::new(),
        step_size: 0.0,
        steps: 0,
        parameters: 0,
        accuracy: true,
        minibatches: true,
        measured: Vec::new(),
        tables: Vec::new(),
    };
    let of_every_run = ("", brink_traces::columns(&header));
    let tables: Vec<_> = std::iter::once(of_every_run)
        .chain(measure::columns())
        .collect();
    let names = tables.iter().flat_map(|(_, columns)| columns);
    let width = names.map(|column| column.name.chars().count()).max();
    let width = width.unwrap_or_default();
    for (table, columns) in &tables {
        if !table.is_empty() {
            writeln!(out, "\n[measure.{table}]")?;
        }
        for column in columns {
            writeln!(out, "{:width$}  {}", column.name, column.meaning)?;
        }
    }
    for (table, arrays) in measure::arrays() {
        for array in arrays {
            let file = brink_traces::table_file(array.name);
            writeln!(out, "\n[measure.{table}], in {file}")?;
            writeln!(out, "{:width$}  t, on every row", "step")?;
            for column in &array.columns {
                writeln!(out, "{:width$}  {}", column.name, column.meaning)?;
            }
        }
    }
    Ok(())
}
