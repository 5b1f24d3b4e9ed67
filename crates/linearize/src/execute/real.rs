//! The memory of burn-flex's tensors, in the two precisions.

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};
use burn::tensor::{Bytes, DType, Shape};
use faer::traits::ComplexField;
use num_traits::Float;

use super::vector;
use crate::error::LinearizeError;

/// An element type of Brink's own kernels.
pub(super) trait Real: Float + ComplexField + 'static {
    /// `value`, rounded.
    fn of(value: f64) -> Self;
    /// e^x, in place.
    fn exponential(values: &mut [Self]);
    /// tanh x, in place.
    fn hyperbolic_tangent(values: &mut [Self]);
    /// 1/(1 + e^−x), in place.
    fn logistic(values: &mut [Self]);
    /// The error function, in place.
    fn error_function(values: &mut [Self]);
    /// The memory of a tensor.
    fn storage(tensor: &FlexTensor) -> &[Self];
    /// The same numbers, if they are float32.
    fn single(values: &[Self]) -> Option<&[f32]>;
    /// The same numbers to write to, if they are float32.
    fn single_mut(values: &mut [Self]) -> Option<&mut [f32]>;
    /// Float32 numbers, if the type is that.
    fn from_single(values: Vec<f32>) -> Option<Vec<Self>>;
    /// A tensor of values.
    fn tensor(values: Vec<Self>, shape: &[usize]) -> FlexTensor;
}

impl Real for f32 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }

    fn exponential(values: &mut [Self]) {
        vector::exp(values);
    }

    fn hyperbolic_tangent(values: &mut [Self]) {
        vector::tanh(values);
    }

    fn logistic(values: &mut [Self]) {
        vector::sigmoid(values);
    }

    fn error_function(values: &mut [Self]) {
        vector::erf(values);
    }

    fn storage(tensor: &FlexTensor) -> &[Self] {
        tensor.storage()
    }

    fn tensor(values: Vec<Self>, shape: &[usize]) -> FlexTensor {
        contiguous(Bytes::from_elems(values), shape, DType::F32)
    }

    fn single(values: &[Self]) -> Option<&[f32]> {
        Some(values)
    }

    fn single_mut(values: &mut [Self]) -> Option<&mut [f32]> {
        Some(values)
    }

    fn from_single(values: Vec<f32>) -> Option<Vec<Self>> {
        Some(values)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }

    fn exponential(values: &mut [Self]) {
        each(values, f64::exp);
    }

    fn hyperbolic_tangent(values: &mut [Self]) {
        each(values, f64::tanh);
    }

    fn logistic(values: &mut [Self]) {
        each(values, |x| (1.0 + (-x).exp()).recip());
    }

    fn error_function(values: &mut [Self]) {
        each(values, libm::erf);
    }

    fn storage(tensor: &FlexTensor) -> &[Self] {
        tensor.storage()
    }

    fn tensor(values: Vec<Self>, shape: &[usize]) -> FlexTensor {
        contiguous(Bytes::from_elems(values), shape, DType::F64)
    }

    fn single(_values: &[Self]) -> Option<&[f32]> {
        None
    }

    fn single_mut(_values: &mut [Self]) -> Option<&mut [f32]> {
        None
    }

    fn from_single(_values: Vec<f32>) -> Option<Vec<Self>> {
        None
    }
}

/// A tensor of burn-flex.
pub(super) fn flex(tensor: DispatchTensor) -> Result<FlexTensor, LinearizeError> {
    match tensor.kind {
        DispatchTensorKind::Flex(BackendTensor::Float(tensor)) => Ok(tensor),
        other => Err(LinearizeError::Internal(format!(
            "a kernel of burn-flex met a tensor of another backend: {other:?}"
        ))),
    }
}

/// A float tensor of burn-flex with its last dimension innermost; any other tensor as it is, and
/// one that is spread over dimensions, which would grow.
pub(super) fn contiguous_float(tensor: DispatchTensor) -> DispatchTensor {
    match tensor.kind {
        DispatchTensorKind::Flex(BackendTensor::Float(flex))
            if !flex.is_contiguous() && !flex.layout().strides().contains(&0) =>
        {
            DispatchTensor {
                kind: DispatchTensorKind::Flex(BackendTensor::Float(flex.to_contiguous())),
                autodiff: tensor.autodiff,
            }
        }
        kind => DispatchTensor { kind, ..tensor },
    }
}

/// A tensor of `values`, whose last dimension is innermost.
pub(super) fn float<T: Real>(values: Vec<T>, shape: &[usize]) -> DispatchTensor {
    of_flex(T::tensor(values, shape))
}

/// A float tensor of burn-flex, for Burn's operations.
pub(super) fn of_flex(tensor: FlexTensor) -> DispatchTensor {
    DispatchTensor {
        kind: DispatchTensorKind::Flex(BackendTensor::Float(tensor)),
        autodiff: Default::default(),
    }
}

/// Zeros.
pub(super) fn zeros<T: Real>(shape: &[usize]) -> DispatchTensor {
    float(vec![T::zero(); shape.iter().product()], shape)
}

fn each(values: &mut [f64], f: impl Fn(f64) -> f64) {
    for value in values {
        *value = f(*value);
    }
}

fn contiguous(bytes: Bytes, shape: &[usize], dtype: DType) -> FlexTensor {
    FlexTensor::new(
        bytes,
        Layout::contiguous(Shape::from(shape.to_vec())),
        dtype,
    )
}
