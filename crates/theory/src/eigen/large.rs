//! The top of a spectrum by the block eigensolver, on the CPU in float64.

use brink_eigen::{EigenError, OperatorError, Params, SymmetricOperator};
use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::Mat;

use super::{Pairs, Solver};
use crate::TheoryError;

/// Vectors kept beside the wanted ones: they carry what may rise into their place.
const GUARDS: usize = 3;

/// A matrix as the eigensolver sees it, each entry times a factor.
struct Matrix {
    entries: Tensor<2>,
    device: Device,
}

impl Matrix {
    fn new(matrix: &Mat<f64>, factor: f64) -> Self {
        let device = Device::flex();
        Self {
            // By columns, which is by rows for a symmetric matrix.
            entries: upload(matrix, factor, &device),
            device,
        }
    }
}

impl SymmetricOperator for Matrix {
    fn dim(&self) -> usize {
        self.entries.dims()[0]
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dtype(&self) -> DType {
        DType::F64
    }

    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        Ok(block.matmul(self.entries.clone()))
    }
}

/// The `count` largest pairs of `factor` times `matrix`; `what` names it in errors.
///
/// The residual decides when they are good enough: eigenvalues are then known to its square.
pub(super) fn top(
    what: &'static str,
    matrix: &Mat<f64>,
    factor: f64,
    count: usize,
    warm: Option<&Mat<f64>>,
    solver: &Solver,
) -> Result<Pairs, TheoryError> {
    let failed = |error: EigenError| match error {
        EigenError::HostDecomposition { size } => TheoryError::Decomposition { size },
        error => TheoryError::Eigensolver {
            what,
            reason: error.to_string(),
        },
    };
    let tolerance = solver.tolerance.min(0.1);
    let mut iteration = brink_eigen::Solver::new(Params {
        count,
        guard: GUARDS,
        largest_guard: GUARDS,
        // One solve stands alone: all that it claims, it measures.
        guard_every: 1,
        relative_tolerance: (100.0 * tolerance).min(0.1),
        residual_tolerance: Some(tolerance),
        max_iterations: solver.max_iterations,
        ..Params::default()
    })
    .map_err(failed)?;
    let mut operator = Matrix::new(matrix, factor);
    if let Some(warm) = warm.filter(|warm| warm.ncols() > 0) {
        iteration.set_warm_start(upload(warm, 1.0, &operator.device));
    }
    let solution = iteration.solve(&mut operator).map_err(failed)?;
    let open = |pair: &brink_eigen::Eigenpair| !pair.converged;
    if let Some(index) = solution.pairs.iter().position(open) {
        return Err(TheoryError::NotConverged {
            what,
            index: index + 1,
            achieved: solution.pairs[index].residual,
            tolerance: solver.tolerance,
            iterations: solution.info.iterations,
        });
    }
    let vectors = download(what, solution.vectors)?;
    Ok(Pairs {
        values: solution.pairs.iter().map(|pair| pair.value).collect(),
        residuals: solution.pairs.iter().map(|pair| pair.residual).collect(),
        warm: match iteration.next_start() {
            Some(start) => download(what, start.clone())?,
            None => vectors.clone(),
        },
        vectors,
        products: solution.info.products,
    })
}

/// The columns of a matrix as rows, each entry times a factor.
fn upload(matrix: &Mat<f64>, factor: f64, device: &Device) -> Tensor<2> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let mut values = Vec::with_capacity(rows * columns);
    for column in 0..columns {
        values.extend(matrix.col_as_slice(column).iter().map(|x| factor * x));
    }
    Tensor::from_data(
        TensorData::new(values, [columns, rows]),
        (device, DType::F64),
    )
}

/// Rows as the columns of a matrix.
fn download(what: &'static str, rows: Tensor<2>) -> Result<Mat<f64>, TheoryError> {
    let [count, n] = rows.dims();
    let values = rows
        .try_into_vec_as::<f64>()
        .map_err(|error| TheoryError::Eigensolver {
            what,
            reason: error.to_string(),
        })?;
    Ok(Mat::from_fn(n, count, |i, j| values[j * n + i]))
}
