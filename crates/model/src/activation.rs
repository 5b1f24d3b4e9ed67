//! Activation functions in forms that stay exact when they are differentiated twice, op by op.

use std::f64::consts::FRAC_1_SQRT_2;

use burn::tensor::{Tensor, activation};

/// Where softplus becomes the identity: beyond it e⁻ˣ is below the rounding of x in float64
/// (e⁻⁴⁰ ≈ 4e-18), and up to it e²ˣ, which second derivatives need, is finite in float32 (5e34).
const SOFTPLUS_SATURATION: f64 = 40.0;

/// An elementwise activation function, applied between layers and never after the last.
///
/// Every form below is a composition of primitives whose derivatives, taken one primitive at a
/// time, give the right first *and* second derivative at every finite x, with no overflow and no
/// `inf · 0`. Two conventions are relied on at kinks: relu's derivative at 0 is 0, and that of
/// `min(x, m)` at m is 1. Functions that Burn provides whole are not used when they fail this:
///
/// * Burn's default derivative of `gelu` is that of its tanh approximation, off by up to 9e-4;
/// * Burn evaluates `sigmoid` in float32 on some backends, whatever the tensor's dtype;
/// * Burn's `elu` computes eˣ for x > 0 too, whose overflow turns the backward pass into NaN;
/// * Burn's `softplus` saturates at x = 20, a jump of 2e-9 that float64 sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// x: the network is linear in its inputs.
    Linear,
    /// tanh x.
    #[default]
    Tanh,
    /// max(x, 0). The derivative at 0 is 0; the second derivative is 0 everywhere.
    Relu,
    /// x for x > 0, eˣ − 1 otherwise (α = 1). Continuously differentiable; the second
    /// derivative jumps at 0, where it takes its left limit, 1.
    Elu,
    /// x·Φ(x) with Φ the standard normal distribution function, by the error function.
    Gelu,
    /// ln(1 + eˣ).
    Softplus,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

impl Activation {
    /// The names in configs.
    pub const NAMES: &[&str] = &[
        "linear", "tanh", "relu", "elu", "gelu", "softplus", "sigmoid",
    ];

    /// Its name in configs.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The function of that name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Linear,
            Self::Tanh,
            Self::Relu,
            Self::Elu,
            Self::Gelu,
            Self::Softplus,
            Self::Sigmoid,
        ];
        let at = Self::NAMES.iter().position(|other| *other == name)?;
        all.get(at).copied()
    }

    /// Applies the function to every element of `x`, keeping shape and dtype.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Linear => x,
            Self::Tanh => x.tanh(),
            Self::Relu => activation::relu(x),
            Self::Elu => elu(x),
            Self::Gelu => gelu(x),
            Self::Softplus => softplus(x),
            Self::Sigmoid => sigmoid(x),
        }
    }
}

/// max(x, 0) + (exp(min(x, 0)) − 1): the exponential never sees a positive argument, and at 0 the
/// two conventions add up to the derivative 0 + 1.
fn elu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let below = x.clone().clamp_max(0.0).exp().sub_scalar(1.0);
    activation::relu(x) + below
}

/// x · (1 + erf(x/√2)) / 2: erf' is a Gaussian, so both derivatives are exact.
fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let twice_phi = x.clone().mul_scalar(FRAC_1_SQRT_2).erf().add_scalar(1.0);
    (x * twice_phi).mul_scalar(0.5)
}

/// ln(1 + exp(min(x, m))) + max(x − m, 0) with m = 40.
///
/// The familiar max(x, 0) + ln(1 + e^−|x|) has kinks that cancel in value but not op by op: at
/// x = 0 it would give f' = 0 for ½ and f'' = 0 for ¼. Here the only kinks are at m, where f is
/// the identity to rounding and the two conventions again add up to the derivative 1.
fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let smooth = x.clone().clamp_max(SOFTPLUS_SATURATION).exp().log1p();
    smooth + activation::relu(x.sub_scalar(SOFTPLUS_SATURATION))
}

/// ½ + ½·tanh(x/2): smooth, free of overflow, and in the tensor's own dtype on every backend.
fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.mul_scalar(0.5).tanh().mul_scalar(0.5).add_scalar(0.5)
}
