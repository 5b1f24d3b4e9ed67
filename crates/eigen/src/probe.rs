//! The probe: a vector outside the block that is carried from solve to solve.
//!
//! A product and a shift ω multiply the share of each eigenvector in it by λ − ω. So what the block does
//! not see comes to the fore from solve to solve, for one product each (the power method). A random part
//! that is added each time keeps a share of every eigenvector in it.

use brink_state::{Memory, Part};
use burn::tensor::Tensor;

/// Length of the random part beside the unit vector that is carried.
const RANDOM_PART: f64 = 0.1;

/// What a product tells of a vector outside the block.
pub(super) struct Outside {
    /// Where the power method leads it, `[1, P]`.
    pub next: Tensor<2>,
    /// Its Rayleigh quotient θ.
    pub value: f64,
    /// Its residual r.
    pub residual: f64,
}

impl Outside {
    /// How far it reaches: θ + r. An eigenvector with the share c makes this cλ at the least, where the rest
    /// of the vector adds nothing.
    pub fn reach(&self) -> f64 {
        self.value + self.residual
    }

    /// The same of the vector with a random part of which nothing is known, but that the eigenvalues are
    /// small on the average.
    pub fn with_random_part(self) -> Self {
        let square = 1.0 + RANDOM_PART * RANDOM_PART;
        let image = (self.value.powi(2) + self.residual.powi(2)) / square;
        let value = self.value / square;
        Self {
            value,
            residual: (image - value * value).max(0.0).sqrt(),
            ..self
        }
    }
}

/// The vector that is carried, if there is one.
#[derive(Debug, Default)]
pub(super) struct Probe {
    /// Of unit length, `[1, P]`.
    vector: Option<Tensor<2>>,
    /// How far it reached, in units of the last wanted eigenvalue's tolerance, which grows and shrinks
    /// with the operator.
    reach: f64,
}

impl Probe {
    /// What looks outside the block in a solve, `[1, P]`, given `random` numbers from (−1, 1).
    pub fn row(&self, random: Tensor<2>) -> Tensor<2> {
        let Some(vector) = &self.vector else {
            return random;
        };
        // The mean square of such a number is 1/3.
        let length = (random.dims()[1] as f64 / 3.0).sqrt();
        let (device, dtype) = (random.device(), random.dtype());
        vector.clone().to_device(&device).cast(dtype) + random.mul_scalar(RANDOM_PART / length)
    }

    /// Whether there is one.
    pub fn is_carried(&self) -> bool {
        self.vector.is_some()
    }

    /// How far it should reach now, if nothing new has come to it.
    pub fn reach(&self, tolerance: f64) -> f64 {
        self.reach * tolerance
    }

    /// Carries where a vector led, outside of the next `block`, `[b, P]`.
    pub fn carry(&mut self, outside: Outside, tolerance: f64, block: Tensor<2>) {
        self.reach = outside.reach() / tolerance;
        let vector = outside.next;
        let inside = vector.clone().matmul(block.clone().transpose());
        let vector = vector - inside.matmul(block);
        let length = vector.clone().square().sum_dim(1).sqrt();
        self.vector = Some(vector / length.clamp_min(f32::MIN_POSITIVE));
    }

    /// Carries nothing: the next probe is all random.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Memory for Probe {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![("vector", &mut self.vector), ("reach", &mut self.reach)]
    }
}
