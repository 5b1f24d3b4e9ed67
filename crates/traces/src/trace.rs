//! `trace.csv`: one row a step.
//!
//! | column | meaning | empty when |
//! |---|---|---|
//! | `step` | t, counted from 0 at the initial weights | never |
//! | `time` | the sum of the step sizes before this step, η·t if they are equal: the time of gradient flow | never |
//! | `loss` | L(θₜ) over the full batch | never |
//! | `train_accuracy` | share of training samples classified right, 0 to 1 | it means nothing for the targets |
//! | `gradient_norm` | ‖∇L(θₜ)‖₂ | never |
//! | `step_size` | η_t of the step that is taken from here | never |
//! | `threshold` | the optimizer's stability threshold for λ, such as 2/η | it has a preconditioner, or η_t is 0 |
//! | `lambda_1`, `lambda_2`, … | largest eigenvalues of ∇²L(θₜ), algebraically, largest first | not measured at this step, or beyond `count` and not above the share of the threshold that `above` asks for |
//! | `lambda_min_1`, … | smallest eigenvalues, smallest first; only if the config asks for them | not measured at this step |
//! | `preconditioned_1`, … | largest eigenvalues of P^(−½)∇²L(θₜ)P^(−½), P the preconditioner of the step from here; only if the config asks for them | not measured at this step |
//! | `preconditioned_threshold` | the optimizer's stability threshold for them | η_t is 0 |
//! | `gradient_alignment` | \|cos\| of the angle between ∇L(θₜ) and the top eigenvector | not measured at this step |
//! | `batch_loss`, `step_sharpness` | loss L_B, and gᵀH_Bg/‖g‖² for the gradient g = ∇L_B, over the batch of the step from here; only with minibatches | g is 0 |
//! | `output_norm_sq` | ‖A‖², squared Frobenius norm of the output layer's weight | there is no such layer |
//! | `weight_norm_sq.<layer>` | squared Frobenius norm of each layer's weight, input to output | never |
//! | `phase` | before, I, II, III or IV, by the rule of [`brink_analysis::phases`], as known at this step | no λ₁ yet; the optimizer is not gd |
//!
//! Then the columns of the measurements that the config switches on; every one is empty at steps
//! where its measurement is not due. D = F − Y, M = JJᵀ with top eigenvector v₁, A the output layer.
//!
//! | column | meaning | table |
//! |---|---|---|
//! | `residual_norm_sq`, `residual_dot_output`, `residual_dot_target`, `target_norm_sq` | ‖D‖², DᵀF, DᵀY, ‖Y‖² | `residual` |
//! | `output_norm_sq_change` | ‖A‖² after the step taken from here, less ‖A‖² before it | `residual` |
//! | `output_norm_sq_predicted` | the same, from DᵀF and the gradient: −(4κη/n)·DᵀF + 2η⟨b, ∂L/∂b⟩ + η²‖∂L/∂A‖² | `residual` |
//! | `output_norm_sq_error` | the change less its prediction | `residual` |
//! | `gram_lambda_1`, … , `gram_error_bound` | (2κ/n)·λᵢ(M), and the largest of their error bounds | `gram` |
//! | `gram_gap` | \|Λ − (2κ/n)·λ₁(M)\|/Λ; empty where Λ was not solved for | `gram` |
//! | `residual_on_v1`, `residual_off_v1` | Dᵀv₁, its sign continued from step to step; ‖D − (Dᵀv₁)v₁‖ | `gram` |
//! | `loss_share_v1` | (Dᵀv₁)²/‖D‖² | `gram` |
//! | `v1_cos_previous`, `v1_cos_start` | \|cos\| between v₁ and that of the previous, of the first measured step | `gram` |
//! | `gauss_newton_lambda_1`, `gauss_newton_error_bound` | λ₁ of the Hessian's Gauss–Newton part, its error bound | `gauss_newton` |
//! | `residual_hessian_lambda_1`, `residual_hessian_error_bound` | λ₁ (largest algebraic) of the rest of the Hessian | `gauss_newton` |
//! | `first_order_error` | ‖D(t) − (I − (2κη/n)M)·D(t−1)‖/‖D(t−1)‖, of the step that led here | `first_order` |
//! | `eigenvector_share.<layer>` | share of the layer in the squared norm of the Hessian's top eigenvector | `alignment` |
//! | `sharpness_gradient_norm` | ‖∇S‖ of the sharpness S = λ₁, ∇S = ∇³L[u, u] for its unit eigenvector u; this and the next six are empty where λ₁ is not known to be simple or u not to be within 0.1 of it | `self_stabilization` |
//! | `progressive_sharpening` | −⟨∇L, ∇S⟩, dS/dt of gradient flow from θₜ | `self_stabilization` |
//! | `stabilization` | β = ‖∇S − ⟨u, ∇S⟩u‖² | `self_stabilization` |
//! | `oscillation` | x = ⟨u, ∇L⟩/λ₁, distance along u from θ_ref = θₜ − xu, where the slope along u vanishes to first order; the sign of u is continued from step to step; empty where λ₁ ≤ 0 | `self_stabilization` |
//! | `progressive_sharpening_reference` | α = −⟨∇L, ∇S⟩ + xλ₁⟨u, ∇S⟩ − ½x²β: progressive sharpening at θ_ref to second order in x; empty where x is | `self_stabilization` |
//! | `predicted_deviation` | √(2α/β), the \|x\| at which Damian, Nichani and Lee (2023) have gradient descent in balance; empty where α or β is not positive | `self_stabilization` |
//! | `top_eigenvector_error` | bound on the sine of the angle between u and the eigenvector: ‖Hu − λ₁u‖/(λ₁ − λ₂), λ₂ as large as its error bound allows | `self_stabilization` |
//! | `directional_sharpness` | gᵀHg/‖g‖² for g = ∇L(θₜ), in units of λ; empty where g is 0, as are the next three | `step` |
//! | `relative_progress` | (L(θₜ − η_t·g) − L(θₜ))/(η_t‖g‖²), of the step taken from here; empty where η_t is 0, the loss there is not finite, or rounding of the loss could be a hundredth of it | `step` |
//! | `critical_sharpness` | 2/η_c, η_c the step size from which on the step θₜ − ηg would raise the loss, to one part in a thousand, in units of λ; empty where none is found from η_t·2⁻⁴⁰ to η_t·2⁴⁰, or where rounding of the loss could move η_c by a hundredth | `step` |
//! | `critical_evaluations` | forward passes that both took | `step` |
//! | `batch_sharpness` | mean of g_BᵀH_Bg_B/‖g_B‖² over random batches B, in units of λ; empty where fewer than two of them have a gradient | `batch_sharpness` |
//! | `batch_sharpness_stderr` | standard error of that mean; empty where it is | `batch_sharpness` |
//! | `batch_sharpness_draws` | batches drawn | `batch_sharpness` |
//! | `gradient_noise_trace` | mean of ‖g_B − ∇L(θₜ)‖² over the same batches | `batch_sharpness` |
//! | `subspace_gradient_share` | share of ‖∇L(θₜ)‖² in the span of the Hessian's top k eigenvectors, 0 to 1; this and the next three are empty where eigenvalues were not solved for | `subspace` |
//! | `subspace_update_share` | the same of ‖θₜ − θₜ₋₁‖²; empty at the first step, and where nothing moved | `subspace` |
//! | `subspace_overlap` | mean squared cosine between the span and that of `lag` measured steps ago: 1 of the same span; empty until there is one | `subspace` |
//! | `subspace_error` | bound on the sine of the angles between the span and that of the eigenvectors: √(Σ‖Hvᵢ − λᵢvᵢ‖²)/(λ_k − λ_{k+1}), λ_{k+1} as large as its error bound allows; empty where λ_{k+1} was not solved for or may reach λ_k | `subspace` |
//! | `lambda_1.<layer>`, `lambda_1_error_bound.<layer>` | λ₁ of the layer's diagonal block of the Hessian | `layer_sharpness` |
//! | `flow_loss`, `flow_lambda_1`, `flow_error_bound` | loss and sharpness of gradient flow at time η·t | `flow` |
//! | `flow_distance` | ‖θₜ − θ_flow(ηt)‖ | `flow` |
//! | `flow_gradients` | gradients that the flow took so far | `flow` |
//!
//! Numbers are the shortest decimals that read back as the same float64; zero has no sign, and
//! numbers below 2.3e-308 are written as zero. Values of λ carry no error bounds here;
//! `eigenvalues.csv` has them.

