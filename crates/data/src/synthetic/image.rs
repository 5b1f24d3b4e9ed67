//! One synthetic image from its number.

use super::Sequence;
use super::dct::{Dct, Plane};
use super::noise::Noise;
use super::spectrum::{Spectrum, colour_axes};
use crate::records::{CHANNELS, FEATURES, PIXELS_PER_CHANNEL, SIDE};
use crate::{Class, Standardisation};

/// Coefficients of an image or a template, by colour axis.
type Coefficients = [Plane; CHANNELS];

/// The endless sequences of images that belong to a seed.
#[derive(Clone, Debug)]
pub struct SyntheticImages {
    seed: u64,
    dct: Dct,
    spectrum: Spectrum,
    templates: Vec<Coefficients>,
    axes: [[f64; CHANNELS]; CHANNELS],
}

/// An image of which only the class is known yet.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    class: Class,
    noise: Noise,
}

impl Sample {
    pub(crate) fn class(&self) -> Class {
        self.class
    }
}

impl SyntheticImages {
    /// Draws the class templates of a seed.
    pub fn new(seed: u64) -> Self {
        let spectrum = Spectrum::new();
        Self {
            seed,
            dct: Dct::new(),
            templates: templates(&spectrum, seed),
            spectrum,
            axes: colour_axes(),
        }
    }

    /// Image number `index` of the training sequence: its class and its 3,072 bytes.
    pub fn image(&self, index: u64) -> (Class, [u8; FEATURES]) {
        let sample = self.sample(Sequence::Train, index);
        (sample.class, self.render(sample))
    }

    /// Image number `index` of a sequence. Each has a stream of its own, so that it is the same
    /// whichever others are taken.
    pub(crate) fn sample(&self, sequence: Sequence, index: u64) -> Sample {
        const TEST_STREAMS: u64 = 1 << 63;
        let stream = match sequence {
            Sequence::Train => 1 + index,
            Sequence::Test => TEST_STREAMS + index,
        };
        let mut noise = Noise::new(self.seed, stream);
        let class = Class::ALL[noise.below(Class::COUNT as u32) as usize];
        Sample { class, noise }
    }

    /// The bytes of an image, red, green and blue plane.
    pub(crate) fn render(&self, sample: Sample) -> [u8; FEATURES] {
        let Sample { class, mut noise } = sample;
        let coefficients = self.coefficients(class, &mut noise);
        let planes = coefficients.each_ref().map(|plane| self.dct.inverse(plane));
        let mut image = [0; FEATURES];
        for (channel, bytes) in image.chunks_exact_mut(PIXELS_PER_CHANNEL).enumerate() {
            for (pixel, byte) in bytes.iter_mut().enumerate() {
                let mix = |axis: usize| self.axes[axis][channel] * planes[axis][pixel];
                *byte = quantise(channel, mix(0) + mix(1) + mix(2));
            }
        }
        image
    }

    fn coefficients(&self, class: Class, noise: &mut Noise) -> Coefficients {
        // Squares of normal numbers: positive, and now and then large, as in photographs.
        let contrast = (0.95 + 0.17 * noise.normal()).powi(2);
        let saturation = (0.9 + 0.4 * noise.normal()).powi(2);
        let odd_sign = if noise.below(2) == 0 { 1.0 } else { -1.0 };
        let mut coefficients = [[0.0; PIXELS_PER_CHANNEL]; CHANNELS];
        for (axis, plane) in coefficients.iter_mut().enumerate() {
            let template = &self.templates[class.index()][axis];
            let deviation = &self.spectrum.field[axis];
            for (index, coefficient) in plane.iter_mut().enumerate() {
                let gain = match (axis, index) {
                    (0, 0) => 1.0,
                    (0, _) => contrast,
                    _ => saturation,
                };
                // A template seen in a mirror: cosines of odd horizontal frequency change sign.
                let sign = if index % SIDE % 2 == 1 { odd_sign } else { 1.0 };
                *coefficient = sign * template[index] + gain * deviation[index] * noise.normal();
            }
        }
        coefficients
    }
}

/// Templates of the ten classes, with mean zero over the classes.
fn templates(spectrum: &Spectrum, seed: u64) -> Vec<Coefficients> {
    let mut noise = Noise::new(seed, 0);
    let mut templates = vec![[[0.0; PIXELS_PER_CHANNEL]; CHANNELS]; Class::COUNT];
    // Taking the mean away takes a tenth of the variance.
    let rescale = (Class::COUNT as f64 / (Class::COUNT - 1) as f64).sqrt();
    for (axis, deviations) in spectrum.template.iter().enumerate() {
        for (index, deviation) in deviations.iter().enumerate() {
            let draws: [f64; Class::COUNT] = std::array::from_fn(|_| noise.normal());
            let mean = draws.iter().sum::<f64>() / Class::COUNT as f64;
            for (template, draw) in templates.iter_mut().zip(draws) {
                template[axis][index] = rescale * deviation * (draw - mean);
            }
        }
    }
    templates
}

/// A pixel byte from a deviation of brightness, squashed into the range rather than cut off.
fn quantise(channel: usize, deviation: f64) -> u8 {
    /// Set so that each channel's standard deviation, after squashing, is CIFAR-10's.
    const GAIN: [f64; CHANNELS] = [1.52, 1.54, 1.68];
    /// What squashing takes from the distance of a channel's mean to mid-grey.
    const OFFSET: f64 = 1.2;
    let offset = OFFSET * (Standardisation::CIFAR10.mean[channel] - 0.5);
    let level = 2.0 * (offset + GAIN[channel] * deviation);
    let squashed = 0.5 + 0.5 * level / (1.0 + level * level).sqrt();
    (255.0 * squashed + 0.5) as u8
}
