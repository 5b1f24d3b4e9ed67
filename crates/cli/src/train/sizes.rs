//! Settings that count something, against how much of it there is.
//!
//! The columns that guard a search (`guard`, `largest_guard`) need no check: the eigensolver takes
//! no more of them than the Hessian has room for.

use brink_dynamics::measurement::DENSE_LIMIT;
use miette::Diagnostic;

use crate::config::{Config, GramMethodConfig};

/// A setting that asks for more than there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error("`{key}` = {asked} is too many: {reason}")]
#[diagnostic(help("set {key} to at most {most}"))]
pub struct TooMany {
    /// The setting.
    key: &'static str,
    /// Its value.
    asked: usize,
    /// The largest possible value.
    most: usize,
    /// What there is.
    reason: String,
}

/// A Gram matrix that is too large to be formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error(
    "`measure.gram.method` = \"dense\" would form a matrix of {rows} rows, one for each of \
     {samples} samples times {outputs} outputs: at most {DENSE_LIMIT} are formed"
)]
#[diagnostic(help("set measure.gram.method = \"matrix-free\", or data.samples to fewer"))]
pub struct TooLarge {
    rows: usize,
    samples: usize,
    outputs: usize,
}

/// Why the sizes do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub enum SizeError {
    /// More eigenvalues than there are.
    TooMany(#[from] TooMany),
    /// More rows than are formed.
    TooLarge(#[from] TooLarge),
}

/// Has a batch that nothing is trained with be all samples, where there are fewer than it would have;
/// a line about it.
///
/// # Errors
/// Random batches are measured, and only the run's own say how large.
pub fn fit_batches(config: &mut Config, samples: usize) -> Result<Option<String>, SizeError> {
    let Some(minibatch) = config.optimizer.minibatch.as_mut() else {
        return Ok(None);
    };
    let size = minibatch.size;
    if size <= samples {
        return Ok(None);
    }
    if (config.measure.batch_sharpness.as_ref()).is_some_and(|batches| batches.size.is_none()) {
        return Err(TooMany {
            key: "measure.batch_sharpness.size",
            asked: size,
            most: samples,
            reason: format!("there are {samples} samples, and it is that of the run's batches"),
        }
        .into());
    }
    minibatch.size = samples;
    Ok(Some(format!(
        "note: the run's batches are of {size} samples; here the batch is all {samples} samples"
    )))
}

/// Refuses what a network of `parameters`, on `samples` with `outputs` values each, has not.
pub fn check(
    config: &Config,
    parameters: usize,
    samples: usize,
    outputs: usize,
) -> Result<(), SizeError> {
    let at_most = |most: usize, key, asked, reason: String| {
        if asked <= most {
            return Ok(());
        }
        Err(TooMany {
            key,
            asked,
            most,
            reason,
        })
    };
    if let Some(eigenvalues) = &config.measure.eigenvalues {
        for (key, asked) in [
            ("measure.eigenvalues.count", eigenvalues.count),
            ("measure.eigenvalues.smallest", eigenvalues.smallest),
        ] {
            let reason = format!(
                "the network has {parameters} parameters, and its Hessian as many eigenvalues"
            );
            at_most(parameters, key, asked, reason)?;
        }
    }
    if let Some(minibatch) = &config.optimizer.minibatch {
        let reason = format!("there are {samples} training samples");
        at_most(samples, "optimizer.minibatch.size", minibatch.size, reason)?;
    }
    if let Some(size) = (config.measure.batch_sharpness.as_ref()).and_then(|batches| batches.size) {
        let reason = format!("there are {samples} training samples");
        at_most(samples, "measure.batch_sharpness.size", size, reason)?;
    }
    if let Some(gram) = &config.measure.gram {
        let rows = samples * outputs;
        let reason = format!(
            "{samples} samples with {outputs} outputs each make a Gram matrix of {rows} rows, \
             with as many eigenvalues"
        );
        at_most(rows, "measure.gram.count", gram.count, reason)?;
        if gram.method == GramMethodConfig::Dense && rows > DENSE_LIMIT {
            return Err(TooLarge {
                rows,
                samples,
                outputs,
            }
            .into());
        }
    }
    Ok(())
}
