//! The whole spectrum of a symmetric operator, by stochastic Lanczos quadrature.
//!
//! # Method
//!
//! For a unit vector v uniform on the sphere, E[vᵀf(A)v] = tr f(A)/P. The Lanczos process on A from
//! v gives the m-point Gauss rule of f ↦ vᵀf(A)v, exact for polynomials of degree 2m − 1: its nodes
//! are the eigenvalues of the tridiagonal matrix, its weights the squared first entries of its
//! eigenvectors (Golub and Meurant, *Matrices, Moments and Quadrature*, 2010; Ubaru, Chen and Saad,
//! SIAM J. Matrix Anal. Appl. 38, 2017). The mean over several probes v is the spectral density;
//! Ghorbani, Krishnan and Xiao (ICML 2019) measured that of neural networks so.
//!
//! Up to 16 probes at a time go through the operator as one block. Each has a Krylov space of its own,
//! whose vectors are kept orthogonal: without that, converged eigenvalues come up again as copies. Brink's
//! own code (flex) makes the last two vectors orthogonal to all others where Simon's recurrence tells that
//! they may share more than √ε/4 with one of these (partial reorthogonalisation, Math. Comp. 42, 1984); up
//! to √ε the tridiagonal matrix is right to rounding. Other backends do so at every step.
//!
//! Trace and Frobenius norm come from the same vectors by XTrace (see `exchange.rs`), for as many
//! further products as there are probes.
//!
//! # Example
//!
//! ```
//! use brink_eigen::{OperatorError, SpectrumParams, SymmetricOperator, spectrum};
//! use burn::tensor::{DType, Device, Tensor};
//!
//! struct Diagonal(Tensor<2>, Device);
//!
//! impl SymmetricOperator for Diagonal {
//!     fn dim(&self) -> usize { self.0.dims()[1] }
//!     fn device(&self) -> &Device { &self.1 }
//!     fn dtype(&self) -> DType { self.0.dtype() }
//!     fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
//!         Ok(block * self.0.clone())
//!     }
//! }
//!
//! fn trace(device: Device) -> Result<(), Box<dyn std::error::Error>> {
//!     let values: Vec<f32> = (0..100).map(|i| 10.0 * 0.9_f32.powi(i)).collect();
//!     let diagonal = Tensor::<1>::from_data(values.as_slice(), (&device, DType::F32));
//!     let mut operator = Diagonal(diagonal.unsqueeze(), device);
//!     let found = spectrum(&mut operator, &SpectrumParams::default())?;
//!     assert!((found.trace.value - 100.0).abs() < 4.0 * found.trace.standard_error + 0.1);
//!     Ok(())
//! }
//! # trace(Device::flex()).unwrap();
//! ```

mod density;
mod exchange;
mod process;
mod rule;

use burn::tensor::DType;

use super::block::{Arithmetic, Stack};
use super::operator::{Meter, SymmetricOperator};
use super::random::sphere;
use super::{EigenError, End};

pub use density::{Broadening, Density};
pub use rule::Rule;

use exchange::exchange;
use process::process;

/// Probes whose Krylov spaces are held at a time: P numbers for each of their steps.
const TOGETHER: usize = 16;

/// How a spectrum is estimated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpectrumParams {
    /// Random vectors, at least 2.
    pub probes: usize,
    /// Steps of the Lanczos process from each, at least 1; never more than the dimension.
    pub steps: usize,
    /// Seed of the vectors.
    pub seed: u64,
    /// Which of the seed's streams they are drawn from.
    pub stream: u64,
    /// Whether blocks are computed on by Brink's own code where there is any.
    pub fusion: bool,
}

impl Default for SpectrumParams {
    fn default() -> Self {
        Self {
            probes: 10,
            steps: 60,
            seed: 0,
            stream: 0,
            fusion: true,
        }
    }
}

impl SpectrumParams {
    /// Refuses what is impossible.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`]
    pub fn validate(&self) -> Result<(), EigenError> {
        let least = [("probes", self.probes, 2), ("steps", self.steps, 1)];
        for (name, value, least) in least {
            if value < least {
                return Err(EigenError::InvalidParameter {
                    name,
                    value: value as f64,
                    requirement: if least == 2 {
                        "at least 2: one probe has no spread"
                    } else {
                        "at least 1"
                    },
                });
            }
        }
        Ok(())
    }
}

/// A random quantity and the standard error of its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its standard error, with what rounding may add.
    pub standard_error: f64,
}

impl Estimate {
    /// The mean of independent draws, at least two, and s/√n for their sample deviation s.
    pub fn of(draws: &[f64]) -> Self {
        let count = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / count;
        let squares: f64 = draws.iter().map(|draw| (draw - mean).powi(2)).sum();
        Self {
            value: mean,
            standard_error: (squares / (count - 1.0) / count).sqrt(),
        }
    }
}

/// What is known of a spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// P.
    pub dim: usize,
    /// The Gauss rule of each probe.
    pub rules: Vec<Rule>,
    /// tr A.
    pub trace: Estimate,
    /// ‖A‖²_F.
    pub frobenius_sq: Estimate,
    /// Products that it cost.
    pub products: usize,
}

impl Spectrum {
    /// tr A^p/P by the rules, and the standard error over the probes.
    pub fn moment(&self, power: i32) -> Estimate {
        let moments: Vec<f64> = self.rules.iter().map(|rule| rule.moment(power)).collect();
        Estimate::of(&moments)
    }
}

/// Estimates the spectrum of an operator.
///
/// # Errors
/// [`EigenError`]: [`EigenError::NonFinite`] where a product is not finite.
pub fn spectrum(
    operator: &mut dyn SymmetricOperator,
    params: &SpectrumParams,
) -> Result<Spectrum, EigenError> {
    params.validate()?;
    let (dim, dtype, device) = (operator.dim(), operator.dtype(), operator.device().clone());
    let epsilon = match dtype {
        DType::F32 => f64::from(f32::EPSILON),
        DType::F64 => f64::EPSILON,
        dtype => return Err(EigenError::UnsupportedDType { dtype }),
    };
    let arithmetic = Arithmetic::new(params.fusion);
    let mut meter = Meter::new(operator, End::Largest);
    let probes = sphere(
        [params.probes, dim],
        [params.seed, params.stream],
        &device,
        dtype,
    );
    let steps = params.steps.min(dim);
    let (mut rules, mut images) = (Vec::with_capacity(params.probes), Vec::new());
    for from in (0..params.probes).step_by(TOGETHER) {
        let count = TOGETHER.min(params.probes - from);
        let own = probes.clone().narrow(0, from, count);
        let found = process(&mut meter, arithmetic, own, steps, epsilon);
        let (found, image) = found.map_err(|error| match error {
            EigenError::NonFinite { row, application } => EigenError::NonFinite {
                row: from + row,
                application,
            },
            other => other,
        })?;
        rules.extend(found);
        images.push(image);
    }
    let images = Stack::from(images).whole();
    let [trace, frobenius_sq] = exchange(&mut meter, arithmetic, probes, images, epsilon)?;
    Ok(Spectrum {
        dim,
        rules,
        trace,
        frobenius_sq,
        products: meter.products().iter().sum(),
    })
}
