//! The whole spectrum of operators of any size.
//!
//! As for eigenvalues, an operator whose images are far from ordinary size is measured times a power
//! of two, which changes no digit, and what was found is divided by it. Which power is seen at the
//! first image, so that an operator of ordinary size costs no further product.

use burn::tensor::Tensor;

use crate::eigen::{
    self, EigenError, Estimate, OperatorError, Spectrum, SpectrumParams, SymmetricOperator, read,
};
use crate::scaled::{Scaled, largest, power, product, strongest, toward_one};

/// As [`eigen::spectrum`].
///
/// # Errors
/// [`EigenError`].
pub fn spectrum(
    operator: &mut dyn SymmetricOperator,
    params: &SpectrumParams,
) -> Result<Spectrum, EigenError> {
    let mut scaled = Scaled::by_first_image(operator);
    let found = eigen::spectrum(&mut scaled, params)?;
    Ok(unscaled(found, scaled.exponent.unwrap_or(0)))
}

/// The spectrum of the operator itself, of one times 2 to a power.
pub fn unscaled(mut found: Spectrum, exponent: i32) -> Spectrum {
    let unit = power(-exponent);
    let times = |of: Estimate, unit: f64| Estimate {
        value: of.value * unit,
        standard_error: of.standard_error * unit,
    };
    let rules = found.rules.iter_mut();
    for node in rules.flat_map(|rule| rule.nodes.iter_mut()) {
        *node *= unit;
    }
    found.trace = times(found.trace, unit);
    found.frobenius_sq = times(times(found.frobenius_sq, unit), unit);
    found
}

impl Scaled<'_> {
    /// The first image, by which the power is chosen.
    pub fn first(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        let dtype = self.dtype();
        let mut image = self.operator.apply(block.clone())?;
        let mut size = entry(&image)?;
        let mut exponent = 0;
        if size == 0.0 || !size.is_finite() {
            let trial = match size == 0.0 {
                true => strongest(dtype),
                false => -strongest(dtype),
            };
            let other = product(self.operator, block.clone(), trial)?;
            let of_other = entry(&other)?;
            // What is zero or beyond numbers there too is what it looks like.
            if of_other > 0.0 && of_other.is_finite() {
                (image, size, exponent) = (other, of_other, trial);
            }
        }
        let needed = toward_one(size, exponent);
        self.exponent = Some(needed);
        match needed == exponent {
            true => Ok(image),
            false => product(self.operator, block, needed),
        }
    }
}

fn entry(image: &Tensor<2>) -> Result<f64, EigenError> {
    let read = read(vec![largest(image)], "the size of an image")?;
    Ok(read.first().copied().unwrap_or(0.0))
}
