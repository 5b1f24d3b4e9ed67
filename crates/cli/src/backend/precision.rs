//! Whether a device computes in float32 as it should: work whose exact result is known.
//!
//! GPUs may round factors to TF32 (10 bits of fraction), half precision (10 bits, a small range) or
//! bfloat16 (7 bits), with no word of it. That error would go into every eigenvalue.

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// Rows, columns and terms of the product: enough for a kernel with matrix units to be chosen.
const SIDE: usize = 128;

/// Relative error from which on a product is not float32's. The probe's exact result has no more
/// bits than float32, so an honest product has no error at all.
pub const FLOAT32_ERROR: f64 = 1e-5;

/// Relative error from which on it is not TF32's either, which rounds off at most 2⁻¹¹ of a factor.
pub const TF32_ERROR: f64 = 1e-3;

/// Distance of TF32's numbers from 1: what the eigensolver takes for rounding where a device has it.
pub const TF32_EPSILON: f64 = 1.0 / 1024.0;

/// The least precision that a run accepts of matrix products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MatmulPrecision {
    /// Float32's.
    #[default]
    Float32,
    /// TF32's.
    Tf32,
}

impl MatmulPrecision {
    /// Whether products with this relative error pass; one that is no number does not.
    pub fn allows(self, relative_error: f64) -> bool {
        relative_error
            <= match self {
                Self::Float32 => FLOAT32_ERROR,
                Self::Tf32 => TF32_ERROR,
            }
    }
}

/// What a device's product was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MatmulCheck {
    /// The largest relative error of an entry of a product; infinite if one is no number.
    pub relative_error: f64,
    /// The same of elementwise operations and sums of whole numbers, which have no rounding.
    pub fused_error: f64,
}

impl MatmulCheck {
    /// Multiplies on the device, each factor with low bits in turn.
    ///
    /// # Errors
    /// The device's message if it cannot be read.
    pub fn of(device: &Device) -> Result<Self, String> {
        let (rows, columns, whole) = (fine(true), fine(false), whole());
        let upload = |values: &[f32]| {
            let data = TensorData::new(values.to_vec(), [SIDE, SIDE]);
            Tensor::<2>::from_data(data, (device, DType::F32))
        };
        let mut relative_error: f64 = 0.0;
        for (left, right) in [(&rows, &whole), (&whole, &columns)] {
            let found = upload(left).matmul(upload(right)).try_into_data();
            let found = found.map_err(|error| error.to_string())?;
            let found: Vec<f32> = found.iter().collect();
            relative_error = relative_error.max(self::relative_error(&found, left, right));
        }
        let (x, y) = (whole, other());
        let found = fused(upload(&x), upload(&y)).try_into_data();
        let found = found.map_err(|error| error.to_string())?;
        let found: Vec<f32> = found.iter().collect();
        Ok(Self {
            relative_error,
            fused_error: fused_error(&found, &x, &y),
        })
    }

    /// Machine epsilon of the products, if it is not that of float32.
    pub fn epsilon(self) -> Option<f64> {
        (!MatmulPrecision::Float32.allows(self.relative_error)).then_some(TF32_EPSILON)
    }
}

/// A factor whose low bits TF32, half precision or bfloat16 lose: constant along its rows, or along
/// its columns.
///
/// With [`whole`] it has a product that float32 holds exactly, in any order of summation: 4097 times
/// a sum of at most 640 is below 2²⁴. All errors have the same sign, so that none cancel.
fn fine(rows: bool) -> Vec<f32> {
    let value = |line: usize| {
        // TF32 and half precision lose 2⁻¹², bfloat16 also 2⁻⁹.
        let near_one = if line.is_multiple_of(2) {
            4097.0 / 4096.0
        } else {
            513.0 / 512.0
        };
        // Beyond the range of half precision; a power of 2 rounds nothing.
        let scale = if line.is_multiple_of(3) {
            1_048_576.0
        } else {
            1.0
        };
        near_one * scale
    };
    let line = |at: usize| if rows { at / SIDE } else { at % SIDE };
    (0..SIDE * SIDE).map(|at| value(line(at))).collect()
}

/// A factor of the whole numbers 1 to 5.
fn whole() -> Vec<f32> {
    (0..SIDE * SIDE)
        .map(|at| (1 + (at * 7 + at / SIDE) % 5) as f32)
        .collect()
}

/// A factor of the whole numbers 1 to 3.
fn other() -> Vec<f32> {
    (0..SIDE * SIDE).map(|at| (1 + at * 5 % 3) as f32).collect()
}

/// Σⱼ max((3xᵢⱼ + yᵢⱼ)·xᵢⱼ − 20, 0) of each row, [n, 1]: several kernels, or one. Below 2²⁴.
fn fused(x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
    let chain = (x.clone().mul_scalar(3.0) + y) * x;
    chain.sub_scalar(20.0).clamp_min(0.0).sum_dim(1)
}

