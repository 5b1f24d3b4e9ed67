//! A batch in chunks is the batch in one part: same loss, outputs, gradient and products.

mod common;

use brink_linearize::{Batch, LinearizeError, Objective};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig2d,
};
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation};
use common::*;

/// Samples, which no chunk but 1 and itself divides.
const N: usize = 7;

fn in_chunks(whole: &Batch, length: usize) -> Vec<Batch> {
    let [n, _] = whole.float::<2>(0).dims();
    let chunk = |from| {
        let part = |index| {
            let tensor = whole.float::<2>(index);
            tensor.narrow(0, from, length.min(n - from))
        };
        Batch::new().with(part(0)).with(part(1))
    };
    (0..n).step_by(length).map(chunk).collect()
}

/// All that an objective gives at a generic point.
fn everything(objective: &Objective<2>) -> Vec<(&'static str, Vec<f64>)> {
    let device = objective.device().clone();
    let (p, n) = (
        objective.parameters(),
        objective.output_shape().iter().product(),
    );
    let theta: Vec<f64> = numbers(p, 21).iter().map(|x| 0.6 * x).collect();
    let theta = tensor(&theta, [p], &device, DType::F64);
    let block = |width, seed| tensor(&numbers(3 * width, seed), [3, width], &device, DType::F64);
    let evaluation = objective.evaluate(&theta).unwrap();
    assert_eq!(evaluation.outputs.dims(), *objective.output_shape());
    let gradient = objective.gradient(&theta).unwrap();
    let mut at = objective.linearize(&theta).unwrap();
    let along = tensor(&numbers(p, 36), [p], &device, DType::F64);
    vec![
        ("loss", values(evaluation.loss)),
        ("outputs", values(evaluation.outputs)),
        ("gradient's loss", values(gradient.loss)),
        ("gradient's outputs", values(gradient.outputs)),
        ("gradient", values(gradient.gradient)),
        ("linearised loss", values(at.loss().clone())),
        ("linearised outputs", values(at.outputs().clone())),
        ("linearised gradient", values(at.gradient().clone())),
        ("hvp", values(at.hvp(block(p, 31)).unwrap())),
        ("jvp", values(at.jvp(block(p, 32)).unwrap())),
        ("vjp", values(at.vjp(block(n, 33)).unwrap())),
        ("gn", values(at.gauss_newton(block(p, 34)).unwrap())),
        ("again", values(at.hvp(block(p, 35)).unwrap())),
        (
            "third",
            values(at.third(along.clone(), block(p, 37)).unwrap()),
        ),
        ("third, twice", values(at.third_twice(along).unwrap())),
    ]
}

fn agree(name: &str, one: &Objective<2>, many: &Objective<2>) {
    assert_eq!(one.output_shape(), many.output_shape());
    for ((what, a), (_, b)) in everything(one).iter().zip(everything(many)) {
        let error = relative(&b, a);
        assert!(error < 1e-12, "{name}: {what} is off by {error:.1e}");
    }
}

#[derive(Module, Debug)]
struct Mlp {
    first: Linear,
    output: Linear,
}

impl Mlp {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(4, 5).init(device),
            output: LinearConfig::new(5, 3).init(device),
        }
    }

    fn forward(&self, batch: &Batch) -> Tensor<2> {
        self.output
            .forward(self.first.forward(batch.float(0)).tanh())
    }
}

type Loss = fn(Tensor<2>, &Batch) -> Tensor<1>;

#[test]
fn every_length_of_chunk_with_both_losses() {
    let losses: [(&str, Loss); 2] = [("mse", mse), ("cross-entropy", cross_entropy)];
    for (device_name, device) in cpus() {
        let whole = classified(N, 4, 3, &device, DType::F64);
        let module = Mlp::new(&device);
        for (loss_name, loss) in losses {
            let one = Objective::trace(&module, &whole, Mlp::forward, loss).unwrap();
            for length in [1, 2, 3, 6, N, 2 * N] {
                let chunks = in_chunks(&whole, length);
                let many = Objective::trace_in_chunks(&module, &chunks, Mlp::forward, loss);
                let name = format!("{loss_name}, chunks of {length} on {device_name}");
                agree(&name, &one, &many.unwrap());
            }
        }
    }
}

#[derive(Module, Debug)]
struct Cnn {
    conv: Conv2d,
    output: Linear,
}

