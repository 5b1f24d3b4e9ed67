//! Samples together with how they become numbers.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;

use crate::digest::Sum;
use crate::records::{CHANNELS, FEATURES, SIDE};
use crate::{
    Encoding, Records, Samples, SelectionError, SplitProvenance, Standardisation, Targets,
};

/// `n` samples: their inputs and their targets, as rows of two matrices.
#[derive(Clone, Debug)]
pub struct Subset {
    inputs: Inputs,
    targets: Goals,
}

/// The inputs of `n` samples, in the form that they are kept in.
#[derive(Clone, Debug)]
pub(crate) enum Inputs {
    /// Images as bytes, standardised when they are asked for.
    Images {
        records: Records,
        standardisation: Standardisation,
    },
    /// Numbers as they are, row by row.
    Values {
        /// Of one sample.
        shape: Vec<usize>,
        values: Vec<f64>,
    },
    /// Sequences, row by row.
    Tokens {
        length: usize,
        vocabulary: usize,
        tokens: Vec<u32>,
    },
}

/// The targets of `n` samples.
#[derive(Clone, Debug)]
pub(crate) enum Goals {
    /// Made of the images' labels.
    OfLabels(Encoding),
    /// Numbers as they are, row by row.
    Values {
        /// Columns.
        outputs: usize,
        values: Vec<f64>,
    },
    /// One class at each of the last positions of a sample, row by row; 1 at the class and 0
    /// elsewhere, or −1 and +1 for the two classes of binary targets.
    Classes {
        classes: usize,
        positions: usize,
        labels: Vec<u32>,
        targets: Targets,
    },
}

/// Samples to train on, and to test on if any are.
pub(crate) struct SplitInTwo {
    pub train: (Subset, SplitProvenance),
    pub test: Option<(Subset, SplitProvenance)>,
}

/// The shape of one sample's inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleShape {
    /// Real values of this shape, row-major: channels, rows, columns for an image.
    Values(Vec<usize>),
    /// A sequence of tokens.
    Tokens {
        /// Tokens in a sample.
        length: usize,
        /// How many different tokens there are.
        vocabulary: usize,
    },
}

impl Subset {
    /// Records whose labels are all among the classes of `encoding`.
    pub(crate) fn of_images(
        records: Records,
        standardisation: Standardisation,
        encoding: Encoding,
    ) -> Self {
        Self {
            inputs: Inputs::Images {
                records,
                standardisation,
            },
            targets: Goals::OfLabels(encoding),
        }
    }

    /// Inputs and targets of equally many samples.
    pub(crate) fn new(inputs: Inputs, targets: Goals) -> Self {
        Self { inputs, targets }
    }

    /// The first samples, or all if there are no more than that.
    #[must_use]
    pub fn first(&self, samples: usize) -> Self {
        self.part(0..samples)
    }

