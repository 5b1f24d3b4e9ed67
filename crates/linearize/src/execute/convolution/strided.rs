//! The gradient by the input of a convolution with stride 2, on shifted planes.
//!
//! An input's rows and columns that begin with the same one meet the same elements of the kernel: for
//! them it is a convolution of the output's gradient with stride 1.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::correlate::{Filters, correlate};
use super::geometry::Geometry;
use super::planes::Planes;
use super::product::{Operand, share};

/// Every so many rows and columns of the input, from the first on.
struct Lattice {
    first: [usize; 2],
    planes: Planes,
    /// The elements of the kernel that these meet.
    taps: Vec<usize>,
}

/// What a task of a thread writes to again and again.
struct Scratch {
    padded: Vec<Vec<f32>>,
    computed: Vec<f32>,
}

/// Inputs `[k, images, i, ..]`; `None` for other strides, and where the output's gradient would need
/// less than no padding.
pub(super) fn by_input(
    g: &Geometry,
    (k, images): (usize, usize),
    weight: Operand<'_, f32>,
    grad: Operand<'_, f32>,
) -> Option<Vec<f32>> {
    let lattices = lattices(g)?;
    let (filters, channels) = (g.filters(), g.input[0] / g.groups);
    let taps = g.kernel[0] * g.kernel[1];
    let packed = |index: usize, group: usize, lattice: &Lattice| {
        let weight = &weight.part(index, 1, 0, g.weight())[share(g, g.weight(), group)];
        let at = |channel: usize, filter: usize, tap: usize| {
            weight[(filter * channels + channel) * taps + lattice.taps[tap]]
        };
        Filters::new([channels, filters, lattice.taps.len()], at)
    };
    let kinds = if weight.batched { k } else { 1 };
    let packed: Vec<Vec<Vec<Filters>>> = (0..kinds)
        .map(|index| {
            let of_group = |group| lattices.iter().map(|l| packed(index, group, l)).collect();
            (0..g.groups).map(of_group).collect()
        })
        .collect();
    let scratch = || Scratch {
        padded: (lattices.iter())
            .map(|lattice| vec![0.0; filters * lattice.planes.padded()])
            .collect(),
        computed: Vec::new(),
    };
    let count = k * images * g.image();
    let mut inputs: Vec<f32> = Vec::with_capacity(count);
    let room = &mut inputs.spare_capacity_mut()[..count];
    let tasks = room.par_chunks_exact_mut(g.image()).enumerate();
    tasks.for_each_init(scratch, |scratch, (at, input)| {
        // Places that meet no element of the kernel stay zero.
        let input = zeros(input);
        let grad = grad.part(at / images, images, at % images, g.result());
        let packed = &packed[if weight.batched { at / images } else { 0 }];
        for (group, packed) in packed.iter().enumerate() {
            let grad = &grad[share(g, g.result(), group)];
            let input = &mut input[share(g, g.image(), group)];
            let both = lattices.iter().zip(packed);
            for ((lattice, packed), padded) in both.zip(&mut scratch.padded) {
                let planes = &lattice.planes;
                planes.pad(grad, padded);
                scratch.computed.resize(channels * planes.computed(), 0.0);
                correlate(planes, packed, padded, &mut scratch.computed);
                lattice.put(g, &scratch.computed, input);
            }
        }
    });
    // SAFETY: the tasks cover all inputs, and each writes all of an image.
    unsafe { inputs.set_len(count) };
    Some(inputs)
}

fn zeros(room: &mut [MaybeUninit<f32>]) -> &mut [f32] {
    for place in room.iter_mut() {
        place.write(0.0);
    }
    // SAFETY: each was written.
    unsafe { room.assume_init_mut() }
}

/// All of an input's that meet an element of the kernel.
fn lattices(g: &Geometry) -> Option<Vec<Lattice>> {
    let stride = g.strides();
    if stride == [1, 1] || stride.iter().any(|stride| *stride > 2) {
        return None;
    }
    let mut found = Vec::new();
    for down in along(g, 0)? {
        for across in along(g, 1)? {
            let sides = [&down, &across];
            let tap = |ky: usize, kx: usize| ky * g.kernel[1] + kx;
            let rows = || down.elements.iter();
            let columns = || across.elements.iter();
            let elements: Vec<[usize; 2]> = rows()
                .flat_map(|(_, y)| columns().map(move |(_, x)| [*y, *x]))
                .collect();
            let taps: Vec<usize> = rows()
                .flat_map(|(ky, _)| columns().map(move |(kx, _)| tap(*ky, *kx)))
                .collect();
            let output = sides.map(|side| side.places.len());
            if taps.is_empty() || output.contains(&0) {
                continue;
            }
            let sizes = [[g.output[1], g.output[2]], output];
            let before = sides.map(|side| side.before);
            found.push(Lattice {
                first: sides.map(|side| side.places.start),
                planes: Planes::new(sizes, before, [1, 1], &elements),
                taps,
            });
        }
    }
    Some(found)
}

/// Places along one dimension.
struct Side {
    /// The first place, and as many as there are.
    places: Range<usize>,
    /// Padding of the output's gradient.
    before: usize,
    /// Elements of the kernel, and where they lie on the padded gradient.
    elements: Vec<(usize, usize)>,
}

fn along(g: &Geometry, d: usize) -> Option<Vec<Side>> {
    let (stride, before) = (g.strides()[d], g.before()[d]);
    let length = g.input[d + 1];
    let place = |at: usize| at * g.dilations()[d];
    let reach = place(g.kernel[d] - 1) / stride;
    let sides = (0..stride).map(|remainder| {
        let first = (remainder + stride - before % stride) % stride;
        let count = length.saturating_sub(first).div_ceil(stride);
        let elements = (0..g.kernel[d]).filter(|at| place(*at) % stride == remainder);
        Some(Side {
            places: first..first + count,
            before: reach.checked_sub((first + before) / stride)?,
            elements: elements
                .map(|at| (at, reach - place(at) / stride))
                .collect(),
        })
    });
    sides.collect()
}

impl Lattice {
    /// Writes what was computed to where it belongs in the input.
    fn put(&self, g: &Geometry, computed: &[f32], input: &mut [f32]) {
        let [down, step] = g.strides();
        let [top, left] = self.first;
        let planes = input.chunks_exact_mut(g.input[1] * g.input[2]);
        for (plane, computed) in planes.zip(computed.chunks_exact(self.planes.computed())) {
            let rows = plane.chunks_exact_mut(g.input[2]).skip(top).step_by(down);
            for (to, from) in rows.zip(computed.chunks(self.planes.row())) {
                for (to, from) in to[left..].iter_mut().step_by(step).zip(from) {
                    *to = *from;
                }
            }
        }
    }
}