#[test]
fn a_convolutional_network() {
    let device = cpu();
    let module = Cnn {
        conv: Conv2dConfig::new([2, 3], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(&device),
        output: LinearConfig::new(3 * 9, 3).init(&device),
    };
    let forward = |m: &Cnn, b: &Batch| {
        let x = b.float::<2>(0);
        let [n, _] = x.dims();
        let x = activation::softplus(m.conv.forward(x.reshape([n, 2, 6, 6])), 1.0);
        let x = avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]));
        m.output.forward(x.flatten(1, 3))
    };
    let whole = classified(N, 72, 3, &device, DType::F64);
    let one = Objective::trace(&module, &whole, forward, cross_entropy).unwrap();
    for length in [1, 3] {
        let chunks = in_chunks(&whole, length);
        let many = Objective::trace_in_chunks(&module, &chunks, forward, cross_entropy);
        let many = many.unwrap();
        agree("convolutions", &one, &many);
        let theta = one.layout().flatten(&module).cast(DType::F64);
        let [whole, again] = [&one, &many].map(|o| o.linearize(&theta).unwrap().row_cost());
        // A block of any width evaluates the chunks anew.
        assert!(
            0.0 < again && again < whole && whole < 1.0,
            "{again}, {whole}"
        );
    }
}

/// A block whose values take more than they may goes through in pieces, down to single vectors.
#[test]
fn a_block_in_pieces() {
    let device = cpu();
    let whole = classified(N, 4, 3, &device, DType::F64);
    let module = Mlp::new(&device);
    let chunks = in_chunks(&whole, 3);
    let one = Objective::trace(&module, &whole, Mlp::forward, mse).unwrap();
    for bytes in (0..16).map(|exponent| 1 << exponent) {
        let mut pieces = Objective::trace(&module, &whole, Mlp::forward, mse).unwrap();
        pieces.set_block_bytes(bytes);
        agree("one part", &one, &pieces);
        let mut pieces = Objective::trace_in_chunks(&module, &chunks, Mlp::forward, mse).unwrap();
        pieces.set_block_bytes(bytes);
        agree("chunks", &one, &pieces);
    }
}

/// Labels are integers, one a sample; class weights are shared by all samples.
#[test]
fn labels_and_shared_tensors() {
    let device = cpu();
    let module = Mlp::new(&device);
    let batch = |from: usize, length: usize| {
        let x = tensor(&numbers(N * 4, 1), [N, 4], &device, DType::F64);
        let labels: Vec<i64> = (0..N as i64).map(|i| (i * 7 + 3) % 3).collect();
        let labels = Tensor::<2, Int>::from_data(TensorData::new(labels, [N, 1]), &device);
        let weights = tensor(&[0.5, 1.0, 2.0], [1, 3], &device, DType::F64);
        Batch::new()
            .with(x.narrow(0, from, length))
            .with_int(labels.narrow(0, from, length))
            .with(weights)
    };
    let loss = |outputs: Tensor<2>, batch: &Batch| {
        let log = activation::log_softmax(outputs, 1) * batch.float::<2>(2);
        log.gather(1, batch.int::<2>(1)).mean().neg()
    };
    let one = Objective::trace(&module, &batch(0, N), Mlp::forward, loss).unwrap();
    for length in [1, 3] {
        let chunks: Vec<Batch> = (0..N)
            .step_by(length)
            .map(|from| batch(from, length.min(N - from)))
            .collect();
        let many = Objective::trace_in_chunks(&module, &chunks, Mlp::forward, loss);
        agree("labels", &one, &many.unwrap());
    }
}

#[test]
fn other_data_are_bound_in_as_many_chunks() {
    let device = cpu();
    let module = Mlp::new(&device);
    let whole = classified(N, 4, 3, &device, DType::F64);
    let other = Batch::new()
        .with(tensor(&numbers(N * 4, 9), [N, 4], &device, DType::F64))
        .with(whole.float::<2>(1));
    let mut one = Objective::trace(&module, &whole, Mlp::forward, mse).unwrap();
    let chunks = in_chunks(&whole, 3);
    let mut many = Objective::trace_in_chunks(&module, &chunks, Mlp::forward, mse).unwrap();
    let refused = many.bind(&other).unwrap_err();
    assert!(refused.to_string().contains("3 chunks"), "{refused}");
    agree("not bound", &one, &many);
    one.bind(&other).unwrap();
    many.bind_chunks(&in_chunks(&other, 3)).unwrap();
    agree("bound", &one, &many);
    let refused = many.bind_chunks(&in_chunks(&other, 6)).unwrap_err();
    assert!(matches!(refused, LinearizeError::Shape { .. }), "{refused}");
}

