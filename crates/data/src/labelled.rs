//! Labelled images of other sets than CIFAR-10: the first of them, standardised by channel.

use std::path::{Path, PathBuf};

use crate::digest::Sum;
use crate::subset::{Goals, Inputs};
use crate::{
    ConstantChannel, DataConfig, Dataset, Encoding, Error, Origin, Provenance, Samples,
    SelectionError, SplitProvenance, Standardise, Subset, Targets,
};

/// What a set of images is, apart from its files.
pub struct Set {
    /// Where it says it is from.
    pub origin: Origin,
    /// Channels, rows, columns.
    pub shape: [usize; 3],
    /// How many classes there are.
    pub classes: usize,
    /// Published means of its training set by channel, as fractions of white.
    pub mean: &'static [f64],
    /// Published standard deviations.
    pub std: &'static [f64],
}

/// Images as bytes, one behind the other, and their labels.
#[derive(Debug, Default)]
pub struct Images {
    /// Each by channel, row, column.
    pub pixels: Vec<u8>,
    /// Below the number of classes.
    pub labels: Vec<u8>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Set {
    /// The data set of a config, from the images of the training files and of the test files.
    ///
    /// # Errors
    /// Fewer images than asked for, of a class where they are to be balanced, or a constant channel where
    /// they are to be standardised by their own figures.
    pub fn dataset(
        &self,
        config: &DataConfig,
        folder: &Path,
        train: &Images,
        test: Option<&Images>,
    ) -> Result<Dataset, Error> {
        let available = train.labels.len();
        let count = match config.samples {
            Samples::All => available,
            Samples::Count(count) => count.get(),
        };
        if count > available || available == 0 {
            return Err(Error::Selection(SelectionError::TooFew {
                asked: count,
                available,
            }));
        }
        let balanced = match config.balanced {
            true => Some(self.balanced(train, count)?),
            false => None,
        };
        let train = balanced.as_ref().unwrap_or(train);
        let pixels = &train.pixels[..count * self.features()];
        let (mean, std) = match config.standardise {
            Standardise::Cifar10 => (self.mean.to_vec(), self.std.to_vec()),
            Standardise::None => (vec![0.0; self.shape[0]], vec![1.0; self.shape[0]]),
            Standardise::Subset => self.figures(pixels)?,
        };
        let split = |images: &Images, count: usize| {
            let pixels = &images.pixels[..count * self.features()];
            let labels = &images.labels[..count];
            let mut sum = Sum::default();
            sum.add(pixels.iter().chain(labels).copied());
            let inputs = Inputs::Values {
                shape: self.shape.to_vec(),
                values: self.standardised(pixels, &mean, &std),
            };
            let targets = Goals::Classes {
                classes: self.classes,
                positions: 1,
                labels: labels.iter().map(|&label| u32::from(label)).collect(),
                targets: Targets::OneHot,
            };
            let provenance = SplitProvenance::new(count, images.files.clone(), sum.finish());
            (Subset::new(inputs, targets), provenance)
        };
        let (train_set, train_provenance) = split(train, count);
        let test = test.filter(|test| !test.labels.is_empty());
        let (test_set, test_provenance) = test.map(|t| split(t, t.labels.len())).unzip();
        Ok(Dataset {
            train: train_set,
            test: test_set,
            provenance: Provenance {
                source: self.origin,
                fallback: None,
                folder: Some(folder.to_owned()),
                seed: None,
                standardise: Some(config.standardise),
                standardisation: None,
                targets: Encoding::unnamed(self.classes, 1),
                train: train_provenance,
                test: test_provenance,
            },
        })
    }

    /// The first images of each class, as many of one as of another, in the order of the files; where
    /// that does not come out even, the first classes have one more.
    fn balanced(&self, images: &Images, count: usize) -> Result<Images, SelectionError> {
        let (each, more) = (count / self.classes, count % self.classes);
        let quota = |class: usize| each + usize::from(class < more);
        let mut taken = vec![0; self.classes];
        let mut balanced = Images {
            files: images.files.clone(),
            ..Images::default()
        };
        let pixels = images.pixels.chunks_exact(self.features());
        for (&label, pixels) in images.labels.iter().zip(pixels) {
            let class = usize::from(label);
            if taken[class] < quota(class) {
                taken[class] += 1;
                balanced.labels.push(label);
                balanced.pixels.extend(pixels);
            }
        }
        match (0..self.classes).find(|&class| taken[class] < quota(class)) {
            None => Ok(balanced),
            Some(class) => Err(SelectionError::TooFewOfLabel {
                class,
                asked: quota(class),
                available: taken[class],
                largest: taken.iter().min().copied().unwrap_or(0) * self.classes,
            }),
        }
    }

    /// Bytes of an image.
    pub fn features(&self) -> usize {
        self.shape.iter().product()
    }

    fn plane(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// (x/255 − mean)/std by channel.
    fn standardised(&self, pixels: &[u8], mean: &[f64], std: &[f64]) -> Vec<f64> {
        let planes = pixels.chunks_exact(self.plane()).enumerate();
        let values = planes.flat_map(|(index, plane)| {
            let channel = index % self.shape[0];
            let (mean, std) = (mean[channel], std[channel]);
            plane
                .iter()
                .map(move |&x| (f64::from(x) / 255.0 - mean) / std)
        });
        values.collect()
    }

    /// Mean and standard deviation of each channel, from sums that are exact in integers.
    fn figures(&self, pixels: &[u8]) -> Result<(Vec<f64>, Vec<f64>), ConstantChannel> {
        let channels = self.shape[0];
        let count = (pixels.len() / channels) as f64;
        let (mut mean, mut std) = (Vec::new(), Vec::new());
        for channel in 0..channels {
            let (mut sum, mut squares) = (0u64, 0u64);
            let planes = pixels
                .chunks_exact(self.plane())
                .skip(channel)
                .step_by(channels);
            for &x in planes.flatten() {
                sum += u64::from(x);
                squares += u64::from(x) * u64::from(x);
            }
            let n = (pixels.len() / channels) as u128;
            let spread = n * u128::from(squares) - u128::from(sum).pow(2);
            if spread == 0 {
                return Err(ConstantChannel { channel });
            }
            mean.push(sum as f64 / count / 255.0);
            std.push((spread as f64).sqrt() / count / 255.0);
        }
        Ok((mean, std))
    }
}
