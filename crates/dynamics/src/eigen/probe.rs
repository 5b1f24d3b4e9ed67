//! Random rows: the cold start, and probes for eigenvalues that the block does not see.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Iterations that random rows are followed at the least. Each multiplies a hidden outlier's
/// share by its distance over the bulk's spread, so few suffice; the climb decides after that.
const LEAST_ITERATIONS: usize = 3;

/// Random rows are followed while an iteration raises the sum of the block's Ritz values by more
/// than this part of the distance between the last wanted one and the lowest.
const CLIMB: f64 = 0.1;

/// Source of random rows and of the decision when to probe.
#[derive(Debug)]
pub(super) struct Prober {
    generator: ChaCha8Rng,
    every: usize,
    /// Solves since a random row was last in the block; `None` if it never was.
    since: Option<usize>,
}

impl Prober {
    pub fn new(seed: u64, every: usize) -> Self {
        Self {
            generator: ChaCha8Rng::seed_from_u64(seed),
            every,
            since: None,
        }
    }

    /// Whether a solve that starts from a carried block should probe it.
    pub fn is_due(&self) -> bool {
        self.every > 0 && self.since.is_none_or(|since| since + 1 >= self.every)
    }

    /// Notes a solve: whether random rows took part in it.
    pub fn record(&mut self, random: bool) {
        self.since = if random {
            Some(0)
        } else {
            self.since.map(|since| since + 1)
        };
    }

    /// Forgets how long ago the last probe was.
    pub fn forget(&mut self) {
        self.since = None;
    }

    /// `[rows, dim]` of independent uniform numbers in (−1, 1), drawn on the host so that every
    /// device gets the same.
    pub fn rows(&mut self, rows: usize, dim: usize, device: &Device, dtype: DType) -> Tensor<2> {
        let values: Vec<f32> = (0..rows * dim)
            .map(|_| {
                // 24 bits fill a float32 exactly; the half keeps zero out.
                let bits = self.generator.next_u32() >> 8;
                (bits as f32 + 0.5) * (2.0 / 16_777_216.0) - 1.0
            })
            .collect();
        Tensor::from_data(TensorData::new(values, [rows, dim]), (device, dtype))
    }
}

/// Follows random rows in a block until they have shown what they hold.
#[derive(Debug, Default)]
pub(super) struct Watch {
    iterations: usize,
    height: Option<f64>,
    climbing: bool,
}

impl Watch {
    /// Begins when random rows join the block.
    pub fn begin() -> Self {
        Self {
            iterations: 0,
            height: None,
            climbing: true,
        }
    }

    /// Notes the sum of the block's Ritz values after an iteration; `distance` is how far the last
    /// wanted value lies above the lowest, and `resolution` the height that does not matter.
    pub fn observe(&mut self, height: f64, distance: f64, resolution: f64) {
        if let Some(before) = self.height {
            self.iterations += 1;
            self.climbing = self.iterations < LEAST_ITERATIONS
                || height - before > CLIMB * distance.max(resolution);
        }
        self.height = Some(height);
    }

    /// Whether the random rows still need products.
    pub fn is_climbing(&self) -> bool {
        self.climbing
    }
}
