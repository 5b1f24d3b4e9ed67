//! The identities of Wang, Li and Li (2022) and what follows from them, in float64.

use std::ops::Range;

use crate::networks::{Case, follow, follow_with, tensor, values};
use brink_dynamics::measurement::{
    Alignment, FirstOrder, GaussNewton, Gram, GramMethod, LayerSharpness, Measurement, Residual,
    Schedule,
};
use brink_dynamics::{Between, Problem};
use brink_model::{Activation, bias_name, weight_name};
use burn::tensor::Tensor;
use faer::{Mat, Side};

const ALWAYS: Schedule = Schedule { every: 1, from: 0 };

fn range(problem: &Problem<2>, name: &str) -> Option<Range<usize>> {
    let parameter = problem.objective.layout().get(name)?;
    Some(parameter.offset..parameter.offset + parameter.len())
}

/// Weight and bias of each layer, which lie side by side.
fn layers(problem: &Problem<2>) -> Vec<(String, Range<usize>)> {
    (0..problem.layers.len())
        .map(|layer| {
            let weight = range(problem, &weight_name(layer)).unwrap();
            let bias = range(problem, &bias_name(layer));
            let end = bias.map_or(weight.end, |bias| bias.end);
            (format!("layers.{layer}"), weight.start..end)
        })
        .collect()
}

fn boxed(measurement: impl Measurement<2> + 'static) -> Vec<Box<dyn Measurement<2>>> {
    vec![Box::new(measurement)]
}

fn close(a: f64, b: f64, tolerance: f64, what: &str) {
    let scale = a.abs().max(b.abs()).max(1e-3);
    assert!((a - b).abs() <= tolerance * scale, "{what}: {a} {b}");
}

fn some(column: Vec<Option<f64>>) -> Vec<f64> {
    column.into_iter().map(Option::unwrap).collect()
}

