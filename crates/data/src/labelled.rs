//! Labelled images of other sets than CIFAR-10: those that a config selects, standardised by channel.

use std::path::{Path, PathBuf};

use crate::digest::Sum;
use crate::subset::{Goals, Inputs};
use crate::{
    ClassSet, ConstantChannel, DataConfig, Dataset, Error, Origin, Provenance, Samples, Selection,
    SelectionError, SplitProvenance, Standardise, Subset, Targets,
};

/// What a set of images is, apart from its files.
pub struct Set {
    /// Where it says it is from.
    pub origin: Origin,
    /// Channels, rows, columns.
    pub shape: [usize; 3],
    /// Its classes.
    pub classes: ClassSet,
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

/// Those of some images that were selected.
struct Taken<'a> {
    labels: Vec<u8>,
    images: Vec<&'a [u8]>,
}

impl Set {
    /// The data set of a config, from the images of the training files and of the test files.
    ///
    /// # Errors
    /// Fewer images of the chosen classes than asked for, of a class where they are to be balanced, or of
    /// a side of binary targets; a constant channel where they are to be standardised by their own figures.
    pub fn dataset(
        &self,
        config: &DataConfig,
        folder: &Path,
        train: &Images,
        test: Option<&Images>,
    ) -> Result<Dataset, Error> {
        let encoding = config.encoding()?;
        let select = |samples, balanced| Selection::new(encoding.classes(), samples, balanced);
        let mut selection = select(config.samples, config.balanced)?;
        let taken = self.taken(train, &mut selection);
        selection.finish()?;
        if let Some((sign, classes)) = encoding.empty_side(&taken.labels) {
            return Err(Error::Selection(SelectionError::OneSided {
                samples: taken.labels.len(),
                sign,
                classes: classes.to_vec(),
            }));
        }
        let (mean, std) = match config.standardise {
            Standardise::Cifar10 => (self.mean.to_vec(), self.std.to_vec()),
            Standardise::None => (vec![0.0; self.shape[0]], vec![1.0; self.shape[0]]),
            Standardise::Subset => self.figures(&taken.images)?,
        };
        let split = |images: &Images, taken: &Taken| {
            let mut sum = Sum::default();
            let pixels = taken.images.iter().copied().flatten();
            sum.add(pixels.chain(&taken.labels).copied());
            let inputs = Inputs::Values {
                shape: self.shape.to_vec(),
                values: self.standardised(&taken.images, &mean, &std),
            };
            let positions = taken.labels.iter().filter_map(|&l| encoding.position(l));
            let targets = Goals::Classes {
                classes: match encoding.targets() {
                    Targets::Binary => 2,
                    _ => encoding.outputs(),
                },
                positions: 1,
                labels: positions.map(|position| position as u32).collect(),
                targets: encoding.targets(),
            };
            let files = images.files.clone();
            let provenance =
                SplitProvenance::of_labelled(self.classes, &taken.labels, files, sum.finish());
            (Subset::new(inputs, targets), provenance)
        };
        let (train_set, train_provenance) = split(train, &taken);
        let mut every = select(Samples::All, false)?;
        let test = test.map(|images| (images, self.taken(images, &mut every)));
        let test = test.filter(|(_, taken)| !taken.labels.is_empty());
        let (test_set, test_provenance) = test.map(|(images, taken)| split(images, &taken)).unzip();
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
                targets: encoding,
                train: train_provenance,
                test: test_provenance,
            },
        })
    }

    /// The images that a selection takes, in the order of the files.
    fn taken<'a>(&self, images: &'a Images, selection: &mut Selection) -> Taken<'a> {
        let each = images.pixels.chunks_exact(self.features());
        let labelled = images.labels.iter().copied().zip(each);
        let (labels, images) = labelled
            .filter(|(label, _)| selection.accept(*label))
            .unzip();
        Taken { labels, images }
    }

    /// Bytes of an image.
    pub fn features(&self) -> usize {
        self.shape.iter().product()
    }

    fn plane(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// (x/255 − mean)/std by channel.
    fn standardised(&self, images: &[&[u8]], mean: &[f64], std: &[f64]) -> Vec<f64> {
        let planes = images
            .iter()
            .flat_map(|image| image.chunks_exact(self.plane()));
        let planes = planes.enumerate();
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
    fn figures(&self, images: &[&[u8]]) -> Result<(Vec<f64>, Vec<f64>), ConstantChannel> {
        let n = images.len() * self.plane();
        let (mut mean, mut std) = (Vec::new(), Vec::new());
        for channel in 0..self.shape[0] {
            let (mut sum, mut squares) = (0u64, 0u64);
            let within = channel * self.plane()..(channel + 1) * self.plane();
            for &x in images.iter().flat_map(|image| &image[within.clone()]) {
                sum += u64::from(x);
                squares += u64::from(x) * u64::from(x);
            }
            let spread = n as u128 * u128::from(squares) - u128::from(sum).pow(2);
            if spread == 0 {
                return Err(ConstantChannel { channel });
            }
            mean.push(sum as f64 / n as f64 / 255.0);
            std.push((spread as f64).sqrt() / n as f64 / 255.0);
        }
        Ok((mean, std))
    }
}
