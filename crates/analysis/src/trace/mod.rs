//! The measured columns of one run, from its folder or from memory.

pub mod columns;
mod error;
mod facts;

pub use error::TraceError;
pub use facts::{Facts, Loss, MANIFEST_LIMIT};

use std::path::Path;

use crate::Table;
use crate::table::disorder;

/// A run's columns, one value a recorded step; an empty cell is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    facts: Facts,
    steps: Vec<u64>,
    numbers: Vec<(String, Vec<Option<f64>>)>,
    texts: Vec<(String, Vec<String>)>,
}

impl Trace {
    /// Reads `trace.csv` and, where it exists, `manifest.json` of a run's folder.
    ///
    /// A last row without its line break, as in a run that is going on, is left out. Columns that
    /// are not known here are kept. `phase` and what begins with `note` are text; the cells of all
    /// other columns are numbers or empty.
    ///
    /// # Errors
    ///
    /// [`TraceError`], with the file, line and column.
    pub fn read(folder: &Path) -> Result<Self, TraceError> {
        let table = Table::read(folder.join("trace.csv"))?;
        Self::from_table(&table, Facts::read(folder)?)
    }

    /// The columns of a table that has a column `step`.
    ///
    /// # Errors
    ///
    /// [`TraceError::Table`] for a cell that is not what its column holds, and where the steps do
    /// not increase.
    pub fn from_table(table: &Table, facts: Facts) -> Result<Self, TraceError> {
        let step = table.required("step")?;
        let steps = table.increasing_steps()?;
        let mut trace = Self {
            facts,
            steps,
            numbers: Vec::new(),
            texts: Vec::new(),
        };
        for (column, name) in table.header().iter().enumerate() {
            if column == step {
                continue;
            }
            if columns::is_text(name) {
                trace.keep_text(table, column, name);
            } else {
                trace.numbers.push((name.clone(), table.numbers(column)?));
            }
        }
        trace.name_layers();
        Ok(trace)
    }

    /// A trace in memory, without a column yet; see [`Trace::with`].
    ///
    /// # Errors
    ///
    /// [`TraceError::OrderInMemory`] where the steps do not increase.
    pub fn new(facts: Facts, steps: Vec<u64>) -> Result<Self, TraceError> {
        if let Some((row, step, previous)) = disorder(&steps) {
            return Err(TraceError::OrderInMemory {
                row,
                step,
                previous,
            });
        }
        Ok(Self {
            facts,
            steps,
            numbers: Vec::new(),
            texts: Vec::new(),
        })
    }

    /// Adds a column of numbers, or puts it in the place of the one of that name.
    ///
    /// # Errors
    ///
    /// [`TraceError::Length`] unless there is one value a step.
    pub fn with(mut self, name: &str, values: Vec<Option<f64>>) -> Result<Self, TraceError> {
        if values.len() != self.steps.len() {
            return Err(TraceError::Length {
                column: name.to_owned(),
                got: values.len(),
                steps: self.steps.len(),
            });
        }
        match self.numbers.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = values,
            None => self.numbers.push((name.to_owned(), values)),
        }
        self.name_layers();
        Ok(self)
    }

    /// What the run says of itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The recorded steps, increasing.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// The number of recorded steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether no step is recorded.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The names of the columns of numbers, in the file's order; `step` is not among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().map(|(name, _)| name.as_str())
    }

    /// A column of numbers, one a step; none when the trace has no such column.
    pub fn column(&self, name: &str) -> Option<&[Option<f64>]> {
        let found = self.numbers.iter().find(|(known, _)| known == name);
        found.map(|(_, values)| values.as_slice())
    }

    /// A column in which at least one finite number stands.
    pub fn measured(&self, name: &str) -> Option<&[Option<f64>]> {
        self.column(name)
            .filter(|values| values.iter().flatten().any(|value| value.is_finite()))
    }

    /// A column of text, such as `phase`; an empty cell is an empty text.
    pub fn text(&self, name: &str) -> Option<&[String]> {
        let found = self.texts.iter().find(|(known, _)| known == name);
        found.map(|(_, cells)| cells.as_slice())
    }

    /// Step size η: the manifest's, else 2 divided by the recorded threshold 2/η.
    pub fn step_size(&self) -> Option<f64> {
        let recorded = || {
            let thresholds = self.column(columns::THRESHOLD)?.iter().flatten();
            let usable = |threshold: &&f64| threshold.is_finite() && **threshold > 0.0;
            thresholds.copied().find(|t| usable(&t)).map(|t| 2.0 / t)
        };
        self.facts.step_size.or_else(recorded)
    }

    /// Whether the steps are gradient descent's; so they are where no optimizer is named.
    pub fn is_gradient_descent(&self) -> bool {
        let kind = self.facts.optimizer.as_deref();
        kind.is_none_or(|kind| kind == "gd")
    }

    /// (t, Λ, threshold) of every step, as [`classify`](crate::phases::classify) takes them.
    ///
    /// Λ is `lambda_1`; the threshold is the recorded one, else 2/η. A step for which neither is
    /// known counts as one whose Λ was not measured, and so does every step of another optimizer than
    /// gradient descent: the phases are not about it.
    pub fn sharpness(&self) -> Vec<(u64, Option<f64>, f64)> {
        let sharpness = self.column(columns::SHARPNESS);
        let threshold = self.column(columns::THRESHOLD);
        let fallback = self.step_size().map(|step_size| 2.0 / step_size);
        let cell = |column: Option<&[Option<f64>]>, row: usize| column.and_then(|c| c[row]);
        let rows = self.steps.iter().enumerate();
        let phased = self.is_gradient_descent();
        let edge = |row: usize| cell(threshold, row).or(fallback).filter(|_| phased);
        rows.map(|(row, step)| match edge(row) {
            Some(threshold) => (*step, cell(sharpness, row), threshold),
            None => (*step, None, f64::NAN),
        })
        .collect()
    }

    fn keep_text(&mut self, table: &Table, column: usize, name: &str) {
        let cells = table.cells(column).map(str::to_owned).collect();
        self.texts.push((name.to_owned(), cells));
    }

    /// A manifest that lists no layers leaves them to the columns.
    fn name_layers(&mut self) {
        if self.facts.layers.is_empty() {
            let layers = self
                .names()
                .filter_map(|name| name.strip_prefix(columns::LAYER_NORM))
                .map(str::to_owned)
                .collect();
            self.facts.layers = layers;
        }
    }
}

#[cfg(test)]
mod tests;
