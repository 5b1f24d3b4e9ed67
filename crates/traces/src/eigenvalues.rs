//! `eigenvalues.csv`: one row an eigenvalue, with what is known of its accuracy.
//!
//! | column | meaning |
//! |---|---|
//! | `step` | t |
//! | `index` | 1, 2, … from the largest algebraic end; −1, −2, … from the smallest |
//! | `value` | the Rayleigh quotient λ |
//! | `residual` | ‖Hv − λv‖₂ for the unit vector v, with what rounding may add |
//! | `error_bound` | bound on \|λ − exact\|, in the units of λ |
//! | `converged` | whether the bound meets the tolerance asked for |
//! | `kind` | `solved` at this step, or `rayleigh_quotient` of an earlier step's vector |
//! | `products` | Hessian-vector products charged to it at this step |
//! | `certainty` | what the bound rests on: `bounded`, `supposed` or `rigorous` (see [`Certainty`](brink_dynamics::eigen::Certainty)) |
//! | `operator` | `hessian`, or `preconditioned`: P^(−½)HP^(−½) |

use std::path::PathBuf;

use brink_dynamics::observer::{Observer, ObserverError};
use brink_dynamics::record::{Eigenvalue, RunHeader, StepRecord};

use crate::continued::Left;
use crate::csv_file::{CsvFile, number};

const COLUMNS: [&str; 10] = [
    "step",
    "index",
    "value",
    "residual",
    "error_bound",
    "converged",
    "kind",
    "products",
    "certainty",
    "operator",
];

const HESSIAN: &str = "hessian";
const PRECONDITIONED: &str = "preconditioned";

/// Writes `eigenvalues.csv` as the run goes.
#[derive(Debug)]
pub struct EigenvaluesCsv {
    path: PathBuf,
    file: Option<CsvFile>,
}

impl EigenvaluesCsv {
    /// A file at `path`, which must not exist when the run starts, unless it is resumed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
        }
    }
}

fn row(step: u64, eigenvalue: &Eigenvalue, operator: &str) -> [String; 10] {
    [
        step.to_string(),
        eigenvalue.index.to_string(),
        number(eigenvalue.value),
        number(eigenvalue.residual),
        number(eigenvalue.error_bound),
        eigenvalue.converged.to_string(),
        eigenvalue.kind.as_str().to_owned(),
        eigenvalue.products.to_string(),
        eigenvalue.certainty.as_str().to_owned(),
        operator.to_owned(),
    ]
}

impl Observer for EigenvaluesCsv {
    fn name(&self) -> &'static str {
        "eigenvalues.csv"
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        self.file = Some(match header.next_step > header.first_step {
            true => {
                let mut left = Left::open(&self.path, COLUMNS)?;
                left.keep_before(header.next_step, |_, _| Ok(()))?;
                left.cut()?
            }
            false => CsvFile::create(&self.path, COLUMNS)?,
        });
        Ok(())
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        if let Some(file) = &mut self.file {
            let hessian = record.eigenvalues.iter().chain(&record.smallest);
            for eigenvalue in hessian {
                file.row(row(record.step, eigenvalue, HESSIAN))?;
            }
            for eigenvalue in &record.preconditioned {
                file.row(row(record.step, eigenvalue, PRECONDITIONED))?;
            }
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
    fn one_row_an_eigenvalue() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eigenvalues.csv");
        let mut observer = EigenvaluesCsv::new(&path);
        observer.start(&header()).unwrap();
        let mut record = record(3);
        record.eigenvalues = vec![eigenvalue(1, 4.0), eigenvalue(2, 3.0)];
        record.smallest = vec![eigenvalue(-1, -1.0)];
        record.preconditioned = vec![eigenvalue(1, 2.0)];
        observer.step(&record).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "step,index,value,residual,error_bound,converged,kind,products,certainty,operator\n\
             3,1,4.0,0.01,0.001,true,solved,2,bounded,hessian\n\
             3,2,3.0,0.01,0.001,true,solved,2,bounded,hessian\n\
             3,-1,-1.0,0.01,0.001,true,solved,2,bounded,hessian\n\
             3,1,2.0,0.01,0.001,true,solved,2,bounded,preconditioned\n"
        );
    }
}
