//! Random initial weights, of which only the state is kept.

use std::f64::consts::TAU;

use faer::{Mat, MatRef};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::error::{nonempty, positive};
use crate::linalg::check_finite;
use crate::{Network, State, TheoryError};

/// Keeps these streams apart from any other use of the same seed.
const DOMAIN: [u8; 24] = *b"brink two-layer theory 1";
const HIDDEN_STREAM: u64 = 0;
const OUTPUT_STREAM: u64 = 1;
/// Hidden units held in memory at a time.
const UNITS: usize = 256;

/// Standard deviations of the normal initial weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitialScale {
    /// Of each entry of A.
    pub output: f64,
    /// Of each entry of W.
    pub hidden: f64,
}

impl Default for InitialScale {
    /// 1 and 1, the theorem's.
    fn default() -> Self {
        Self {
            output: 1.0,
            hidden: 1.0,
        }
    }
}

impl State {
    /// The state of independent normal weights with mean 0, for inputs X `[d, n]`.
    ///
    /// The same seed gives the same weights for the units that two widths share. Memory does not
    /// depend on the width m; the time of this one draw does, as m·n·(n + d).
    ///
    /// # Errors
    /// An empty size, inputs that are not finite, a standard deviation that is not positive.
    pub fn draw(
        inputs: MatRef<'_, f64>,
        network: Network,
        scale: InitialScale,
        seed: u64,
    ) -> Result<Self, TheoryError> {
        network.check()?;
        let n = nonempty("the number of samples n", inputs.ncols())?;
        let d = nonempty("the inputs' dimension d", inputs.nrows())?;
        positive("the standard deviation of A", scale.output)?;
        positive("the standard deviation of W", scale.hidden)?;
        check_finite("the inputs X", inputs)?;
        let mut output = Normals::new(seed, OUTPUT_STREAM, scale.output);
        let mut hidden = Normals::new(seed, HIDDEN_STREAM, scale.hidden);
        let mut state = Self::zero(n);
        let mut left = network.width;
        while left > 0 {
            let units = left.min(UNITS);
            let output_weight: Vec<f64> = (0..units).map(|_| output.draw()).collect();
            // Unit by unit, so that the draws do not depend on the chunks.
            let values: Vec<f64> = (0..units * d).map(|_| hidden.draw()).collect();
            let hidden_weight = Mat::from_fn(units, d, |i, j| values[i * d + j]);
            state.add_units(&output_weight, hidden_weight.as_ref(), inputs);
            left -= units;
        }
        state.scale_outputs(network);
        Ok(state)
    }
}

/// A stream of normal numbers by Box and Muller's transform, both of each pair used.
pub(crate) struct Normals {
    rng: ChaCha8Rng,
    deviation: f64,
    second: Option<f64>,
}

impl Normals {
    pub(crate) fn new(seed: u64, stream: u64, deviation: f64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(&DOMAIN);
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Self {
            rng,
            deviation,
            second: None,
        }
    }

    pub(crate) fn draw(&mut self) -> f64 {
        let standard = self.second.take().unwrap_or_else(|| {
            let radius = (-2.0 * self.unit().ln()).sqrt();
            let (sin, cos) = (TAU * self.unit()).sin_cos();
            self.second = Some(radius * sin);
            radius * cos
        });
        self.deviation * standard
    }

    /// Uniform in the open interval (0, 1): the midpoints of 2⁵³ equal cells.
    fn unit(&mut self) -> f64 {
        ((self.rng.next_u64() >> 11) as f64 + 0.5) * 2f64.powi(-53)
    }
}
