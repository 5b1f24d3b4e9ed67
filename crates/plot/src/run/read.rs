//! Reads a run's columns back from its folder.

use std::collections::HashMap;
use std::path::Path;

use brink_analysis::{Table, TableError};

use super::before::before_head;
use super::manifest::Head;
use super::series::{Measured, Row, Rule, Series};
use crate::chart::{Quality, Titles};
use crate::error::PlotError;

pub(super) const TRACE_CSV: &str = "trace.csv";
pub(super) const EIGENVALUES_CSV: &str = "eigenvalues.csv";

/// The columns and titles of a run, from `trace.csv` and, where they exist, `eigenvalues.csv`
/// (which values did not converge) and `manifest.json` (titles).
///
/// A last row that is not complete, as in a run that is going on, is left out.
///
/// # Errors
///
/// [`PlotError::Table`] for a table that is missing or malformed, by line and column;
/// [`PlotError::Read`] and [`PlotError::Manifest`] for the manifest.
pub fn read_run(folder: &Path) -> Result<(Series, Titles), PlotError> {
    let trace = Table::read(folder.join(TRACE_CSV))?;
    let eigenvalues = folder.join(EIGENVALUES_CSV);
    let eigenvalues = match Table::read(eigenvalues) {
        Err(TableError::Read { source, .. }) if source.is_absent() => None,
        eigenvalues => Some(eigenvalues?),
    };
    let head = Head::read(folder)?;
    let (mut series, titles) = run(&trace, eigenvalues.as_ref(), &head)?;
    series.before = before_head(folder, &head);
    Ok((series, titles))
}

/// The same from what was read of the folder.
///
/// # Errors
///
/// [`PlotError::Table`] for a malformed table.
pub fn run(
    trace: &Table,
    eigenvalues: Option<&Table>,
    head: &Head,
) -> Result<(Series, Titles), PlotError> {
    let qualities = eigenvalues.map_or_else(|| Ok(HashMap::new()), qualities)?;
    let mut series = series(trace, &qualities, head.rule(trace))?;
    series.phases = head.phases();
    Ok((series, head.titles()))
}

pub(super) fn series(
    trace: &Table,
    qualities: &HashMap<Place, Quality>,
    rule: Rule,
) -> Result<Series, PlotError> {
    let steps = trace.increasing_steps()?;
    let optional = |name: &str| match trace.column(name) {
        Some(column) => trace.numbers(column),
        None => Ok(Vec::new()),
    };
    let (loss, output_norm_sq) = (optional("loss")?, optional("output_norm_sq")?);
    let mut eigenvalues = Vec::new();
    let (name, threshold) = match rule.preconditioned {
        true => ("preconditioned", "preconditioned_threshold"),
        false => ("lambda", "threshold"),
    };
    while let Some(column) = trace.column(&format!("{name}_{}", eigenvalues.len() + 1)) {
        eigenvalues.push(trace.numbers(column)?);
    }
    let threshold = optional(threshold)?;
    let preconditioned = rule.preconditioned;
    let mut series = Series::default();
    series.rule = rule;
    let mut measured = Vec::with_capacity(eigenvalues.len());
    for (row, step) in steps.iter().enumerate() {
        measured.clear();
        measured.extend((1..).zip(&eigenvalues).map(|(index, column)| {
            column[row].map(|value| Measured {
                value,
                quality: *qualities
                    .get(&(*step, index, preconditioned))
                    .unwrap_or(&Quality::Solved),
            })
        }));
        let cell = |column: &[Option<f64>]| column.get(row).copied().flatten();
        series.push(Row {
            step: *step,
            loss: cell(&loss),
            output_norm_sq: cell(&output_norm_sq),
            threshold: cell(&threshold),
            eigenvalues: &measured,
        });
    }
    // A column that nothing was measured for: of eigenvalues that never rose above a share.
    let has_none = |column: &Vec<Option<Measured>>| column.iter().all(Option::is_none);
    while series.eigenvalues.last().is_some_and(has_none) {
        series.eigenvalues.pop();
    }
    if loss.is_empty() {
        series.loss.clear();
    }
    if output_norm_sq.is_empty() {
        series.output_norm_sq.clear();
    }
    Ok(series)
}

/// Step, index, and whether it is one of the preconditioned Hessian.
type Place = (u64, i64, bool);

fn qualities(table: &Table) -> Result<HashMap<Place, Quality>, PlotError> {
    let steps = table.steps()?;
    let preconditioned: Vec<bool> = match table.column("operator") {
        Some(column) => table
            .cells(column)
            .map(|cell| cell == "preconditioned")
            .collect(),
        None => vec![false; steps.len()],
    };
    let indices: Vec<i64> = table.parsed(table.required("index")?, "a whole number")?;
    let converged: Vec<bool> = table.parsed(table.required("converged")?, "true or false")?;
    let kinds = table.cells(table.required("kind")?);
    let keys = steps.into_iter().zip(indices).zip(preconditioned);
    let keys = keys.map(|((step, index), preconditioned)| (step, index, preconditioned));
    let rows = keys.zip(converged).zip(kinds);
    Ok(rows
        .map(|((key, converged), kind)| {
            let quality = match (kind, converged) {
                ("rayleigh_quotient", _) => Quality::Stale,
                (_, true) => Quality::Solved,
                (_, false) => Quality::NotConverged,
            };
            (key, quality)
        })
        .collect())
}
