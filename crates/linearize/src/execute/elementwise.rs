//! Fills, functions, arithmetic, masks.

use burn::backend::ops::{ActivationOps, BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::backend::{Dispatch as D, DispatchTensor, Scalar as BurnScalar, TensorMetadata};

use burn::tensor::{FloatDType, Tensor};

use super::{Arg, Evaluation, shape_of, vector};
use crate::error::LinearizeError;
use crate::graph::{Binary, Comparison, Logic, Op, Scalar, Unary};

impl Evaluation<'_> {
    pub(super) fn elementwise(&self, args: Vec<Arg>) -> Result<DispatchTensor, LinearizeError> {
        let mut args = self.aligned(args).into_iter();
        let fault =
            || LinearizeError::Internal(format!("{} lacks an argument", self.node.op.name()));
        let mut next = || args.next().ok_or_else(fault);
        Ok(match &self.node.op {
            Op::Full(Scalar(value)) => D::float_full(
                shape_of(self.shape()),
                number(*value),
                &self.target.device,
                self.target.float,
            ),
            Op::Unary(f) => self.unary(*f, next()?)?,
            Op::Power(Scalar(p)) => D::float_powf_scalar(next()?, number(*p)),
            Op::AddScalar(Scalar(c)) => D::float_add_scalar(next()?, number(*c)),
            Op::MulScalar(Scalar(c)) if *c == -1.0 => D::float_neg(next()?),
            Op::MulScalar(Scalar(c)) => D::float_mul_scalar(next()?, number(*c)),
            Op::Clamp(Scalar(low), Scalar(high)) => {
                let mut x = next()?;
                if *low != f64::NEG_INFINITY {
                    x = D::float_clamp_min(x, number(*low));
                }
                if *high != f64::INFINITY {
                    x = D::float_clamp_max(x, number(*high));
                }
                x
            }
            Op::Binary(f) => {
                let (x, y) = (next()?, next()?);
                match f {
                    Binary::Add => D::float_add(x, y),
                    Binary::Sub => D::float_sub(x, y),
                    Binary::Mul => D::float_mul(x, y),
                    Binary::Div => D::float_div(x, y),
                    Binary::Pow => D::float_powf(x, y),
                }
            }
            Op::Compare(c) => self.compare(*c, next()?, next()?),
            Op::CompareScalar(c, Scalar(value)) => self.compare_scalar(*c, next()?, *value),
            Op::Logic(logic) => {
                let x = next()?;
                match logic {
                    Logic::Not => D::bool_not(x),
                    Logic::And => D::bool_and(x, next()?),
                    Logic::Or => D::bool_or(x, next()?),
                    Logic::Xor => D::bool_xor(x, next()?),
                }
            }
            Op::MaskWhere => {
                let shape = shape_of(self.shape());
                let (tensor, mask, value) = (next()?, next()?, next()?);
                D::float_mask_where(
                    D::float_expand(tensor, shape.clone()),
                    D::bool_expand(mask, shape.clone()),
                    D::float_expand(value, shape),
                )
            }
            Op::ToFloat => {
                let x = next()?;
                if x.dtype().is_bool() {
                    D::bool_into_float(x, self.target.float)
                } else {
                    D::int_into_float(x, self.target.float)
                }
            }
            Op::StopGradient => next()?,
            _ => return Err(fault()),
        })
    }

    fn unary(&self, f: Unary, x: DispatchTensor) -> Result<DispatchTensor, LinearizeError> {
        match vector::kernel(f) {
            Some(kernel) if self.target.is_cpu() && self.target.float == FloatDType::F32 => {
                on_host(kernel, x)
            }
            _ => Ok(unary(f, x)),
        }
    }

    fn compare(&self, c: Comparison, x: DispatchTensor, y: DispatchTensor) -> DispatchTensor {
        let shape = shape_of(self.shape());
        let x = D::float_expand(x, shape.clone());
        let y = D::float_expand(y, shape);
        let bool = self.target.bool;
        match c {
            Comparison::Equal => D::float_equal(x, y, bool),
            Comparison::NotEqual => D::float_not_equal(x, y, bool),
            Comparison::Greater => D::float_greater(x, y, bool),
            Comparison::GreaterEqual => D::float_greater_equal(x, y, bool),
            Comparison::Lower => D::float_lower(x, y, bool),
            Comparison::LowerEqual => D::float_lower_equal(x, y, bool),
        }
    }

    fn compare_scalar(&self, c: Comparison, x: DispatchTensor, value: f64) -> DispatchTensor {
        let (value, bool) = (number(value), self.target.bool);
        match c {
            Comparison::Equal => D::float_equal_elem(x, value, bool),
            Comparison::NotEqual => D::float_not_equal_elem(x, value, bool),
            Comparison::Greater => D::float_greater_elem(x, value, bool),
            Comparison::GreaterEqual => D::float_greater_equal_elem(x, value, bool),
            Comparison::Lower => D::float_lower_elem(x, value, bool),
            Comparison::LowerEqual => D::float_lower_equal_elem(x, value, bool),
        }
    }
}

/// Applies a kernel in place if no one else holds the values, else to a copy.
fn on_host(kernel: fn(&mut [f32]), x: DispatchTensor) -> Result<DispatchTensor, LinearizeError> {
    let shape = x.shape();
    let flat = D::float_reshape(x, shape_of(vec![shape.num_elements()]));
    let flat = Tensor::<1>::from_dispatch(flat);
    let device = flat.device();
    let mut data = flat
        .try_into_data()
        .map_err(|error| LinearizeError::Internal(format!("reading on a CPU: {error}")))?;
    let values = data
        .as_mut_slice::<f32>()
        .map_err(|error| LinearizeError::Internal(format!("values of float32: {error:?}")))?;
    kernel(values);
    let flat = D::float_from_data(data, device.as_dispatch());
    Ok(D::float_reshape(flat, shape))
}

fn number(value: f64) -> BurnScalar {
    BurnScalar::Float(value)
}

fn unary(f: Unary, x: DispatchTensor) -> DispatchTensor {
    match f {
        Unary::Exp => D::float_exp(x),
        Unary::Log => D::float_log(x),
        Unary::Log1p => D::float_log1p(x),
        Unary::Sqrt => D::float_sqrt(x),
        Unary::Recip => D::float_recip(x),
        Unary::Tanh => D::float_tanh(x),
        Unary::Erf => D::float_erf(x),
        Unary::Sin => D::float_sin(x),
        Unary::Cos => D::float_cos(x),
        Unary::Abs => D::float_abs(x),
        Unary::Sign => D::float_sign(x),
        Unary::Sigmoid => sigmoid(x),
        Unary::LogSigmoid => {
            // −(max(−x, 0) + ln(1 + e^−|x|)): no overflow, and no cancellation for large x.
            let negative = D::float_neg(x.clone());
            let decay = D::float_exp(D::float_neg(D::float_abs(x)));
            let sum = D::float_add(D::relu(negative), D::float_log1p(decay));
            D::float_neg(sum)
        }
        Unary::Relu => D::relu(x),
        Unary::Round => D::float_round(x),
        Unary::Floor => D::float_floor(x),
        Unary::Ceil => D::float_ceil(x),
        Unary::Trunc => D::float_trunc(x),
    }
}

/// 1/(1 + e^−x): where e^−x overflows its reciprocal is 0, as it should be.
///
/// Written out because some backends compute Burn's `sigmoid` in float32 whatever the precision.
fn sigmoid(x: DispatchTensor) -> DispatchTensor {
    let exp = D::float_exp(D::float_neg(x));
    D::float_recip(D::float_add_scalar(exp, number(1.0)))
}
