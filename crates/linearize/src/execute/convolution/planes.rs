//! Padded planes, row after row, on which a kernel's element is one shift.
//!
//! With stride 1 the output place p = y·w + x, where w is the width of a padded row, sees the input
//! place p + (ky·w + kx) by the kernel's element (ky, kx), whatever the place. All places of a plane
//! are then one vector, and nothing is unfolded: a convolution is a sum of shifted vectors. Places
//! beyond an output row, as many as the kernel is wide less one, are computed and dropped.

use super::geometry::Geometry;

/// Numbers that are loaded beyond the last place of a plane at most.
pub(super) const SLACK: usize = 64;

/// Sizes of padded planes and the shifts of a kernel's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planes {
    /// Height and width of what is padded.
    input: [usize; 2],
    /// Height and width of what is computed.
    output: [usize; 2],
    /// Rows above and columns before it.
    before: [usize; 2],
    /// Width of a padded row.
    row: usize,
    /// What the elements of the kernel add to a place, row by row.
    pub shifts: Vec<usize>,
}

impl Planes {
    /// Those of a convolution of stride 1; `None` for another.
    pub fn of(g: &Geometry) -> Option<Self> {
        let [height, width] = g.kernel;
        let dilation = g.dilations();
        let output = [g.output[1], g.output[2]];
        let reach = [(height - 1) * dilation[0], (width - 1) * dilation[1]];
        let row = output[1] + reach[1];
        let shift = |ky: usize, kx: usize| ky * dilation[0] * row + kx * dilation[1];
        (g.strides() == [1, 1]).then(|| Self {
            input: [g.input[1], g.input[2]],
            output,
            before: g.before(),
            row,
            shifts: (0..height)
                .flat_map(|ky| (0..width).map(move |kx| shift(ky, kx)))
                .collect(),
        })
    }

    /// Places that are computed: from the first to the last of an output plane.
    pub fn places(&self) -> usize {
        (self.output[0] - 1) * self.row + self.output[1]
    }

    /// Elements of a padded plane, and what may be loaded beyond it.
    pub fn padded(&self) -> usize {
        self.places() + self.shifts.last().copied().unwrap_or(0) + SLACK
    }

    /// Elements of an output plane with what is computed beside it.
    pub fn computed(&self) -> usize {
        self.places() + SLACK
    }

    /// Writes planes into `padded`, which holds zeros wherever this did not write before.
    pub fn pad(&self, planes: &[f32], padded: &mut [f32]) {
        let [height, width] = self.input;
        let [above, left] = self.before;
        // Rows and columns that no place sees are left out.
        let rows = (self.padded() - SLACK).div_ceil(self.row);
        let height = height.min(rows.saturating_sub(above));
        let across = width.min(self.row.saturating_sub(left));
        let planes = planes.chunks_exact(self.input[0] * width);
        for (plane, padded) in planes.zip(padded.chunks_exact_mut(self.padded())) {
            let rows = padded.chunks_mut(self.row).skip(above);
            for (from, to) in plane.chunks_exact(width).take(height).zip(rows) {
                let to = &mut to[left..];
                let length = across.min(to.len());
                to[..length].copy_from_slice(&from[..length]);
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
                to[..width].copy_from_slice(from);
            }
        }
    }

    /// The output planes in what was computed.
    pub fn collect(&self, computed: &[f32], planes: &mut [f32]) {
        let width = self.output[1];
        let planes = planes.chunks_exact_mut(self.output[0] * width);
        for (plane, computed) in planes.zip(computed.chunks_exact(self.computed())) {
            let rows = computed.chunks(self.row);
            for (to, from) in plane.chunks_exact_mut(width).zip(rows) {
                to.copy_from_slice(&from[..width]);
            }
        }
    }
}
