//! Loops over numbers that lie in a row, by the processor's widest instructions: each is compiled for
//! all of them, and chosen as it is called.

use super::loops::Number;

/// Elements summed in the element type before float64 takes over.
const CHUNK: usize = 512;

/// Sums side by side.
const LANES: usize = 32;

fn widest<R>(work: impl pulp::NullaryFnOnce<Output = R>) -> R {
    pulp::Arch::new().dispatch(work)
}

/// x ← factor·x.
pub(super) fn scale<T: Number>(x: &mut [T], factor: f64) {
    let factor = T::of(factor);
    widest(
        #[inline(always)]
        || {
            for x in x {
                *x *= factor;
            }
        },
    );
}

/// x ← x − share·v.
pub(super) fn subtract<T: Number>(x: &mut [T], share: f64, v: &[T]) {
    let share = T::of(share);
    widest(
        #[inline(always)]
        || {
            for (x, v) in x.iter_mut().zip(v) {
                *x -= share * *v;
            }
        },
    );
}

/// The same of four vectors at once.
pub(super) fn subtract_four<T: Number>(x: &mut [T], shares: [f64; 4], four: [&[T]; 4]) {
    let [p, q, r, s] = shares.map(T::of);
    let [a, b, c, d] = four;
    widest(
        #[inline(always)]
        || {
            let rows = x.iter_mut().zip(a).zip(b).zip(c).zip(d);
            for ((((x, a), b), c), d) in rows {
                *x -= (p * *a + q * *b) + (r * *c + s * *d);
            }
        },
    );
}

/// ⟨x, y⟩: short sums in the element type, added in float64.
pub(super) fn dot<T: Number>(x: &[T], y: &[T]) -> f64 {
    widest(Dot { x, y })
}

/// ⟨x, z⟩ and ⟨y, z⟩ in one reading of z.
pub(super) fn dots<T: Number>(x: &[T], y: &[T], z: &[T]) -> [f64; 2] {
    widest(Dots { x, y, z })
}

// Not closures: one that only reads what it has is called through a function that is compiled for the
// least instructions.
struct Dot<'a, T> {
    x: &'a [T],
    y: &'a [T],
}

impl<T: Number> pulp::NullaryFnOnce for Dot<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let mut total = 0.0;
        for (x, y) in self.x.chunks(CHUNK).zip(self.y.chunks(CHUNK)) {
            let mut lanes = [T::of(0.0); LANES];
            let (x_lanes, x_rest) = x.as_chunks::<LANES>();
            let (y_lanes, y_rest) = y.as_chunks::<LANES>();
            for (x, y) in x_lanes.iter().zip(y_lanes) {
                for lane in 0..LANES {
                    lanes[lane] += x[lane] * y[lane];
                }
            }
            total += summed(lanes) + short(x_rest, y_rest);
        }
        total
    }
}

struct Dots<'a, T> {
    x: &'a [T],
    y: &'a [T],
    z: &'a [T],
}

impl<T: Number> pulp::NullaryFnOnce for Dots<'_, T> {
    type Output = [f64; 2];

    #[inline(always)]
    fn call(self) -> [f64; 2] {
        let mut totals = [0.0; 2];
        let vectors = self.x.chunks(CHUNK).zip(self.y.chunks(CHUNK));
        for ((x, y), z) in vectors.zip(self.z.chunks(CHUNK)) {
            let (mut of_x, mut of_y) = ([T::of(0.0); LANES], [T::of(0.0); LANES]);
            let (x_lanes, x_rest) = x.as_chunks::<LANES>();
            let (y_lanes, y_rest) = y.as_chunks::<LANES>();
            let (z_lanes, z_rest) = z.as_chunks::<LANES>();
            for ((x, y), z) in x_lanes.iter().zip(y_lanes).zip(z_lanes) {
                for lane in 0..LANES {
                    of_x[lane] += x[lane] * z[lane];
                    of_y[lane] += y[lane] * z[lane];
                }
            }
            totals[0] += summed(of_x) + short(x_rest, z_rest);
            totals[1] += summed(of_y) + short(y_rest, z_rest);
        }
        totals
    }
}

#[inline(always)]
fn short<T: Number>(x: &[T], y: &[T]) -> f64 {
    let terms = x.iter().zip(y);
    terms.map(|(x, y)| x.double() * y.double()).sum()
}

/// Halves are added to each other: that takes fewer steps, one after the other, than a sum along them.
#[inline(always)]
fn summed<T: Number>(lanes: [T; LANES]) -> f64 {
    let mut sums = [0.0; LANES];
    for (sum, lane) in sums.iter_mut().zip(lanes) {
        *sum = lane.double();
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}