/// The largest relative error of what [`fused`] found.
fn fused_error(found: &[f32], x: &[f32], y: &[f32]) -> f64 {
    let rows = x.chunks_exact(SIDE).zip(y.chunks_exact(SIDE));
    let exact = rows.map(|(x, y)| {
        let terms = x.iter().zip(y);
        terms
            .map(|(x, y)| f64::from(((3.0 * x + y) * x - 20.0).max(0.0)))
            .sum::<f64>()
    });
    let errors = found.iter().zip(exact).map(|(found, exact)| {
        let error = (f64::from(*found) - exact).abs() / exact;
        if error.is_nan() { f64::INFINITY } else { error }
    });
    let enough = found.len() == SIDE;
    errors.fold(if enough { 0.0 } else { f64::INFINITY }, f64::max)
}

/// The largest relative error of the entries of a product of square matrices.
fn relative_error(found: &[f32], left: &[f32], right: &[f32]) -> f64 {
    let mut largest: f64 = 0.0;
    for (at, &found) in found.iter().enumerate() {
        let (row, column) = (at / SIDE, at % SIDE);
        let exact: f64 = (0..SIDE)
            .map(|k| f64::from(left[row * SIDE + k]) * f64::from(right[k * SIDE + column]))
            .sum();
        let error = (f64::from(found) - exact).abs() / exact;
        largest = largest.max(if error.is_nan() { f64::INFINITY } else { error });
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probe's first product by the host, its factors rounded to so many bits of fraction.
    fn error_with(bits: u32) -> f64 {
        let round = |values: Vec<f32>| -> Vec<f32> {
            let dropped = 23 - bits;
            let half = (1_u32 << dropped) >> 1;
            let rounded = values.iter().map(|value| {
                let bits = (value.to_bits() + half) >> dropped << dropped;
                f32::from_bits(bits)
            });
            rounded.collect()
        };
        let (left, right) = (round(fine(true)), round(whole()));
        let product: Vec<f32> = (0..SIDE * SIDE)
            .map(|at| {
                let (row, column) = (at / SIDE, at % SIDE);
                (0..SIDE).fold(0.0_f32, |sum, k| {
                    sum + left[row * SIDE + k] * right[k * SIDE + column]
                })
            })
            .collect();
        relative_error(&product, &fine(true), &whole())
    }

    #[test]
    fn float32_has_no_error_and_tf32_a_known_one() {
        assert_eq!(error_with(23), 0.0);
        let tf32 = error_with(10);
        // 1 + 2⁻¹² becomes 1.
        assert!((tf32 - 1.0 / 4097.0).abs() < 1e-7, "{tf32}");
        assert!(!MatmulPrecision::Float32.allows(tf32));
        assert!(MatmulPrecision::Tf32.allows(tf32));
        let check = MatmulCheck {
            relative_error: tf32,
            fused_error: 0.0,
        };
        assert_eq!(check.epsilon(), Some(TF32_EPSILON));
    }

    #[test]
    fn bfloat16_passes_nowhere() {
        let bfloat16 = error_with(7);
        assert!(!MatmulPrecision::Tf32.allows(bfloat16), "{bfloat16}");
    }

    #[test]
    fn what_leaves_half_precisions_range_passes_nowhere() {
        for lost in [f32::INFINITY, f32::NAN] {
            let mut found = vec![1.0; SIDE * SIDE];
            found[0] = lost;
            let error = relative_error(&found, &fine(true), &whole());
            assert_eq!(error, f64::INFINITY);
            assert!(!MatmulPrecision::Tf32.allows(error));
        }
    }

    #[test]
    fn a_kernel_that_forgets_an_operation_is_found() {
        let (x, y) = (whole(), other());
        let sums = |of: fn(f32, f32) -> f32| -> Vec<f32> {
            let rows = x.chunks_exact(SIDE).zip(y.chunks_exact(SIDE));
            rows.map(|(x, y)| x.iter().zip(y).map(|(x, y)| of(*x, *y)).sum())
                .collect()
        };
        let right = sums(|x, y| ((3.0 * x + y) * x - 20.0).max(0.0));
        assert_eq!(fused_error(&right, &x, &y), 0.0);
        let unclamped = sums(|x, y| (3.0 * x + y) * x - 20.0);
        assert!(fused_error(&unclamped, &x, &y) > FLOAT32_ERROR);
        let mut one_wrong = right.clone();
        one_wrong[70] += 1.0;
        assert!(fused_error(&one_wrong, &x, &y) > FLOAT32_ERROR);
        assert_eq!(fused_error(&right[1..], &x, &y), f64::INFINITY);
    }

    #[cfg(feature = "flex")]
    #[test]
    fn the_cpu_computes_in_float32() {
        let check = MatmulCheck::of(&Device::flex()).unwrap();
        assert_eq!((check.relative_error, check.fused_error), (0.0, 0.0));
        assert_eq!(check.epsilon(), None);
    }
}
