//! The pieces of a training step by themselves, so that a regression can be found:
//! `cargo bench --profile release` (a part of a bench's name selects).

use brink_cli::config::Config;
use brink_dynamics::eigen::{
    OperatorError, Params, Solver, SpectrumParams, SymmetricOperator, spectrum,
};
use brink_dynamics::observer::Observer;
use brink_dynamics::record::{Eigenvalue, EigenvalueKind, RunHeader, StepRecord};
use brink_linearize::{Batch, Objective};
use brink_traces::TraceCsv;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Distribution, Tensor};
use divan::{Bencher, black_box};

fn main() {
    let _kept = brink_cli::memory::keep_freed();
    divan::main();
}

/// Samples, their coordinates, hidden units and outputs of `configs/tanh.toml`.
const N: usize = 1000;
const HIDDEN: usize = 200;
const OUTPUTS: usize = 10;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Default, &Device::flex())
}

/// Matrix products in the shapes and orientations that the programs use, by Brink's own code and
/// by Burn's operations: a linear layer has two for its gradient, and two for each product.
#[divan::bench_group]
mod matrix_products {
    use super::*;

    #[derive(Module, Debug)]
    struct Layer {
        linear: Linear,
    }

    /// The layer's objective on samples of which coordinate j of sample i is kept if `keep(i, j)`.
    fn layer(fusion: bool, keep: impl Fn(usize, usize) -> bool) -> (Objective<2>, Tensor<1>) {
        let device = Device::flex();
        let linear = LinearConfig::new(N, HIDDEN).with_bias(false).init(&device);
        let module = Layer { linear };
        let kept: Vec<f32> = (0..N * N)
            .map(|at| f32::from(u8::from(keep(at / N, at % N))))
            .collect();
        let kept = Tensor::<1>::from_data(kept.as_slice(), &device).reshape([N, N]);
        let batch = Batch::new()
            .with(random([N, N]) * kept)
            .with(random([N, HIDDEN]));
        let mut objective = Objective::trace(
            &module,
            &batch,
            |module: &Layer, batch| module.linear.forward(batch.float::<2>(0)),
            |outputs: Tensor<2>, batch| (outputs - batch.float::<2>(1)).square().mean(),
        )
        .expect("a trace");
        objective.set_fusion(fusion);
        let theta = objective.layout().flatten(&module);
        (objective, theta)
    }

    #[divan::bench(args = [true, false])]
    fn gradient(bencher: Bencher, fusion: bool) {
        let (objective, theta) = layer(fusion, |_, _| true);
        bencher.bench_local(|| black_box(objective.gradient(&theta).expect("a gradient")));
    }

    #[divan::bench(args = [true, false])]
    fn gradient_of_triangular_inputs(bencher: Bencher, fusion: bool) {
        let (objective, theta) = layer(fusion, |i, j| j <= i);
        bencher.bench_local(|| black_box(objective.gradient(&theta).expect("a gradient")));
    }

    #[divan::bench(args = [1, 4])]
    fn products_of_triangular_inputs(bencher: Bencher, k: usize) {
        let (objective, theta) = layer(true, |i, j| j <= i);
        let block = random([k, objective.parameters()]);
        let mut at = objective.linearize(&theta).expect("a linearisation");
        bencher.bench_local(|| black_box(at.hvp(block.clone()).expect("products")));
    }
}

#[derive(Module, Debug)]
struct Tanh {
    first: Linear,
    output: Linear,
}

/// Elementwise kernels: the operations of a program in one pass over memory, and one by one.
#[divan::bench(args = [true, false])]
fn product_of_a_narrow_network(bencher: Bencher, fusion: bool) {
    // Four inputs: next to the tangents' elementwise operations, the products cost little.
    let device = Device::flex();
    let module = Tanh {
        first: LinearConfig::new(4, HIDDEN).init(&device),
        output: LinearConfig::new(HIDDEN, OUTPUTS).init(&device),
    };
    let batch = Batch::new().with(random([N, 4])).with(random([N, OUTPUTS]));
    let mut objective = Objective::trace(
        &module,
        &batch,
        |module: &Tanh, batch| {
            let hidden = module.first.forward(batch.float::<2>(0));
            module.output.forward(hidden.tanh())
        },
        |outputs: Tensor<2>, batch| (outputs - batch.float::<2>(1)).square().mean(),
    )
    .expect("a trace");
    objective.set_fusion(fusion);
    let theta = objective.layout().flatten(&module);
    let block = random([4, objective.parameters()]);
    let mut at = objective.linearize(&theta).expect("a linearisation");
    bencher.bench_local(|| black_box(at.hvp(block.clone()).expect("products")));
}

