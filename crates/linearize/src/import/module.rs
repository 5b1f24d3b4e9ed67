//! Layers: linear maps, convolutions, poolings, embeddings.

use burn::backend::ir::{Conv2dOptionsIr, ModuleOperationIr, TensorIr};

use super::{Importer, Step};
use crate::error::LinearizeError;
use crate::graph::{Binary, Convolution, Kind, NodeId, Op, Pooling, Unary};

impl Importer<'_> {
    pub(super) fn module(&mut self, op: &ModuleOperationIr) -> Step {
        use ModuleOperationIr as M;
        match op {
            M::Linear(o) => {
                let (x, weight) = (self.get(&o.x)?, self.get(&o.weight)?);
                let rows = self.rows(x);
                let product = self.graph.matmul(rows, weight);
                let product = match &o.bias {
                    Some(bias) => {
                        let bias = self.get(bias)?;
                        let width = self.graph.node(bias).len();
                        let row = self.graph.reshape(bias, vec![1, width]);
                        self.graph.add(product, row)
                    }
                    None => product,
                };
                let node = self.graph.reshape(product, o.out.shape.to_vec());
                self.set(&o.out, node)
            }
            M::LinearXBackward(o) => {
                let (weight, grad) = (self.get(&o.weight)?, self.get(&o.output_grad)?);
                let rows = self.rows(grad);
                let transposed = self.graph.transpose(weight);
                let product = self.graph.matmul(rows, transposed);
                let node = self.graph.reshape(product, o.out.shape.to_vec());
                self.set(&o.out, node)
            }
            M::LinearWeightBackward(o) => {
                let (x, grad) = (self.get(&o.x)?, self.get(&o.output_grad)?);
                let (x, grad) = (self.rows(x), self.rows(grad));
                let transposed = self.graph.transpose(x);
                let node = self.graph.matmul(transposed, grad);
                self.set(&o.out, node)
            }
            M::LinearBiasBackward(o) => {
                let grad = self.get(&o.output_grad)?;
                let rows = self.rows(grad);
                let sum = self.graph.sum(rows, vec![0]);
                let node = self.graph.reshape(sum, o.out.shape.to_vec());
                self.set(&o.out, node)
            }
            M::Conv2d(o) => {
                let args = vec![self.get(&o.x)?, self.get(&o.weight)?];
                let shape = o.out.shape.to_vec();
                let op = Op::Conv2d(convolution(&o.options));
                let product = self.graph.apply(op, args, shape, Kind::Float);
                let node = match &o.bias {
                    Some(bias) => {
                        let bias = self.get(bias)?;
                        let channels = self.graph.node(bias).len();
                        let plane = self.graph.reshape(bias, vec![1, channels, 1, 1]);
                        self.graph.add(product, plane)
                    }
                    None => product,
                };
                self.set(&o.out, node)
            }
            M::Conv2dXBackward(o) => {
                let args = vec![self.get(&o.weight)?, self.get(&o.output_grad)?];
                self.same(Op::Conv2dInput(convolution(&o.options)), args, &o.out)
            }
            M::Conv2dWeightBackward(o) => {
                let args = vec![self.get(&o.x)?, self.get(&o.output_grad)?];
                self.same(Op::Conv2dWeight(convolution(&o.options)), args, &o.out)
            }
            M::Conv2dBiasBackward(o) => {
                let grad = self.get(&o.output_grad)?;
                let sum = self.graph.sum(grad, vec![0, 2, 3]);
                let node = self.graph.reshape(sum, o.out.shape.to_vec());
                self.set(&o.out, node)
            }
            M::AvgPool2d(o) => {
                let x = self.get(&o.x)?;
                let mut pooling = pooling(o.kernel_size, o.stride, o.padding, [1, 1], o.ceil_mode);
                pooling.count_include_pad = o.count_include_pad;
                self.same(Op::AvgPool2d(pooling), vec![x], &o.out)
            }
            M::AvgPool2dBackward(o) => {
                let grad = self.get(&o.grad)?;
                let mut pooling = pooling(o.kernel_size, o.stride, o.padding, [1, 1], o.ceil_mode);
                pooling.count_include_pad = o.count_include_pad;
                self.same(Op::AvgPool2dInput(pooling), vec![grad], &o.out)
            }
            M::AdaptiveAvgPool2d(o) => match even_windows(&o.x, o.output_size) {
                Some(pooling) => {
                    let x = self.get(&o.x)?;
                    self.same(Op::AvgPool2d(pooling), vec![x], &o.out)
                }
                None => self.unsupported(),
            },
            M::AdaptiveAvgPool2dBackward(o) => {
                let size = [o.grad.shape[2], o.grad.shape[3]];
                match even_windows(&o.x, size) {
                    Some(pooling) => {
                        let grad = self.get(&o.grad)?;
                        self.same(Op::AvgPool2dInput(pooling), vec![grad], &o.out)
                    }
                    None => self.unsupported(),
                }
            }
            M::MaxPool2d(o) => {
                let pooling = pooling(o.kernel_size, o.stride, o.padding, o.dilation, o.ceil_mode);
                self.max_pool(pooling, &o.x, &o.out, None)
            }
            M::MaxPool2dWithIndices(o) => {
                let pooling = pooling(o.kernel_size, o.stride, o.padding, o.dilation, o.ceil_mode);
                self.max_pool(pooling, &o.x, &o.out, Some(&o.out_indices))
            }
            M::MaxPool2dWithIndicesBackward(o) => {
                let (grad, indices) = (self.get(&o.grad)?, self.get(&o.indices)?);
                let grad = self.planes(grad);
                let indices = self.planes(indices);
                let [n, c, h, w] = o.out.shape.dims();
                let zeros = self.graph.full(0.0, vec![n, c, h * w], false);
                let sum = self.graph.scatter_add(zeros, 2, indices, grad);
                let node = self.graph.reshape(sum, o.out.shape.to_vec());
                self.set(&o.out, node)
            }
            M::BatchNorm(o) => {
                let x = self.get(&o.x)?;
                let mut planes = vec![1; o.x.shape.num_dims()];
                planes[1] = o.x.shape[1];
                let mut by_channel = |tensor| {
                    let node = self.get(tensor)?;
                    Ok::<_, LinearizeError>(self.graph.reshape(node, planes.clone()))
                };
                let (gamma, beta) = (by_channel(&o.gamma)?, by_channel(&o.beta)?);
                let (mean, variance) = (by_channel(&o.mean)?, by_channel(&o.variance)?);
                let shifted = self.graph.add_scalar(variance, o.epsilon.elem());
                let deviation = self.graph.unary(Unary::Sqrt, shifted);
                let centred = self.graph.sub(x, mean);
                let normalised = self.graph.binary(Binary::Div, centred, deviation);
                let scaled = self.graph.mul(normalised, gamma);
                let node = self.graph.add(scaled, beta);
                self.set(&o.out, node)
            }
            M::Embedding(o) => {
                let (weights, indices) = (self.get(&o.weights)?, self.get(&o.indices)?);
                let flat = self.flat(indices);
                let count = self.graph.node(flat).len();
                let width = o.weights.shape[1];
                let rows = self.graph.apply(
                    Op::Select(0),
                    vec![weights, flat],
                    vec![count, width],
                    Kind::Float,
                );
                let node = self.graph.reshape(rows, o.out.shape.to_vec());
                self.set(&o.out, node)
            }
            M::EmbeddingBackward(o) => {
                let (grad, indices) = (self.get(&o.out_grad)?, self.get(&o.indices)?);
                let flat = self.flat(indices);
                let rows = self.rows(grad);
                let zeros = self.graph.full(0.0, o.out.shape.to_vec(), false);
                self.same(Op::SelectAdd(0), vec![zeros, flat, rows], &o.out)
            }
            _ => self.unsupported(),
        }
    }

    /// All dimensions but the last, as rows.
    fn rows(&mut self, x: NodeId) -> NodeId {
        let shape = &self.graph.node(x).shape;
        let width = shape.last().copied().unwrap_or(1);
        let rows = shape.iter().rev().skip(1).product();
        self.graph.reshape(x, vec![rows, width])
    }

    /// `[n, c, h, w]` as `[n, c, h·w]`.
    fn planes(&mut self, x: NodeId) -> NodeId {
        let shape = &self.graph.node(x).shape;
        let planes = vec![shape[0], shape[1], shape[2] * shape[3]];
        self.graph.reshape(x, planes)
    }

    fn flat(&mut self, x: NodeId) -> NodeId {
        let len = self.graph.node(x).len();
        self.graph.reshape(x, vec![len])
    }

    /// A maximum over windows is what is gathered at its places, which also differentiates it.
    fn max_pool(
        &mut self,
        pooling: Pooling,
        x: &TensorIr,
        out: &TensorIr,
        out_indices: Option<&TensorIr>,
    ) -> Step {
        let x = self.get(x)?;
        let indices = self.graph.apply(
            Op::MaxPool2dIndices(pooling),
            vec![x],
            out.shape.to_vec(),
            Kind::Int,
        );
        if let Some(out_indices) = out_indices {
            self.set(out_indices, indices)?;
        }
        let planes = self.planes(x);
        let places = self.planes(indices);
        let picked = self.graph.gather(planes, 2, places);
        let node = self.graph.reshape(picked, out.shape.to_vec());
        self.set(out, node)
    }
}

fn convolution(options: &Conv2dOptionsIr) -> Convolution {
    Convolution {
        stride: options.stride,
        padding: options.padding,
        dilation: options.dilation,
        groups: options.groups,
    }
}

fn pooling(
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    ceil: bool,
) -> Pooling {
    Pooling {
        kernel,
        stride,
        padding,
        dilation,
        count_include_pad: true,
        ceil,
    }
}

/// Adaptive pooling is plain pooling where the windows tile the plane.
fn even_windows(x: &TensorIr, size: [usize; 2]) -> Option<Pooling> {
    let plane = [x.shape[2], x.shape[3]];
    if (0..2).any(|i| size[i] == 0 || !plane[i].is_multiple_of(size[i])) {
        return None;
    }
    let window = [plane[0] / size[0], plane[1] / size[1]];
    Some(pooling(window, window, [0, 0], [1, 1], false))
}
