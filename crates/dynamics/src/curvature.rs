//! The curvature along a vector of any length.

use brink_linearize::LinearizeError;
use burn::tensor::{DType, Tensor};

use crate::measurement::{MeasureError, read};
use crate::norms::Reading;
use crate::scaled::{ORDINARY, times, toward_one};

/// Vectors of such lengths, in float64, have products whose products with them are in its range.
const ORDINARY_IN_FLOAT64: i32 = 320;

/// vᵀAv/‖v‖² from ‖v‖ and vᵀAv. Where v is so short or long that Av or vᵀAv may have left the range of
/// the element type, it is measured along v times a power of two, by one product more.
pub(crate) fn curvature(
    vector: &Tensor<1>,
    [norm, inner]: [f64; 2],
    mut apply: impl FnMut(Tensor<2>) -> Result<Tensor<2>, LinearizeError>,
) -> Result<f64, MeasureError> {
    let exponent = toward_ordinary(norm, vector.dtype());
    if exponent == 0 {
        return Ok(inner / norm / norm);
    }
    let vector = times(vector.clone().unsqueeze(), exponent);
    let image = apply(vector.clone())?;
    let mut reading = Reading::default();
    reading.norm(vector.clone().squeeze_dim(0));
    reading.inner(image.squeeze_dim(0), vector.squeeze_dim(0));
    let values = read(reading)?;
    Ok(values[1] / values[0] / values[0])
}

/// The power of two that brings a vector of such a norm to ordinary length; 0 where it needs none.
pub(crate) fn toward_ordinary(norm: f64, dtype: DType) -> i32 {
    let ordinary = match dtype {
        DType::F64 => ORDINARY_IN_FLOAT64,
        _ => ORDINARY,
    };
    let exponent = toward_one(norm, 0);
    if exponent.abs() > ordinary {
        exponent
    } else {
        0
    }
}
