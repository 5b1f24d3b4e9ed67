//! Labelled images as bytes, in the order and layout of CIFAR-10's binary files.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::Class;
use crate::digest::hex;

/// Width and height of an image in pixels.
pub const SIDE: usize = 32;
/// Red, green, blue.
pub const CHANNELS: usize = 3;
/// Pixels of one channel, stored row by row.
pub const PIXELS_PER_CHANNEL: usize = SIDE * SIDE;
/// Bytes of an image: the red plane, then green, then blue.
pub const FEATURES: usize = CHANNELS * PIXELS_PER_CHANNEL;
/// Bytes of a record: the label, then the image.
pub const RECORD_BYTES: usize = 1 + FEATURES;

/// `n` labelled images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// `n` labels, each below [`Class::COUNT`].
    labels: Vec<u8>,
    /// `n` × [`FEATURES`] bytes, row-major.
    pixels: Vec<u8>,
}

impl Records {
    /// No records yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The label bytes, `n` of them.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixel bytes, `n` × [`FEATURES`] row-major.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Label and pixels of every record in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let images = self.pixels.chunks_exact(FEATURES);
        self.labels.iter().copied().zip(images)
    }

    /// Appends one record.
    pub fn push(&mut self, class: Class, image: &[u8; FEATURES]) {
        self.push_bytes(class.id(), image);
    }

    /// Appends one record whose label and length the caller has checked.
    pub(crate) fn push_bytes(&mut self, label: u8, image: &[u8]) {
        debug_assert!(usize::from(label) < Class::COUNT && image.len() == FEATURES);
        self.labels.push(label);
        self.pixels.extend_from_slice(image);
    }

    /// The records of a range, all of which are there.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        Self {
            labels: self.labels[range.clone()].to_vec(),
            pixels: self.pixels[range.start * FEATURES..range.end * FEATURES].to_vec(),
        }
    }

    /// How many records each class has.
    pub fn counts(&self) -> [usize; Class::COUNT] {
        let mut counts = [0; Class::COUNT];
        for label in &self.labels {
            counts[usize::from(*label)] += 1;
        }
        counts
    }

    /// SHA-256 of the records as they would stand in a binary file, in hexadecimal.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        self.hash_into(&mut hasher);
        hex(&hasher.finalize())
    }

    pub(crate) fn hash_into(&self, hasher: &mut Sha256) {
        for (label, image) in self.iter() {
            hasher.update([label]);
            hasher.update(image);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_that_of_the_file() {
        let mut records = Records::new();
        records.push(Class::ALL[6], &[59; FEATURES]);
        records.push(Class::ALL[9], &[0; FEATURES]);
        let file: Vec<u8> = [vec![6], vec![59; FEATURES], vec![9], vec![0; FEATURES]].concat();
        assert_eq!(records.sha256(), hex(&Sha256::digest(&file)));
        assert_eq!(
            Records::new().sha256(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
