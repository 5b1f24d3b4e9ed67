//! Selected records together with how they become numbers.

use std::ops::Range;

use crate::records::{CHANNELS, FEATURES, SIDE};
use crate::{Encoding, Records, Standardisation};

/// `n` images with their standardisation and the encoding of their labels.
#[derive(Clone, Debug)]
pub struct Subset {
    records: Records,
    standardisation: Standardisation,
    encoding: Encoding,
}

impl Subset {
    /// Records whose labels are all among the classes of `encoding`.
    pub(crate) fn new(
        records: Records,
        standardisation: Standardisation,
        encoding: Encoding,
    ) -> Self {
        Self {
            records,
            standardisation,
            encoding,
        }
    }

    /// Number of images n.
    pub fn samples(&self) -> usize {
        self.records.len()
    }

    /// Numbers per image: 3,072.
    pub fn features(&self) -> usize {
        FEATURES
    }

    /// An image's shape: channels, rows, columns.
    pub fn shape(&self) -> &[usize] {
        &[CHANNELS, SIDE, SIDE]
    }

    /// Columns of the target matrix c.
    pub fn outputs(&self) -> usize {
        self.encoding.outputs()
    }

    /// Label bytes, n of them.
    pub fn labels(&self) -> &[u8] {
        self.records.labels()
    }

    /// The raw bytes.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The mean and standard deviation in use.
    pub fn standardisation(&self) -> &Standardisation {
        &self.standardisation
    }

    /// How labels become targets.
    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// The design matrix, n × 3,072 row-major, each row red, green, blue plane; computed anew.
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
        self.standardisation.apply(self.images(rows), |value| value)
    }

    /// [`rows_f64`](Self::rows_f64), each value rounded once.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn rows_f32(&self, rows: Range<usize>) -> Vec<f32> {
        self.standardisation
            .apply(self.images(rows), |value| value as f32)
    }

    fn images(&self, rows: Range<usize>) -> &[u8] {
        &self.records.pixels()[rows.start * FEATURES..rows.end * FEATURES]
    }

    /// The target matrix, n × c row-major.
    pub fn targets(&self) -> Vec<f64> {
        self.encoding.encode(self.records.labels())
    }
}
