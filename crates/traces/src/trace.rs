//! `trace.csv`: one row a step, measured at θ_t before the step to θ_{t+1}.
//!
//! [`columns`] says what each column of a run holds, and when it is empty; so does the run's
//! `manifest.json`.
//!
//! Numbers are the shortest decimals that read back as the same float64; zero has no sign, and
//! numbers below 2.3e-308 are written as zero. Values of λ carry no error bounds here;
//! `eigenvalues.csv` has them.

use std::path::{Path, PathBuf};

use brink_analysis::columns::{LAMBDA, LAYER_NORM, PHASE, SHARPNESS, THRESHOLD};
use brink_analysis::phases::{Classifier, Phase, PhaseParams};
use brink_dynamics::Column;
use brink_dynamics::observer::{Observer, ObserverError};
use brink_dynamics::record::{Eigenvalue, RunHeader, StepRecord};

use crate::continued::{ContinueError, Left};
use crate::csv_file::{CsvFile, cell, number};

/// The columns of a run's trace, in order.
pub fn columns(header: &RunHeader) -> Vec<Column> {
    let mut columns = vec![
        Column::new("step", "t, counted from 0 at the initial weights"),
        Column::new(
            "time",
            "the sum of the step sizes before this step, η·t if they are equal: the time of \
             gradient flow",
        ),
        Column::new(
            "loss",
            "L(θ_t) over the whole training set, with the penalty of weight decay",
        ),
        Column::new(
            "train_accuracy",
            "share of training samples classified right, 0 to 1; empty if it means nothing for \
             the targets",
        ),
        Column::new("gradient_norm", "‖∇L(θ_t)‖₂"),
        Column::new("step_size", "η_t of the step that is taken from here"),
        Column::new(
            THRESHOLD,
            "the optimizer's stability threshold for the Hessian's eigenvalues, such as 2/η, that of \
             sam with the ‖g‖ of the step's batch where there are batches; empty if it has a \
             preconditioner, or η_t is 0",
        ),
    ];
    columns.extend((1..=header.eigenvalues).map(|index| {
        Column::new(
            format!("{LAMBDA}{index}"),
            format!(
                "eigenvalue number {index} of ∇²L(θ_t), algebraically, largest first; empty where \
                 not measured, or not above the share of the threshold that `above` asks for"
            ),
        )
    }));
    columns.extend((1..=header.smallest).map(|index| {
        Column::new(
            format!("lambda_min_{index}"),
            format!("number {index} of its smallest eigenvalues, smallest first"),
        )
    }));
    if header.preconditioned > 0 {
        columns.extend((1..=header.preconditioned).map(|index| {
            Column::new(
                format!("preconditioned_{index}"),
                format!(
                    "eigenvalue number {index} of P^(−½)∇²L(θ_t)P^(−½), P the preconditioner of \
                     the step from here, largest first"
                ),
            )
        }));
        columns.push(Column::new(
            "preconditioned_threshold",
            "the optimizer's stability threshold for them; empty if η_t is 0",
        ));
    }
    columns.push(Column::new(
        "gradient_alignment",
        "|cos| of the angle between ∇L(θ_t) and the top eigenvector",
    ));
    if header.minibatches {
        columns.extend([
            Column::new("batch_loss", "L_B over the batch of the step from here"),
            Column::new(
                "step_sharpness",
                "gᵀH_Bg/‖g‖² for the gradient g = ∇L_B of that batch; empty if g is 0",
            ),
        ]);
    }
    columns.push(Column::new(
        "output_norm_sq",
        "‖A‖², squared Frobenius norm of the output layer's weight; empty without such a layer",
    ));
    columns.extend(header.layers.iter().map(|layer| {
        Column::new(
            format!("{LAYER_NORM}{layer}"),
            "squared Frobenius norm of the layer's weight",
        )
    }));
    columns.push(Column::new(
        PHASE,
        "before, I, II, III or IV: the paper's phases of gradient descent, as known at this step; \
         empty before the first λ₁ and for other optimizers",
    ));
    columns.extend(header.measured.iter().cloned());
    columns
}

/// Their names.
fn names(header: &RunHeader) -> Vec<String> {
    let columns = columns(header).into_iter();
    columns.map(|column| column.name).collect()
}

