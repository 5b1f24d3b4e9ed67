//! A traced loss of a module: a differentiable function of a flat parameter vector.

use std::slice;
use std::sync::Arc;

use burn::backend::TensorMetadata;
use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};

use crate::batch::Batch;
use crate::counters::Counters;
use crate::error::LinearizeError;
use crate::execute::Target;
#[cfg(feature = "flex")]
use crate::graph::Passes;
use crate::layout::Layout;
use crate::mixing::{self, generic_point};
use crate::part::{Hoisted, Part, Traced};
use crate::product::Product;
use crate::programs::Programs;
use crate::trace::Subject;

/// So large a block's values take long enough that a wider block gains no speed.
const BLOCK_BYTES: usize = 1 << 30;

/// The loss of a module over a batch, as a function of θ ∈ ℝ^P, with outputs of rank `D`.
///
/// Traced once; evaluated and linearised at any iterate.
#[derive(Debug)]
pub struct Objective<const D: usize> {
    layout: Layout,
    /// The batch, in one part or in chunks of samples.
    pub(crate) parts: Vec<Part>,
    output_shape: Vec<usize>,
    pub(crate) target: Target,
    pub(crate) counters: Counters,
    device: Device,
}

impl<const D: usize> Objective<D> {
    /// Traces `loss(forward(module, batch), batch)`.
    ///
    /// The closures run a few times on stand-ins of the module and the batch, on a device that
    /// computes nothing: they must be plain tensor code, without reading values back, and without
    /// randomness. The batch's first float tensor decides device and precision.
    ///
    /// # Errors
    ///
    /// [`LinearizeError`], naming the operation and its place when one has no rule.
    pub fn trace<M: Module>(
        module: &M,
        batch: &Batch,
        forward: impl Fn(&M, &Batch) -> Tensor<D>,
        loss: impl Fn(Tensor<D>, &Batch) -> Tensor<1>,
    ) -> Result<Self, LinearizeError> {
        Self::trace_in_chunks(module, slice::from_ref(batch), forward, loss)
    }

    /// Traces the same over a batch given in chunks, so that memory is bounded by a chunk.
    ///
    /// All chunks have tensors of the same shapes; only the last may have fewer samples. A chunk's
    /// outputs are `[n_c, …]`, one row a sample, and its loss must be a mean over its samples, so
    /// that L = Σ (n_c/n)·L_c. Then everything is as for the whole batch of n = Σ n_c samples:
    /// outputs `[n, …]`, gradients `[P]`, products of blocks `[k, P]` or `[k, N]`; sums go over the
    /// chunks in their order. What is not a mean (a sum, say) is not noticed; what mixes samples is,
    /// on the first chunk, where tensors with a first dimension of n_c have one row a sample.
    ///
    /// One chunk is the same as [`trace`](Self::trace).
    ///
    /// # Errors
    ///
    /// As [`trace`](Self::trace); [`LinearizeError::Shape`] for no chunks or shapes that differ, and
    /// [`LinearizeError::MixesSamples`] if a sample's outputs or loss depend on its chunk's others.
    pub fn trace_in_chunks<M: Module>(
        module: &M,
        chunks: &[Batch],
        forward: impl Fn(&M, &Batch) -> Tensor<D>,
        loss: impl Fn(Tensor<D>, &Batch) -> Tensor<1>,
    ) -> Result<Self, LinearizeError> {
        let (first, last) = match chunks {
            [first, .., last] => (first, last),
            [only] => (only, only),
            [] => {
                return Err(LinearizeError::Shape {
                    what: "the list of chunks",
                    got: vec![0],
                    expected: "at least one chunk".into(),
                });
            }
        };
        let device = first.device().ok_or_else(|| LinearizeError::Shape {
            what: "the batch",
            got: vec![first.len()],
            expected: "at least one float tensor, which decides device and precision".into(),
        })?;
        let precision = first
            .tensors()
            .iter()
            .find(|(kind, _)| *kind == crate::graph::Kind::Float)
            .map(|(_, tensor)| FloatDType::from(tensor.dtype()))
            .unwrap_or(FloatDType::F32);
        let settings = device.settings();
        let target = Target {
            device: device.as_dispatch().clone(),
            float: precision,
            int: settings.int_dtype,
            bool: settings.bool_dtype,
            fusion: true,
            block_bytes: BLOCK_BYTES,
        };
        let layout = Layout::of(module)?;
        let traced = |batch: &Batch| -> Result<Arc<Traced>, LinearizeError> {
            let subject = Subject {
                module,
                layout: &layout,
                batch,
                precision,
            };
            let programs = Programs::trace(&subject, &forward, &loss, target.fuses())?;
            Ok(Arc::new(Traced::new(programs, &target)))
        };
        let common = traced(first)?;
        let remainder = if last.shapes() == first.shapes() {
            Arc::clone(&common)
        } else {
            traced(last)?
        };
        if let [first, second, ..] = chunks {
            let theta = generic_point(layout.flatten(module), &device, precision);
            if common.samples() > 1 {
                mixing::refuse::<D>(&common, first, &theta, &target)?;
            } else if first.shapes() == second.shapes() {
                let pair = first.followed_by(second, common.samples());
                // A module that takes one sample only cannot mix two.
                if let Ok(traced) = traced(&pair) {
                    mixing::refuse::<D>(&traced, &pair, &theta, &target)?;
                }
            }
        }
        let traces = (1..chunks.len()).map(|_| &common).chain([&remainder]);
        let parts = bound(traces, chunks, &target)?;
        Ok(Self {
            layout,
            output_shape: whole_shape(&parts)?,
            parts,
            target,
            counters: Counters::default(),
            device,
        })
    }

