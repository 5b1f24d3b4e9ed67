//! The classical Runge–Kutta method of order four.

use burn::tensor::Tensor;

use super::advanced;

/// One step of length `step` from `theta`, where the field's value is `first`.
///
/// The local error is of order h⁵. On a direction of curvature λ it is stable while h·λ < 2.785.
///
/// # Errors
/// The field's.
pub fn runge_kutta_4<E>(
    mut field: impl FnMut(&Tensor<1>) -> Result<Tensor<1>, E>,
    theta: &Tensor<1>,
    first: &Tensor<1>,
    step: f64,
) -> Result<Tensor<1>, E> {
    let second = field(&advanced(theta, step, &[(0.5, first)]))?;
    let third = field(&advanced(theta, step, &[(0.5, &second)]))?;
    let fourth = field(&advanced(theta, step, &[(1.0, &third)]))?;
    let (sixth, third_part) = (1.0 / 6.0, 1.0 / 3.0);
    let terms = [
        (sixth, first),
        (third_part, &second),
        (third_part, &third),
        (sixth, &fourth),
    ];
    Ok(advanced(theta, step, &terms))
}
