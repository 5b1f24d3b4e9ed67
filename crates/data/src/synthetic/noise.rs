//! Random numbers that are the same on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One of 2⁶⁴ independent streams of random numbers that belong to a seed.
#[derive(Clone, Debug)]
pub(super) struct Noise(ChaCha8Rng);

impl Noise {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        // The key is spelt out, so that it does not hang on a library's way of stretching a seed.
        let mut key = *b"........brink synthetic images 1";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Self(generator)
    }

    /// Uniform on 0, …, `end` − 1, to within 2⁻³² · `end`.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(end)) >> 32) as u32
    }

    /// Nearly normal with mean 0 and variance 1: the sum of four uniform 16-bit integers.
    ///
    /// A logarithm, as in Box and Muller's method, may differ in the last bit between platforms.
    pub(super) fn normal(&mut self) -> f64 {
        const MEAN: f64 = 2.0 * 65_535.0;
        // Variance of one integer: (65536² − 1) / 12.
        const VARIANCE: f64 = (65_536.0 * 65_536.0 - 1.0) / 3.0;
        let word = self.0.next_u64();
        let sum: u64 = (0..4).map(|part| (word >> (16 * part)) & 0xffff).sum();
        (sum as f64 - MEAN) / VARIANCE.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_normal_numbers() {
        let count = 200_000;
        let mut noise = Noise::new(1, 2);
        let draws: Vec<f64> = (0..count).map(|_| noise.normal()).collect();
        let moment = |power| draws.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(count);
        assert!(moment(1).abs() < 0.01, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.015, "{}", moment(2));
        assert!(moment(3).abs() < 0.03, "{}", moment(3));
        // Kurtosis of a sum of m uniform numbers: 3 − 6/(5m).
        assert!((moment(4) - 2.7).abs() < 0.05, "{}", moment(4));
    }

    #[test]
    fn streams_and_seeds_differ() {
        let first = |seed, stream| Noise::new(seed, stream).normal();
        assert_eq!(first(0, 0), first(0, 0));
        assert_ne!(first(0, 0), first(0, 1));
        assert_ne!(first(0, 0), first(1, 0));
        let mut noise = Noise::new(0, 0);
        let drawn: Vec<u32> = (0..1000).map(|_| noise.below(10)).collect();
        assert!((0..10).all(|value| drawn.contains(&value)));
        assert!(drawn.iter().all(|value| *value < 10));
    }
}
