//! Reading a tensor, of whatever strides, as if it were broadcast and contiguous.

use std::mem::MaybeUninit;

use burn::backend::flex::FlexTensor;

use crate::execute::ahead::ahead;
use crate::execute::real::Real;

/// A tensor broadcast to a shape, read by linear index.
pub(super) struct Access<'a, T> {
    data: &'a [T],
    offset: usize,
    /// Lengths and strides, outermost first, with dimensions merged where they follow each other.
    dims: Vec<(usize, isize)>,
}

/// Some elements: where they lie in memory, or nothing if they had to be gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// From this index of the tensor's memory on, one after the other.
    At(usize),
    /// The one at this index, again and again.
    Same(usize),
    /// In the scratch memory.
    Gathered,
}

/// Numbers that an instruction takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Values<'a, T> {
    /// One for each element.
    Each(&'a [T]),
    /// Each for so many elements, one after the other.
    ByRow(&'a [T], usize),
}

/// Numbers that an instruction takes within a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a, T> {
    /// One for each element.
    Each(&'a [T]),
    /// One for all.
    One(T),
}

impl<'a, T: Real> Values<'a, T> {
    /// How many of `all` elements a number is for, at least.
    #[inline(always)]
    pub fn length(self, all: usize) -> usize {
        match self {
            Self::Each(_) => all,
            Self::ByRow(_, length) => length,
        }
    }

    /// Those of `count` elements from one on that are in one row.
    #[inline(always)]
    pub fn part(self, from: usize, count: usize) -> Part<'a, T> {
        match self {
            Self::Each(values) => Part::Each(&values[from..from + count]),
            Self::ByRow(values, length) => Part::One(values[from / length]),
        }
    }
}

impl<T: Real> Part<'_, T> {
    #[inline(always)]
    pub fn get(self, index: usize) -> T {
        match self {
            Self::Each(values) => values[index],
            Self::One(value) => value,
        }
    }
}

impl<'a, T: Real> Access<'a, T> {
    /// `tensor` broadcast to `shape`; `blocked` if the first dimension of both is a block's.
    pub fn new(tensor: &'a FlexTensor, blocked: bool, shape: &[usize]) -> Self {
        let layout = tensor.layout();
        let (lengths, strides) = (layout.shape().to_vec(), layout.strides());
        // Aligned at the last dimension, but for the block's.
        let block = usize::from(blocked);
        let missing = shape.len() - lengths.len();
        let mut dims: Vec<(usize, isize)> = Vec::with_capacity(shape.len());
        for (at, &length) in shape.iter().enumerate() {
            let own = if at < block {
                Some(at)
            } else {
                at.checked_sub(missing).filter(|&own| own >= block)
            };
            let stride = own
                .filter(|&own| lengths[own] != 1)
                .map_or(0, |own| strides[own]);
            if length == 1 {
                continue;
            }
            match dims.last_mut() {
                Some(outer) if outer.1 == stride * length as isize => {
                    *outer = (outer.0 * length, stride);
                }
                _ => dims.push((length, stride)),
            }
        }
        Self {
            data: T::storage(tensor),
            offset: layout.start_offset(),
            dims,
        }
    }

    /// Finds the elements `from..from + scratch.len()`, which are put into `scratch` unless they
    /// are in memory as they should be; those that follow are then asked for.
    #[inline(always)]
    pub fn find(&self, from: usize, scratch: &mut [T]) -> Place {
        let len = scratch.len();
        let Some((&(inner, stride), outer)) = self.dims.split_last() else {
            return Place::Same(self.offset);
        };
        let mut at = from;
        if stride == 1 && at % inner + len <= inner {
            let start = self.row(outer, at / inner) + at % inner;
            ahead(self.data, start + len, len);
            return Place::At(start);
        }
        if stride == 0 && at % inner + len <= inner {
            return Place::Same(self.row(outer, at / inner));
        }
        let mut rest = scratch;
        let mut row = at / inner;
        // Rows of the next dimension follow each other at a distance.
        let (length, distance) = outer.last().copied().unwrap_or((1, 0));
        let mut first = self.row(outer, row) as isize;
        while !rest.is_empty() {
            let column = at % inner;
            let (part, more) = rest.split_at_mut((inner - column).min(rest.len()));
            let start = first + column as isize * stride;
            match stride {
                1 => copy(
                    &self.data[start as usize..start as usize + part.len()],
                    part,
                ),
                0 => part.fill(self.data[start as usize]),
                _ => {
                    for (index, value) in part.iter_mut().enumerate() {
                        *value = self.data[(start + index as isize * stride) as usize];
                    }
                }
            }
            at += part.len();
            rest = more;
            row += 1;
            first = match row % length {
                0 => self.row(outer, row) as isize,
                _ => first + distance,
            };
        }
        Place::Gathered
    }

