//! The eigensolver's error bounds against an independent float64 solver at every step of training:
//! how many are broken, how wide they are, and what they cost.
//!
//! ```text
//! cargo run --release --example calibrate [PART OF A PROBLEM'S NAME]
//! ```
//!
//! Prints a table in Markdown. `BRINK_CIFAR10` names a folder of CIFAR-10's binary files; without
//! it synthetic images are used. Exits 1 if a bound is broken.

#[path = "../../dynamics/tests/referee/case.rs"]
mod case;
#[path = "../../dynamics/tests/referee/reference.rs"]
mod reference;
#[path = "../../dynamics/tests/referee/verdict.rs"]
mod verdict;

use std::process::ExitCode;
use std::time::Instant;

use brink_dynamics::eigen::Params;
use brink_model::{Activation, Loss};
use burn::tensor::FloatDType;

use case::{Case, Layers, Step};
use verdict::{Trial, Verdict};

/// Cases of one kind and how long each is followed.
struct Problem {
    name: &'static str,
    cases: Vec<Case>,
    steps: usize,
}

fn dense(samples: usize, hidden: &[usize], activation: Activation, step: Step) -> Case {
    Case {
        samples,
        binary: false,
        layers: Layers::Dense(hidden.to_vec()),
        activation,
        bias: true,
        loss: Loss::Mse { factor: 0.5 },
        step,
        seed: 0,
    }
}

fn seeds(case: &Case, seeds: std::ops::Range<u64>) -> Vec<Case> {
    seeds
        .map(|seed| Case {
            seed,
            ..case.clone()
        })
        .collect()
}

fn problems() -> Vec<Problem> {
    let quickstart = Case {
        binary: true,
        bias: false,
        loss: Loss::Mse { factor: 1.0 },
        ..dense(200, &[64, 64], Activation::Linear, Step::Size(0.01))
    };
    let tanh = dense(200, &[40, 40], Activation::Tanh, Step::OfEdge(0.8));
    let relu = dense(200, &[40, 40], Activation::Relu, Step::OfEdge(0.9));
    let cross_entropy = Case {
        loss: Loss::CROSS_ENTROPY,
        ..dense(200, &[40], Activation::Elu, Step::OfEdge(1.0))
    };
    let cnn = Case {
        layers: Layers::Convolutions(vec![4, 4]),
        ..dense(40, &[], Activation::Gelu, Step::OfEdge(0.9))
    };
    let small = dense(20, &[8], Activation::Tanh, Step::OfEdge(2.0));
    vec![
        Problem {
            name: "quickstart, 8 seeds",
            cases: seeds(&quickstart, 0..8),
            steps: 30,
        },
        Problem {
            name: "tanh to the edge",
            cases: seeds(&tanh, 0..2),
            steps: 150,
        },
        Problem {
            name: "ReLU through its crossing",
            cases: seeds(&relu, 0..2),
            steps: 100,
        },
        Problem {
            name: "cross-entropy",
            cases: seeds(&cross_entropy, 0..2),
            steps: 100,
        },
        Problem {
            name: "small CNN",
            cases: seeds(&cnn, 0..2),
            steps: 60,
        },
        Problem {
            name: "8 hidden units far above the edge",
            cases: seeds(&small, 0..4),
            steps: 100,
        },
    ]
}

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let cifar = std::env::var_os("BRINK_CIFAR10").is_some();
    let params = Params {
        count: 2,
        ..Params::default()
    };
    let images = if cifar {
        "CIFAR-10"
    } else {
        "synthetic images"
    };
    println!("Two eigenvalues a step to 1e-3, {images}.\n");
    println!(
        "| problem | dtype | eigenvalues | violations | not converged | bound ÷ error, median | products an eigenvalue |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut total = Verdict::default();
    for problem in problems() {
        if !problem.name.contains(&wanted) {
            continue;
        }
        for dtype in [FloatDType::F64, FloatDType::F32] {
            let begun = Instant::now();
            let mut verdict = Verdict::default();
            for case in &problem.cases {
                if let Some(trial) = Trial::new(case, cifar, dtype) {
                    verdict.add(trial.follow(problem.steps, &params));
                }
            }
            let dtype = format!("{dtype:?}").replace('F', "float");
            row(problem.name, &dtype, &mut verdict);
            for violation in &verdict.violations {
                eprintln!("{violation}");
            }
            eprintln!(
                "{} {dtype}: {:.0} s",
                problem.name,
                begun.elapsed().as_secs_f64()
            );
            total.add(verdict);
        }
    }
    row("all", "", &mut total);
    ExitCode::from(u8::from(!total.violations.is_empty()))
}

fn row(name: &str, dtype: &str, verdict: &mut Verdict) {
    let ratio = verdict.median_ratio();
    println!(
        "| {name} | {dtype} | {} | {} | {} | {ratio:.1} | {:.2} |",
        verdict.values,
        verdict.violations.len(),
        verdict.not_converged,
        verdict.products as f64 / verdict.values.max(1) as f64,
    );
}
