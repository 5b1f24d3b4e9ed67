//! Operations on a GPU that Burn would launch many kernels for, as one each.
//!
//! They are queued among Burn's own operations, which take no part of them.

mod pieces;
#[cfg(all(test, feature = "wgpu"))]
mod tests;
mod together;

use burn::backend::fusion::custom::{
    CustomOpIr, HandleContainer, OperationFn, OperationIr, StreamId, TensorIr,
};
use burn::backend::fusion::{ExecutionError, FusionBackend, FusionRuntime, FusionTensor};
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind, TensorMetadata};
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use pieces::Piece;

type Runtime = <CubeBackend as FusionBackend>::FusionRuntime;
type Queued = FusionTensor<Runtime>;
type Handles = HandleContainer<<Runtime as FusionRuntime>::FusionHandle>;

/// Float tensors put together along dimension `dim`; `None` where this device has no way of its own.
pub(super) fn join(parts: &[DispatchTensor], dim: usize) -> Option<DispatchTensor> {
    let queued: Vec<Queued> = parts.iter().map(queued).collect::<Option<_>>()?;
    let mut shape = parts.first()?.shape();
    shape[dim] = parts.iter().map(|part| part.shape()[dim]).sum();
    let rows: usize = shape[..dim].iter().product();
    let all = shape.clone();
    let work = move |parts| {
        let joined = pieces::join(parts, rows)?;
        Some(vec![shaped(joined, all.clone())])
    };
    if parts.iter().any(|part| part.shape().num_elements() == 0) {
        return None;
    }
    let found = register("join", queued, vec![shape], work)?;
    found
        .into_iter()
        .next()
        .map(|joined| wrapped(joined, &parts[0]))
}

/// Pieces of the last dimension of a float tensor; `None` where this device has no way of its own.
fn split(whole: &DispatchTensor, pieces: Vec<Piece>) -> Option<Vec<DispatchTensor>> {
    let queued = queued(whole)?;
    let shape = whole.shape();
    let last = shape.num_dims().checked_sub(1)?;
    let shapes = pieces.iter().map(|piece| {
        let mut shape = shape.clone();
        shape[last] = piece.length;
        shape
    });
    let shapes: Vec<Shape> = shapes.collect();
    if shapes.iter().any(|shape| shape.num_elements() == 0) {
        return None;
    }
    let work = move |mut given: Vec<CubeTensor>| pieces::split(given.pop()?, &pieces);
    let found = register("split", vec![queued], shapes, work)?;
    Some(
        found
            .into_iter()
            .map(|piece| wrapped(piece, whole))
            .collect(),
    )
}

/// Queues what `work` makes of some tensors of one type: tensors of these shapes and that type.
fn register(
    name: &str,
    given: Vec<Queued>,
    shapes: Vec<Shape>,
    work: impl Fn(Vec<CubeTensor>) -> Option<Vec<CubeTensor>> + Send + Sync + 'static,
) -> Option<Vec<Queued>> {
    let first = given.first()?;
    let (client, dtype) = (first.client.clone(), first.dtype);
    if !matches!(dtype, DType::F32 | DType::F64) {
        return None;
    }
    let inputs: Vec<TensorIr> = given.into_iter().map(FusionTensor::into_ir).collect();
    let outputs = shapes
        .into_iter()
        .map(|shape| TensorIr::uninit(client.create_empty_handle(), shape, dtype));
    let outputs: Vec<TensorIr> = outputs.collect();
    let (from, to) = (inputs.clone(), outputs.clone());
    let run = move |handles: &mut Handles| {
        let given = from.iter();
        let given = given.map(|ir| handles.get_float_tensor::<CubeBackend>(ir));
        let found = work(given.collect())
            .ok_or_else(|| ExecutionError::generic("an operation has no such element type"))?;
        for (ir, tensor) in to.iter().zip(found) {
            handles.register_float_tensor::<CubeBackend>(&ir.id, tensor);
        }
        Ok(())
    };
    let operation = OperationIr::Custom(CustomOpIr {
        id: format!("brink_{name}"),
        inputs,
        outputs,
        scalars: Vec::new(),
    });
    Some(client.register(StreamId::current(), operation, OperationFn(run)))
}

fn queued(tensor: &DispatchTensor) -> Option<Queued> {
    match &tensor.kind {
        DispatchTensorKind::Cube(BackendTensor::Float(queued)) => Some(queued.clone()),
        _ => None,
    }
}

/// A tensor in the way of another that it was made from.
fn wrapped(queued: Queued, like: &DispatchTensor) -> DispatchTensor {
    DispatchTensor {
        kind: DispatchTensorKind::Cube(BackendTensor::Float(queued)),
        autodiff: like.autodiff,
    }
}

/// A contiguous tensor in another shape of as many elements.
fn shaped(tensor: CubeTensor, shape: Shape) -> CubeTensor {
    burn_cubecl::ops::reshape(tensor, shape)
}
