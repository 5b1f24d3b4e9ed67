//! An image as the matrix of what the kernel sees, and back.

use super::geometry::Geometry;
use crate::execute::real::Real;

/// Writes what the windows of one group see: `image`, `[channels, height, width]`, as `columns`,
/// `[channels·kernel height·kernel width, output places]`; zeros where they see padding.
pub(super) fn unfold<T: Real>(g: &Geometry, image: &[T], columns: &mut [T]) {
    let plane = g.input[1] * g.input[2];
    let taps = g.kernel[0] * g.kernel[1];
    for (row, column) in columns.chunks_exact_mut(g.places()).enumerate() {
        let (channel, tap) = (row / taps, row % taps);
        let image = &image[channel * plane..][..plane];
        look(g, [tap / g.kernel[1], tap % g.kernel[1]], image, column);
    }
}

/// What one element of the kernel sees of a plane.
fn look<T: Real>(g: &Geometry, [ky, kx]: [usize; 2], plane: &[T], seen: &mut [T]) {
    let (rows, top) = g.seen(0, ky);
    let (across, left) = g.seen(1, kx);
    let (width, wide) = (g.input[2], g.output[2]);
    if rows.is_empty() || across.is_empty() {
        seen.fill(T::zero());
        return;
    }
    seen[..rows.start * wide].fill(T::zero());
    seen[rows.end * wide..].fill(T::zero());
    if g.is_shift() {
        // One copy of all rows; what has come round the edges is padding.
        let from = top * width + left;
        let to = rows.start * wide + across.start..(rows.end - 1) * wide + across.end;
        let length = to.len();
        seen[to].copy_from_slice(&plane[from..from + length]);
        for row in seen[rows.start * wide..rows.end * wide].chunks_exact_mut(wide) {
            row[..across.start].fill(T::zero());
            row[across.end..].fill(T::zero());
        }
        return;
    }
    let [down, step] = g.strides();
    for (at, row) in rows.enumerate() {
        let from = &plane[(top + at * down) * width..][..width];
        let row = &mut seen[row * wide..][..wide];
        row[..across.start].fill(T::zero());
        row[across.end..].fill(T::zero());
        let from = from[left..].iter().step_by(step);
        for (to, from) in row[across.clone()].iter_mut().zip(from) {
            *to = *from;
        }
    }
}

/// Adds each element of `columns` to where it was seen: the transpose of [`unfold`].
pub(super) fn fold<T: Real>(g: &Geometry, columns: &[T], image: &mut [T]) {
    pulp::Arch::new().dispatch(Fold { g, columns, image });
}

struct Fold<'a, T> {
    g: &'a Geometry,
    columns: &'a [T],
    image: &'a mut [T],
}

impl<T: Real> pulp::NullaryFnOnce for Fold<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let g = self.g;
        let plane = g.input[1] * g.input[2];
        let taps = g.kernel[0] * g.kernel[1];
        for (row, column) in self.columns.chunks_exact(g.places()).enumerate() {
            let (channel, tap) = (row / taps, row % taps);
            let image = &mut self.image[channel * plane..][..plane];
            put(g, [tap / g.kernel[1], tap % g.kernel[1]], column, image);
        }
    }
}

#[inline(always)]
fn put<T: Real>(g: &Geometry, [ky, kx]: [usize; 2], seen: &[T], plane: &mut [T]) {
    let (rows, top) = g.seen(0, ky);
    let (across, left) = g.seen(1, kx);
    let (width, wide) = (g.input[2], g.output[2]);
    let [down, step] = g.strides();
    for (at, row) in rows.enumerate() {
        let to = &mut plane[(top + at * down) * width..][..width];
        let row = &seen[row * wide..][across.clone()];
        if step == 1 {
            for (to, from) in to[left..][..row.len()].iter_mut().zip(row) {
                *to += *from;
            }
        } else {
            for (to, from) in to[left..].iter_mut().step_by(step).zip(row) {
                *to += *from;
            }
        }
    }
}
