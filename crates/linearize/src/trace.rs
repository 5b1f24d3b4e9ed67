//! Records plain module code and burn-autodiff's backward pass over it.
//!
//! The module runs on Burn's capture device, where nothing is computed, through burn-autodiff: what
//! comes out is the forward pass and the backward pass as one list of operations. `detach` is seen,
//! and training-mode layers are in training mode. Parameters and data are stand-ins of the right
//! shapes; the importer binds them to inputs.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::backend::capture::{CapturedGraph, TensorId};
use burn::backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::backend::{Autodiff, AutodiffBackend, Capture, DispatchDevice, TensorMetadata};
use burn::module::{Flag, Module, ModuleMapper, Param};
use burn::tensor::{Bool, Device, FloatDType, Int, Shape, Tensor, TensorData};

use crate::batch::Batch;
use crate::error::LinearizeError;
use crate::graph::Kind;
use crate::layout::Layout;

type Recorder = Autodiff<Capture>;
type Recorded = <Recorder as burn::backend::BackendTypes>::FloatTensorPrimitive;
type Inner = <Capture as burn::backend::BackendTypes>::FloatTensorPrimitive;

/// What one recording of a loss leaves.
pub(crate) struct Trace {
    pub captured: CapturedGraph,
    /// Stand-ins of the parameters, in the layout's order.
    pub parameters: Vec<TensorId>,
    /// Stand-ins of the batch's tensors.
    pub data: Vec<TensorId>,
    /// Stand-in of the cotangent, or of the outputs, that the recording took besides.
    pub extra: Option<(TensorId, Vec<usize>)>,
    /// What was differentiated: its tensor and shape.
    pub scalar: TensorId,
    /// The model's outputs.
    pub outputs: Option<(TensorId, Vec<usize>)>,
    /// Gradients, in the order of the parameters (or of the extra input); `None` is zero.
    pub gradients: Vec<Option<TensorId>>,
}

/// What is recorded, and in which shapes.
pub(crate) struct Subject<'a, M> {
    pub module: &'a M,
    pub layout: &'a Layout,
    pub batch: &'a Batch,
    pub precision: FloatDType,
}