fn row(header: &RunHeader, record: &StepRecord, phase: Option<Phase>) -> Vec<String> {
    let mut row = vec![
        record.step.to_string(),
        number(record.time),
        number(record.loss),
        cell(record.train_accuracy),
        number(record.gradient_norm),
        number(record.step_size),
        cell(record.threshold),
    ];
    let value = |eigenvalues: &[Eigenvalue], at: usize| cell(eigenvalues.get(at).map(|e| e.value));
    row.extend((0..header.eigenvalues).map(|at| value(&record.eigenvalues, at)));
    row.extend((0..header.smallest).map(|at| value(&record.smallest, at)));
    if header.preconditioned > 0 {
        row.extend((0..header.preconditioned).map(|at| value(&record.preconditioned, at)));
        row.push(cell(record.preconditioned_threshold));
    }
    row.push(cell(record.gradient_alignment));
    if header.minibatches {
        row.extend([cell(record.batch_loss), cell(record.step_sharpness)]);
    }
    row.push(cell(record.output_norm_sq));
    row.extend(
        (0..header.layers.len()).map(|layer| cell(record.weight_norm_sq.get(layer).copied())),
    );
    row.push(phase.map_or_else(String::new, |phase| phase.name().to_owned()));
    row.extend(record.measured.iter().map(|value| cell(*value)));
    row
}

fn missing(path: &Path, header: &RunHeader, found: u64) -> ContinueError {
    ContinueError::Missing {
        path: path.to_owned(),
        found,
        next_step: header.next_step,
    }
}

/// The rule whose runs have the paper's phases.
pub const PHASED: &str = "gd";

/// Writes `trace.csv` as the run goes.
#[derive(Debug)]
pub struct TraceCsv {
    path: PathBuf,
    phases: Classifier,
    open: Option<(CsvFile, RunHeader)>,
}

impl TraceCsv {
    /// A trace at `path`, which must not exist when the run starts, unless it is resumed.
    pub fn new(path: impl Into<PathBuf>, phases: PhaseParams) -> Self {
        Self {
            path: path.into(),
            phases: Classifier::new(phases),
            open: None,
        }
    }

    /// The file of a run that is resumed, cut to the steps before, all of which must be there. Their
    /// phases are told again, since the next one depends on them.
    fn go_on(&mut self, header: &RunHeader) -> Result<CsvFile, ContinueError> {
        let names = names(header);
        let place = |name: &str| names.iter().position(|column| column == name);
        let (sharpness, threshold) = (place(SHARPNESS), place(THRESHOLD));
        let mut left = Left::open(&self.path, &names)?;
        let (path, phases) = (&self.path, &mut self.phases);
        let mut found = header.first_step;
        left.keep_before(header.next_step, |step, row| {
            if step != found {
                return Err(missing(path, header, found));
            }
            found += 1;
            let fields: Vec<&str> = row.split(',').collect();
            let number = |at: Option<usize>| fields.get(at?)?.parse::<f64>().ok();
            if header.optimizer == PHASED
                && let Some(edge) = number(threshold)
            {
                phases.see(step, number(sharpness), edge);
            }
            Ok(())
        })?;
        if found != header.next_step {
            return Err(missing(&self.path, header, found));
        }
        left.cut()
    }
}

