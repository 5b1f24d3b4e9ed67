//! Pixels to numbers of zero mean and unit variance, channel by channel.

use serde::{Deserialize, Serialize};

use crate::records::{CHANNELS, FEATURES, PIXELS_PER_CHANNEL, Records};

const LEVELS: usize = 256;
const WHITE: f64 = 255.0;

/// Whose mean and standard deviation to use, as a config names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standardise {
    /// The published ones of the training set: CIFAR-10's, or those of another set of images.
    #[default]
    Cifar10,
    /// Those of the training subset.
    Subset,
    /// None: pixels between 0 and 1.
    None,
}

/// x ↦ (x/255 − mean) / std by channel (red, green, blue), for a pixel byte x.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardisation {
    /// Means, as fractions of white.
    pub mean: [f64; CHANNELS],
    /// Standard deviations, as fractions of white.
    pub std: [f64; CHANNELS],
}

/// A channel without variance, which cannot be standardised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "channel {channel} of the subset is constant, so that it cannot be scaled to unit variance; \
     set `data.standardise` to \"cifar10\" or \"none\""
)]
pub struct ConstantChannel {
    /// 0 red, 1 green, 2 blue.
    pub channel: usize,
}

impl Standardisation {
    /// The figures of CIFAR-10's 50,000 training images that the literature uses.
    pub const CIFAR10: Self = Self {
        mean: [0.4914, 0.4822, 0.4465],
        std: [0.2470, 0.2435, 0.2616],
    };

    /// Division by 255 alone.
    pub const NONE: Self = Self {
        mean: [0.0; CHANNELS],
        std: [1.0; CHANNELS],
    };

    /// The figures that a config's choice means for this training subset.
    ///
    /// # Errors
    /// [`ConstantChannel`] for [`Standardise::Subset`] of records whose pixels do not vary.
    pub fn of(choice: Standardise, train: &Records) -> Result<Self, ConstantChannel> {
        match choice {
            Standardise::Cifar10 => Ok(Self::CIFAR10),
            Standardise::None => Ok(Self::NONE),
            Standardise::Subset => {
                let mut sums = ChannelSums::default();
                sums.add(train);
                let (mean, std) = (sums.mean(), sums.std());
                match std.iter().position(|std| *std == 0.0) {
                    Some(channel) => Err(ConstantChannel { channel }),
                    None => Ok(Self { mean, std }),
                }
            }
        }
    }

    /// The design matrix of images, `n` × [`FEATURES`] bytes row-major, with values made by
    /// `convert`.
    pub(crate) fn apply<T: Copy>(&self, images: &[u8], convert: impl Fn(f64) -> T) -> Vec<T> {
        // A byte has 256 values: one table per channel instead of a division per pixel.
        let tables = [0, 1, 2].map(|channel| self.table(channel, &convert));
        let mut values = Vec::with_capacity(images.len());
        for image in images.chunks_exact(FEATURES) {
            for (plane, table) in image.chunks_exact(PIXELS_PER_CHANNEL).zip(&tables) {
                values.extend(plane.iter().map(|pixel| table[usize::from(*pixel)]));
            }
        }
        values
    }

    fn table<T>(&self, channel: usize, convert: impl Fn(f64) -> T) -> [T; LEVELS] {
        std::array::from_fn(|level| {
            convert((level as f64 / WHITE - self.mean[channel]) / self.std[channel])
        })
    }
}

/// Sums over the pixels of each channel, exact in integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelSums {
    count: u64,
    sum: [u64; CHANNELS],
    squares: [u64; CHANNELS],
}

impl ChannelSums {
    /// Adds all pixels of `records`.
    pub fn add(&mut self, records: &Records) {
        self.count += (records.len() * PIXELS_PER_CHANNEL) as u64;
        for (_, image) in records.iter() {
            for (channel, plane) in image.chunks_exact(PIXELS_PER_CHANNEL).enumerate() {
                self.sum[channel] += plane.iter().map(|pixel| u64::from(*pixel)).sum::<u64>();
                self.squares[channel] += plane
                    .iter()
                    .map(|pixel| u64::from(*pixel).pow(2))
                    .sum::<u64>();
            }
        }
    }

    /// Mean of each channel as a fraction of white; NaN without pixels.
    pub fn mean(&self) -> [f64; CHANNELS] {
        self.sum.map(|sum| sum as f64 / (self.count as f64 * WHITE))
    }

    /// Population standard deviation of each channel as a fraction of white; NaN without pixels.
    pub fn std(&self) -> [f64; CHANNELS] {
        std::array::from_fn(|channel| {
            // n Σx² − (Σx)² is exact in integers, so that a constant channel gives exactly zero.
            let spread = u128::from(self.count) * u128::from(self.squares[channel])
                - u128::from(self.sum[channel]).pow(2);
            (spread as f64).sqrt() / (self.count as f64 * WHITE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    /// Two images whose channel c holds 10c in the first and 10c + 2 in the second.
    fn two_levels() -> Records {
        let mut records = Records::new();
        for offset in [0, 2] {
            let image = std::array::from_fn(|i| 10 * (i / PIXELS_PER_CHANNEL) as u8 + offset);
            records.push(Class::ALL[0], &image);
        }
        records
    }

    #[test]
    fn subset_figures_match_the_closed_form() {
        let found = Standardisation::of(Standardise::Subset, &two_levels()).unwrap();
        for channel in 0..CHANNELS {
            let mean = (10 * channel + 1) as f64 / 255.0;
            assert!((found.mean[channel] - mean).abs() < 1e-15);
            assert!((found.std[channel] - 1.0 / 255.0).abs() < 1e-15);
        }
        let values = found.apply(two_levels().pixels(), |value| value);
        assert!(
            values[..FEATURES]
                .iter()
                .all(|value| (value + 1.0).abs() < 1e-9)
        );
        assert!(
            values[FEATURES..]
                .iter()
                .all(|value| (value - 1.0).abs() < 1e-9)
        );
    }

    #[test]
    fn cifar_figures_and_none() {
        let values = Standardisation::CIFAR10.apply(two_levels().pixels(), |value| value);
        assert_eq!(values[0], (0.0 - 0.4914) / 0.2470);
        assert_eq!(values[FEATURES - 1], (20.0 / 255.0 - 0.4465) / 0.2616);
        let plain = Standardisation::NONE.apply(two_levels().pixels(), |value| value);
        assert_eq!(plain[2 * FEATURES - 1], 22.0 / 255.0);
    }

    #[test]
    fn a_constant_channel_is_refused() {
        let mut records = Records::new();
        let image = std::array::from_fn(|i| if i < PIXELS_PER_CHANNEL { i as u8 } else { 7 });
        records.push(Class::ALL[0], &image);
        let error = Standardisation::of(Standardise::Subset, &records).unwrap_err();
        assert_eq!(error, ConstantChannel { channel: 1 });
        assert!(ChannelSums::default().mean()[0].is_nan());
    }
}