impl<M: Module> Subject<'_, M> {
    /// θ ↦ (loss, outputs, ∇L).
    pub fn gradient<const D: usize>(
        &self,
        forward: &impl Fn(&M, &Batch) -> Tensor<D>,
        loss: &impl Fn(Tensor<D>, &Batch) -> Tensor<1>,
    ) -> Result<Trace, LinearizeError> {
        self.record(|stage| {
            let outputs = forward(&stage.module, &stage.batch);
            let shape = outputs.dims().to_vec();
            let output_id = stage.id(&outputs)?;
            let loss = loss(outputs, &stage.batch);
            if loss.dims() != [1] {
                return Err(LinearizeError::LossNotScalar {
                    shape: loss.dims().to_vec(),
                });
            }
            let (scalar, gradients) = stage.differentiate(loss, &stage.parameters)?;
            Ok(Found {
                scalar,
                gradients,
                outputs: Some((output_id, shape)),
                extra: None,
            })
        })
    }

    /// (θ, U) ↦ Jᵀ U, by the gradient of ⟨F(θ), U⟩.
    pub fn pullback<const D: usize>(
        &self,
        forward: &impl Fn(&M, &Batch) -> Tensor<D>,
    ) -> Result<Trace, LinearizeError> {
        self.record(|stage| {
            let outputs = forward(&stage.module, &stage.batch);
            let shape = outputs.dims().to_vec();
            let cotangent = stage.stand_in(&shape, self.precision);
            let id = cotangent.id();
            let cotangent =
                Tensor::<D>::from_primitive::<Recorder>(Recorder::from_inner(cotangent));
            let pairing = (outputs * cotangent).sum();
            let (scalar, gradients) = stage.differentiate(pairing, &stage.parameters)?;
            Ok(Found {
                scalar,
                gradients,
                outputs: None,
                extra: Some((id, shape)),
            })
        })
    }

    /// F ↦ ∇_F L.
    pub fn loss_gradient<const D: usize>(
        &self,
        shape: &[usize],
        loss: &impl Fn(Tensor<D>, &Batch) -> Tensor<1>,
    ) -> Result<Trace, LinearizeError> {
        self.record(|stage| {
            let outputs = stage.stand_in(shape, self.precision);
            let id = outputs.id();
            let tracked = Recorder::float_set_require_grad(Recorder::from_inner(outputs), true);
            let outputs = Tensor::<D>::from_primitive::<Recorder>(tracked.clone());
            let loss = loss(outputs, &stage.batch);
            let (scalar, gradients) = stage.differentiate(loss, &[tracked])?;
            Ok(Found {
                scalar,
                gradients,
                outputs: None,
                extra: Some((id, shape.to_vec())),
            })
        })
    }

    fn record(
        &self,
        run: impl FnOnce(&Stage<M>) -> Result<Found, LinearizeError>,
    ) -> Result<Trace, LinearizeError> {
        let device = Device::capture();
        let mut result = None;
        let captured = catch_unwind(AssertUnwindSafe(|| {
            device.capture_scope(|scope| {
                result = Some(Stage::new(self, &device).and_then(|stage| {
                    let found = run(&stage)?;
                    Ok((stage.parameter_ids, stage.data_ids, found))
                }));
                scope.complete([], [])
            })
        }))
        .map_err(|panic| LinearizeError::Trace {
            message: panic_message(panic),
        })?
        .map_err(|error| LinearizeError::Trace {
            message: error.to_string(),
        })?;
        let (parameters, data, found) = result.ok_or_else(|| {
            LinearizeError::Internal("the capture scope did not run its closure".into())
        })??;
        Ok(Trace {
            captured,
            parameters,
            data,
            extra: found.extra,
            scalar: found.scalar,
            outputs: found.outputs,
            gradients: found.gradients,
        })
    }
}

struct Found {
    scalar: TensorId,
    gradients: Vec<Option<TensorId>>,
    outputs: Option<(TensorId, Vec<usize>)>,
    extra: Option<(TensorId, Vec<usize>)>,
}

/// The module and data on the capture device.
struct Stage<M> {
    module: M,
    batch: Batch,
    parameters: Vec<Recorded>,
    parameter_ids: Vec<TensorId>,
    data_ids: Vec<TensorId>,
    device: <Capture as burn::backend::BackendTypes>::Device,
}

impl<M: Module> Stage<M> {
    fn new(subject: &Subject<'_, M>, device: &Device) -> Result<Self, LinearizeError> {
        let DispatchDevice::Capture(capture) = device.as_dispatch() else {
            return Err(LinearizeError::Internal("not a capture device".into()));
        };
        let mut mapper = ToRecorder {
            layout: subject.layout,
            device: *capture,
            precision: subject.precision,
            floats: 0,
            flags: 0,
            parameters: Vec::new(),
            ids: Vec::new(),
        };
        // `valid` makes running statistics of its own: recording must not move the caller's.
        let module = subject.module.valid().to_device(device).map(&mut mapper);
        let mut stage = Self {
            module,
            batch: Batch::new(),
            parameters: mapper.parameters,
            parameter_ids: mapper.ids,
            data_ids: Vec::new(),
            device: *capture,
        };
        for (kind, tensor) in subject.batch.tensors() {
            stage.stage_data(*kind, &tensor.shape().to_vec(), subject.precision);
        }
        Ok(stage)
    }