    /// The elements that [`find`](Self::find) found at a place.
    #[inline(always)]
    pub fn get<'s>(&'s self, place: Place, scratch: &'s [T]) -> Values<'s, T> {
        match place {
            Place::At(start) => Values::Each(&self.data[start..start + scratch.len()]),
            Place::Same(at) => Values::ByRow(&self.data[at..=at], scratch.len()),
            Place::Gathered => Values::Each(scratch),
        }
    }

    /// Where a row of the innermost dimension begins.
    #[inline(always)]
    fn row(&self, outer: &[(usize, isize)], mut index: usize) -> usize {
        let mut start = self.offset as isize;
        for &(length, stride) in outer.iter().rev() {
            start += (index % length) as isize * stride;
            index /= length;
        }
        start as usize
    }
}

/// Numbers that a call of the C library would take longer for than to copy them here.
const SHORT: usize = 64;

#[inline(always)]
fn copy<T: Real>(from: &[T], to: &mut [T]) {
    if to.len() > SHORT {
        to.copy_from_slice(from);
        return;
    }
    let (eights, rest) = to.as_chunks_mut::<8>();
    let (from, last) = from.as_chunks::<8>();
    eights
        .iter_mut()
        .zip(from)
        .for_each(|(to, from)| *to = *from);
    rest.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
}

/// Copies elements of a tensor, in their order from one on.
pub(in crate::execute) fn gather<T: Real>(
    tensor: &FlexTensor,
    from: usize,
    room: &mut [MaybeUninit<T>],
) {
    let access = Access::<T>::new(tensor, false, &tensor.layout().shape().to_vec());
    let mut scratch = [T::zero(); 1024];
    let mut from = from;
    for room in room.chunks_mut(scratch.len()) {
        let scratch = &mut scratch[..room.len()];
        let place = access.find(from, scratch);
        match access.get(place, scratch) {
            Values::Each(values) => {
                room.write_copy_of_slice(values);
            }
            Values::ByRow(values, length) => {
                for (room, value) in room.chunks_mut(length).zip(values) {
                    room.fill(MaybeUninit::new(*value));
                }
            }
        }
        from += room.len();
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::flex::Layout;
    use burn::tensor::Shape;

    use super::*;

    /// All elements of a view of 0, 1, 2, … broadcast to `shape`, found `step` at a time.
    fn read(layout: Layout, blocked: bool, shape: &[usize], step: usize) -> Vec<f64> {
        let memory: Vec<f64> = (0..64).map(f64::from).collect();
        let tensor = f64::tensor(memory, &[64]).with_layout(layout);
        let access = Access::<f64>::new(&tensor, blocked, shape);
        let count = shape.iter().product();
        let mut found = Vec::new();
        for from in (0..count).step_by(step) {
            let mut scratch = vec![f64::NAN; step.min(count - from)];
            let place = access.find(from, &mut scratch);
            match access.get(place, &scratch) {
                Values::Each(values) => found.extend_from_slice(values),
                Values::ByRow(values, length) => {
                    found.extend(values.iter().flat_map(|&x| std::iter::repeat_n(x, length)));
                }
            }
        }
        found
    }

    fn view(shape: &[usize], strides: &[isize], offset: usize) -> Layout {
        Layout::new(Shape::from(shape.to_vec()), strides.to_vec(), offset)
    }

    #[test]
    fn every_view_is_read_in_its_order() {
        for step in [1, 2, 3, 5, 7, 64] {
            // A block that repeats one matrix.
            let found = read(view(&[2, 3], &[3, 1], 4), false, &[2, 2, 3], step);
            assert_eq!(found, [4., 5., 6., 7., 8., 9., 4., 5., 6., 7., 8., 9.]);
            // A transposed matrix.
            let found = read(view(&[3, 2], &[1, 3], 0), false, &[3, 2], step);
            assert_eq!(found, [0., 3., 1., 4., 2., 5.]);
            // A row and a column, repeated.
            let found = read(view(&[1, 3], &[3, 1], 1), false, &[2, 3], step);
            assert_eq!(found, [1., 2., 3., 1., 2., 3.]);
            let found = read(view(&[2, 1], &[1, 1], 1), false, &[2, 3], step);
            assert_eq!(found, [1., 1., 1., 2., 2., 2.]);
            // Parts of rows that are apart, with the block in front of a dimension that is missing.
            let found = read(view(&[2, 2], &[10, 1], 3), true, &[2, 2, 2], step);
            assert_eq!(found, [3., 4., 3., 4., 13., 14., 13., 14.]);
            // Backwards, and one number everywhere.
            let found = read(view(&[3], &[-1], 5), false, &[3], step);
            assert_eq!(found, [5., 4., 3.]);
            let found = read(view(&[1, 1], &[1, 1], 7), false, &[2, 2], step);
            assert_eq!(found, [7.; 4]);
        }
    }
}