    /// Binds other data of the same shapes, such as another batch of as many samples.
    ///
    /// # Errors
    ///
    /// [`LinearizeError::Shape`] if they differ from the traced ones, or if the objective was traced
    /// in several chunks: [`bind_chunks`](Self::bind_chunks) is for those.
    pub fn bind(&mut self, batch: &Batch) -> Result<(), LinearizeError> {
        self.bind_chunks(slice::from_ref(batch))
    }

    /// Binds other data in as many chunks of the same shapes.
    ///
    /// # Errors
    ///
    /// [`LinearizeError::Shape`] if their number or shapes differ from the traced ones.
    pub fn bind_chunks(&mut self, chunks: &[Batch]) -> Result<(), LinearizeError> {
        if chunks.len() != self.parts.len() {
            return Err(LinearizeError::Shape {
                what: "the list of chunks",
                got: vec![chunks.len()],
                expected: format!("{} chunks, as traced", self.parts.len()),
            });
        }
        let traces = self.parts.iter().map(|part| &part.traced);
        self.parts = bound(traces, chunks, &self.target)?;
        Ok(())
    }

    /// Whether burn-flex's tensors are computed on by Brink's own code: elementwise operations
    /// that follow from each other in one pass over memory, matrix products without the zeros of
    /// triangular inputs, convolutions and means over windows.
    /// On by default; off, each operation is one call of the backend.
    pub fn set_fusion(&mut self, on: bool) {
        self.target.fusion = on;
    }

    /// Bytes that the values of a block's vectors may take at a time in a product, 1 GiB by
    /// default: a block of vectors that take more, such as convolutions' over many images, goes
    /// through in pieces of as many as fit, one at least. What depends on θ alone is not counted.
    pub fn set_block_bytes(&mut self, bytes: usize) {
        self.target.block_bytes = bytes;
    }

    /// Where each parameter lies in θ.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// P.
    pub fn parameters(&self) -> usize {
        self.layout.len()
    }

    /// Shape of the model's outputs over the whole batch.
    pub fn output_shape(&self) -> &[usize] {
        &self.output_shape
    }

    /// The device it is evaluated on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The precision it is evaluated in.
    pub fn precision(&self) -> FloatDType {
        self.target.float
    }

    /// Gradients, products, linearisations so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Passes over memory that a gradient takes, and that a Hessian-vector product does at an iterate
    /// that is linearised at, where operations are taken together as far as they can be.
    #[cfg(feature = "flex")]
    pub fn passes(&self) -> [Passes; 2] {
        let mut sum = [Passes::default(); 2];
        for part in &self.parts {
            let programs = &part.traced.programs;
            sum[0] += programs.gradient.passes(&programs.graph);
            if let Some(schedule) = &programs.hessian.schedule {
                sum[1] += schedule.passes(&programs.graph);
            }
        }
        sum
    }

    /// The share of a part's samples, n_c/n.
    pub(crate) fn weight(&self, part: &Part) -> f64 {
        match self.parts.as_slice() {
            [_] => 1.0,
            _ => part.samples() as f64 / self.output_shape[0] as f64,
        }
    }

    /// Whether a map takes every vector to zero.
    pub(crate) fn is_zero(&self, product: Product) -> bool {
        let mut parts = self.parts.iter();
        parts.all(|part| product.map(&part.traced.programs).schedule.is_none())
    }

    /// An argument must have this shape, and live where the data live.
    pub(crate) fn check<const R: usize>(
        &self,
        what: &'static str,
        tensor: &Tensor<R>,
        expected: &[usize],
    ) -> Result<(), LinearizeError> {
        if tensor.dims() != *expected {
            return Err(LinearizeError::Shape {
                what,
                got: tensor.dims().to_vec(),
                expected: format!("{expected:?}"),
            });
        }
        let precision = FloatDType::from(tensor.dtype());
        let device = tensor.device();
        if device != self.device || precision != self.target.float {
            return Err(LinearizeError::Placement {
                what,
                got: format!("{precision:?} on {device:?}"),
                expected: format!("{:?} on {:?}", self.target.float, self.device),
            });
        }
        Ok(())
    }
}

/// Each chunk bound to its trace; several give up what only one can afford to keep.
fn bound<'t>(
    traces: impl Iterator<Item = &'t Arc<Traced>>,
    chunks: &[Batch],
    target: &Target,
) -> Result<Vec<Part>, LinearizeError> {
    let hoisted = match chunks.len() {
        1 => Hoisted::Kept,
        _ => Hoisted::Recomputed,
    };
    let pairs = traces.zip(chunks);
    pairs
        .map(|(traced, chunk)| Part::bind(traced, chunk, target, hoisted))
        .collect()
}

/// The shape of all parts' outputs one behind the other.
fn whole_shape(parts: &[Part]) -> Result<Vec<usize>, LinearizeError> {
    let mut shapes = parts.iter().map(|part| &part.traced.programs.output_shape);
    let first = shapes.next().cloned().unwrap_or_default();
    let mut whole = first.clone();
    for shape in shapes {
        if shape[1..] != first[1..] || shape[0] > first[0] || shape[0] == 0 {
            return Err(LinearizeError::Shape {
                what: "a chunk's outputs",
                got: shape.clone(),
                expected: format!("those of the first, {first:?}, or of fewer samples"),
            });
        }
        whole[0] += shape[0];
    }
    Ok(whole)
}