    fn stage_data(&mut self, kind: Kind, shape: &[usize], precision: FloatDType) {
        let ones = Shape::from(vec![1; shape.len()]);
        let shape_full = Shape::from(shape.to_vec());
        let (id, tensor) = match kind {
            Kind::Float => {
                let inner = self.stand_in(shape, precision);
                let id = inner.id();
                let tensor = Tensor::<1>::from_primitive::<Recorder>(Recorder::from_inner(inner));
                (id, tensor.into_dispatch())
            }
            Kind::Int => {
                let one = Capture::int_from_data(TensorData::new(vec![0i64], ones), &self.device);
                let inner = Capture::int_expand(one, shape_full);
                let id = inner.id();
                (
                    id,
                    Tensor::<1, Int>::from_primitive::<Recorder>(inner).into_dispatch(),
                )
            }
            Kind::Bool => {
                let one = Capture::bool_from_data(TensorData::new(vec![false], ones), &self.device);
                let inner = Capture::bool_expand(one, shape_full);
                let id = inner.id();
                (
                    id,
                    Tensor::<1, Bool>::from_primitive::<Recorder>(inner).into_dispatch(),
                )
            }
        };
        self.data_ids.push(id);
        self.batch.push_raw(kind, tensor);
    }

    fn stand_in(&self, shape: &[usize], precision: FloatDType) -> Inner {
        stand_in(&self.device, shape, precision)
    }

    fn id<const D: usize>(&self, tensor: &Tensor<D>) -> Result<TensorId, LinearizeError> {
        let recorded = tensor
            .clone()
            .try_into_primitive::<Recorder>()
            .map_err(|error| LinearizeError::Trace {
                message: format!("the model's outputs left the recorder: {error:?}"),
            })?;
        Ok(recorded.primitive().id())
    }

    /// Records the backward pass of a scalar.
    fn differentiate(
        &self,
        scalar: Tensor<1>,
        by: &[Recorded],
    ) -> Result<(TensorId, Vec<Option<TensorId>>), LinearizeError> {
        let id = self.id(&scalar)?;
        let recorded =
            scalar
                .try_into_primitive::<Recorder>()
                .map_err(|error| LinearizeError::Trace {
                    message: format!("the loss left the recorder: {error:?}"),
                })?;
        let gradients = Recorder::backward(recorded);
        let ids: Vec<_> = by
            .iter()
            .map(|tensor| Recorder::grad(tensor, &gradients).map(|gradient| gradient.id()))
            .collect();
        if ids.iter().all(Option::is_none) {
            return Err(LinearizeError::NoDependence);
        }
        Ok((id, ids))
    }
}

fn stand_in(
    device: &<Capture as burn::backend::BackendTypes>::Device,
    shape: &[usize],
    precision: FloatDType,
) -> Inner {
    let one = TensorData::new(vec![0f32], Shape::from(vec![1; shape.len()]));
    let one = Capture::float_from_data(one.convert_dtype(precision.into()), device);
    Capture::float_expand(one, Shape::from(shape.to_vec()))
}

/// Replaces trainable parameters by tracked stand-ins.
struct ToRecorder<'a> {
    layout: &'a Layout,
    device: <Capture as burn::backend::BackendTypes>::Device,
    precision: FloatDType,
    floats: usize,
    flags: usize,
    parameters: Vec<Recorded>,
    ids: Vec<TensorId>,
}

impl ModuleMapper for ToRecorder<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trainable = self.layout.trainable.get(self.floats) == Some(&true);
        self.floats += 1;
        if trainable {
            let inner = stand_in(&self.device, &param.shape().to_vec(), self.precision);
            self.ids.push(inner.id());
            let tracked = Recorder::float_set_require_grad(Recorder::from_inner(inner), true);
            self.parameters.push(tracked.clone());
            return param.map(|_| Tensor::from_primitive::<Recorder>(tracked));
        }
        // Left without autodiff: Burn moves such tensors between devices, as batch norm does with its
        // running statistics, and lifts them where they meet tracked ones.
        param.map(|tensor| tensor.cast(self.precision))
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        let enabled = self.layout.flags.get(self.flags) == Some(&true);
        self.flags += 1;
        flag.with_value(enabled)
    }
}

/// Which recorded tensors stand for which nodes.
pub(crate) fn bind<T: Copy>(
    pairs: impl IntoIterator<Item = (TensorId, T)>,
) -> HashMap<TensorId, T> {
    pairs.into_iter().collect()
}

fn panic_message(panic: Box<dyn Any + Send>) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_else(|| "it panicked without a message".to_owned())
}