/// x ↦ d·x, of hardly any cost.
struct Diagonal {
    device: Device,
    entries: Tensor<2>,
}

impl SymmetricOperator for Diagonal {
    fn dim(&self) -> usize {
        self.entries.dims()[1]
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        Ok(block * self.entries.clone())
    }
}

/// What the eigensolver costs besides its products: Gram matrices, dense algebra, combinations.
#[divan::bench(args = [1, 2, 8])]
fn eigensolver_besides_products(bencher: Bencher, count: usize) {
    let size = 242_010;
    let top = (0..size).map(|i| {
        if i < 12 {
            40.0 - i as f32
        } else {
            (i % 97) as f32 / 97.0
        }
    });
    let entries = Tensor::<1>::from_data(top.collect::<Vec<f32>>().as_slice(), &Device::flex());
    let mut operator = Diagonal {
        device: Device::flex(),
        entries: entries.reshape([1, size]),
    };
    let params = Params {
        count,
        ..Params::default()
    };
    let mut solver = Solver::new(params).expect("valid parameters");
    bencher.bench_local(|| {
        solver.reset();
        black_box(
            solver
                .solve(&mut operator)
                .expect("a solution")
                .info
                .iterations,
        )
    });
}

/// What a spectrum costs besides its 610 products: reorthogonalisation, mostly.
#[divan::bench(sample_count = 5)]
fn spectrum_besides_products(bencher: Bencher) {
    let size = 242_010;
    let values = (0..size).map(|i| {
        if i < 12 {
            40.0 - i as f32
        } else {
            (i % 97) as f32 / 97.0
        }
    });
    let values: Vec<f32> = values.collect();
    let entries = Tensor::<1>::from_data(values.as_slice(), &Device::flex());
    let mut operator = Diagonal {
        device: Device::flex(),
        entries: entries.reshape([1, size]),
    };
    let params = SpectrumParams::default();
    bencher.bench_local(|| black_box(spectrum(&mut operator, &params).expect("a spectrum").trace));
}

/// A hundred rows of `trace.csv`, each flushed.
#[divan::bench]
fn trace_rows(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a folder");
    let header = RunHeader {
        first_step: 0,
        next_step: 0,
        layers: vec!["layers.0".into(), "layers.1".into()],
        eigenvalues: 2,
        smallest: 0,
        preconditioned: 0,
        optimizer: "gd".into(),
        threshold_formula: "2/η".into(),
        step_size: 0.05,
        steps: 100,
        parameters: 242_010,
        accuracy: true,
        minibatches: false,
        measured: Vec::new(),
        tables: Vec::new(),
    };
    let value = |index| Eigenvalue {
        index,
        value: 41.5 / index as f64,
        residual: 0.125,
        error_bound: 0.001,
        certainty: brink_dynamics::eigen::Certainty::Bounded,
        converged: true,
        kind: EigenvalueKind::Solved,
        products: 3,
    };
    let record = |step: u64| StepRecord {
        step,
        time: 0.05 * step as f64,
        step_size: 0.05,
        loss: 1.0 / (1.0 + step as f64),
        train_accuracy: Some(0.5),
        gradient_norm: 0.25,
        threshold: Some(40.0),
        eigenvalues: vec![value(1), value(2)],
        smallest: Vec::new(),
        preconditioned: Vec::new(),
        preconditioned_threshold: None,
        output_norm_sq: Some(1.0 / 3.0),
        weight_norm_sq: vec![2.0 / 3.0, 1.0 / 3.0],
        gradient_alignment: Some(0.1),
        batch_loss: None,
        step_sharpness: None,
        measured: Vec::new(),
        tables: Vec::new(),
    };
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        let path = folder.path().join(format!("trace-{number}.csv"));
        let mut trace = TraceCsv::new(path, Default::default());
        trace.start(&header).expect("a file");
        for step in 0..100 {
            trace.step(&record(step)).expect("a row");
        }
    });
}

/// A config of the repository, read and checked.
#[divan::bench]
fn config(bencher: Bencher) {
    let text = include_str!("../../../configs/tanh.toml");
    bencher.bench_local(|| black_box(toml::from_str::<Config>(text).expect("a config")));
}
