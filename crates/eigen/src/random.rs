//! Random vectors: the first block, and what is followed to see outside a block.

use brink_state::{Loader, Memory, Saver, StateError};
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
#[cfg(feature = "flex")]
use rayon::prelude::*;

/// Words of 32 bits that two normal numbers are made of.
const WORDS_OF_A_PAIR: usize = 4;

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
    let pairs = dim.div_ceil(2);
    let mut values = vec![0.0; rows * dim];
    #[cfg(feature = "flex")]
    let of_rows = values.par_chunks_mut(dim.max(1));
    #[cfg(not(feature = "flex"))]
    let of_rows = values.chunks_mut(dim.max(1));
    of_rows.enumerate().for_each(|(row, values)| {
        let mut bits = bits.clone();
        bits.set_word_pos((row * pairs * WORDS_OF_A_PAIR) as u128);
        // In (0, 1]: its logarithm is finite.
        let mut uniform = || ((bits.next_u64() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        // Normal numbers have no preferred direction (Box and Muller, 1958).
        for pair in values.chunks_mut(2) {
            let radius = (-2.0 * uniform().ln()).sqrt();
            let (sine, cosine) = (std::f64::consts::TAU * uniform()).sin_cos();
            for (value, normal) in pair.iter_mut().zip([radius * cosine, radius * sine]) {
                *value = normal;
            }
        }
        let length = values.iter().map(|x| x * x).sum::<f64>().sqrt();
        values.iter_mut().for_each(|x| *x /= length);
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows are drawn by several cores, and are those that one after the other would draw.
    #[test]
    fn rows_on_the_sphere_follow_each_other_in_the_stream() {
        for dim in [1, 6, 7] {
            let found = sphere([5, dim], [3, 9], &Device::flex(), DType::F64);
            let found: Vec<f64> = found.to_data().iter::<f64>().collect();
            let mut bits = ChaCha8Rng::seed_from_u64(3);
            bits.set_stream(9);
            let mut uniform = || ((bits.next_u64() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            for row in found.chunks(dim) {
                let mut normal = Vec::new();
                while normal.len() < dim {
                    let radius = (-2.0 * uniform().ln()).sqrt();
                    let angle = std::f64::consts::TAU * uniform();
                    normal.extend([radius * angle.cos(), radius * angle.sin()]);
                }
                normal.truncate(dim);
                let length = normal.iter().map(|x| x * x).sum::<f64>().sqrt();
                for (found, normal) in row.iter().zip(normal) {
                    assert!((found - normal / length).abs() < 1e-14, "{found} {normal}");
                }
            }
        }
    }
}
