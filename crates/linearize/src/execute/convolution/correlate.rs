//! Sums of shifted planes: a convolution and its gradient by the input.

use pulp::Simd;

use super::planes::Planes;

/// Vectors of places that are summed in registers at a time, at most.
const VECTORS: usize = 2;

/// Filters in the order in which they are read: in groups, whose sums are in registers together.
pub(super) struct Filters {
    /// For each group, each channel and each element of the kernel, one number a filter.
    packed: Vec<f32>,
    filters: usize,
    channels: usize,
    taps: usize,
}

impl Filters {
    /// `weight(filter, channel, tap)` of all filters.
    pub fn new(
        [filters, channels, taps]: [usize; 3],
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let mut packed = Vec::with_capacity(filters * channels * taps);
        let mut from = 0;
        for size in groups(filters, widest()) {
            for channel in 0..channels {
                for tap in 0..taps {
                    packed.extend((from..from + size).map(|filter| weight(filter, channel, tap)));
                }
            }
            from += size;
        }
        Self {
            packed,
            filters,
            channels,
            taps,
        }
    }

    /// Elements of a group's numbers.
    fn group(&self, size: usize) -> usize {
        size * self.channels * self.taps
    }
}

/// Sizes of groups: as large as they may be, then smaller powers of two.
fn groups(mut filters: usize, widest: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let size = widest.min(1 << filters.checked_ilog2()?);
        filters -= size;
        Some(size)
    })
}

/// Filters in a group at most: with two vectors of sums each they fit the registers.
fn widest() -> usize {
    struct Lanes;
    impl pulp::WithSimd for Lanes {
        type Output = usize;
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    match pulp::Arch::new().dispatch(Lanes) {
        // 32 registers with vectors of 16, 16 with others.
        16 => 8,
        _ => 4,
    }
}

/// Each filter's sum of the shifted planes, `[filters, computed]`.
pub(super) fn correlate(planes: &Planes, filters: &Filters, padded: &[f32], computed: &mut [f32]) {
    pulp::Arch::new().dispatch(Correlation {
        planes,
        filters,
        padded,
        computed,
    });
}

struct Correlation<'a> {
    planes: &'a Planes,
    filters: &'a Filters,
    padded: &'a [f32],
    computed: &'a mut [f32],
}

impl pulp::WithSimd for Correlation<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (mut packed, mut computed) = (&self.filters.packed[..], self.computed);
        let planes = (0..self.filters.channels).map(|channel| channel * self.planes.padded());
        let offsets: Vec<usize> = planes
            .flat_map(|plane| self.planes.shifts.iter().map(move |shift| plane + shift))
            .collect();
        for size in groups(self.filters.filters, widest()) {
            let (own, others) = packed.split_at(self.filters.group(size));
            packed = others;
            let (to, rest) = computed.split_at_mut(size * self.planes.computed());
            computed = rest;
            let work = Group {
                planes: self.planes,
                padded: self.padded,
                offsets: &offsets,
                filters: own,
                to,
            };
            match size {
                8 => work.sums::<S, 8>(simd),
                4 => work.sums::<S, 4>(simd),
                2 => work.sums::<S, 2>(simd),
                _ => work.sums::<S, 1>(simd),
            }
        }
    }
}

/// The filters of a group.
struct Group<'a> {
    planes: &'a Planes,
    padded: &'a [f32],
    /// Where the shifted planes begin, of each channel and element of the kernel.
    offsets: &'a [usize],
    filters: &'a [f32],
    to: &'a mut [f32],
}

impl Group<'_> {
    #[inline(always)]
    fn sums<S: Simd, const F: usize>(mut self, simd: S) {
        let vectors = self.planes.places().div_ceil(S::F32_LANES);
        let mut from = 0;
        while from < vectors {
            match vectors - from {
                1 => self.sum::<S, F, 1>(simd, from),
                _ => self.sum::<S, F, VECTORS>(simd, from),
            }
            from += VECTORS;
        }
    }

    /// V vectors of places, from vector `from` on, of F filters.
    #[inline(always)]
    fn sum<S: Simd, const F: usize, const V: usize>(&mut self, simd: S, from: usize) {
        let lanes = S::F32_LANES;
        let from = from * lanes;
        let padded = &self.padded[from..];
        let mut sums = [[simd.splat_f32s(0.0); V]; F];
        // One loop over all channels and elements of the kernel: with two, the sums leave the registers.
        for (offset, filters) in self.offsets.iter().zip(self.filters.as_chunks::<F>().0) {
            let seen = &padded[*offset..][..V * lanes];
            let seen = S::as_simd_f32s(seen).0;
            for f in 0..F {
                let filter = simd.splat_f32s(filters[f]);
                for v in 0..V {
                    sums[f][v] = simd.mul_add_e_f32s(filter, seen[v], sums[f][v]);
                }
            }
        }
        let rows = self.to.chunks_exact_mut(self.planes.computed());
        for (row, sums) in rows.zip(&sums) {
            let row = &mut row[from..][..V * lanes];
            S::as_mut_simd_f32s(row).0.copy_from_slice(sums);
        }
    }
}