use std::path::{Path, PathBuf};

use brink_analysis::phases::{Classifier, Phase, PhaseParams};
use brink_dynamics::observer::{Observer, ObserverError};
use brink_dynamics::record::{Eigenvalue, RunHeader, StepRecord};

use crate::continued::{ContinueError, Left};
use crate::csv_file::{CsvFile, cell, number};

/// The columns of a run's trace, in order.
pub fn columns(header: &RunHeader) -> Vec<String> {
    let mut columns: Vec<String> = [
        "step",
        "time",
        "loss",
        "train_accuracy",
        "gradient_norm",
        "step_size",
        "threshold",
    ]
    .map(String::from)
    .into();
    columns.extend((1..=header.eigenvalues).map(|index| format!("lambda_{index}")));
    columns.extend((1..=header.smallest).map(|index| format!("lambda_min_{index}")));
    if header.preconditioned > 0 {
        columns.extend((1..=header.preconditioned).map(|index| format!("preconditioned_{index}")));
        columns.push("preconditioned_threshold".into());
    }
    columns.push("gradient_alignment".into());
    if header.minibatches {
        columns.extend(["batch_loss", "step_sharpness"].map(String::from));
    }
    columns.push("output_norm_sq".into());
    columns.extend(
        header
            .layers
            .iter()
            .map(|layer| format!("weight_norm_sq.{layer}")),
    );
    columns.push("phase".into());
    columns.extend(header.measured.iter().cloned());
    columns
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

/// Whole rows of a trace: as many steps as it has from its first one on.
///
/// # Errors
/// The system refuses.
pub fn steps_in(path: &Path) -> std::io::Result<u64> {
    let bytes = std::fs::read(path)?;
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    // One is the header.
    Ok(lines.saturating_sub(1))
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
        let columns = columns(header);
        let place = |name: &str| columns.iter().position(|column| column == name);
        let (sharpness, threshold) = (place("lambda_1"), place("threshold"));
        let mut left = Left::read(&self.path, &columns)?;
        let rows = left.keep_before(header.next_step)?;
        for (expected, (step, row)) in (header.first_step..).zip(&rows) {
            if *step != expected {
                return Err(missing(&self.path, header, expected));
            }
            let fields: Vec<&str> = row.split(',').collect();
            let number = |at: Option<usize>| fields.get(at?)?.parse::<f64>().ok();
            if header.optimizer == PHASED
                && let Some(edge) = number(threshold)
            {
                self.phases.see(*step, number(sharpness), edge);
            }
        }
        let found = header.first_step + rows.len() as u64;
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
            false => CsvFile::create(&self.path, columns(header))?,
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
        let at = columns(&header).iter().position(|c| c == "output_norm_sq");
        assert_eq!(row(&header, &record, None)[at.unwrap()], "");
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
}
