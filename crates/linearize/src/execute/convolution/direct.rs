//! Convolutions of strides 1 and 2 in float32 on shifted planes, and their two transposes.

use std::ops::Range;

use rayon::prelude::*;

use super::correlate::{Filters, correlate};
use super::geometry::Geometry;
use super::planes::Planes;
use super::product::{Operand, by_image, parts, share};
use super::strided;
use super::weigh::weigh;

/// Numbers of the filters that are summed together: more would not stay in the cache.
const MOST_NUMBERS: usize = 256 * 9;

/// Places and images that are weighed together at most: to add up the numbers of a vector takes as long
/// as to multiply several, and what is read should stay in a core's own cache.
const MOST_PLACES: usize = 1024;
const MOST_IMAGES: usize = 8;

/// A convolution that is computed on shifted planes.
pub(super) struct Direct<'a> {
    g: &'a Geometry,
    planes: Planes,
}

/// What a task of a thread writes to again and again.
struct Scratch {
    padded: Vec<f32>,
    computed: Vec<f32>,
}

impl<'a> Direct<'a> {
    /// `None` where unfolding serves better, or shifts do not serve at all.
    pub fn of(g: &'a Geometry) -> Option<Self> {
        let planes = Planes::of(g)?;
        (g.window() <= MOST_NUMBERS).then_some(Self { g, planes })
    }

    fn channels(&self) -> usize {
        self.g.input[0] / self.g.groups
    }

    fn scratch(&self) -> Scratch {
        Scratch {
            padded: vec![0.0; self.channels() * self.planes.padded()],
            computed: vec![0.0; self.g.filters() * self.planes.computed()],
        }
    }

    /// Outputs `[k, images, o, ..]`.
    pub fn convolve(
        &self,
        (k, images): (usize, usize),
        x: Operand<'_, f32>,
        weight: Operand<'_, f32>,
    ) -> Vec<f32> {
        let g = self.g;
        let taps = self.planes.shifts.len();
        let filters = |index: usize, group: usize| {
            let weight = &weight.part(index, 1, 0, g.weight())[share(g, g.weight(), group)];
            let at = |filter: usize, channel: usize, tap: usize| {
                weight[(filter * self.channels() + channel) * taps + tap]
            };
            Filters::new([g.filters(), self.channels(), taps], at)
        };
        let kinds = if weight.batched { k } else { 1 };
        let filters: Vec<Vec<Filters>> = (0..kinds)
            .map(|index| (0..g.groups).map(|group| filters(index, group)).collect())
            .collect();
        let count = k * images * g.result();
        let mut outputs: Vec<f32> = Vec::with_capacity(count);
        let room = &mut outputs.spare_capacity_mut()[..count];
        // An image is padded once for all weights.
        let tasks = by_image(room, g.result(), images, x.batched);
        tasks.into_par_iter().enumerate().for_each_init(
            || self.scratch(),
            |scratch, (at, mut outputs)| {
                let image = x.part(at / images, images, at % images, g.image());
                for group in 0..g.groups {
                    let image = &image[share(g, g.image(), group)];
                    self.planes.pad(image, &mut scratch.padded);
                    for (index, output) in &mut outputs {
                        let filters = &filters[if weight.batched { *index } else { 0 }][group];
                        let Scratch { padded, computed } = &mut *scratch;
                        correlate(&self.planes, filters, padded, computed);
                        let output = &mut output[share(g, g.result(), group)];
                        self.planes.collect(computed, output);
                    }
                }
            },
        );
        // SAFETY: the tasks cover all outputs, the groups all planes, and `collect` writes each place.
        unsafe { outputs.set_len(count) };
        outputs
    }

    /// The gradient by the weight, `[k, o, i/groups, ..]`, from that by the output.
    pub fn by_weight(
        &self,
        (k, images): (usize, usize),
        x: Operand<'_, f32>,
        grad: Operand<'_, f32>,
    ) -> Vec<f32> {
        parts(self.g, k, images, |range| {
            self.by_weight_over((k, images), range, x, grad)
        })
    }

    fn by_weight_over(
        &self,
        (k, images): (usize, usize),
        range: Range<usize>,
        x: Operand<'_, f32>,
        grad: Operand<'_, f32>,
    ) -> Vec<f32> {
        let g = self.g;
        let at_once = at_once(&self.planes);
        let mut weights = vec![0.0; k * g.weight()];
        let (own_padded, own_spread) = (
            self.channels() * self.planes.padded(),
            g.filters() * self.planes.computed(),
        );
        let mut padded = vec![0.0; at_once * own_padded];
        let mut spread = vec![0.0; at_once * own_spread];
        for from in range.clone().step_by(at_once) {
            let some = from..range.end.min(from + at_once);
            for group in 0..g.groups {
                for (index, weight) in weights.chunks_exact_mut(g.weight()).enumerate() {
                    if index == 0 || x.batched {
                        for (image, padded) in some.clone().zip(padded.chunks_mut(own_padded)) {
                            let x = x.part(index, images, image, g.image());
                            self.planes.pad(&x[share(g, g.image(), group)], padded);
                        }
                    }
                    if index == 0 || grad.batched {
                        for (image, spread) in some.clone().zip(spread.chunks_mut(own_spread)) {
                            let grad = grad.part(index, images, image, g.result());
                            let grad = &grad[share(g, g.result(), group)];
                            self.planes.spread(grad, spread);
                        }
                    }
                    let weight = &mut weight[share(g, g.weight(), group)];
                    let sizes = [some.len(), g.filters(), self.channels()];
                    weigh(&self.planes, sizes, &padded, &spread, weight);
                }
            }
        }
        weights
    }
}

/// Images whose inner products are summed together.
fn at_once(planes: &Planes) -> usize {
    (MOST_PLACES / planes.places()).clamp(1, MOST_IMAGES)
}

/// The gradient by the input, `[k, images, i, ..]`, from that by the output: the convolution of it with
/// the kernel turned by half a turn, for stride 1. `None` where that is none of those that are computed here.
pub(super) fn by_input(
    g: &Geometry,
    (k, images): (usize, usize),
    weight: Operand<'_, f32>,
    grad: Operand<'_, f32>,
) -> Option<Vec<f32>> {
    let Some(transposed) = g.transposed() else {
        return strided::by_input(g, (k, images), weight, grad);
    };
    let direct = Direct::of(&transposed)?;
    let (filters, channels) = (g.filters(), g.input[0] / g.groups);
    let taps = g.kernel[0] * g.kernel[1];
    let turned: Vec<f32> = (weight.values)
        .chunks_exact(filters * channels * taps)
        .flat_map(|weight| {
            let places = (0..channels).flat_map(move |channel| {
                (0..filters)
                    .flat_map(move |filter| (0..taps).map(move |tap| (channel, filter, tap)))
            });
            places.map(move |(channel, filter, tap)| {
                weight[(filter * channels + channel) * taps + taps - 1 - tap]
            })
        })
        .collect();
    let weight = Operand {
        values: &turned,
        batched: weight.batched,
    };
    Some(direct.convolve((k, images), grad, weight))
}
