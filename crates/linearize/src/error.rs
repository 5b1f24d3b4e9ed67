//! What can go wrong between a module and its Hessian-vector products.

/// Why a loss could not be traced, differentiated or evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinearizeError {
    /// The traced program holds an operation that no rule covers.
    #[error(
        "the loss uses `{operation}` ({place}), for which there is no differentiation rule; \
         write it with operations that have one, or add a rule to brink-linearize"
    )]
    UnsupportedOperation {
        /// The operation as Burn names it.
        operation: String,
        /// Where in the recorded graph, and what it produces.
        place: String,
    },
    /// The loss draws random numbers, so its Hessian is not defined.
    #[error(
        "the loss draws random numbers ({place}); a full-batch loss must be deterministic: \
         switch dropout and noise off, or draw them before the trace and pass them as data"
    )]
    Random {
        /// Where in the recorded graph.
        place: String,
    },
    /// The loss is not one number.
    #[error(
        "the loss has shape {shape:?}; it must be one number (shape [1]), as `mean` or `sum` give"
    )]
    LossNotScalar {
        /// Shape of what the loss closure returned.
        shape: Vec<usize>,
    },
    /// The loss does not depend on any parameter.
    #[error(
        "the loss depends on none of the module's parameters; there is nothing to differentiate"
    )]
    NoDependence,
    /// The module holds no float parameter.
    #[error("the module has no float parameters to differentiate by")]
    NoParameters,
    /// Running the module panicked while it was traced.
    #[error("the module could not be traced: {message}")]
    Trace {
        /// The panic's message, or the capture's error.
        message: String,
    },
    /// An argument has the wrong shape.
    #[error("{what} has shape {got:?}, expected {expected}")]
    Shape {
        /// The argument.
        what: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// What would have been right.
        expected: String,
    },
    /// An argument lives elsewhere or has another precision than the data.
    #[error("{what} is {got}, but the data are {expected}; move or cast it first")]
    Placement {
        /// The argument.
        what: &'static str,
        /// Its device and element type.
        got: String,
        /// The data's device and element type.
        expected: String,
    },
    /// Chunks of the batch do not add up to the whole.
    #[error(
        "the {what} of one sample depends on the others of its chunk: exchanging half of the \
         {samples} samples changed it by a relative {change:.1e}, so that means over chunks are \
         not the mean over the batch; batch norm in training mode does that: take the whole batch \
         as one chunk, or a norm without batch statistics (layer norm, group norm)"
    )]
    MixesSamples {
        /// `output` or `loss`.
        what: &'static str,
        /// Samples of the chunk that was looked at.
        samples: usize,
        /// The largest change, relative to the largest value.
        change: f64,
    },
    /// Results could not be read from the device.
    #[error("results could not be read from the device: {message}")]
    ReadBack {
        /// The backend's message.
        message: String,
    },
    /// A value that the program needs is missing: a fault in this crate.
    #[error("internal fault in brink-linearize: {0}")]
    Internal(String),
}
