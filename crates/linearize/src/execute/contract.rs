//! Products: matrices, convolutions, poolings, and how a block of tangents goes through each.

use burn::backend::ops::{ConvOptions, FloatTensorOps, ModuleOps};
use burn::backend::{Dispatch as D, DispatchTensor, TensorMetadata};

use super::{Arg, Evaluation, reshape, shape_of};
use crate::error::LinearizeError;
use crate::graph::{Convolution, Op, Pooling};

impl Evaluation<'_> {
    pub(super) fn contract(&self, args: Vec<Arg>) -> Result<DispatchTensor, LinearizeError> {
        let fault =
            || LinearizeError::Internal(format!("{} lacks an argument", self.node.op.name()));
        let mut args = args.into_iter();
        #[cfg(feature = "flex")]
        if matches!(self.node.op, Op::Matmul) && self.target.fuses() {
            return self.multiply_flex(args.collect());
        }
        let mut next = || args.next().ok_or_else(fault);
        Ok(match &self.node.op {
            Op::Matmul => self.matmul(next()?, next()?),
            #[cfg(feature = "flex")]
            Op::Conv2d(_) | Op::Conv2dInput(_) | Op::Conv2dWeight(_) if self.target.fuses() => {
                self.convolve_flex(next()?, next()?)?
            }
            #[cfg(feature = "flex")]
            Op::AvgPool2d(_) | Op::AvgPool2dInput(_) if self.target.fuses() => {
                self.pool_flex(next()?)?
            }
            Op::Conv2d(c) => self.convolve(c, next()?, next()?)?,
            Op::Conv2dInput(c) => self.convolve_input(c, next()?, next()?)?,
            Op::Conv2dWeight(c) => self.convolve_weight(c, next()?, next()?)?,
            Op::AvgPool2d(p) => {
                let x = self.folded(next()?);
                let pooled = D::avg_pool2d(
                    x,
                    p.kernel,
                    p.stride,
                    p.padding,
                    p.count_include_pad,
                    p.ceil,
                );
                reshape(pooled, self.shape())
            }
            Op::AvgPool2dInput(p) => self.unpool(p, next()?),
            Op::MaxPool2dIndices(p) => {
                D::max_pool2d_with_indices(
                    next()?.value,
                    p.kernel,
                    p.stride,
                    p.padding,
                    p.dilation,
                    p.ceil,
                    self.target.int,
                )
                .indices
            }
            _ => return Err(fault()),
        })
    }

    fn matmul(&self, a: Arg, b: Arg) -> DispatchTensor {
        match (a.batched, b.batched) {
            // A block times one matrix is one tall product, unless it had to be copied for that.
            (true, false) if self.node.shape.len() == 2 && !a.permuted => {
                let inner = a.value.shape()[2];
                let rows = self.k * self.node.shape[0];
                let tall = reshape(a.value, vec![rows, inner]);
                reshape(D::float_matmul(tall, b.value), self.shape())
            }
            (false, false) => D::float_matmul(a.value, b.value),
            _ => D::float_matmul(a.lifted(), b.lifted()),
        }
    }

    /// Images of the whole block as one batch: `[k, n, ..]` → `[k·n, ..]`.
    fn folded(&self, x: Arg) -> DispatchTensor {
        if !x.batched {
            return x.value;
        }
        let shape = x.value.shape().to_vec();
        let mut folded = vec![shape[0] * shape[1]];
        folded.extend(&shape[2..]);
        reshape(x.value, folded)
    }

    /// Channels of the whole block side by side: `[k, n, c, ..]` → `[n, k·c, ..]`.
    fn interleaved(&self, x: DispatchTensor) -> DispatchTensor {
        let shape = x.shape().to_vec();
        let swapped = D::float_permute(x, &[1, 0, 2, 3, 4]);
        reshape(
            swapped,
            vec![shape[1], shape[0] * shape[2], shape[3], shape[4]],
        )
    }

    /// Back from `[n, k·c, ..]` to the node's `[k, n, c, ..]`.
    fn separated(&self, x: DispatchTensor) -> DispatchTensor {
        let s = &self.node.shape;
        let split = reshape(x, vec![s[0], self.k, s[1], s[2], s[3]]);
        D::float_permute(split, &[1, 0, 2, 3, 4])
    }

    fn convolve(
        &self,
        c: &Convolution,
        x: Arg,
        weight: Arg,
    ) -> Result<DispatchTensor, LinearizeError> {
        if weight.batched && c.groups == 1 {
            // One image, k weights: k times as many output channels.
            let x = x.value;
            let weight = self.folded(weight);
            return Ok(self.separated(D::conv2d(x, weight, None, options(c))));
        }
        if weight.batched {
            return self.one_by_one(x, weight, |x, weight| {
                D::conv2d(x, weight, None, options(c))
            });
        }
        let x = self.folded(x);
        Ok(reshape(
            D::conv2d(x, weight.value, None, options(c)),
            self.shape(),
        ))
    }

    fn convolve_input(
        &self,
        c: &Convolution,
        weight: Arg,
        grad: Arg,
    ) -> Result<DispatchTensor, LinearizeError> {
        let s = &self.node.shape;
        if weight.batched && c.groups == 1 {
            // k weights `[k, o, i, ..]` side by side as `[o, k·i, ..]`: k times as many input channels.
            let weight = self.interleaved(weight.value);
            let like = self.blank(vec![s[0], self.k * s[1], s[2], s[3]]);
            let x = D::conv2d_x_backward(like, weight, grad.value, options(c));
            return Ok(self.separated(x));
        }
        if weight.batched {
            return self.one_by_one(weight, grad, |weight, grad| {
                D::conv2d_x_backward(self.blank(s.clone()), weight, grad, options(c))
            });
        }
        let grad = self.folded(grad);
        let images = if self.node.batched {
            self.k * s[0]
        } else {
            s[0]
        };
        let like = self.blank(vec![images, s[1], s[2], s[3]]);
        Ok(reshape(
            D::conv2d_x_backward(like, weight.value, grad, options(c)),
            self.shape(),
        ))
    }

    fn convolve_weight(
        &self,
        c: &Convolution,
        x: Arg,
        grad: Arg,
    ) -> Result<DispatchTensor, LinearizeError> {
        let s = &self.node.shape;
        let [o, i, h, w] = [s[0], s[1], s[2], s[3]];
        match (x.batched, grad.batched) {
            (false, true) if c.groups == 1 => {
                let grad = self.interleaved(grad.value);
                let like = self.blank(vec![self.k * o, i, h, w]);
                let weight = D::conv2d_weight_backward(x.value, like, grad, options(c));
                Ok(reshape(weight, self.shape()))
            }
            (true, false) if c.groups == 1 => {
                let x = self.interleaved(x.value);
                let like = self.blank(vec![o, self.k * i, h, w]);
                let weight = D::conv2d_weight_backward(x, like, grad.value, options(c));
                Ok(self.separated(weight))
            }
            (false, false) => {
                let like = self.blank(s.clone());
                Ok(D::conv2d_weight_backward(
                    x.value,
                    like,
                    grad.value,
                    options(c),
                ))
            }
            _ => self.one_by_one(x, grad, |x, grad| {
                D::conv2d_weight_backward(x, self.blank(s.clone()), grad, options(c))
            }),
        }
    }

    fn unpool(&self, p: &Pooling, grad: Arg) -> DispatchTensor {
        let s = &self.node.shape;
        let images = if self.node.batched {
            self.k * s[0]
        } else {
            s[0]
        };
        let grad = self.folded(grad);
        let x = D::avg_pool2d_backward(
            self.blank(vec![images, s[1], s[2], s[3]]),
            grad,
            p.kernel,
            p.stride,
            p.padding,
            p.count_include_pad,
            p.ceil,
        );
        reshape(x, self.shape())
    }

    /// A value of which only the shape is read.
    fn blank(&self, shape: Vec<usize>) -> DispatchTensor {
        let one = vec![1; shape.len()];
        let zero = D::float_zeros(shape_of(one), &self.target.device, self.target.float);
        D::float_expand(zero, shape_of(shape))
    }

    /// Grouped convolutions cannot take the block as channels: one vector at a time.
    fn one_by_one(
        &self,
        a: Arg,
        b: Arg,
        product: impl Fn(DispatchTensor, DispatchTensor) -> DispatchTensor,
    ) -> Result<DispatchTensor, LinearizeError> {
        let part = |arg: &Arg, index: usize| {
            if !arg.batched {
                return arg.value.clone();
            }
            let mut slices: Vec<burn::tensor::Slice> = arg
                .value
                .shape()
                .iter()
                .map(|&len| burn::tensor::Slice::new(0, Some(len as isize), 1))
                .collect();
            slices[0] = burn::tensor::Slice::new(index as isize, Some(index as isize + 1), 1);
            let shape = arg.value.shape().to_vec();
            reshape(
                D::float_slice(arg.value.clone(), &slices),
                shape[1..].to_vec(),
            )
        };
        let parts = (0..self.k)
            .map(|index| {
                let mut shape = self.node.shape.clone();
                shape.insert(0, 1);
                reshape(product(part(&a, index), part(&b, index)), shape)
            })
            .collect();
        Ok(D::float_cat(parts, 0))
    }
}

fn options(c: &Convolution) -> ConvOptions<2> {
    ConvOptions {
        stride: c.stride,
        padding: c.padding,
        dilation: c.dilation,
        groups: c.groups,
    }
}
