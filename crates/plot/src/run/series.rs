//! The columns of a run that its figure shows.

use brink_analysis::phases::PhaseParams;

use crate::chart::Quality;

/// An eigenvalue to plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// λ.
    pub value: f64,
    /// How it was come by.
    pub quality: Quality,
}

/// A step of a run, as far as its figure shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// t.
    pub step: u64,
    /// L.
    pub loss: f64,
    /// ‖A‖².
    pub output_norm_sq: f64,
    /// 2/η.
    pub threshold: f64,
    /// λ₁, λ₂, …, if measured at this step.
    pub eigenvalues: &'a [Measured],
}

/// A run as its figure sees it: columns of equal length, one row a step.
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
    /// 2/η.
    pub threshold: Option<f64>,
    /// The rule that tells the phases.
    pub phases: PhaseParams,
}

impl Series {
    /// Appends a step.
    pub fn push(&mut self, row: Row<'_>) {
        let rows = self.step.len();
        self.step.push(row.step as f64);
        self.loss.push(Some(row.loss));
        self.output_norm_sq.push(Some(row.output_norm_sq));
        self.threshold = Some(row.threshold);
        // A first measurement at a later step starts its column with empty rows.
        while self.eigenvalues.len() < row.eigenvalues.len() {
            self.eigenvalues.push(vec![None; rows]);
        }
        for (at, column) in self.eigenvalues.iter_mut().enumerate() {
            column.push(row.eigenvalues.get(at).copied());
        }
    }

    /// (t, Λ, 2/η) of every step, as phases are told by.
    pub fn sharpness(&self) -> Vec<(u64, Option<f64>, f64)> {
        let threshold = self.threshold.unwrap_or(f64::NAN);
        let first = self.eigenvalues.first();
        let rows = self.step.iter().enumerate();
        rows.map(|(row, step)| {
            let measured = first.and_then(|column| column.get(row).copied().flatten());
            (*step as u64, measured.map(|m| m.value), threshold)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_equal_length() {
        let row = |step: u64| Row {
            step,
            loss: 1.0,
            output_norm_sq: 0.25,
            threshold: 200.0,
            eigenvalues: &[],
        };
        let measured = [5.0, 4.0].map(|value| Measured {
            value,
            quality: Quality::NotConverged,
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
}
