//! Padded planes, row after row, on which a kernel's element is one shift.
//!
//! With stride 1 the output place p = y·w + x, where w is the width of a padded row, sees the input
//! place p + (ky·w + kx) by the kernel's element (ky, kx), whatever the place. All places of a plane
//! are then one vector, and nothing is unfolded: a convolution is a sum of shifted vectors. Places
//! beyond an output row, as many as the kernel is wide less one, are computed and dropped.
//!
//! With stride 2 it sees every other row and column: those that begin with the same one are a plane of
//! their own, on each of which a kernel's element is one shift again.

use std::mem::MaybeUninit;

use super::geometry::Geometry;

/// Numbers that are loaded beyond the last place of a plane at most.
pub(super) const SLACK: usize = 64;

/// Largest stride that is computed so: of longer ones most elements of a vector would be loaded alone.
const LARGEST_STRIDE: usize = 2;

/// Sizes of padded planes and the shifts of a kernel's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planes {
    /// Height and width of what is padded.
    input: [usize; 2],
    /// Height and width of what is computed.
    output: [usize; 2],
    /// Rows above and columns before it.
    before: [usize; 2],
    stride: [usize; 2],
    /// Width of a padded row.
    row: usize,
    /// First row and column of each plane that a padded one is cut into.
    firsts: Vec<[usize; 2]>,
    /// Elements of each, and what may be loaded beyond it.
    cut: usize,
    /// What the elements of the kernel add to a place, row by row.
    pub shifts: Vec<usize>,
}

impl Planes {
    /// Those of a convolution; `None` for strides that are too large.
    pub fn of(g: &Geometry) -> Option<Self> {
        let [height, width] = g.kernel;
        let dilation = g.dilations();
        let elements = (0..height).flat_map(|ky| {
            let places = move |kx: usize| [ky * dilation[0], kx * dilation[1]];
            (0..width).map(places)
        });
        let sizes = [[g.input[1], g.input[2]], [g.output[1], g.output[2]]];
        let stride = g.strides();
        (stride.iter().all(|stride| *stride <= LARGEST_STRIDE))
            .then(|| Self::new(sizes, g.before(), stride, &elements.collect::<Vec<_>>()))
    }

    /// Those of planes of height and width `input` with rows above and columns `before` them, of
    /// which elements of a kernel at some rows and columns see `output` places.
    pub fn new(
        [input, output]: [[usize; 2]; 2],
        before: [usize; 2],
        stride: [usize; 2],
        elements: &[[usize; 2]],
    ) -> Self {
        let reach = |d: usize| {
            elements
                .iter()
                .map(|at| at[d] / stride[d])
                .max()
                .unwrap_or(0)
        };
        let row = output[1] + reach(1);
        let cut = (output[0] - 1 + reach(0)) * row + row + SLACK;
        let mut firsts: Vec<[usize; 2]> = Vec::new();
        let mut shifts = Vec::with_capacity(elements.len());
        for [y, x] in elements {
            let first = [y % stride[0], x % stride[1]];
            let known = firsts.iter().position(|known| *known == first);
            let number = known.unwrap_or(firsts.len());
            if known.is_none() {
                firsts.push(first);
            }
            shifts.push(number * cut + y / stride[0] * row + x / stride[1]);
        }
        Self {
            input,
            output,
            before,
            stride,
            row,
            firsts,
            cut,
            shifts,
        }
    }

    /// Places that are computed: from the first to the last of an output plane.
    pub fn places(&self) -> usize {
        (self.output[0] - 1) * self.row + self.output[1]
    }

    /// Width of a computed row with what is dropped.
    pub fn row(&self) -> usize {
        self.row
    }

    /// Elements of a padded plane, and what may be loaded beyond it.
    pub fn padded(&self) -> usize {
        self.firsts.len() * self.cut
    }

    /// Elements of an output plane with what is computed beside it.
    pub fn computed(&self) -> usize {
        self.places() + SLACK
    }

    /// Writes planes into `padded`, which holds zeros wherever this did not write before.
    pub fn pad(&self, planes: &[f32], padded: &mut [f32]) {
        let planes = planes.chunks_exact(self.input[0] * self.input[1]);
        for (plane, padded) in planes.zip(padded.chunks_exact_mut(self.padded())) {
            for (first, cut) in self.firsts.iter().zip(padded.chunks_exact_mut(self.cut)) {
                self.pad_cut(*first, plane, cut);
            }
        }
    }

