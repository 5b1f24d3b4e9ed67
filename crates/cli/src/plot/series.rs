//! The columns of a run that its figure shows.

use brink_dynamics::record::{Eigenvalue, EigenvalueKind, StepRecord};

/// How an eigenvalue at a step was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// Solved to the tolerance, as far as is known.
    Solved,
    /// The solver stopped before it met the tolerance.
    NotConverged,
    /// A Rayleigh quotient of an earlier step's vector.
    Stale,
}

/// An eigenvalue to plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// λ.
    pub value: f64,
    /// How it was come by.
    pub quality: Quality,
}

impl From<&Eigenvalue> for Measured {
    fn from(eigenvalue: &Eigenvalue) -> Self {
        let quality = match eigenvalue.kind {
            EigenvalueKind::RayleighQuotient => Quality::Stale,
            EigenvalueKind::Solved if eigenvalue.converged => Quality::Solved,
            EigenvalueKind::Solved => Quality::NotConverged,
        };
        Self {
            value: eigenvalue.value,
            quality,
        }
    }
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
}

impl Series {
    /// Appends a step.
    pub fn push(&mut self, record: &StepRecord) {
        let rows = self.step.len();
        self.step.push(record.step as f64);
        self.loss.push(Some(record.loss));
        self.output_norm_sq.push(Some(record.output_norm_sq));
        self.threshold = Some(record.threshold);
        // A first measurement at a later step starts its column with empty rows.
        while self.eigenvalues.len() < record.eigenvalues.len() {
            self.eigenvalues.push(vec![None; rows]);
        }
        for (at, column) in self.eigenvalues.iter_mut().enumerate() {
            column.push(record.eigenvalues.get(at).map(Measured::from));
        }
    }

    /// Whether any eigenvalue was come by in that way.
    pub fn has(&self, quality: Quality) -> bool {
        self.eigenvalues
            .iter()
            .flatten()
            .flatten()
            .any(|measured| measured.quality == quality)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{eigenvalue, record};

    #[test]
    fn columns_keep_equal_length() {
        let mut series = Series::default();
        series.push(&record(0));
        let mut measured = record(1);
        measured.eigenvalues = vec![eigenvalue(1, 5.0), eigenvalue(2, 4.0)];
        measured.eigenvalues[1].converged = false;
        series.push(&measured);
        series.push(&record(2));
        assert_eq!(series.eigenvalues.len(), 2);
        for column in &series.eigenvalues {
            assert_eq!(column.len(), 3);
            assert_eq!((column[0], column[2]), (None, None));
        }
        assert!(series.has(Quality::NotConverged));
        assert!(!series.has(Quality::Stale));
    }
}
