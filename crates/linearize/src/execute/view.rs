//! Another shape of a tensor that is not contiguous, as a view, on burn-flex.

use burn::backend::flex::Layout;
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};

use super::shape_of;

/// `tensor` in another shape of as many elements, if that needs no copy: the parameters of a block
/// of vectors, `[k, d·m]` out of `[k, P]`, as matrices `[k, d, m]`.
pub(super) fn view(tensor: &DispatchTensor, shape: &[usize]) -> Option<DispatchTensor> {
    let DispatchTensorKind::Flex(BackendTensor::Float(flex)) = &tensor.kind else {
        return None;
    };
    let layout = flex.layout();
    let strides = strides(layout.shape(), layout.strides(), shape)?;
    let layout = Layout::new(shape_of(shape.to_vec()), strides, layout.start_offset());
    let view = flex.clone().with_layout(layout);
    Some(DispatchTensor {
        kind: DispatchTensorKind::Flex(BackendTensor::Float(view)),
        autodiff: tensor.autodiff,
    })
}

/// Strides of `shape` over the memory of a tensor of the given lengths and strides, if there are.
fn strides(lengths: &[usize], strides: &[isize], shape: &[usize]) -> Option<Vec<isize>> {
    if lengths.contains(&0) {
        return None;
    }
    // Dimensions that follow each other in memory are one.
    let mut runs: Vec<(usize, isize)> = Vec::with_capacity(lengths.len());
    for (&length, &stride) in lengths.iter().zip(strides) {
        match runs.last_mut() {
            _ if length == 1 => {}
            Some(outer) if outer.1 == stride * length as isize => {
                *outer = (outer.0 * length, stride);
            }
            _ => runs.push((length, stride)),
        }
    }
    let mut found = vec![1; shape.len()];
    let (mut run, mut used) = (runs.pop(), 1);
    for (found, &length) in found.iter_mut().zip(shape).rev() {
        if length == 1 {
            continue;
        }
        if run.is_some_and(|(all, _)| all == used) {
            (run, used) = (runs.pop(), 1);
        }
        let (all, stride) = run?;
        *found = stride * used as isize;
        used *= length;
        if all % used != 0 {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::strides;

    #[test]
    fn rows_of_a_wider_block_split_without_a_copy() {
        assert_eq!(
            strides(&[4, 6], &[100, 1], &[4, 2, 3]),
            Some(vec![100, 3, 1])
        );
        assert_eq!(
            strides(&[4, 2, 3], &[100, 3, 1], &[4, 6]),
            Some(vec![100, 1])
        );
        assert_eq!(strides(&[1, 6], &[100, 1], &[2, 3]), Some(vec![3, 1]));
        assert_eq!(strides(&[6], &[2], &[3, 1, 2]), Some(vec![4, 1, 2]));
    }

    #[test]
    fn what_does_not_follow_in_memory_is_refused() {
        assert_eq!(strides(&[4, 6], &[100, 1], &[24]), None);
        assert_eq!(strides(&[4, 6], &[100, 1], &[8, 3]), None);
        assert_eq!(strides(&[2, 3], &[1, 2], &[3, 2]), None);
        assert_eq!(strides(&[2, 0], &[1, 1], &[0, 2]), None);
    }
}