impl Observer for TraceCsv {
    fn name(&self) -> &'static str {
        "trace.csv"
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        let file = match header.next_step > header.first_step {
            true => self.go_on(header)?,
            false => CsvFile::create(&self.path, names(header))?,
        };
        self.open = Some((file, header.clone()));
        Ok(())
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        if let Some((file, header)) = &mut self.open {
            let phase = record
                .threshold
                .filter(|_| header.optimizer == PHASED)
                .and_then(|edge| self.phases.see(record.step, record.sharpness(), edge));
            file.row(row(header, record, phase))?;
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
        let mut trace = TraceCsv::new(&path, PhaseParams::default());
        trace.start(&header()).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "step,time,loss,train_accuracy,gradient_norm,step_size,threshold,lambda_1,lambda_2,\
             gradient_alignment,output_norm_sq,weight_norm_sq.layers.0,weight_norm_sq.layers.1,phase\n"
        );
        trace.step(&record(0)).unwrap();
        let mut second = record(1);
        second.eigenvalues = vec![eigenvalue(1, 0.1 + 0.2)];
        second.loss = 1e-300;
        second.train_accuracy = Some(0.5);
        trace.step(&second).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows[0], "0,0.0,1.0,,0.5,0.01,200.0,,,,0.25,1.5,0.25,");
        assert_eq!(
            rows[1],
            "1,0.01,1e-300,0.5,0.5,0.01,200.0,0.30000000000000004,,,0.25,1.5,0.25,before"
        );
    }

    #[test]
    fn every_float_reads_back_as_itself() {
        for value in [
            0.1,
            f64::MIN_POSITIVE,
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
    fn zero_has_no_sign_and_no_number_has_lost_digits() {
        for value in [0.0, -0.0, 5e-324, -f64::MIN_POSITIVE / 2.0] {
            assert_eq!(number(value), "0.0");
        }
        assert_eq!(number(-f64::MIN_POSITIVE), "-2.2250738585072014e-308");
        assert_eq!(cell(Some(-0.0)), "0.0");
    }

    #[test]
    fn a_network_without_an_output_layer_has_an_empty_cell() {
        let header = RunHeader {
            layers: Vec::new(),
            ..header()
        };
        let mut record = record(0);
        record.output_norm_sq = None;
        let at = names(&header).iter().position(|c| c == "output_norm_sq");
        assert_eq!(row(&header, &record, None)[at.unwrap()], "");
    }

    #[test]
    fn smallest_eigenvalues_have_columns_of_their_own() {
        let mut header = header();
        header.smallest = 1;
        let mut record = record(0);
        record.smallest = vec![eigenvalue(-1, -3.5)];
        let columns = names(&header);
        let at = columns
            .iter()
            .position(|column| column == "lambda_min_1")
            .unwrap();
        assert_eq!(row(&header, &record, None)[at], "-3.5");
        assert_eq!(row(&header, &record, None).len(), columns.len());
    }

    #[test]
    fn an_existing_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        std::fs::write(&path, "mine").unwrap();
        let error = TraceCsv::new(&path, PhaseParams::default())
            .start(&header())
            .unwrap_err();
        assert!(error.to_string().contains("trace.csv"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }

    /// A trace of steps before a crossing and after it.
    fn crossing(path: &Path, header: &RunHeader, steps: std::ops::Range<u64>) {
        let mut trace = TraceCsv::new(path, PhaseParams::default());
        trace.start(header).unwrap();
        for step in steps {
            let mut record = record(step);
            record.eigenvalues = vec![eigenvalue(1, 150.0 + 10.0 * step as f64)];
            trace.step(&record).unwrap();
        }
    }

    #[test]
    fn a_trace_goes_on_at_any_step_as_if_it_had_not_ended() {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole.csv");
        crossing(&whole, &header(), 0..20);
        let whole = std::fs::read_to_string(whole).unwrap();
        assert!(
            whole.contains(",before") && whole.contains(",II"),
            "{whole}"
        );
        for next_step in 1..20 {
            let path = folder.path().join(format!("{next_step}.csv"));
            // The last row was not finished.
            std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
            let header = RunHeader {
                next_step,
                ..header()
            };
            crossing(&path, &header, next_step..20);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        }
    }

    #[test]
    fn a_trace_without_all_rows_before_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        crossing(&path, &header(), 0..6);
        let text = std::fs::read_to_string(&path).unwrap();
        let refused = |next_step, layers: &[&str]| {
            let header = RunHeader {
                next_step,
                layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
                ..header()
            };
            let mut trace = TraceCsv::new(&path, PhaseParams::default());
            let error = trace.start(&header).unwrap_err().to_string();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            error
        };
        let layers = ["layers.0", "layers.1"];
        assert!(refused(7, &layers).contains("end before step 6"));
        assert!(refused(3, &layers[..1]).contains("columns"));
        std::fs::remove_file(&path).unwrap();
        let header = RunHeader {
            next_step: 3,
            ..header()
        };
        let gone = TraceCsv::new(&path, PhaseParams::default()).start(&header);
        assert!(gone.unwrap_err().to_string().contains("trace.csv"));
        assert!(!path.exists());
    }

    /// A header with every column that a run can have.
    fn everything() -> RunHeader {
        use brink_dynamics::measurement::columns;
        let layers = ["layers.0", "layers.1"];
        let measured = [
            columns::residual(),
            columns::gram(2),
            columns::gauss_newton(),
            columns::first_order(),
            columns::alignment(layers.iter()),
            columns::layer_sharpness(layers.iter()),
        ];
        RunHeader {
            smallest: 1,
            preconditioned: 1,
            minibatches: true,
            measured: measured.concat(),
            ..header()
        }
    }

    #[test]
    fn every_column_has_a_name_of_its_own_and_a_meaning() {
        let columns = columns(&everything());
        let mut names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), columns.len());
        assert!(columns.iter().all(|c| c.meaning.len() > 2), "{columns:?}");
    }

    #[test]
    fn a_damaged_cell_is_an_error_of_the_reader_in_every_column() {
        for name in names(&everything()) {
            if matches!(name.as_str(), "step" | PHASE) {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let text = format!("step,{name}\n0,\n1,1.5\n2,1.5x\n");
            std::fs::write(folder.path().join("trace.csv"), text).unwrap();
            let error = brink_analysis::Trace::read(folder.path()).unwrap_err();
            let expected = format!("line 4, column {name}: \"1.5x\" is not a number");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
}
