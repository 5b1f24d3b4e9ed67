//! Operators with known spectra, and what every solution must satisfy.

use brink_eigen::{OperatorError, Params, Solution, Solver, SymmetricOperator};
use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::{Mat, Side};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The CPU devices compiled in, each with both element types.
#[allow(dead_code)] // not every test file needs it
pub fn arenas() -> Vec<(Device, DType)> {
    let devices = [
        #[cfg(feature = "flex")]
        Device::flex(),
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)] // upstream prefers flex; it stays selectable here
        Device::ndarray(),
    ];
    assert!(!devices.is_empty(), "build the tests with a CPU backend");
    devices
        .into_iter()
        .flat_map(|device| [(device.clone(), DType::F32), (device, DType::F64)])
        .collect()
}

/// A dense symmetric matrix on a device.
pub struct Dense {
    matrix: Tensor<2>,
    device: Device,
    /// Products made so far, counted independently of the solver.
    pub products: usize,
    /// What it says that a further row costs.
    pub row_cost: f64,
}

impl Dense {
    pub fn new(matrix: &Mat<f64>, device: &Device, dtype: DType) -> Self {
        Self {
            matrix: upload(matrix, device, dtype),
            device: device.clone(),
            products: 0,
            row_cost: 0.0,
        }
    }
}

impl SymmetricOperator for Dense {
    fn dim(&self) -> usize {
        self.matrix.dims()[0]
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dtype(&self) -> DType {
        self.matrix.dtype()
    }

    fn row_cost(&self) -> f64 {
        self.row_cost
    }

    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        self.products += block.dims()[0];
        Ok(block.matmul(self.matrix.clone()))
    }
}

pub fn upload(matrix: &Mat<f64>, device: &Device, dtype: DType) -> Tensor<2> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let values: Vec<f64> = (0..rows)
        .flat_map(|i| (0..columns).map(move |j| matrix[(i, j)]))
        .collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), (device, dtype))
}

pub fn download(tensor: &Tensor<2>) -> Mat<f64> {
    let [rows, columns] = tensor.dims();
    let values = tensor.try_to_vec_as::<f64>().unwrap();
    Mat::from_fn(rows, columns, |i, j| values[i * columns + j])
}

/// Independent numbers of mean 0 and variance 1, near enough to normal.
pub fn noise(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = move || f64::from(generator.next_u32()) / f64::from(u32::MAX) - 0.5;
    Mat::from_fn(rows, columns, |_, _| {
        (0..12).map(|_| uniform()).sum::<f64>()
    })
}

/// A random orthogonal matrix.
pub fn rotation(n: usize, seed: u64) -> Mat<f64> {
    noise(n, n, seed).qr().compute_thin_Q()
}

/// Qᵀ·diag(spectrum)·Q: the rows of Q are the eigenvectors.
pub fn with_spectrum(spectrum: &[f64], q: &Mat<f64>) -> Mat<f64> {
    let scaled = Mat::from_fn(q.nrows(), q.ncols(), |i, j| spectrum[i] * q[(i, j)]);
    q.transpose() * scaled
}

/// The symmetric matrix that the device really holds, back in float64.
pub fn as_stored(matrix: &Mat<f64>, device: &Device, dtype: DType) -> Mat<f64> {
    let stored = download(&upload(matrix, device, dtype));
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
        0.5 * (stored[(i, j)] + stored[(j, i)])
    })
}

/// All eigenvalues in descending order, by dense decomposition.
pub fn eigenvalues(matrix: &Mat<f64>) -> Vec<f64> {
    let mut values = matrix.self_adjoint_eigenvalues(Side::Lower).unwrap();
    values.reverse();
    values
}

/// `count` eigenvalues from `top` down, then a bulk that decays by `ratio`.
#[allow(dead_code)] // not every test file needs it
pub fn decaying(top: &[f64], from: f64, ratio: f64, n: usize) -> Vec<f64> {
    let bulk = (0..n - top.len()).map(|j| from * ratio.powi(j as i32));
    top.iter().copied().chain(bulk).collect()
}

/// Solves once and checks everything that must hold of any solution for the largest end.
#[allow(dead_code)] // not every test file needs it
pub fn solve_and_check(
    matrix: &Mat<f64>,
    params: Params,
    (device, dtype): &(Device, DType),
) -> Solution {
    let mut operator = Dense::new(matrix, device, *dtype);
    let mut solver = Solver::new(params.clone()).unwrap();
    let solution = solver.solve(&mut operator).unwrap();
    assert_eq!(solution.info.products, operator.products);
    check(&solution, matrix, &params, (device, *dtype));
    solution
}

/// What must hold of any solution for the largest end of `matrix`.
#[allow(dead_code)] // not every test file needs it
pub fn check(
    solution: &Solution,
    matrix: &Mat<f64>,
    params: &Params,
    (device, dtype): (&Device, DType),
) {
    let stored = as_stored(matrix, device, dtype);
    let exact = eigenvalues(&stored);
    let vectors = download(&solution.vectors);
    let images = &vectors * &stored;
    let (n, count) = (stored.nrows(), params.count);
    assert_eq!(solution.pairs.len(), count);
    assert_eq!(solution.vectors.dims(), [count, n]);
    let charged: usize = solution.pairs.iter().map(|p| p.products).sum();
    assert_eq!(charged, solution.info.products);

    let epsilon = match dtype {
        DType::F32 => f64::from(f32::EPSILON),
        _ => f64::EPSILON,
    };
    let norm = exact[0].abs().max(exact[n - 1].abs());
    let largest = solution
        .pairs
        .iter()
        .fold(0.0, |top: f64, p| top.max(p.value.abs()));
    for (i, pair) in solution.pairs.iter().enumerate() {
        let error = (pair.value - exact[i]).abs();
        // The dense decomposition is of float64, too: its values are rounded as those of the solver are.
        let own = 2.0 * f64::EPSILON * norm;
        assert!(
            error <= pair.error_bound + own,
            "value {i}: {} for {}, off by {error:e}, bound {:e} ({dtype:?}, {:?})",
            pair.value,
            exact[i],
            pair.error_bound,
            solution.info,
        );
        if pair.converged {
            assert!(pair.error_bound <= params.relative_tolerance * largest * 1.001);
        }
        let mut residual = 0.0;
        for j in 0..n {
            residual += (images[(i, j)] - pair.value * vectors[(i, j)]).powi(2);
        }
        let residual = residual.sqrt();
        let slack = 30.0 * epsilon * norm;
        assert!(
            residual <= pair.residual + slack,
            "residual {i}: {residual:e}, reported {:e}",
            pair.residual
        );
        for other in 0..=i {
            let inner: f64 = (0..n).map(|j| vectors[(i, j)] * vectors[(other, j)]).sum();
            let expected = if i == other { 1.0 } else { 0.0 };
            assert!(
                (inner - expected).abs() < 100.0 * epsilon,
                "{i}, {other}: {inner}"
            );
        }
    }
}
