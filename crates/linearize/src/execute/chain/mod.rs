//! Chains of operations in one pass over memory, on burn-flex.
//!
//! The plain way is one operation at a time, each of which reads its arguments from memory and
//! writes its value there; for a block of tangents that costs as much as the matrix products.
//! Here a chain is computed for some thousand elements at a time, or for some rows, whose
//! intermediate values stay in the innermost caches, on all cores. Each element goes through the
//! same operations in the same precision as one by one, but for factors that are put off and sums that
//! are fused with a product (`graph/simplify.rs`): the same up to rounding.

mod access;
mod aligned;
mod columns;
mod compute;
mod interpret;
mod reduce;

use burn::backend::DispatchTensor;
use burn::backend::flex::FlexTensor;
use burn::tensor::FloatDType;

use access::Access;
use interpret::interpret;

use super::real::{Real, flex, float};
use super::{Target, reshape, view::view};
use crate::error::LinearizeError;
use crate::graph::{Chain, Input, Source};

/// Computes a chain over blocks of `k`; inputs and outputs in the chain's order.
pub(super) fn run(
    chain: &Chain,
    target: &Target,
    k: usize,
    inputs: Vec<DispatchTensor>,
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
    inputs: Vec<DispatchTensor>,
) -> Result<Vec<DispatchTensor>, LinearizeError> {
    let block = chain.class.batched.then_some(k);
    let full =
        |shape: &[usize]| -> Vec<usize> { block.into_iter().chain(shape.to_vec()).collect() };
    let viewed: Vec<DispatchTensor> = chain
        .outputs
        .iter()
        .filter_map(|output| match output.source {
            Source::Input(input) => Some(inputs[input].clone()),
            _ => None,
        })
        .collect();
    let mut viewed = viewed.into_iter();
    let inputs = inputs
        .into_iter()
        .map(flex)
        .collect::<Result<Vec<FlexTensor>, LinearizeError>>()?;
    let access =
        |(tensor, input): (_, &Input)| Access::<T>::new(tensor, input.batched, &full(&input.shape));
    let accesses: Vec<_> = inputs.iter().zip(&chain.inputs).map(access).collect();
    let elements = block.unwrap_or(1) * chain.class.elements;
    let mut written = interpret(chain, &accesses, elements).into_iter();
    let mut outputs: Vec<DispatchTensor> = Vec::with_capacity(chain.outputs.len());
    for output in &chain.outputs {
        let shape = full(&output.shape);
        let another = |value: DispatchTensor| {
            view(&value, &shape).unwrap_or_else(|| reshape(value, shape.clone()))
        };
        let found = match output.source {
            Source::Written(_) => written.next().map(|values| float(values, &shape)),
            Source::Output(same) => outputs.get(same).cloned().map(another),
            Source::Input(_) => viewed.next().map(another),
        };
        let fault = || LinearizeError::Internal("a chain lacks an output".into());
        outputs.push(found.ok_or_else(fault)?);
    }
    Ok(outputs)
}