#[test]
fn whole_batches_and_repeated_chunks_are_counted() {
    let device = cpu();
    let whole = classified(N, 4, 3, &device, DType::F64);
    let chunks = in_chunks(&whole, 3);
    let module = Mlp::new(&device);
    let many = Objective::trace_in_chunks(&module, &chunks, Mlp::forward, mse).unwrap();
    everything(&many);
    assert_eq!(
        many.counters().snapshot(),
        [
            ("loss_evaluations", 1),
            ("gradients", 2),
            ("linearizations", 1),
            ("chunk_linearizations", 7 * 3),
            ("hessian_vector_products", 6),
            ("jacobian_vector_products", 3),
            ("vector_jacobian_products", 3),
            ("gauss_newton_products", 3),
            ("third_derivatives", 4),
        ]
    );
}

#[derive(Module, Debug)]
struct Normalised {
    first: Linear,
    batch: BatchNorm,
    layer: LayerNorm,
    output: Linear,
}

impl Normalised {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(4, 5).init(device),
            batch: BatchNormConfig::new(5).init(device),
            layer: LayerNormConfig::new(5).init(device),
            output: LinearConfig::new(5, 3).init(device),
        }
    }

    fn by_batch(&self, batch: &Batch) -> Tensor<2> {
        let x = self.batch.forward(self.first.forward(batch.float::<2>(0)));
        self.output.forward(x.tanh())
    }

    fn by_layer(&self, batch: &Batch) -> Tensor<2> {
        let x = self.layer.forward(self.first.forward(batch.float::<2>(0)));
        self.output.forward(x.tanh())
    }
}

#[test]
fn batch_norm_in_training_mode_is_refused_in_chunks() {
    let device = cpu();
    for dtype in [DType::F32, DType::F64] {
        let whole = classified(N, 4, 3, &device, dtype);
        let mut module = Normalised::new(&device);
        let traced = |module: &Normalised, length| {
            let chunks = in_chunks(&whole, length);
            Objective::trace_in_chunks(module, &chunks, Normalised::by_batch, mse)
        };
        for length in [1, 2, 3, 4] {
            let error = traced(&module, length).unwrap_err();
            assert!(
                matches!(&error, LinearizeError::MixesSamples { what: "output", .. }),
                "{error}"
            );
            assert!(error.to_string().contains("batch norm"), "{error}");
        }
        // In one part it is a loss like any other.
        assert!(traced(&module, N).is_ok());
        // Outputs that are all zero at the start do not hide it.
        module.output = module.output.map(&mut Zero);
        assert!(traced(&module, 3).is_err());
        let chunks = in_chunks(&whole, 3);
        Objective::trace_in_chunks(&module, &chunks, Normalised::by_layer, mse).unwrap();
    }
}

/// Sets parameters to zero.
struct Zero;

impl burn::module::ModuleMapper for Zero {
    fn map_float<const D: usize>(
        &mut self,
        param: burn::module::Param<Tensor<D>>,
    ) -> burn::module::Param<Tensor<D>> {
        param.map(|tensor| tensor.zeros_like())
    }
}

#[test]
fn a_loss_that_is_not_a_mean_of_terms_is_refused_in_chunks() {
    let device = cpu();
    let whole = classified(N, 4, 3, &device, DType::F64);
    let module = Mlp::new(&device);
    let root = |outputs: Tensor<2>, batch: &Batch| mse(outputs, batch).sqrt();
    let chunks = in_chunks(&whole, 3);
    let error = Objective::trace_in_chunks(&module, &chunks, Mlp::forward, root).unwrap_err();
    assert!(
        matches!(
            &error,
            LinearizeError::MixesSamples {
                what: "loss",
                samples: 3,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn chunks_of_other_shapes_are_refused() {
    let device = cpu();
    let whole = classified(N, 4, 3, &device, DType::F64);
    let module = Mlp::new(&device);
    let refused = |chunks: &[Batch]| {
        let error = Objective::trace_in_chunks(&module, chunks, Mlp::forward, mse).unwrap_err();
        assert!(matches!(error, LinearizeError::Shape { .. }), "{error}");
    };
    refused(&[]);
    let mut chunks = in_chunks(&whole, 2);
    // The short one in the middle, then a last one that is longer than the others.
    chunks.swap(1, 3);
    refused(&chunks);
    chunks.truncate(1);
    chunks.push(in_chunks(&whole, 3).swap_remove(0));
    refused(&chunks);
}
