//! Random initial weights: a function of the seed alone.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::parameter::{Parameter, Role};
use crate::{NamedTensor, Weights};

/// Keeps these streams apart from any other use of the same seed, such as synthetic data.
const DOMAIN: [u8; 24] = *b"brink initial weights v1";

/// Distribution of the initial parameters of a layer. A linear layer has fan-in `in` and fan-out
/// `out`; a convolution `in·k²` and `out·k²`. Scales of what is normalised start at 1, shifts at 0,
/// and embeddings normal, whatever the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Weights and biases uniform in ±1/√fan_in, PyTorch's default for linear layers and
    /// convolutions.
    #[default]
    UniformFanIn,
    /// Weights uniform in ±√(6 / (fan_in + fan_out)), biases 0 (Glorot & Bengio 2010, eq. 16).
    Xavier,
    /// Weights normal with mean 0 and variance 2/fan_in, biases 0 (He et al. 2015, eq. 10).
    He,
    /// Weights normal with mean 0 and variance 1, biases 0: for networks whose outputs carry the
    /// width's factor (`model.output_factor`), as in neural-tangent-kernel theory.
    StandardNormal,
}

/// How the values of one tensor are drawn.
enum Law {
    Constant(f64),
    /// Uniform in ± the bound.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
}

impl Init {
    /// The law of one parameter's values.
    fn law(self, role: Role) -> Law {
        match role {
            Role::Weight { fan_in, fan_out } => {
                let (fan_in, fan_out) = (fan_in as f64, fan_out as f64);
                match self {
                    Self::UniformFanIn => Law::Uniform(fan_in.sqrt().recip()),
                    Self::Xavier => Law::Uniform((6.0 / (fan_in + fan_out)).sqrt()),
                    Self::He => Law::Normal((2.0 / fan_in).sqrt()),
                    Self::StandardNormal => Law::Normal(1.0),
                }
            }
            Role::Bias { fan_in } => match self {
                Self::UniformFanIn => Law::Uniform((fan_in as f64).sqrt().recip()),
                Self::Xavier | Self::He | Self::StandardNormal => Law::Constant(0.0),
            },
            Role::Scale => Law::Constant(1.0),
            Role::Shift => Law::Constant(0.0),
            Role::Embedding { deviation } => Law::Normal(deviation),
        }
    }
}

impl Weights {
    /// Draws initial weights for `parameters`.
    ///
    /// Each tensor has its own ChaCha8 stream, numbered by its name, so that a change of one
    /// layer's width or of the depth leaves the draws of the others alone. Values are drawn in
    /// float64 and rounded to float32: every precision and every backend starts from the same
    /// numbers.
    pub fn random(parameters: &[Parameter], init: Init, seed: u64) -> Self {
        let draw = |parameter: &Parameter| NamedTensor {
            name: parameter.name.clone(),
            shape: parameter.shape.clone(),
            values: init.law(parameter.role).draw(
                parameter.shape.iter().product(),
                &mut generator(seed, stream(&parameter.name)),
            ),
        };
        Self::of_distinct(parameters.iter().map(draw).collect())
    }
}

/// The number of a parameter's stream: 2i for `layers.<i>.weight`, 2i + 1 for its bias, and beyond
/// 2⁶³ for other names, by their FNV-1a hash.
fn stream(name: &str) -> u64 {
    let layer = name
        .strip_prefix("layers.")
        .and_then(|rest| rest.split_once('.'));
    let numbered = layer.and_then(|(layer, part)| {
        let layer: u64 = layer.parse::<u32>().ok()?.into();
        match part {
            "weight" => Some(2 * layer),
            "bias" => Some(2 * layer + 1),
            _ => None,
        }
    });
    let hash = || {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        name.bytes().fold(0xcbf2_9ce4_8422_2325, step) | 1 << 63
    };
    numbered.unwrap_or_else(hash)
}

impl Law {
    fn draw(&self, count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut value = || match self {
            Self::Constant(value) => *value,
            Self::Uniform(bound) => (2.0 * unit(rng) - 1.0) * bound,
            // Box and Muller's transform; the second value of each pair is not used.
            Self::Normal(deviation) => {
                let radius = (-2.0 * unit(rng).ln()).sqrt();
                radius * (TAU * unit(rng)).cos() * deviation
            }
        };
        (0..count).map(|_| f64::from(value() as f32)).collect()
    }
}

fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..].copy_from_slice(&DOMAIN);
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(stream);
    rng
}

/// Uniform in the open interval (0, 1): the midpoints of 2⁵³ equal cells.
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) * 2f64.powi(-53)
}
