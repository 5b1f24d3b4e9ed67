//! The inverse of the orthonormal two-dimensional discrete cosine transform (DCT-II) at 32 × 32.

use crate::records::{PIXELS_PER_CHANNEL, SIDE};

/// Pixels or coefficients, row-major; of coefficients, the row is the vertical frequency.
pub(super) type Plane = [f64; PIXELS_PER_CHANNEL];

/// The cosines of the transform.
#[derive(Clone, Debug)]
pub(super) struct Dct {
    /// `basis[u][i]`: the u-th basis vector at pixel i.
    basis: [[f64; SIDE]; SIDE],
}

impl Dct {
    pub(super) fn new() -> Self {
        let cosines = cosines();
        let basis = std::array::from_fn(|frequency| {
            let squared_norm = if frequency == 0 { 1.0 } else { 2.0 } / SIDE as f64;
            std::array::from_fn(|pixel| {
                let angle = (2 * pixel + 1) * frequency % cosines.len();
                squared_norm.sqrt() * cosines[angle]
            })
        });
        Self { basis }
    }

    /// The plane of pixels with these coefficients.
    pub(super) fn inverse(&self, coefficients: &Plane) -> Plane {
        let mut half = [0.0; PIXELS_PER_CHANNEL];
        for (row, output) in coefficients
            .chunks_exact(SIDE)
            .zip(half.chunks_exact_mut(SIDE))
        {
            for (coefficient, basis) in row.iter().zip(&self.basis) {
                add_multiple(output, *coefficient, basis);
            }
        }
        let mut pixels = [0.0; PIXELS_PER_CHANNEL];
        for (row, basis) in half.chunks_exact(SIDE).zip(&self.basis) {
            for (output, value) in pixels.chunks_exact_mut(SIDE).zip(basis) {
                add_multiple(output, *value, row);
            }
        }
        pixels
    }
}

fn add_multiple(output: &mut [f64], factor: f64, vector: &[f64]) {
    for (value, component) in output.iter_mut().zip(vector) {
        *value += factor * component;
    }
}

/// cos(mπ/64) for m = 0, …, 127, by half angles and Chebyshev's recurrence.
///
/// The library's cosine may differ in the last bit between platforms; square roots may not.
fn cosines() -> [f64; 4 * SIDE] {
    let step = (0..5).fold(0.0_f64, |cosine, _| ((1.0 + cosine) / 2.0).sqrt());
    let mut cosines = [1.0; 4 * SIDE];
    cosines[1] = step;
    for m in 2..cosines.len() {
        cosines[m] = 2.0 * step * cosines[m - 1] - cosines[m - 2];
    }
    cosines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_match_the_library() {
        for (m, cosine) in cosines().into_iter().enumerate() {
            let expected = (m as f64 * std::f64::consts::PI / 64.0).cos();
            assert!(
                (cosine - expected).abs() < 1e-11,
                "{m}: {cosine} {expected}"
            );
        }
    }

    #[test]
    fn inverse_matches_the_definition() {
        let coefficients: Plane = std::array::from_fn(|i| ((i * 37 % 101) as f64 - 50.0) / 50.0);
        let pixels = Dct::new().inverse(&coefficients);
        let wave = |frequency: usize, pixel: usize| {
            let norm: f64 = if frequency == 0 { 1.0 } else { 2.0 };
            let angle = (2 * pixel + 1) as f64 * frequency as f64 * std::f64::consts::PI / 64.0;
            (norm / 32.0).sqrt() * angle.cos()
        };
        for (row, column) in [(0, 0), (5, 31), (17, 2), (31, 30)] {
            let expected: f64 = (0..PIXELS_PER_CHANNEL)
                .map(|i| coefficients[i] * wave(i / SIDE, row) * wave(i % SIDE, column))
                .sum();
            assert!((pixels[row * SIDE + column] - expected).abs() < 1e-9);
        }
        // Orthonormal: energy is kept.
        let energy = |plane: &Plane| plane.iter().map(|x| x * x).sum::<f64>();
        assert!((energy(&pixels) / energy(&coefficients) - 1.0).abs() < 1e-10);
    }
}
