//! Large copies on burn-flex by all cores: another order of elements, and values side by side.

use std::mem::MaybeUninit;

use burn::backend::flex::FlexTensor;
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};
use burn::tensor::DType;
use rayon::prelude::*;

use super::chain::gather;
use super::real::{Real, float};
use super::reshape;
use super::view::view;

/// Elements below which a copy does not repay being shared.
const LEAST: usize = 1 << 16;

/// Elements of a task, about.
const TASK: usize = 1 << 14;

/// `tensor` in another shape of as many elements in the same order: a view where that is one.
pub(super) fn in_shape(tensor: DispatchTensor, shape: &[usize]) -> DispatchTensor {
    view(&tensor, shape)
        .or_else(|| in_order(&tensor, shape))
        .unwrap_or_else(|| reshape(tensor, shape.to_vec()))
}

/// A copy in another shape; `None` if it is small or not of burn-flex.
fn in_order(tensor: &DispatchTensor, shape: &[usize]) -> Option<DispatchTensor> {
    let flex = large(tensor)?;
    Some(match flex.dtype() {
        DType::F32 => float(copied::<f32>(flex), shape),
        DType::F64 => float(copied::<f64>(flex), shape),
        _ => return None,
    })
}

/// Values joined along a dimension; `None` if they are small, not in their order in memory, or not of
/// burn-flex.
pub(super) fn join(parts: &[DispatchTensor], dim: usize) -> Option<DispatchTensor> {
    let parts: Vec<&FlexTensor> = parts.iter().map(large).collect::<Option<_>>()?;
    let first = parts.first()?;
    let alike = |part: &&FlexTensor| part.is_contiguous() && part.dtype() == first.dtype();
    if !parts.iter().all(alike) {
        return None;
    }
    Some(match first.dtype() {
        DType::F32 => joined::<f32>(&parts, dim),
        DType::F64 => joined::<f64>(&parts, dim),
        _ => return None,
    })
}

fn large(tensor: &DispatchTensor) -> Option<&FlexTensor> {
    match &tensor.kind {
        DispatchTensorKind::Flex(BackendTensor::Float(flex)) => {
            (flex.layout().shape().num_elements() >= LEAST).then_some(flex)
        }
        _ => None,
    }
}

fn copied<T: Real>(tensor: &FlexTensor) -> Vec<T> {
    let count = tensor.layout().shape().num_elements();
    written(count, TASK, |task, room| gather(tensor, task * TASK, room))
}

fn joined<T: Real>(parts: &[&FlexTensor], dim: usize) -> DispatchTensor {
    let mut shape = parts[0].layout().shape().to_vec();
    shape[dim] = 0;
    // Of each part, what follows each other in a row of the whole.
    let mut rows: Vec<(&[T], usize)> = Vec::with_capacity(parts.len());
    for part in parts {
        let own = part.layout().shape().to_vec();
        shape[dim] += own[dim];
        let values = &T::storage(part)[part.layout().start_offset()..];
        rows.push((values, own[dim..].iter().product()));
    }
    let row: usize = rows.iter().map(|(_, length)| length).sum();
    let at_once = (TASK / row).max(1);
    let write = |task: usize, room: &mut [MaybeUninit<T>]| {
        for (at, mut room) in room.chunks_exact_mut(row).enumerate() {
            for (values, length) in &rows {
                let from = (task * at_once + at) * length;
                let (now, rest) = room.split_at_mut(*length);
                now.write_copy_of_slice(&values[from..from + length]);
                room = rest;
            }
        }
    };
    float(
        written(shape.iter().product(), at_once * row, write),
        &shape,
    )
}

/// So many numbers, which `write` writes all of, `of_task` at a time; it is given the number of the
/// task.
fn written<T: Real>(
    count: usize,
    of_task: usize,
    write: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync,
) -> Vec<T> {
    let mut values = Vec::with_capacity(count);
    let room = &mut values.spare_capacity_mut()[..count];
    let tasks = room.par_chunks_mut(of_task).enumerate();
    tasks.for_each(|(task, room)| write(task, room));
    // SAFETY: the tasks cover all of the room, and each writes all of its part.
    unsafe { values.set_len(count) };
    values
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;

    fn numbers<const D: usize>(shape: [usize; D], dtype: DType) -> Tensor<D> {
        let values: Vec<f64> = (0..shape.iter().product())
            .map(|at: usize| at as f64)
            .collect();
        Tensor::from_data(TensorData::new(values, shape), (&Device::flex(), dtype))
    }

    fn values(tensor: DispatchTensor) -> Vec<f64> {
        Tensor::<1>::from_dispatch(tensor)
            .into_data()
            .iter::<f64>()
            .collect()
    }

    #[test]
    fn another_order_is_copied_as_loops_do() {
        for dtype in [DType::F32, DType::F64] {
            let heads = numbers([30, 9, 40, 8], dtype).swap_dims(1, 2);
            let found = in_order(&heads.into_dispatch(), &[30 * 40 * 9 * 8]).map(values);
            let mut expected = Vec::new();
            for sample in 0..30 {
                for place in 0..40 {
                    for head in 0..9 {
                        let first = ((sample * 9 + head) * 40 + place) * 8;
                        expected.extend((first..first + 8).map(|at| at as f64));
                    }
                }
            }
            assert_eq!(found, Some(expected));
            let turned = numbers([300, 301], dtype).transpose();
            let found = in_order(&turned.into_dispatch(), &[300 * 301]).map(values);
            let expected = (0..301).flat_map(|column| (0..300).map(move |row| row * 301 + column));
            assert_eq!(found, Some(expected.map(|at| at as f64).collect()));
        }
        assert!(
            in_order(
                &numbers([9, 9], DType::F32).transpose().into_dispatch(),
                &[81]
            )
            .is_none()
        );
    }

    #[test]
    fn parts_are_joined_as_loops_do() {
        for dtype in [DType::F32, DType::F64] {
            for (dim, others) in [(0, [50, 40, 40]), (1, [40, 70, 40]), (2, [40, 40, 50])] {
                let first = numbers([40, 42, 44], dtype);
                let mut shape = [40, 42, 44];
                shape[dim] = others[dim];
                let second = numbers(shape, dtype);
                let parts = [
                    first.clone().into_dispatch(),
                    second.clone().into_dispatch(),
                ];
                let [inner, other]: [usize; 2] =
                    [[40, 42, 44], shape].map(|shape| shape[dim..].iter().product());
                let mut expected = Vec::new();
                for outer in 0..shape[..dim].iter().product() {
                    expected.extend((outer * inner..(outer + 1) * inner).map(|at| at as f64));
                    expected.extend((outer * other..(outer + 1) * other).map(|at| at as f64));
                }
                let joined = join(&parts, dim).expect("large parts in their order");
                let count = expected.len();
                let joined = reshape(joined, vec![count]);
                assert_eq!(values(joined), expected);
            }
        }
        let turned = numbers([300, 300], DType::F32).transpose().into_dispatch();
        assert!(join(&[turned.clone(), turned], 0).is_none());
    }
}
