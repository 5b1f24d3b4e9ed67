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
mod given;
mod interpret;
mod reduce;

use burn::backend::DispatchTensor;
use burn::backend::flex::FlexTensor;
use burn::tensor::FloatDType;

use access::Access;
pub(super) use access::gather;
use given::Given;
use interpret::{CHUNK, interpret};

use super::Target;
use super::copy::in_shape;
use super::matrix::{Pending, Product};
use super::real::{Real, flex, float, of_flex};
use crate::error::LinearizeError;
use crate::graph::{Chain, Level, Output, Source};

/// Computes a chain over blocks of `k`; inputs and outputs in the chain's order.
pub(super) fn run(
    chain: &Chain,
    target: &Target,
    k: usize,
    inputs: Vec<Product>,
) -> Result<Vec<DispatchTensor>, LinearizeError> {
    match target.float {
        FloatDType::F32 => typed::<f32>(chain, k, inputs),
        FloatDType::F64 => typed::<f64>(chain, k, inputs),
        other => Err(LinearizeError::Internal(format!(
            "a chain of {other:?} was scheduled"
        ))),
    }
}

/// What an input turned out to be.
enum Taken {
    Memory(FlexTensor),
    Product(Pending),
}

impl Taken {
    fn in_memory(&self) -> Option<DispatchTensor> {
        match self {
            Self::Memory(tensor) => Some(of_flex(tensor.clone())),
            Self::Product(_) => None,
        }
    }
}

/// The inputs, with products computed now where the chain cannot do so, and how many elements of it
/// are not to be cut.
fn taken(
    chain: &Chain,
    inputs: Vec<Product>,
    elements: usize,
) -> Result<(Vec<Taken>, usize), LinearizeError> {
    let mut whole = chain.row;
    let mut found = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        let pending = match input {
            Product::Value(value) => {
                found.push(Taken::Memory(flex(value)?));
                continue;
            }
            Product::Pending(pending) => pending,
        };
        let viewed = |output: &Output| output.source == Source::Input(index);
        let both = lcm(whole, pending.columns());
        let fits = both <= CHUNK
            && pending.len() == elements
            && chain.inputs[index].level == Level::Element
            && !chain.outputs.iter().any(viewed);
        if fits {
            whole = both;
            found.push(Taken::Product(pending));
        } else {
            found.push(Taken::Memory(flex(pending.compute())?));
        }
    }
    Ok((found, whole))
}

fn typed<T: Real>(
    chain: &Chain,
    k: usize,
    inputs: Vec<Product>,
) -> Result<Vec<DispatchTensor>, LinearizeError> {
    let block = chain.class.batched.then_some(k);
    let full =
        |shape: &[usize]| -> Vec<usize> { block.into_iter().chain(shape.to_vec()).collect() };
    let elements = block.unwrap_or(1) * chain.class.elements;
    let (inputs, whole) = taken(chain, inputs, elements)?;
    let viewed = chain.outputs.iter().map(|output| match output.source {
        Source::Input(input) => inputs[input].in_memory(),
        _ => None,
    });
    let viewed: Vec<DispatchTensor> = viewed.flatten().collect();
    let mut viewed = viewed.into_iter();
    let given = inputs.iter().zip(&chain.inputs).map(|(taken, input)| {
        Ok(match taken {
            Taken::Memory(tensor) => {
                Given::Memory(Access::<T>::new(tensor, input.batched, &full(&input.shape)))
            }
            Taken::Product(pending) => {
                let fault = || LinearizeError::Internal("a product of no rows was put off".into());
                Given::Product(pending.rows().ok_or_else(fault)?)
            }
        })
    });
    let given = given.collect::<Result<Vec<Given<'_, T>>, LinearizeError>>()?;
    let mut written = interpret(chain, &given, elements, whole).into_iter();
    let mut outputs: Vec<DispatchTensor> = Vec::with_capacity(chain.outputs.len());
    for output in &chain.outputs {
        let shape = full(&output.shape);
        let another = |value: DispatchTensor| in_shape(value, &shape);
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

/// The least common multiple of two lengths.
fn lcm(x: usize, y: usize) -> usize {
    let (mut a, mut b) = (x, y);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    x / a.max(1) * y
}
