//! What can go wrong. A run that diverges is no error: see [`Outcome`](crate::Outcome).

/// A refused input or a failed eigensolve.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TheoryError {
    /// A size that must be at least 1 is 0.
    #[error("{what} is 0: give at least 1")]
    Empty {
        /// Which size.
        what: &'static str,
    },
    /// An array of the wrong shape.
    #[error("{what} has shape {rows}×{columns}: expected {expected_rows}×{expected_columns}")]
    Shape {
        /// Which array.
        what: &'static str,
        /// Rows given (entries, for a vector).
        rows: usize,
        /// Columns given (1 for a vector).
        columns: usize,
        /// Rows expected.
        expected_rows: usize,
        /// Columns expected.
        expected_columns: usize,
    },
    /// A number that must be positive and finite is not.
    #[error("{name} is {value}: it must be positive and finite")]
    NotPositive {
        /// Which number.
        name: &'static str,
        /// The value given.
        value: f64,
    },
    /// An infinity or a NaN among the inputs.
    #[error("{what} holds a number that is not finite")]
    NonFinite {
        /// Which array or number.
        what: &'static str,
    },
    /// A kernel or Gram matrix that is not symmetric.
    #[error(
        "{what} is not symmetric: entries ({row}, {column}) and its mirror differ by {difference:e}"
    )]
    NotSymmetric {
        /// Which matrix.
        what: &'static str,
        /// Row of the worst entry.
        row: usize,
        /// Column of the worst entry.
        column: usize,
        /// Absolute difference.
        difference: f64,
    },
    /// More eigenvalues asked for than are known in closed form.
    #[error("{count} eigenvalues asked of {what}: ask for 1 to {limit}")]
    Count {
        /// Of which matrix.
        what: &'static str,
        /// How many were asked for.
        count: usize,
        /// The most there are.
        limit: usize,
    },
    /// A state that no weights have, as |F_i| ≤ σ·‖A‖·‖Wx_i‖ fails.
    #[error(
        "no weights have this state: output {sample} is {output}, but ‖A‖² and G allow at most \
         {bound} in absolute value"
    )]
    Unrealisable {
        /// Index of the sample.
        sample: usize,
        /// F at the sample.
        output: f64,
        /// σ·√(S·G_ii).
        bound: f64,
    },
    /// A state without a Hessian: N(μ) crosses 1 outside of where any weights would let it.
    #[error(
        "eigenvalue {index} of the Hessian is not where it must be for any weights: the state \
         (F, ‖A‖², G) belongs to none"
    )]
    NoHessian {
        /// Counted from 1 at the largest.
        index: usize,
    },
    /// The Hessian along the recursion without its second-order terms.
    #[error(
        "without the second-order terms the states belong to no weights, so there is no Hessian: \
         measure `gram` instead"
    )]
    HessianWithoutSecondOrder,
    /// The dense eigensolver did not converge.
    #[error("the dense eigendecomposition of a {size}×{size} matrix did not converge")]
    Decomposition {
        /// Order of the matrix.
        size: usize,
    },
    /// The block eigensolver failed.
    #[error("the eigensolver failed on {what}: {reason}")]
    Eigensolver {
        /// Of which matrix.
        what: &'static str,
        /// What it reported.
        reason: String,
    },
    /// An iteration ended at its limit before it met its tolerance.
    #[error(
        "eigenvalue {index} of {what} has an error of {achieved:e} after {iterations} iterations, \
         above the tolerance {tolerance:e}: raise `max_iterations` or use the dense method"
    )]
    NotConverged {
        /// Of which matrix.
        what: &'static str,
        /// Counted from 1 at the largest.
        index: usize,
        /// Residual reached, in units of the eigenvalue.
        achieved: f64,
        /// Residual asked for.
        tolerance: f64,
        /// Iterations made.
        iterations: usize,
    },
    /// In a sweep over widths, a run that diverged, so that there is nothing to compare.
    #[error("the run at width {width} is not finite after step {step}: use a smaller step size")]
    SweepDiverged {
        /// Width of the run.
        width: usize,
        /// Step at which the numbers stopped being finite.
        step: u64,
    },
}

/// Passes a positive finite number.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<f64, TheoryError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(TheoryError::NotPositive { name, value })
    }
}

/// Passes a size of at least one.
pub(crate) fn nonempty(what: &'static str, size: usize) -> Result<usize, TheoryError> {
    if size == 0 {
        Err(TheoryError::Empty { what })
    } else {
        Ok(size)
    }
}

/// Passes an array of the expected shape.
pub(crate) fn shape(
    what: &'static str,
    got: (usize, usize),
    expected: (usize, usize),
) -> Result<(), TheoryError> {
    if got == expected {
        return Ok(());
    }
    Err(TheoryError::Shape {
        what,
        rows: got.0,
        columns: got.1,
        expected_rows: expected.0,
        expected_columns: expected.1,
    })
}

/// Passes finite numbers.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<(), TheoryError> {
    if values.iter().all(|v| v.is_finite()) {
        Ok(())
    } else {
        Err(TheoryError::NonFinite { what })
    }
}
