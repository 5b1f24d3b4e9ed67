//! Inputs as images.

use burn::tensor::Tensor;

use crate::{ConfigError, Input, Task};

/// The channels of an image when the data do not say: red, green, blue.
const CHANNELS: usize = 3;

/// The shape of a sample's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Planes, one behind the other.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Image {
    /// The image that a task's samples are; values without a shape are taken as a square one of
    /// three channels.
    ///
    /// # Errors
    /// Values that make no such image, or tokens.
    pub fn of(task: &Task, kind: &'static str) -> Result<Self, ConfigError> {
        let not_an_image = |inputs: usize| ConfigError::NotAnImage { kind, inputs };
        match &task.input {
            Input::Values(shape) => match shape[..] {
                [channels, height, width] => Ok(Self {
                    channels,
                    height,
                    width,
                }),
                [inputs] => {
                    let side = (inputs / CHANNELS).isqrt();
                    if side == 0 || side * side * CHANNELS != inputs {
                        return Err(not_an_image(inputs));
                    }
                    Ok(Self {
                        channels: CHANNELS,
                        height: side,
                        width: side,
                    })
                }
                _ => Err(not_an_image(task.features().unwrap_or(usize::MAX))),
            },
            Input::Tokens { .. } => Err(ConfigError::Tokens { kind }),
        }
    }

    /// Rows `[n, d]` as images `[n, channels, height, width]`.
    pub fn view(&self, x: Tensor<2>) -> Tensor<4> {
        let [samples, _] = x.dims();
        x.reshape([samples, self.channels, self.height, self.width])
    }

    /// The shorter side, in pixels.
    pub fn side(&self) -> usize {
        self.height.min(self.width)
    }

    /// Pixels of a channel.
    pub fn pixels(&self) -> usize {
        self.height.saturating_mul(self.width)
    }

    /// After a pooling of 2×2 windows.
    #[must_use]
    pub fn halved(self) -> Self {
        Self {
            height: self.height / 2,
            width: self.width / 2,
            ..self
        }
    }
}
