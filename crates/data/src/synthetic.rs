//! An offline stand-in for CIFAR-10.
//!
//! Images are made in the basis of the discrete cosine transform. The image of a sample is the sum
//! of a random field with the 1/f amplitude spectrum of natural images (Field 1987, *J. Opt. Soc.
//! Am. A* 4, 2379) and of a smooth template of its class, in one brightness and two colour axes;
//! brightness, contrast, saturation and left–right orientation vary from image to image. The
//! parameters in [`spectrum`] were fitted to statistics of CIFAR-10's training images, so that the
//! design matrix has a like spectrum and classes are about as hard to tell apart linearly.
//!
//! Only `+ − × ÷ √` and integer arithmetic are used, which IEEE 754 defines to the last bit: a seed
//! gives the same bytes on every platform.

mod dct;
mod image;
mod noise;
mod spectrum;

pub use image::SyntheticImages;

use crate::{Records, Selection};

/// Length of the synthetic training sequence, as long as CIFAR-10's. Images are made when taken.
pub const SYNTHETIC_TRAIN_RECORDS: u64 = 50_000;
/// Length of the synthetic test sequence: short, since it is made anew in every run.
pub const SYNTHETIC_TEST_RECORDS: u64 = 1_000;

/// One of two sequences of images that share their class templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    Train,
    Test,
}

impl Sequence {
    fn records(self) -> u64 {
        match self {
            Self::Train => SYNTHETIC_TRAIN_RECORDS,
            Self::Test => SYNTHETIC_TEST_RECORDS,
        }
    }
}

/// The selected images of a sequence, in its order.
pub(crate) fn select(
    images: &SyntheticImages,
    sequence: Sequence,
    selection: &mut Selection,
) -> Records {
    let mut records = Records::new();
    for index in 0..sequence.records() {
        if selection.is_complete() {
            break;
        }
        let sample = images.sample(sequence, index);
        if selection.accept(sample.class().id()) {
            records.push(sample.class(), &images.render(sample));
        }
    }
    records
}
