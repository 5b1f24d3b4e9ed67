//! The columns of a run that its figure shows.

use brink_analysis::phases::PhaseParams;

use super::before::Before;
use super::thin::{self, Groups};
use crate::chart::Quality;

/// An eigenvalue to plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// λ.
    pub value: f64,
    /// How it was found.
    pub quality: Quality,
}

/// A step of a run, as far as its figure shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// t.
    pub step: u64,
    /// L.
    pub loss: Option<f64>,
    /// ‖A‖².
    pub output_norm_sq: Option<f64>,
    /// The optimizer's stability threshold for the eigenvalues, if it has one.
    pub threshold: Option<f64>,
    /// λ₁, λ₂, …, where measured at this step.
    pub eigenvalues: &'a [Option<Measured>],
}

/// What the optimizer's threshold is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its formula, such as `2/η`.
    pub formula: String,
    /// Whether the eigenvalues are those of P^(−½)HP^(−½) instead of the Hessian's.
    pub preconditioned: bool,
    /// Whether the paper's phases mean something: for gradient descent.
    pub phases: bool,
}

impl Default for Rule {
    /// Gradient descent's.
    fn default() -> Self {
        Self {
            formula: "2/η".to_owned(),
            preconditioned: false,
            phases: true,
        }
    }
}

/// Most rows that a series has, a multiple of 4: far more than a page has pixels across.
pub const MOST_ROWS: usize = 1 << 15;

/// A run as its figure sees it: columns of equal length, one row a step.
///
/// Of a run longer than `MOST_ROWS` steps neighbours are merged, by twos, then by fours, …: of
/// each such group every column keeps the smallest and the largest value, in the order in which
/// they came. So the memory is bounded, and spikes and crossings stay where they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// t.
    pub step: Vec<f64>,
    /// L; empty if the trace has no such column.
    pub loss: Vec<Option<f64>>,
    /// ‖A‖²; empty if the trace has no such column.
    pub output_norm_sq: Vec<Option<f64>>,
    /// λ₁, λ₂, …, each over all steps.
    pub eigenvalues: Vec<Vec<Option<Measured>>>,
    /// The optimizer's stability threshold for the eigenvalues.
    pub threshold: Vec<Option<f64>>,
    /// What it is.
    pub rule: Rule,
    /// The rule that tells the phases.
    pub phases: PhaseParams,
    /// What the run branched off from, up to its first step.
    pub before: Before,
    /// How far rows are merged.
    groups: Groups,
}

impl Series {
    /// A run of no steps yet, whose phases follow a rule.
    pub fn new(phases: PhaseParams) -> Self {
        Self {
            phases,
            ..Self::default()
        }
    }

    /// Appends a step.
    pub fn push(&mut self, row: Row<'_>) {
        // A first measurement at a later step starts its column with empty rows.
        while self.eigenvalues.len() < row.eigenvalues.len() {
            self.eigenvalues.push(vec![None; self.step.len()]);
        }
        let step = row.step as f64;
        let full = self.groups.is_full();
        if full {
            if let Some(last) = self.step.last_mut() {
                *last = step;
            }
        } else {
            self.step.push(step);
        }
        thin::push(&mut self.loss, row.loss, full);
        thin::push(&mut self.output_norm_sq, row.output_norm_sq, full);
        thin::push(&mut self.threshold, row.threshold, full);
        for (at, column) in self.eigenvalues.iter_mut().enumerate() {
            let measured = row.eigenvalues.get(at).copied().flatten();
            thin::push(column, measured, full);
        }
        self.groups.count();
        if self.step.len() == MOST_ROWS && self.groups.are_complete() {
            self.halve();
        }
    }

    /// Merges neighbouring groups.
    fn halve(&mut self) {
        let groups = self.step.as_chunks::<4>().0;
        self.step = groups
            .iter()
            .flat_map(|group| [group[0], group[3]])
            .collect();
        thin::halve(&mut self.loss);
        thin::halve(&mut self.output_norm_sq);
        thin::halve(&mut self.threshold);
        self.eigenvalues.iter_mut().for_each(thin::halve);
        self.groups.double();
    }

    /// The rows up to a step, which merge no further.
    pub(super) fn until(mut self, step: f64) -> Self {
        let rows = self.step.partition_point(|at| *at <= step);
        self.step.truncate(rows);
        self.loss.truncate(rows);
        self.output_norm_sq.truncate(rows);
        self.threshold.truncate(rows);
        for column in &mut self.eigenvalues {
            column.truncate(rows);
        }
        self
    }

