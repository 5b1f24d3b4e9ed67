//! Inner products of planes with shifted planes: a convolution's gradient by its weight.

use pulp::Simd;

use super::planes::Planes;

/// Filters that are weighed together at most: with three elements of the kernel each, their sums fit
/// the registers.
const WIDEST: usize = 4;

/// Adds, for each filter, channel and element of the kernel, the inner products of the filter's planes
/// in `spread`, `[images, filters, ..]`, with the channel's shifted planes in `padded`, `[images,
/// channels, ..]`, to `weight`, `[filters, channels, taps]`.
pub(super) fn weigh(
    planes: &Planes,
    [images, filters, channels]: [usize; 3],
    padded: &[f32],
    spread: &[f32],
    weight: &mut [f32],
) {
    pulp::Arch::new().dispatch(Weighing {
        planes,
        images,
        filters,
        channels,
        padded,
        spread,
        weight,
    });
}

struct Weighing<'a> {
    planes: &'a Planes,
    images: usize,
    filters: usize,
    channels: usize,
    padded: &'a [f32],
    spread: &'a [f32],
    weight: &'a mut [f32],
}

impl pulp::WithSimd for Weighing<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut filter = 0;
        while filter < self.filters {
            let left = self.filters - filter;
            let size = WIDEST.min(1 << left.ilog2());
            for channel in 0..self.channels {
                match size {
                    4 => self.channel::<S, 4>(simd, filter, channel),
                    2 => self.channel::<S, 2>(simd, filter, channel),
                    _ => self.channel::<S, 1>(simd, filter, channel),
                }
            }
            filter += size;
        }
    }
}

impl Weighing<'_> {
    #[inline(always)]
    fn channel<S: Simd, const F: usize>(&mut self, simd: S, filter: usize, channel: usize) {
        let taps = self.planes.shifts.len();
        let mut tap = 0;
        while tap < taps {
            match taps - tap {
                1 => self.products::<S, F, 1>(simd, filter, channel, tap),
                2 => self.products::<S, F, 2>(simd, filter, channel, tap),
                _ => self.products::<S, F, 3>(simd, filter, channel, tap),
            }
            tap += 3;
        }
    }

    /// T elements of the kernel from `tap` on, and F filters from `filter` on.
    #[inline(always)]
    fn products<S: Simd, const F: usize, const T: usize>(
        &mut self,
        simd: S,
        filter: usize,
        channel: usize,
        tap: usize,
    ) {
        let (padded, computed) = (self.planes.padded(), self.planes.computed());
        let taps = self.planes.shifts.len();
        let lanes = S::F32_LANES;
        let vectors = self.planes.places().div_ceil(lanes);
        let mut sums = [[simd.splat_f32s(0.0); T]; F];
        for image in 0..self.images {
            let plane = (image * self.channels + channel) * padded;
            let plane = &self.padded[plane..][..padded];
            let mut seen = [&plane[..0]; T];
            for (seen, shift) in seen.iter_mut().zip(&self.planes.shifts[tap..]) {
                *seen = &plane[*shift..][..vectors * lanes];
            }
            let seen = seen.map(|seen| S::as_simd_f32s(seen).0);
            let first = (image * self.filters + filter) * computed;
            let mut rows = [&self.spread[..0]; F];
            for (at, row) in rows.iter_mut().enumerate() {
                *row = &self.spread[first + at * computed..][..vectors * lanes];
            }
            let rows = rows.map(|row| S::as_simd_f32s(row).0);
            for v in 0..vectors {
                let mut x = [simd.splat_f32s(0.0); T];
                for t in 0..T {
                    x[t] = seen[t][v];
                }
                for f in 0..F {
                    let row = rows[f][v];
                    for t in 0..T {
                        sums[f][t] = simd.mul_add_e_f32s(row, x[t], sums[f][t]);
                    }
                }
            }
        }
        for (f, sums) in sums.iter().enumerate() {
            let to = &mut self.weight[((filter + f) * self.channels + channel) * taps + tap..];
            for (to, sum) in to.iter_mut().zip(sums) {
                *to += simd.reduce_sum_f32s(*sum);
            }
        }
    }
}