/// Rows of a matrix that a map of blocks has, applied to the identity.
fn matrix(size: usize, apply: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Mat<f64> {
    let unit = (0..size * size).map(|at| f64::from(u8::from(at % (size + 1) == 0)));
    let image = apply(tensor(unit.collect(), [size, size]));
    let columns = image.dims()[1];
    let flat = values(image);
    Mat::from_fn(size, columns, |i, j| flat[i * columns + j])
}

fn eigenvalues(matrix: &Mat<f64>) -> Vec<f64> {
    let mut values = matrix.self_adjoint_eigenvalues(Side::Lower).unwrap();
    values.reverse();
    values
}

/// Identity 3, with and without biases, at a small step and at one of the edge.
#[test]
fn the_output_norm_changes_as_the_residual_predicts() {
    for (activation, bias) in [
        (Activation::Linear, false),
        (Activation::Tanh, true),
        (Activation::Relu, true),
        (Activation::Elu, false),
    ] {
        let case = Case::new(activation, bias);
        let kept = follow(&case, &case.weights(), (0.2, 40), |problem| {
            boxed(Residual::new(
                ALWAYS,
                case.squared_error(),
                range(problem, "layers.2.weight").unwrap(),
                range(problem, "layers.2.bias"),
            ))
        });
        let changes = some(kept.column("output_norm_sq_change"));
        let predicted = some(kept.column("output_norm_sq_predicted"));
        for t in 0..changes.len() {
            close(changes[t], predicted[t], 1e-12, "predicted change of ‖A‖²");
        }
        let errors = some(kept.column("output_norm_sq_error"));
        for t in 0..errors.len() {
            close(errors[t], changes[t] - predicted[t], 1e-12, "its error");
        }
        // The changes are those that the next record shows.
        for (pair, change) in kept.records.windows(2).zip(&changes) {
            let step = pair[1].output_norm_sq.unwrap() - pair[0].output_norm_sq.unwrap();
            close(*change, step, 1e-12, "change of ‖A‖²");
        }
        // DᵀF = ‖D‖² + DᵀY, and the loss is (κ/n)‖D‖².
        let norms = some(kept.column("residual_norm_sq"));
        let with_output = some(kept.column("residual_dot_output"));
        let with_target = some(kept.column("residual_dot_target"));
        for t in 0..norms.len() {
            close(with_output[t], norms[t] + with_target[t], 1e-12, "DᵀF");
            let loss = case.factor / crate::networks::SAMPLES as f64 * norms[t];
            close(loss, kept.records[t].loss, 1e-12, "loss");
        }
    }
}

/// Identity 1, and the Gram matrix by products against the one that is formed from J itself.
#[test]
fn the_hessian_splits_and_the_gram_matrix_has_the_gauss_newton_spectrum() {
    let case = Case::new(Activation::Tanh, true);
    let weights = case.weights();
    let scale = case.squared_error().scale();
    let kept = follow(&case, &weights, (0.1, 6), |_| {
        let gram = |method| Gram::new(ALWAYS, case.squared_error(), method, 3, 1e-12).unwrap();
        vec![
            Box::new(gram(GramMethod::MatrixFree)) as Box<dyn Measurement<2>>,
            Box::new(GaussNewton::new(ALWAYS, 1e-12).unwrap()),
        ]
    });
    let dense = follow(&case, &weights, (0.1, 6), |_| {
        let gram = Gram::new(ALWAYS, case.squared_error(), GramMethod::Dense, 3, 1e-12);
        boxed(gram.unwrap())
    });
    let (problem, mut theta) = case.build(&weights);
    for t in 0..6 {
        let mut at = problem.objective.linearize(&theta).unwrap();
        let parameters = problem.objective.parameters();
        let jacobian = matrix(parameters, |unit| at.jvp(unit).unwrap());
        let exact: Vec<f64> = eigenvalues(&(jacobian.transpose() * &jacobian));
        for index in 1..=3 {
            let name = format!("gram_lambda_{index}");
            let expected = scale * exact[index - 1];
            if index == 1 {
                let sharpness = kept.records[t].sharpness().unwrap();
                let gap = kept.column("gram_gap")[t].unwrap();
                close(gap, ((sharpness - expected) / sharpness).abs(), 1e-8, "gap");
            }
            close(kept.column(&name)[t].unwrap(), expected, 1e-10, &name);
            close(dense.column(&name)[t].unwrap(), expected, 1e-10, &name);
        }
        let part = kept.column("gauss_newton_lambda_1")[t].unwrap();
        close(part, scale * exact[0], 1e-10, "λ₁ of Gauss–Newton");

        // H = (2κ/n) JᵀJ + the rest, entry by entry, with the rest's own λ₁.
        let hessian = matrix(parameters, |unit| at.hvp(unit).unwrap());
        let rest = Mat::from_fn(parameters, parameters, |i, j| {
            let product: f64 = (0..jacobian.ncols())
                .map(|k| jacobian[(i, k)] * jacobian[(j, k)])
                .sum();
            hessian[(i, j)] - scale * product
        });
        let measured = kept.column("residual_hessian_lambda_1")[t].unwrap();
        close(measured, eigenvalues(&rest)[0], 1e-9, "λ₁ of the rest");
        for name in [
            "residual_on_v1",
            "residual_off_v1",
            "loss_share_v1",
            "v1_cos_start",
        ] {
            match (kept.column(name)[t], dense.column(name)[t]) {
                // A vector is known to the root of its value's tolerance.
                (Some(a), Some(b)) => close(a.abs(), b.abs(), 1e-5, name),
                (a, b) => assert_eq!(a, b, "{name}"),
            }
        }
        theta = theta - at.gradient().clone().mul_scalar(0.1);
    }
}

/// ‖D‖² = (Dᵀv₁)² + ‖R‖², and v₁ keeps its sign.
#[test]
fn the_residual_splits_along_the_top_eigenvector() {
    let case = Case::new(Activation::Linear, false);
    let kept = follow(&case, &case.weights(), (0.3, 30), |problem| {
        let loss = case.squared_error();
        let weight = range(problem, "layers.2.weight").unwrap();
        vec![
            Box::new(Residual::new(ALWAYS, loss.clone(), weight, None)) as Box<dyn Measurement<2>>,
            Box::new(Gram::new(ALWAYS, loss, GramMethod::MatrixFree, 2, 1e-10).unwrap()),
        ]
    });
    let norms = some(kept.column("residual_norm_sq"));
    let along = some(kept.column("residual_on_v1"));
    let off = some(kept.column("residual_off_v1"));
    for t in 0..norms.len() {
        close(along[t].powi(2) + off[t].powi(2), norms[t], 1e-11, "‖D‖²");
        close(
            kept.column("loss_share_v1")[t].unwrap(),
            along[t].powi(2) / norms[t],
            1e-12,
            "share",
        );
    }
    assert_eq!(kept.column("v1_cos_previous")[0], None);
    let cosines = kept.column("v1_cos_previous");
    assert!(cosines[1..].iter().flatten().all(|&c| c > 0.5 && c <= 1.0));
}

/// Identity 2: exact for a model that is linear in its parameters, of second order in η otherwise.
#[test]
fn the_first_order_step_is_exact_for_a_linear_model() {
    let mut case = Case::new(Activation::Linear, true);
    let first_order = |case: &Case| boxed(FirstOrder::new(ALWAYS, case.squared_error()));
    case.hidden = vec![];
    let kept = follow(&case, &case.weights(), (0.2, 10), |_| first_order(&case));
    let errors = kept.column("first_order_error");
    assert_eq!(errors[0], None);
    assert!(
        errors[1..].iter().all(|error| error.unwrap() < 1e-13),
        "{errors:?}"
    );

    let case = Case::new(Activation::Tanh, true);
    let error = |step_size| {
        let kept = follow(&case, &case.weights(), (step_size, 2), |_| {
            first_order(&case)
        });
        kept.column("first_order_error")[1].unwrap()
    };
    let order = (error(2e-3) / error(1e-3)).log2();
    assert!((order - 2.0).abs() < 0.02, "{order}");
}

/// The linear prediction against D − (2κη/n)·M·D with M formed from J.
#[test]
fn the_first_order_step_is_that_of_the_gram_matrix() {
    let case = Case::new(Activation::Elu, true);
    let weights = case.weights();
    let step_size = 0.3;
    let kept = follow(&case, &weights, (step_size, 3), |_| {
        boxed(FirstOrder::new(ALWAYS, case.squared_error()))
    });
    let (problem, theta) = case.build(&weights);
    let targets = values(case.squared_error().targets());
    let residual = |outputs: &Tensor<2>| -> Vec<f64> {
        let outputs = values(outputs.clone());
        outputs.iter().zip(&targets).map(|(f, y)| f - y).collect()
    };
    let mut at = problem.objective.linearize(&theta).unwrap();
    let before = residual(at.outputs());
    let jacobian = matrix(problem.objective.parameters(), |unit| at.jvp(unit).unwrap());
    let next = theta - at.gradient().clone().mul_scalar(step_size);
    let after = residual(&problem.objective.evaluate(&next).unwrap().outputs);
    let gram = jacobian.transpose() * &jacobian;
    let scale = case.squared_error().scale();
    let size = before.len();
    let off: f64 = (0..size)
        .map(|i| {
            let product: f64 = (0..size).map(|j| gram[(i, j)] * before[j]).sum();
            (after[i] - before[i] + step_size * scale * product).powi(2)
        })
        .sum();
    let norm: f64 = before.iter().map(|d| d * d).sum();
    let expected = (off / norm).sqrt();
    close(
        kept.column("first_order_error")[1].unwrap(),
        expected,
        1e-9,
        "error",
    );
}

#[test]
fn layers_share_the_top_eigenvector_and_have_their_own_sharpness() {
    let case = Case::new(Activation::Softplus, true);
    let weights = case.weights();
    let kept = follow(&case, &weights, (0.1, 3), |problem| {
        vec![
            Box::new(Alignment::new(ALWAYS, layers(problem))) as Box<dyn Measurement<2>>,
            Box::new(LayerSharpness::new(ALWAYS, layers(problem), 1e-11).unwrap()),
        ]
    });
    let (problem, mut theta) = case.build(&weights);
    for t in 0..3 {
        let mut at = problem.objective.linearize(&theta).unwrap();
        let size = problem.objective.parameters();
        let hessian = matrix(size, |unit| at.hvp(unit).unwrap());
        let decomposition = hessian.self_adjoint_eigen(Side::Lower).unwrap();
        let mut total = 0.0;
        for (name, range) in layers(&problem) {
            let share = kept.column(&format!("eigenvector_share.{name}"))[t].unwrap();
            let exact: f64 = range
                .clone()
                .map(|i| decomposition.U()[(i, size - 1)].powi(2))
                .sum();
            // A vector is known to the root of its value's tolerance.
            close(share, exact, 1e-5, "share");
            total += share;
            let block = hessian
                .submatrix(range.start, range.start, range.len(), range.len())
                .to_owned();
            let sharpness = kept.column(&format!("lambda_1.{name}"))[t].unwrap();
            close(
                sharpness,
                eigenvalues(&block)[0],
                1e-9,
                "sharpness of a layer",
            );
        }
        close(total, 1.0, 1e-12, "shares");
        theta = theta - at.gradient().clone().mul_scalar(0.1);
    }
}

#[test]
fn a_schedule_leaves_other_steps_empty() {
    let case = Case::new(Activation::Tanh, true);
    let schedule = Schedule { every: 3, from: 2 };
    let kept = follow(&case, &case.weights(), (0.1, 9), |_| {
        vec![
            Box::new(FirstOrder::new(schedule, case.squared_error())) as Box<dyn Measurement<2>>,
            Box::new(GaussNewton::new(schedule, 1e-6).unwrap()),
        ]
    });
    for name in ["first_order_error", "gauss_newton_lambda_1"] {
        let steps: Vec<usize> = (kept.column(name).iter().enumerate())
            .filter_map(|(step, value)| value.map(|_| step))
            .collect();
        assert_eq!(steps, [2, 5, 8], "{name}");
    }
}

/// Between solves the vectors are those of an earlier step: eigenvectors of that step's Hessian only.
#[test]
fn a_stale_vector_is_not_shared_among_layers() {
    let case = Case::new(Activation::Tanh, true);
    let schedule = Schedule { every: 3, from: 0 };
    let kept = follow_with(
        &case,
        &case.weights(),
        (0.1, 7),
        (schedule, Between::RayleighQuotient),
        |problem| boxed(Alignment::new(ALWAYS, layers(problem))),
    );
    let shares = kept.column("eigenvector_share.layers.0");
    let steps: Vec<usize> = (0..7).filter(|&step| shares[step].is_some()).collect();
    assert_eq!(steps, [0, 3, 6]);
    assert!(kept.records.iter().all(|r| r.sharpness().is_some()));
}
