//! What can go wrong in an eigensolve. Not converging is no error: see [`Info::stop`].
//!
//! [`Info::stop`]: super::Info::stop

use burn::tensor::{DType, TensorReadError};

/// The error of an operator's own arithmetic, as the operator reports it.
pub type OperatorError = Box<dyn std::error::Error + Send + Sync>;

/// A failed eigensolve. The solver keeps the warm block it had before the failing call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EigenError {
    /// A parameter outside its range.
    #[error("eigensolver parameter `{name}` is {value}: it must be {requirement}")]
    InvalidParameter {
        /// Field of [`Params`](super::Params).
        name: &'static str,
        /// The value given.
        value: f64,
        /// The range allowed.
        requirement: &'static str,
    },
    /// More eigenpairs asked for than the operator has.
    #[error(
        "{count} eigenpairs asked of an operator of dimension {dim}: ask for at most {dim}, at least 1"
    )]
    CountExceedsDimension {
        /// Eigenpairs asked for.
        count: usize,
        /// Dimension of the operator.
        dim: usize,
    },
    /// The operator's tensors are neither float32 nor float64.
    #[error("the operator works in {dtype:?}: use float32 or float64")]
    UnsupportedDType {
        /// The operator's element type.
        dtype: DType,
    },
    /// A warm start of the wrong shape.
    #[error(
        "the warm start has shape [{rows}, {columns}]: expected at least one row of {dim} columns"
    )]
    WarmStartShape {
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
        /// Dimension of the operator.
        dim: usize,
    },
    /// A vector to compare with that is not of the operator's length.
    #[error("the vector to compare eigenvectors with has {length} entries: expected {dim}")]
    VectorLength {
        /// Entries given.
        length: usize,
        /// Dimension of the operator.
        dim: usize,
    },
    /// The operator returned a block of another shape or type than it was given.
    #[error(
        "the operator returned {got:?} {got_dtype:?} for a block {expected:?} {expected_dtype:?}: \
         it must keep shape and element type"
    )]
    OperatorOutput {
        /// Shape returned.
        got: [usize; 2],
        /// Element type returned.
        got_dtype: DType,
        /// Shape of the block it was given.
        expected: [usize; 2],
        /// Element type of the block it was given.
        expected_dtype: DType,
    },
    /// The operator itself failed.
    #[error("the operator failed in its application number {application}")]
    Operator {
        /// Applications so far in this solve, this one included.
        application: usize,
        /// What the operator reported.
        source: OperatorError,
    },
    /// The operator, or the warm start, holds an infinity or a NaN (or overflows when squared).
    #[error(
        "non-finite numbers in row {row} of the block after application number {application}: \
         check that the operator is finite where it is evaluated"
    )]
    NonFinite {
        /// First offending row of the search basis.
        row: usize,
        /// Applications so far in this solve.
        application: usize,
    },
    /// The operator is not symmetric: u·(A·v) and v·(A·u) differ by more than rounding can.
    #[error(
        "the operator is not symmetric: u·(A·v) and v·(A·u) differ by {difference:e} for two \
         vectors of the block, where rounding explains {explained:e} at most: check its products"
    )]
    NotSymmetric {
        /// |u·(A·v) − v·(A·u)| for unit vectors u, v.
        difference: f64,
        /// What rounding is allowed.
        explained: f64,
    },
    /// A small matrix could not be read from the device.
    #[error("could not read {what} back from the device")]
    ReadBack {
        /// Which numbers.
        what: &'static str,
        /// The device's report.
        source: TensorReadError,
    },
    /// The dense eigensolver on the host did not converge.
    #[error("the dense eigendecomposition of a {size}×{size} matrix on the host did not converge")]
    HostDecomposition {
        /// Order of the matrix.
        size: usize,
    },
}
