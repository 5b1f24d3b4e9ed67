//! Training in float64 with an independent solver at every step: no eigenvalue may lie further from
//! the reported one than its bound, but for a few of 10,000 of tiny networks that change fast.
//!
//! `BRINK_CIFAR10` names a folder of CIFAR-10's binary files; without it synthetic images are used.

#![cfg(feature = "flex")]

mod case;
mod reference;
mod verdict;

use brink_dynamics::DENSE;
use brink_dynamics::eigen::Params;
use brink_model::{Activation, Loss};
use burn::tensor::FloatDType;

use case::{Case, Layers, Step};
use verdict::{Trial, Verdict};

const ACTIVATIONS: [Activation; 7] = [
    Activation::Linear,
    Activation::Tanh,
    Activation::Relu,
    Activation::Elu,
    Activation::Gelu,
    Activation::Softplus,
    Activation::Sigmoid,
];

fn two() -> Params {
    Params {
        count: 2,
        dense: DENSE,
        ..Params::default()
    }
}

fn judge(cases: &[(Case, usize)], params: &Params) -> Verdict {
    let mut all = Verdict::default();
    for (case, steps) in cases {
        for cifar in [false, true] {
            let Some(trial) = Trial::new(case, cifar, FloatDType::F64) else {
                continue;
            };
            all.add(trial.follow(*steps, params));
        }
    }
    all
}

/// The Hessian of a tiny network may be another one after a step. Fewer products than it has rows cannot
/// rule out then that an eigenvalue is overlooked: of 10,000 values so many may be.
const OVERLOOKED: usize = 10;

/// At least so many values, none of which is overlooked.
fn accept(verdict: Verdict, least: usize) {
    accept_all_but(verdict, least, 0);
}

/// The same if up to so many of 10,000 may be overlooked.
fn accept_all_but(mut verdict: Verdict, least: usize, overlooked: usize) {
    let median = verdict.median_ratio();
    eprintln!(
        "{} values, {} violations, {} not converged, median bound/error {:.1}, {:.2} products a value",
        verdict.values,
        verdict.violations.len(),
        verdict.not_converged,
        median,
        verdict.products as f64 / verdict.values as f64,
    );
    for violation in &verdict.violations {
        eprintln!("{violation}");
    }
    assert!(verdict.values >= least, "only {} values", verdict.values);
    assert!(
        10_000 * verdict.violations.len() <= overlooked * verdict.values,
        "{} violations",
        verdict.violations.len()
    );
}

#[test]
fn first_steps_of_a_linear_network() {
    let cases: Vec<(Case, usize)> = (0..8)
        .map(|seed| {
            let case = Case {
                samples: 200,
                binary: true,
                layers: Layers::Dense(vec![64, 64]),
                activation: Activation::Linear,
                bias: false,
                loss: Loss::Mse { factor: 1.0 },
                step: Step::Size(0.01),
                seed,
            };
            (case, 30)
        })
        .collect();
    accept(judge(&cases, &two()), 480);
}

#[test]
fn small_networks_started_anywhere_about_the_edge() {
    let mut cases = Vec::new();
    let losses = [Loss::Mse { factor: 0.5 }, Loss::CROSS_ENTROPY];
    for (i, activation) in ACTIVATIONS.into_iter().enumerate() {
        for (j, loss) in losses.into_iter().enumerate() {
            for (samples, hidden) in [(8, 4), (20, 8), (40, 12)] {
                for share in [0.5, 1.0, 3.0] {
                    let case = Case {
                        samples,
                        binary: false,
                        layers: Layers::Dense(vec![hidden]),
                        activation,
                        bias: true,
                        loss,
                        step: Step::OfEdge(share),
                        seed: (2 * i + j) as u64,
                    };
                    cases.push((case, 25));
                }
            }
        }
    }
    accept_all_but(judge(&cases, &two()), 2_000, OVERLOOKED);
}

#[test]
fn a_small_network_far_above_its_edge() {
    let case = Case {
        samples: 20,
        binary: false,
        layers: Layers::Dense(vec![8]),
        activation: Activation::Tanh,
        bias: true,
        loss: Loss::Mse { factor: 0.5 },
        step: Step::Size(0.05),
        seed: 0,
    };
    accept(judge(&[(case, 150)], &two()), 300);
}

#[test]
fn a_small_convolutional_network_at_its_edge() {
    let case = Case {
        samples: 12,
        binary: false,
        layers: Layers::Convolutions(vec![2, 2]),
        activation: Activation::Gelu,
        bias: true,
        loss: Loss::Mse { factor: 0.5 },
        step: Step::OfEdge(1.2),
        seed: 0,
    };
    accept(judge(&[(case, 20)], &two()), 40);
}
