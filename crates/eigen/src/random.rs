//! Random vectors: the first block, and what is followed to see outside a block.

use brink_state::{Loader, Memory, Saver, StateError};
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Source of random vectors.
#[derive(Debug)]
pub(super) struct RandomVectors(ChaCha8Rng);

impl RandomVectors {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// `[rows, dim]` of independent uniform numbers in (−1, 1), drawn on the host so that every
    /// device gets the same.
    pub fn rows(&mut self, rows: usize, dim: usize, device: &Device, dtype: DType) -> Tensor<2> {
        let values: Vec<f32> = (0..rows * dim)
            .map(|_| {
                // 24 bits fill a float32 exactly; the half keeps zero out.
                let bits = self.0.next_u32() >> 8;
                (bits as f32 + 0.5) * (2.0 / 16_777_216.0) - 1.0
            })
            .collect();
        Tensor::from_data(TensorData::new(values, [rows, dim]), (device, dtype))
    }
}

/// `[rows, dim]` of unit rows, uniform on the sphere, from a stream of a seed; drawn on the host, so
/// that every device gets the same.
pub(super) fn sphere(
    [rows, dim]: [usize; 2],
    [seed, stream]: [u64; 2],
    device: &Device,
    dtype: DType,
) -> Tensor<2> {
    let mut bits = ChaCha8Rng::seed_from_u64(seed);
    bits.set_stream(stream);
    // In (0, 1]: its logarithm is finite.
    let mut uniform = || ((bits.next_u64() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
    let mut values = Vec::with_capacity(rows * dim + 1);
    for row in 0..rows {
        // Normal numbers have no preferred direction (Box and Muller, 1958).
        while values.len() < (row + 1) * dim {
            let radius = (-2.0 * uniform().ln()).sqrt();
            let (sine, cosine) = (std::f64::consts::TAU * uniform()).sin_cos();
            values.extend([radius * cosine, radius * sine]);
        }
        values.truncate((row + 1) * dim);
        let own = &mut values[row * dim..];
        let length = own.iter().map(|x| x * x).sum::<f64>().sqrt();
        own.iter_mut().for_each(|x| *x /= length);
    }
    Tensor::from_data(TensorData::new(values, [rows, dim]), (device, dtype))
}

impl Memory for RandomVectors {
    /// How far the stream of its seed is used up.
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.value(&self.0.get_word_pos().to_string())
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        let position: String = from.value()?;
        let position = position.parse();
        self.0
            .set_word_pos(position.map_err(|_| from.unsuitable("it is no position".into()))?);
        Ok(())
    }
}
