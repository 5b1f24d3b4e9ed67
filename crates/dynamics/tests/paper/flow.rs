//! Gradient flow against closed forms, its integrators against each other, and identity 4.

use std::convert::Infallible;

use crate::networks::{Case, Kept, follow, tensor, values};
use brink_dynamics::flow::{DormandPrince, FlowMethod, GradientFlow, StepTooSmall, runge_kutta_4};
use brink_dynamics::measurement::{Measurement, Schedule};
use brink_model::Activation;
use burn::tensor::Tensor;

const CURVATURES: [f64; 4] = [8.0, 2.0, 0.5, -0.25];
const START: [f64; 4] = [1.0, -2.0, 0.5, 1.5];

/// dθ/dτ = −Hθ for a diagonal H.
fn linear_field(theta: &Tensor<1>) -> Tensor<1> {
    (theta.clone() * tensor(CURVATURES.to_vec(), [4])).neg()
}

/// θᵢ(τ) = e^(−hᵢτ)·θᵢ(0).
fn exact(time: f64) -> [f64; 4] {
    std::array::from_fn(|i| START[i] * (-CURVATURES[i] * time).exp())
}

fn distance(theta: Tensor<1>, exact: [f64; 4]) -> f64 {
    let apart = values(theta).into_iter().zip(exact);
    apart.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn by_runge_kutta(steps: usize) -> f64 {
    let mut theta = tensor(START.to_vec(), [4]);
    let field = |theta: &Tensor<1>| Ok::<_, Infallible>(linear_field(theta));
    for _ in 0..steps {
        let first = linear_field(&theta);
        theta = runge_kutta_4(field, &theta, &first, 1.0 / steps as f64).unwrap();
    }
    distance(theta, exact(1.0))
}

#[test]
fn runge_kutta_has_order_four() {
    let order = (by_runge_kutta(40) / by_runge_kutta(80)).log2();
    assert!((order - 4.0).abs() < 0.15, "{order}");
    assert!(by_runge_kutta(400) < 1e-9);
}

fn length(vector: Tensor<1>) -> f64 {
    values(vector).iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn by_dormand_prince(tolerance: f64) -> Result<f64, StepTooSmall> {
    let start = tensor(START.to_vec(), [4]);
    let mut pair = DormandPrince::new(tolerance);
    let norms = |vectors: Vec<Tensor<1>>| Ok(vectors.into_iter().map(length).collect());
    let field = |theta: &Tensor<1>| Ok(linear_field(theta));
    // In two parts, as a run calls it.
    let half = pair.integrate(field, norms, start, (0.0, 0.5))?;
    let end = pair.integrate(field, norms, half, (0.5, 1.0))?;
    Ok(distance(end, exact(1.0)))
}

#[test]
fn the_embedded_pair_keeps_its_tolerance() {
    let errors = [1e-4, 1e-7, 1e-10].map(|tolerance| by_dormand_prince(tolerance).unwrap());
    for (error, tolerance) in errors.into_iter().zip([1e-4, 1e-7, 1e-10]) {
        assert!(error < 30.0 * tolerance, "{error} at {tolerance}");
    }
    assert!(errors[2] < 1e-4 * errors[0], "{errors:?}");
}

#[test]
fn a_tolerance_out_of_reach_is_refused() {
    let error = by_dormand_prince(1e-40).unwrap_err();
    assert!(error.to_string().contains("float64"), "{error}");
}

fn flow(case: &Case, step_size: f64, steps: u64, method: FlowMethod) -> Kept {
    follow(case, &case.weights(), (step_size, steps), |_| {
        let flow = GradientFlow::new(Schedule::default(), None, method, 1e-9).unwrap();
        vec![Box::new(flow) as Box<dyn Measurement<2>>]
    })
}

#[test]
fn the_integrators_agree_on_a_network() {
    let case = Case::new(Activation::Tanh, true);
    let (alpha, cap) = (0.05, 0.1);
    let a = flow(&case, 0.1, 30, FlowMethod::RungeKutta4 { alpha, cap });
    let b = flow(
        &case,
        0.1,
        30,
        FlowMethod::DormandPrince { tolerance: 1e-11 },
    );
    // A distance is a small difference of the parameters, whose errors it shows magnified.
    for (name, tolerance) in [
        ("flow_loss", 1e-8),
        ("flow_lambda_1", 1e-8),
        ("flow_distance", 1e-6),
    ] {
        for (a, b) in a.column(name).into_iter().zip(b.column(name)).skip(1) {
            let (a, b) = (a.unwrap(), b.unwrap());
            assert!((a - b).abs() < tolerance * b.abs(), "{name}: {a} {b}");
        }
    }
    assert_eq!(a.column("flow_distance")[0], Some(0.0));
}

/// Gradient descent with a small step follows the flow, its distance of first order in η.
#[test]
fn gradient_descent_tends_to_the_flow() {
    let case = Case::new(Activation::Tanh, true);
    let method = FlowMethod::DormandPrince { tolerance: 1e-11 };
    let last = |step_size: f64, steps: u64| {
        let kept = flow(&case, step_size, steps + 1, method);
        kept.column("flow_distance").pop().flatten().unwrap()
    };
    let order = (last(0.02, 25) / last(0.01, 50)).log2();
    assert!((order - 1.0).abs() < 0.1, "{order}");
}

/// Change of each layer's ‖W‖² along the flow up to time 1.
fn growth(activation: Activation) -> Vec<f64> {
    let case = Case::new(activation, false);
    let (problem, start) = case.build(&case.weights());
    let norms = |theta: &Tensor<1>| -> Vec<f64> {
        let theta = values(theta.clone());
        let layers = problem.objective.layout().parameters().iter();
        layers
            .map(|p| {
                theta[p.offset..p.offset + p.len()]
                    .iter()
                    .map(|w| w * w)
                    .sum()
            })
            .collect()
    };
    let mut pair = DormandPrince::new(1e-12);
    let end = pair
        .integrate(
            |theta| {
                let gradient = problem.objective.gradient(theta).unwrap();
                Ok::<_, StepTooSmall>(gradient.gradient.neg())
            },
            |vectors| Ok(vectors.into_iter().map(length).collect()),
            start.clone(),
            (0.0, 1.0),
        )
        .unwrap();
    norms(&end)
        .iter()
        .zip(norms(&start))
        .map(|(a, b)| a - b)
        .collect()
}

/// Identity 4: the norms of all layers grow alike without biases, if the network is homogeneous.
#[test]
fn layers_stay_balanced_in_homogeneous_networks() {
    for activation in [Activation::Linear, Activation::Relu] {
        let growth = growth(activation);
        assert!(growth[0].abs() > 1e-3, "{growth:?}");
        for layer in &growth[1..] {
            // ReLU's kinks cost the integrator some of its order.
            assert!(
                (layer - growth[0]).abs() < 1e-7,
                "{activation:?}: {growth:?}"
            );
        }
    }
    for activation in [Activation::Tanh, Activation::Elu] {
        let growth = growth(activation);
        assert!(
            (growth[2] - growth[0]).abs() > 1e-4,
            "{activation:?}: {growth:?}"
        );
    }
}
