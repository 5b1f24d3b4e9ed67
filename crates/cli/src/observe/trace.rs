//! `trace.csv`: one row a step.
//!
//! | column | meaning | empty when |
//! |---|---|---|
//! | `step` | t, counted from 0 at the initial weights | never |
//! | `time` | η·t, the time of gradient flow | never |
//! | `loss` | L(θₜ) over the full batch | never |
//! | `train_accuracy` | share of training samples classified right, 0 to 1 | it means nothing for the targets |
//! | `gradient_norm` | ‖∇L(θₜ)‖₂ | never |
//! | `threshold` | 2/η | never |
//! | `lambda_1`, `lambda_2`, … | largest eigenvalues of ∇²L(θₜ), algebraically, largest first | not measured at this step |
//! | `lambda_min_1`, … | smallest eigenvalues, smallest first; only if the config asks for them | not measured at this step |
//! | `gradient_alignment` | \|cos\| of the angle between ∇L(θₜ) and the top eigenvector | not measured at this step |
//! | `output_norm_sq` | ‖A‖², squared Frobenius norm of the output layer's weight | never |
//! | `weight_norm_sq.<layer>` | squared Frobenius norm of each layer's weight, input to output | never |
//!
//! Numbers are the shortest decimals that read back as the same float64. Values of λ carry no
//! error bounds here; `eigenvalues.csv` has them.

use std::path::PathBuf;

use brink_dynamics::observer::{Observer, ObserverError};
use brink_dynamics::record::{Eigenvalue, RunHeader, StepRecord};

use super::csv_file::{CsvFile, cell, number};

/// The columns of a run's trace, in order.
pub fn columns(header: &RunHeader) -> Vec<String> {
    let mut columns: Vec<String> = [
        "step",
        "time",
        "loss",
        "train_accuracy",
        "gradient_norm",
        "threshold",
    ]
    .map(String::from)
    .into();
    columns.extend((1..=header.eigenvalues).map(|index| format!("lambda_{index}")));
    columns.extend((1..=header.smallest).map(|index| format!("lambda_min_{index}")));
    columns.push("gradient_alignment".into());
    columns.push("output_norm_sq".into());
    columns.extend(
        header
            .layers
            .iter()
            .map(|layer| format!("weight_norm_sq.{layer}")),
    );
    columns
}

fn row(header: &RunHeader, record: &StepRecord) -> Vec<String> {
    let mut row = vec![
        record.step.to_string(),
        number(record.time),
        number(record.loss),
        cell(record.train_accuracy),
        number(record.gradient_norm),
        number(record.threshold),
    ];
    let value = |eigenvalues: &[Eigenvalue], at: usize| cell(eigenvalues.get(at).map(|e| e.value));
    row.extend((0..header.eigenvalues).map(|at| value(&record.eigenvalues, at)));
    row.extend((0..header.smallest).map(|at| value(&record.smallest, at)));
    row.push(cell(record.gradient_alignment));
    row.push(number(record.output_norm_sq));
    row.extend(
        (0..header.layers.len()).map(|layer| cell(record.weight_norm_sq.get(layer).copied())),
    );
    row
}

/// Writes `trace.csv` as the run goes.
#[derive(Debug)]
pub struct TraceCsv {
    path: PathBuf,
    open: Option<(CsvFile, RunHeader)>,
}

impl TraceCsv {
    /// A trace at `path`, which must not exist when the run starts.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            open: None,
        }
    }
}

impl Observer for TraceCsv {
    fn name(&self) -> &'static str {
        "trace.csv"
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        let file = CsvFile::create(&self.path, columns(header))?;
        self.open = Some((file, header.clone()));
        Ok(())
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        if let Some((file, header)) = &mut self.open {
            file.row(row(header, record))?;
            file.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{eigenvalue, header, record};

    #[test]
    fn rows_are_readable_while_the_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        let mut trace = TraceCsv::new(&path);
        trace.start(&header()).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "step,time,loss,train_accuracy,gradient_norm,threshold,lambda_1,lambda_2,\
             gradient_alignment,output_norm_sq,weight_norm_sq.layers.0,weight_norm_sq.layers.1\n"
        );
        trace.step(&record(0)).unwrap();
        let mut second = record(1);
        second.eigenvalues = vec![eigenvalue(1, 0.1 + 0.2)];
        second.loss = 1e-300;
        second.train_accuracy = Some(0.5);
        trace.step(&second).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows[0], "0,0.0,1.0,,0.5,200.0,,,,0.25,1.5,0.25");
        assert_eq!(
            rows[1],
            "1,0.01,1e-300,0.5,0.5,200.0,0.30000000000000004,,,0.25,1.5,0.25"
        );
    }

    #[test]
    fn every_float_reads_back_as_itself() {
        for value in [
            0.1,
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
            -1.0 / 3.0,
            1e16,
            f64::INFINITY,
        ] {
            assert_eq!(
                number(value).parse::<f64>().unwrap().to_bits(),
                value.to_bits()
            );
        }
        assert!(number(f64::NAN).parse::<f64>().unwrap().is_nan());
    }

    #[test]
    fn smallest_eigenvalues_have_columns_of_their_own() {
        let mut header = header();
        header.smallest = 1;
        let mut record = record(0);
        record.smallest = vec![eigenvalue(-1, -3.5)];
        let columns = columns(&header);
        let at = columns
            .iter()
            .position(|column| column == "lambda_min_1")
            .unwrap();
        assert_eq!(row(&header, &record)[at], "-3.5");
        assert_eq!(row(&header, &record).len(), columns.len());
    }

    #[test]
    fn an_existing_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        std::fs::write(&path, "mine").unwrap();
        let error = TraceCsv::new(&path).start(&header()).unwrap_err();
        assert!(error.to_string().contains("trace.csv"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