    /// The samples of a range, as far as there are such.
    #[must_use]
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        let to = range.end.min(self.samples());
        let from = range.start.min(to);
        let within = |width: usize| from * width..to * width;
        let inputs = match &self.inputs {
            Inputs::Images {
                records,
                standardisation,
            } => Inputs::Images {
                records: records.part(from..to),
                standardisation: *standardisation,
            },
            Inputs::Values { shape, values } => Inputs::Values {
                shape: shape.clone(),
                values: values[within(self.features())].to_vec(),
            },
            Inputs::Tokens {
                length,
                vocabulary,
                tokens,
            } => Inputs::Tokens {
                length: *length,
                vocabulary: *vocabulary,
                tokens: tokens[within(*length)].to_vec(),
            },
        };
        let targets = match &self.targets {
            Goals::OfLabels(encoding) => Goals::OfLabels(encoding.clone()),
            Goals::Values { outputs, values } => Goals::Values {
                outputs: *outputs,
                values: values[within(*outputs)].to_vec(),
            },
            Goals::Classes {
                classes,
                positions,
                labels,
                targets,
            } => Goals::Classes {
                classes: *classes,
                positions: *positions,
                labels: labels[within(*positions)].to_vec(),
                targets: *targets,
            },
        };
        Self { inputs, targets }
    }

    /// Samples to train on and, behind them, to test on, each with where they are from.
    ///
    /// # Errors
    /// Fewer samples than asked for.
    pub(crate) fn split(
        &self,
        samples: Samples,
        test: Option<NonZeroUsize>,
        files: &[PathBuf],
    ) -> Result<SplitInTwo, SelectionError> {
        let available = self.samples();
        let test = test.map_or(0, NonZeroUsize::get);
        let train = match samples {
            Samples::All => available.saturating_sub(test),
            Samples::Count(count) => count.get(),
        };
        if train == 0 || train.saturating_add(test) > available {
            return Err(SelectionError::TooFewSamples {
                asked: train.max(1).saturating_add(test),
                available,
            });
        }
        let part = |range: Range<usize>| {
            let part = self.part(range);
            let provenance = SplitProvenance::new(part.samples(), files.to_vec(), part.sha256());
            (part, provenance)
        };
        Ok(SplitInTwo {
            train: part(0..train),
            test: (test > 0).then(|| part(train..train + test)),
        })
    }

    /// SHA-256 of inputs and then targets, as little-endian float64 or, for tokens and classes, 32-bit
    /// integers; of images, of their records.
    fn sha256(&self) -> String {
        let mut sum = Sum::default();
        match &self.inputs {
            Inputs::Images { records, .. } => return records.sha256(),
            Inputs::Values { values, .. } => sum.add(values.iter().flat_map(|v| v.to_le_bytes())),
            Inputs::Tokens { tokens, .. } => sum.add(tokens.iter().flat_map(|t| t.to_le_bytes())),
        }
        match &self.targets {
            Goals::OfLabels(_) => {}
            Goals::Values { values, .. } => sum.add(values.iter().flat_map(|v| v.to_le_bytes())),
            Goals::Classes { labels, .. } => sum.add(labels.iter().flat_map(|l| l.to_le_bytes())),
        }
        sum.finish()
    }

    /// Number of samples n.
    pub fn samples(&self) -> usize {
        match &self.inputs {
            Inputs::Images { records, .. } => records.len(),
            Inputs::Values { shape, values } => {
                values.len() / shape.iter().product::<usize>().max(1)
            }
            Inputs::Tokens { length, tokens, .. } => tokens.len() / length.max(&1),
        }
    }

    /// The shape of one sample's inputs.
    pub fn shape(&self) -> SampleShape {
        match &self.inputs {
            Inputs::Images { .. } => SampleShape::Values(vec![CHANNELS, SIDE, SIDE]),
            Inputs::Values { shape, .. } => SampleShape::Values(shape.clone()),
            Inputs::Tokens {
                length, vocabulary, ..
            } => SampleShape::Tokens {
                length: *length,
                vocabulary: *vocabulary,
            },
        }
    }

    /// Numbers in a row of inputs: 3,072 for CIFAR-10, length·vocabulary for tokens.
    pub fn features(&self) -> usize {
        match &self.inputs {
            Inputs::Images { .. } => FEATURES,
            Inputs::Values { shape, .. } => shape.iter().product(),
            Inputs::Tokens {
                length, vocabulary, ..
            } => length * vocabulary,
        }
    }

    /// Outputs that the targets ask for at each position: classes, or columns.
    pub fn outputs(&self) -> usize {
        match &self.targets {
            Goals::OfLabels(encoding) => encoding.outputs(),
            Goals::Values { outputs, .. } => *outputs,
            Goals::Classes {
                targets: Targets::Binary,
                ..
            } => 1,
            Goals::Classes { classes, .. } => *classes,
        }
    }

    /// How many of a sequence's last positions have a target; 1 for anything else.
    pub fn positions(&self) -> usize {
        match &self.targets {
            Goals::Classes { positions, .. } => *positions,
            Goals::OfLabels(_) | Goals::Values { .. } => 1,
        }
    }

    /// Columns c of the target matrix: the outputs at every position.
    pub fn columns(&self) -> usize {
        self.outputs() * self.positions()
    }

    /// What kind of targets these are.
    pub fn targets_kind(&self) -> Targets {
        match &self.targets {
            Goals::OfLabels(encoding) => encoding.targets(),
            Goals::Values { .. } => Targets::Values,
            Goals::Classes { targets, .. } => *targets,
        }
    }

    /// The images' label bytes, n of them; none of other data.
    pub fn labels(&self) -> &[u8] {
        self.records().map_or(&[], Records::labels)
    }

    /// The images' raw bytes.
    pub fn records(&self) -> Option<&Records> {
        match &self.inputs {
            Inputs::Images { records, .. } => Some(records),
            _ => None,
        }
    }

    /// The mean and standard deviation in use for images.
    pub fn standardisation(&self) -> Option<&Standardisation> {
        match &self.inputs {
            Inputs::Images {
                standardisation, ..
            } => Some(standardisation),
            _ => None,
        }
    }

    /// The design matrix, n × d row-major; computed anew. An image's row is its red, green and
    /// blue plane; a sequence's has a 1 for each token at its place among the vocabulary.
    pub fn inputs_f64(&self) -> Vec<f64> {
        self.rows_f64(0..self.samples())
    }

    /// [`inputs_f64`](Self::inputs_f64), each value rounded once.
    pub fn inputs_f32(&self) -> Vec<f32> {
        self.rows_f32(0..self.samples())
    }

    /// Rows of the design matrix, for those who need not have all of it at once.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn rows_f64(&self, rows: Range<usize>) -> Vec<f64> {
        self.rows(rows, |value| value)
    }

    /// [`rows_f64`](Self::rows_f64), each value rounded once.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn rows_f32(&self, rows: Range<usize>) -> Vec<f32> {
        self.rows(rows, |value| value as f32)
    }

    fn rows<T: Copy>(&self, rows: Range<usize>, convert: impl Fn(f64) -> T) -> Vec<T> {
        let within = |width: usize| rows.start * width..rows.end * width;
        match &self.inputs {
            Inputs::Images {
                records,
                standardisation,
            } => standardisation.apply(&records.pixels()[within(FEATURES)], convert),
            Inputs::Values { values, .. } => {
                let values = &values[within(self.features())];
                values.iter().map(|&value| convert(value)).collect()
            }
            Inputs::Tokens {
                length,
                vocabulary,
                tokens,
            } => one_hot(&tokens[within(*length)], *vocabulary, convert),
        }
    }

    /// The target matrix, n × c row-major.
    pub fn targets(&self) -> Vec<f64> {
        match &self.targets {
            Goals::OfLabels(encoding) => encoding.encode(self.labels()),
            Goals::Values { values, .. } => values.clone(),
            Goals::Classes {
                labels,
                targets: Targets::Binary,
                ..
            } => labels.iter().map(|&l| 2.0 * f64::from(l) - 1.0).collect(),
            Goals::Classes {
                labels, classes, ..
            } => one_hot(labels, *classes, |value| value),
        }
    }
}

/// A row of `width` values for each number: 1 at its place, 0 elsewhere.
fn one_hot<T: Copy>(numbers: &[u32], width: usize, convert: impl Fn(f64) -> T) -> Vec<T> {
    let (zero, one) = (convert(0.0), convert(1.0));
    let mut rows = vec![zero; numbers.len() * width];
    for (row, &number) in rows.chunks_exact_mut(width.max(1)).zip(numbers) {
        if let Some(place) = row.get_mut(number as usize) {
            *place = one;
        }
    }
    rows
}
