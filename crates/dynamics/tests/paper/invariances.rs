//! Changes of a problem that must not change its run.

use crate::networks::{Case, Kept, follow};
use brink_dynamics::measurement::{Gram, GramMethod, Measurement, Schedule};
use brink_dynamics::record::StepRecord;
use brink_model::{Activation, NamedTensor, Weights};

const STEPS: u64 = 25;

fn measured(case: &Case, weights: &Weights, step_size: f64) -> Kept {
    follow(case, weights, (step_size, STEPS), |_| {
        let loss = case.squared_error();
        let gram = Gram::new(Schedule::default(), loss, GramMethod::MatrixFree, 2, 1e-11);
        vec![Box::new(gram.unwrap()) as Box<dyn Measurement<2>>]
    })
}

/// Everything that both runs record agrees, times `scale` where a quantity scales with the loss.
fn agree(a: &Kept, b: &Kept, scale: f64) {
    let within = |tolerance: f64, a: f64, b: f64, what: &str, t: usize| {
        assert!(
            (a - b).abs() <= tolerance * a.abs().max(1e-6),
            "{what} at step {t}: {a} {b}"
        );
    };
    let close = |a, b, what: &str, t| within(1e-9, a, b, what, t);
    for (t, (a, b)) in a.records.iter().zip(&b.records).enumerate() {
        close(scale * a.loss, b.loss, "loss", t);
        close(scale * a.gradient_norm, b.gradient_norm, "gradient norm", t);
        let norm = |record: &StepRecord| record.output_norm_sq.unwrap();
        close(norm(a), norm(b), "‖A‖²", t);
        for (x, y) in a.eigenvalues.iter().zip(&b.eigenvalues) {
            close(scale * x.value, y.value, "λ", t);
        }
    }
    // What follows from an eigenvector is known to the root of its eigenvalue's tolerance.
    for (name, scale, tolerance) in [
        ("gram_lambda_1", scale, 1e-9),
        ("residual_off_v1", 1.0, 1e-5),
        ("loss_share_v1", 1.0, 1e-3),
    ] {
        for (t, (a, b)) in a.column(name).iter().zip(b.column(name)).enumerate() {
            within(tolerance, scale * a.unwrap(), b.unwrap(), name, t);
        }
    }
}

#[test]
fn hidden_units_have_no_order() {
    for activation in [Activation::Tanh, Activation::Gelu] {
        let case = Case::new(activation, true);
        let weights = case.weights();
        let order = [4, 0, 5, 2, 1, 3];
        let permuted = weights.tensors().iter().map(|tensor| {
            let mut values = tensor.values.clone();
            let columns = *tensor.shape.last().unwrap();
            for (at, value) in values.iter_mut().enumerate() {
                let (row, column) = (at / columns, at % columns);
                *value = match tensor.name.as_str() {
                    "layers.0.weight" => tensor.values[row * columns + order[column]],
                    "layers.0.bias" => tensor.values[order[column]],
                    "layers.1.weight" => tensor.values[order[row] * columns + column],
                    _ => *value,
                };
            }
            NamedTensor {
                values,
                ..tensor.clone()
            }
        });
        let permuted = Weights::new(permuted.collect()).unwrap();
        assert_ne!(permuted, weights);
        agree(
            &measured(&case, &weights, 0.2),
            &measured(&case, &permuted, 0.2),
            1.0,
        );
    }
}

#[test]
fn samples_have_no_order() {
    let case = Case::new(Activation::Tanh, true);
    let mut shuffled = case.clone();
    shuffled.order.reverse();
    shuffled.order.swap(2, 7);
    let weights = case.weights();
    agree(
        &measured(&case, &weights, 0.2),
        &measured(&shuffled, &weights, 0.2),
        1.0,
    );
}

#[test]
fn the_factor_of_the_loss_is_undone_by_the_step_size() {
    let case = Case::new(Activation::Elu, true);
    let mut scaled = case.clone();
    scaled.factor *= 8.0;
    let weights = case.weights();
    agree(
        &measured(&case, &weights, 0.2),
        &measured(&scaled, &weights, 0.2 / 8.0),
        8.0,
    );
}
