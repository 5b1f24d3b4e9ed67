//! Chains of elementwise operations in one pass over memory, on burn-flex.
//!
//! The plain way is one operation at a time, each of which reads its arguments from memory and
//! writes its value there; for a block of tangents that costs as much as the matrix products.
//! Here a chain is computed for a few hundred elements at a time, whose intermediate values stay
//! in the innermost cache, on all cores. Each element goes through the same operations in the same
//! precision as one by one.

mod access;
mod interpret;

use burn::backend::DispatchTensor;
use burn::tensor::FloatDType;

use access::Access;
use interpret::interpret;

use super::Target;
use super::real::{Real, flex, float};
use crate::error::LinearizeError;
use crate::graph::Chain;

/// Computes a chain over blocks of `k`; inputs, each with whether it has the block's dimension, and
/// outputs in the chain's order.
pub(super) fn run(
    chain: &Chain,
    target: &Target,
    k: usize,
    inputs: Vec<(DispatchTensor, bool)>,
) -> Result<Vec<DispatchTensor>, LinearizeError> {
    match target.float {
        FloatDType::F32 => typed::<f32>(chain, k, inputs),
        FloatDType::F64 => typed::<f64>(chain, k, inputs),
        other => Err(LinearizeError::Internal(format!(
            "a chain of {other:?} was scheduled"
        ))),
    }
}

fn typed<T: Real>(
    chain: &Chain,
    k: usize,
    inputs: Vec<(DispatchTensor, bool)>,
) -> Result<Vec<DispatchTensor>, LinearizeError> {
    let shape: Vec<usize> = chain
        .batched
        .then_some(k)
        .into_iter()
        .chain(chain.shape.iter().copied())
        .collect();
    let inputs = inputs
        .into_iter()
        .map(|(tensor, batched)| Ok((flex(tensor)?, batched)))
        .collect::<Result<Vec<_>, LinearizeError>>()?;
    let accesses: Vec<Access<'_, T>> = inputs
        .iter()
        .map(|(tensor, batched)| Access::new(tensor, *batched, &shape))
        .collect();
    let outputs = interpret(chain, &accesses, shape.iter().product());
    Ok(outputs
        .into_iter()
        .map(|values| float(values, &shape))
        .collect())
}