    /// Writes the rows and columns of a plane that the one which begins with `first` has.
    fn pad_cut(&self, first: [usize; 2], plane: &[f32], cut: &mut [f32]) {
        // The first that is no padding, in the plane and in the cut one.
        let start = |d: usize| {
            let (stride, before) = (self.stride[d], self.before[d]);
            let inside = (first[d] + stride - before % stride) % stride;
            (inside, (inside + before) / stride)
        };
        let ((top, above), (left, margin)) = (start(0), start(1));
        let [down, step] = self.stride;
        let width = self.input[1];
        // Rows and columns that no place sees are left out.
        let rows = (self.cut - SLACK) / self.row;
        let across = width.saturating_sub(left).div_ceil(step);
        let across = across.min(self.row.saturating_sub(margin));
        if across == 0 {
            return;
        }
        let from = plane.chunks_exact(width).skip(top).step_by(down);
        let to = cut.chunks_exact_mut(self.row).take(rows).skip(above);
        for (from, to) in from.zip(to) {
            let (from, to) = (&from[left..], &mut to[margin..][..across]);
            match step {
                1 => copy_row(&from[..across], to),
                _ => every_other(from, to),
            }
        }
    }

    /// Writes output planes with zeros between their rows.
    pub fn spread(&self, planes: &[f32], spread: &mut [f32]) {
        let width = self.output[1];
        let planes = planes.chunks_exact(self.output[0] * width);
        for (plane, spread) in planes.zip(spread.chunks_exact_mut(self.computed())) {
            let rows = spread.chunks_mut(self.row);
            for (from, to) in plane.chunks_exact(width).zip(rows) {
                copy_row(from, &mut to[..width]);
            }
        }
    }

    /// Writes all places of the output planes, which were computed.
    pub fn collect(&self, computed: &[f32], planes: &mut [MaybeUninit<f32>]) {
        let width = self.output[1];
        let planes = planes.chunks_exact_mut(self.output[0] * width);
        for (plane, computed) in planes.zip(computed.chunks_exact(self.computed())) {
            let rows = computed.chunks(self.row);
            for (to, from) in plane.chunks_exact_mut(width).zip(rows) {
                copy_row_to(&from[..width], to);
            }
        }
    }
}

/// Copies a row. For the short ones of small images a call of the C library would take longer than the
/// copy itself: the usual lengths are copied here.
#[inline(always)]
fn copy_row(from: &[f32], to: &mut [f32]) {
    let copied = of_length::<32>(from, to) || of_length::<16>(from, to) || of_length::<8>(from, to);
    if !copied {
        to.copy_from_slice(from);
    }
}

/// Copies a row if it is of that length.
#[inline(always)]
fn of_length<const N: usize>(from: &[f32], to: &mut [f32]) -> bool {
    let rows = <&[f32; N]>::try_from(from).ok().zip(to.try_into().ok());
    rows.map(|(from, to): (_, &mut [f32; N])| *to = *from)
        .is_some()
}

/// The same to where nothing is yet.
#[inline(always)]
fn copy_row_to(from: &[f32], to: &mut [MaybeUninit<f32>]) {
    let copied = to_length::<32>(from, to) || to_length::<16>(from, to) || to_length::<8>(from, to);
    if !copied {
        to.write_copy_of_slice(from);
    }
}

#[inline(always)]
fn to_length<const N: usize>(from: &[f32], to: &mut [MaybeUninit<f32>]) -> bool {
    let rows = <&[f32; N]>::try_from(from).ok().zip(to.try_into().ok());
    rows.map(|(from, to): (_, &mut [MaybeUninit<f32>; N])| *to = from.map(MaybeUninit::new))
        .is_some()
}

/// Copies every other number.
fn every_other(from: &[f32], to: &mut [f32]) {
    let (pairs, last) = from.as_chunks::<2>();
    let (to, odd) = to.split_at_mut(pairs.len().min(to.len()));
    for (to, pair) in to.iter_mut().zip(pairs) {
        *to = pair[0];
    }
    if let (Some(to), Some(last)) = (odd.first_mut(), last.first()) {
        *to = *last;
    }
}
