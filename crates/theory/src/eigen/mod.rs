//! Top eigenpairs of a symmetric n × n matrix: of the whole decomposition, or by the block
//! eigensolver from a warm start.

mod dense;
mod large;

use faer::Mat;
use serde::{Deserialize, Serialize};

use crate::TheoryError;
use crate::error::{positive, shape};
use crate::linalg::{check_finite, check_symmetric};

pub(crate) use dense::eigh_descending;

/// Up to this order the dense method is as fast.
const DENSE_ORDER: usize = 64;

/// How eigenpairs are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Dense up to order 100, subspace above.
    #[default]
    Auto,
    /// The whole spectrum, O(n³).
    Dense,
    /// The block eigensolver of `brink-eigen`, O(n²) a product.
    Subspace,
}

/// Options of the eigensolver.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Solver {
    /// Dense or subspace.
    pub method: Method,
    /// Subspace only: ‖Ax − θx‖ that a pair may keep, relative to the largest |θ|.
    pub tolerance: f64,
    /// Subspace only: iterations before giving up.
    pub max_iterations: usize,
}

impl Default for Solver {
    fn default() -> Self {
        Self {
            method: Method::Auto,
            tolerance: 1e-11,
            max_iterations: 1000,
        }
    }
}

impl Solver {
    pub(crate) fn check(&self) -> Result<(), TheoryError> {
        positive("the eigensolver's tolerance", self.tolerance).map(|_| ())
    }
}

/// Eigenpairs, largest eigenvalue first.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Eigenvalues θ `[k]`.
    pub values: Vec<f64>,
    /// ‖Ax − θx‖ `[k]`: each θ has an eigenvalue of A within it.
    pub residuals: Vec<f64>,
    /// Unit eigenvectors `[n, k]`.
    pub vectors: Mat<f64>,
    /// Start of the next solve of a matrix near this one `[n, ≥ k]`: the vectors, and by the
    /// subspace method the next few too.
    pub warm: Mat<f64>,
    /// Products with the matrix.
    pub products: usize,
}

/// The `count` eigenpairs of largest value of a symmetric matrix `[n, n]`, starting from `warm`
/// `[n, ·]` (any vectors near the wanted ones) where the method can use it.
///
/// # Errors
/// An empty, asymmetric or non-finite matrix, a count outside 1..=n, a warm start of another
/// height, or a pair whose residual stays above the tolerance.
pub fn top_pairs(
    matrix: &Mat<f64>,
    count: usize,
    warm: Option<&Mat<f64>>,
    solver: &Solver,
) -> Result<Pairs, TheoryError> {
    solver.check()?;
    let n = crate::error::nonempty("the matrix's order", matrix.nrows())?;
    shape("the matrix", (matrix.nrows(), matrix.ncols()), (n, n))?;
    check_finite("the matrix", matrix.as_ref())?;
    check_symmetric("the matrix", matrix)?;
    if let Some(warm) = warm {
        shape(
            "the warm start",
            (warm.nrows(), warm.ncols()),
            (n, warm.ncols()),
        )?;
        check_finite("the warm start", warm.as_ref())?;
    }
    solve("the matrix", matrix, count, warm, solver)
}

/// [`top_pairs`] of a matrix that is symmetric by construction; `what` names it in errors.
pub(crate) fn solve(
    what: &'static str,
    matrix: &Mat<f64>,
    count: usize,
    warm: Option<&Mat<f64>>,
    solver: &Solver,
) -> Result<Pairs, TheoryError> {
    let n = matrix.nrows();
    if count == 0 || count > n {
        return Err(TheoryError::Count {
            what,
            count,
            limit: n,
        });
    }
    let scale = largest_entry(matrix);
    if !scale.is_finite() {
        return Err(TheoryError::NonFinite { what });
    }
    if scale == 0.0 {
        return Ok(of_zero(n, count));
    }
    // Scaled, so that a run about to diverge does not overflow in the squares of norms.
    let factor = scale.recip();
    let dense = match solver.method {
        Method::Auto => n <= DENSE_ORDER,
        Method::Dense => true,
        Method::Subspace => false,
    };
    let mut pairs = if dense {
        dense::top(&(faer::Scale(factor) * matrix), count)?
    } else {
        large::top(what, matrix, factor, count, warm, solver)?
    };
    for number in pairs.values.iter_mut().chain(&mut pairs.residuals) {
        *number *= scale;
    }
    Ok(pairs)
}

fn largest_entry(matrix: &Mat<f64>) -> f64 {
    let mut largest = 0.0_f64;
    for j in 0..matrix.ncols() {
        for value in matrix.col_as_slice(j) {
            // `max` would pass over a NaN.
            if !value.is_finite() {
                return f64::NAN;
            }
            largest = largest.max(value.abs());
        }
    }
    largest
}

fn of_zero(n: usize, count: usize) -> Pairs {
    let vectors = Mat::identity(n, count);
    Pairs {
        values: vec![0.0; count],
        residuals: vec![0.0; count],
        warm: vectors.clone(),
        vectors,
        products: 0,
    }
}