    /// The threshold, where it is one and the same at all steps.
    pub fn constant_threshold(&self) -> Option<f64> {
        let mut values = self.threshold.iter().flatten();
        let first = *values.next()?;
        values.all(|value| *value == first).then_some(first)
    }

    /// (t, Λ, 2/η) of every step, as phases are told by; nothing where there are none.
    pub fn sharpness(&self) -> Vec<(u64, Option<f64>, f64)> {
        if !self.rule.phases {
            return Vec::new();
        }
        let first = self.eigenvalues.first();
        let rows = self.step.iter().enumerate();
        rows.map(|(row, step)| {
            let measured = first.and_then(|column| column.get(row).copied().flatten());
            let threshold = self.threshold.get(row).copied().flatten();
            let threshold = threshold.unwrap_or(f64::NAN);
            (*step as u64, measured.map(|m| m.value), threshold)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64) -> Row<'static> {
        Row {
            step,
            loss: Some(1.0),
            output_norm_sq: Some(0.25),
            threshold: Some(200.0),
            eigenvalues: &[],
        }
    }

    #[test]
    fn columns_keep_equal_length() {
        let measured = [5.0, 4.0].map(|value| {
            Some(Measured {
                value,
                quality: Quality::NotConverged,
            })
        });
        let mut series = Series::default();
        series.push(row(0));
        series.push(Row {
            eigenvalues: &measured,
            ..row(1)
        });
        series.push(row(2));
        assert_eq!(series.eigenvalues.len(), 2);
        for column in &series.eigenvalues {
            assert_eq!(column.len(), 3);
            assert_eq!((column[0], column[2]), (None, None));
        }
        let expected = [(0, None, 200.0), (1, Some(5.0), 200.0), (2, None, 200.0)];
        assert_eq!(series.sharpness(), expected);
    }

    #[test]
    fn a_long_run_keeps_its_extremes_in_bounded_memory() {
        let steps = 10 * MOST_ROWS as u64 + 7;
        let spike = 123_457;
        let mut series = Series::default();
        let mut most = 0;
        for step in 0..steps {
            let value = match step {
                _ if step == spike => 1e6,
                _ => (step as f64 * 0.7).sin(),
            };
            let quality = match step == spike + 1 {
                true => Quality::NotConverged,
                false => Quality::Solved,
            };
            series.push(Row {
                step,
                loss: Some(-value),
                output_norm_sq: None,
                threshold: Some(200.0),
                eigenvalues: &[Some(Measured { value, quality })],
            });
            most = most.max(series.step.len());
        }
        assert!(most <= MOST_ROWS, "{most}");
        assert!(
            series.step.len() > MOST_ROWS / 2 - 2,
            "{}",
            series.step.len()
        );
        assert!(series.step.is_sorted());
        assert_eq!(series.step.last(), Some(&((steps - 1) as f64)));
        for (column, length) in [
            ("loss", series.loss.len()),
            ("norm", series.output_norm_sq.len()),
            ("eigenvalue", series.eigenvalues[0].len()),
        ] {
            assert_eq!(length, series.step.len(), "{column}");
        }
        let top = |m: &Option<Measured>| m.map_or(f64::MIN, |m| m.value);
        let at = series.eigenvalues[0].iter().position(|m| top(m) == 1e6);
        let at = at.unwrap();
        // A group spans 32 steps by then.
        assert!((series.step[at] - spike as f64).abs() <= 32.0);
        assert_eq!(
            series.loss.iter().flatten().copied().reduce(f64::min),
            Some(-1e6)
        );
        let marked = |m: &&Option<Measured>| m.is_some_and(|m| m.quality == Quality::NotConverged);
        assert_eq!(series.eigenvalues[0].iter().filter(marked).count(), 2);
    }

    #[test]
    fn a_short_run_is_kept_as_it_is() {
        let mut series = Series::default();
        let steps = MOST_ROWS as u64 - 1;
        for step in 0..steps {
            let loss = Some((step as f64).sin());
            series.push(Row {
                step,
                loss,
                ..row(step)
            });
        }
        let all: Vec<f64> = (0..steps).map(|step| step as f64).collect();
        assert_eq!(series.step, all);
        assert!(
            (0..)
                .zip(&series.loss)
                .all(|(t, loss)| *loss == Some(f64::from(t).sin()))
        );
    }
}
