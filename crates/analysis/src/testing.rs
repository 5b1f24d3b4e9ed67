//! Series with known answers, for tests.

/// 2/η of every series here.
pub const THRESHOLD: f64 = 100.0;
/// η.
pub const STEP_SIZE: f64 = 2.0 / THRESHOLD;

/// One step of the [`self_stabilising`] model.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Λ(t).
    pub sharpness: f64,
    /// x(t), in the place of Dᵀv₁.
    pub residual: f64,
    /// Whether the step from here went as the recurrence says, not held up by the floor.
    pub free: bool,
}

/// A model of self-stabilisation: x ← (1 − ηΛ)x, Λ ← Λ + a − b·x².
///
/// Its growth rate and its turns (x² = a/b) are known in closed form. |x| is kept from decaying
/// below a floor, as rounding keeps it in a run; else each cycle would overshoot farther.
pub fn self_stabilising(start: f64, steps: usize) -> Vec<Point> {
    const RISE: f64 = 1.0;
    const PULL: f64 = 0.1;
    const FLOOR: f64 = 0.3;
    let (mut sharpness, mut residual) = (start, 1.0_f64);
    let step = |_| {
        let next = (1.0 - STEP_SIZE * sharpness) * residual;
        let free = next.abs() >= FLOOR;
        let point = Point {
            sharpness,
            residual,
            free,
        };
        sharpness += RISE - PULL * residual * residual;
        residual = if free { next } else { FLOOR.copysign(next) };
        point
    };
    (0..steps).map(step).collect()
}

/// Pseudo-random numbers in [0, 1): a 64-bit linear congruential generator (Knuth's MMIX).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
