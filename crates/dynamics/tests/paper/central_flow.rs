//! The central flow against closed forms, an independent integrator, gradient flow and gradient
//! descent, in float64.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crate::networks::{Case, Kept, follow, tensor};
use brink_dynamics::central_flow::{CentralFlow, CentralFlowParams};
use brink_dynamics::eigen::Params;
use brink_dynamics::flow::{FlowMethod, GradientFlow};
use brink_dynamics::measurement::{Measurement, Schedule};
use brink_dynamics::{Above, EigenvalueSettings, Problem, Settings, run};
use brink_linearize::{Batch, Objective};
use brink_model::Activation;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use safetensors::SafeTensors;

const EXACT: CentralFlowParams = CentralFlowParams {
    substeps: 4,
    count: 3,
    largest_count: 6,
    relative_tolerance: 1e-13,
};

fn central(schedule: Schedule, params: CentralFlowParams) -> Box<dyn Measurement<2>> {
    Box::new(CentralFlow::new(schedule, params).unwrap())
}

/// Gradient descent on a loss with the flow beside it.
fn followed(
    objective: Objective<2>,
    theta: Tensor<1>,
    (step_size, steps): (f64, u64),
    measurement: Box<dyn Measurement<2>>,
) -> Kept {
    let (mut kept, never) = (Kept::default(), AtomicBool::new(false));
    run(
        &Problem::new(objective),
        theta,
        &Settings::gradient_descent(step_size, steps),
        &mut [measurement],
        &mut [&mut kept],
        &never,
    )
    .unwrap();
    kept
}

/// θ = (x, y), with the loss ½xᵀM(y)x − cᵀy, M = M₀ + Σ yₘMₘ.
#[derive(Module, Debug)]
struct Valley {
    place: Param<Tensor<2>>,
}

const SIDE: usize = 2;

/// The loss of matrices M₀, M₁, … of two rows, and its θ at x = 0, y = 0.
fn valley(matrices: &[[f64; 4]], slope: &[f64]) -> (Objective<2>, Tensor<1>) {
    let depth = slope.len();
    let size = SIDE + depth;
    let module = Valley {
        place: Param::from_tensor(tensor(vec![0.0; size], [1, size])),
    };
    let chosen = |from: usize, count: usize| {
        let entry = |at: usize| f64::from(u8::from(at / count == from + at % count));
        tensor((0..size * count).map(entry).collect(), [size, count])
    };
    let (across, along) = (chosen(0, SIDE), chosen(SIDE, depth));
    let mut batch = Batch::new().with(across).with(along);
    batch = batch.with(tensor::<2>(slope.to_vec(), [1, depth]));
    for matrix in matrices {
        batch = batch.with(tensor::<2>(matrix.to_vec(), [SIDE, SIDE]));
    }
    let objective = Objective::trace(
        &module,
        &batch,
        |module: &Valley, _| module.place.val(),
        |place, batch| {
            let x = place.clone().matmul(batch.float::<2>(0));
            let y = place.matmul(batch.float::<2>(1));
            let quadratic =
                |at: usize| (x.clone().matmul(batch.float::<2>(3 + at)) * x.clone()).sum();
            let mut loss = quadratic(0) * 0.5 - (y.clone() * batch.float::<2>(2)).sum();
            for at in 0..depth {
                let height = y.clone().narrow(1, at, 1).sum();
                loss = loss + quadratic(1 + at) * height * 0.5;
            }
            loss
        },
    )
    .unwrap();
    let theta = objective.layout().flatten(&module);
    (objective, theta)
}

fn close(found: Option<f64>, expected: f64, what: &str) {
    let found = found.unwrap_or_else(|| panic!("{what} is empty"));
    let error = (found - expected).abs();
    assert!(
        error < 1e-9 * expected.abs().max(1.0),
        "{what}: {found} for {expected}"
    );
}

/// One eigenvalue that rises by α = cb a unit of time until it is at 2/η, where β = b²: then
/// Σ = 2α/β (Damian, Nichani and Lee 2023), and the flow stands still.
#[test]
fn of_one_eigenvalue_sigma_is_two_alpha_by_beta() {
    let (step_size, slope, rise, first) = (0.1, 0.7, 2.5, 19.0);
    let cap = 2.0 / step_size;
    let (objective, theta) = valley(&[[first, 0.0, 0.0, 1.0], [rise, 0.0, 0.0, 0.0]], &[slope]);
    let kept = followed(
        objective,
        theta,
        (step_size, 12),
        central(Schedule::default(), EXACT),
    );
    // 0.175 a step, from 19 to 20 in 5.7 steps.
    for step in 0..12 {
        let name = |what: &str| format!("step {step}, {what}");
        let column = |name: &str| kept.column(name)[step];
        let height = (step as f64 * step_size * slope).min((cap - first) / rise);
        let sigma = 2.0 * slope / rise;
        close(
            column("central_lambda_1"),
            first + rise * height,
            &name("λ₁"),
        );
        close(column("central_lambda_2"), 1.0, &name("λ₂"));
        close(column("central_loss"), -slope * height, &name("L"));
        if step != 5 {
            let sigma = if step < 5 { 0.0 } else { sigma };
            close(column("central_trace_sigma"), sigma, &name("tr Σ"));
            let predicted = -slope * height + sigma / step_size;
            close(column("central_predicted_loss"), predicted, &name("mean L"));
            close(
                column("central_predicted_gradient_norm_sq"),
                slope * slope + 4.0 * sigma / step_size / step_size,
                &name("mean ‖∇L‖²"),
            );
        }
        // Gradient descent stays at x = 0, as it started, and y goes on.
        let distance = step as f64 * step_size * slope - height;
        close(column("central_distance"), distance, &name("‖θ − w‖"));
        // 19 is 0.95 of 20, and not above it.
        let critical = if step == 0 { 0.0 } else { 1.0 };
        assert_eq!(column("central_critical"), Some(critical));
    }
    // Both integrations are exact but in the step of the crossing.
    let error = kept.column("central_error");
    assert!(error[5].unwrap() < 1e-12 && error[6] == error[11]);
}

/// Two eigenvalues that are equal and matrices that do not commute: with all symmetric ones among
/// them, ⟨Mₘ, Σ⟩ = 2cₘ says what Σ is, also off the diagonal.
#[test]
fn of_two_equal_eigenvalues_sigma_has_a_part_off_the_diagonal() {
    let step_size = 0.1;
    let matrices = [
        [20.0, 0.0, 0.0, 20.0],
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 0.5, 0.5, 0.0],
        [0.3, 0.0, 0.0, 2.0],
    ];
    // Σ = [[a, b], [b, d]].
    let (a, b, d) = (0.8, 0.5, 0.6);
    let slope = [0.5 * a, 0.5 * b, 0.5 * (0.3 * a + 2.0 * d)];
    let (objective, theta) = valley(&matrices, &slope);
    let kept = followed(
        objective,
        theta,
        (step_size, 4),
        central(Schedule::default(), EXACT),
    );
    for step in 0..4 {
        let column = |name: &str| kept.column(name)[step];
        close(column("central_trace_sigma"), a + d, "tr Σ");
        close(column("central_lambda_1"), 20.0, "λ₁");
        close(column("central_lambda_2"), 20.0, "λ₂");
        close(column("central_loss"), 0.0, "L");
        assert_eq!(column("central_critical"), Some(2.0));
    }
}

/// From above 2/η it is led down, and predicts nothing before it is there. Where nothing lowers the
/// eigenvalue it ends, and the run goes on.
#[test]
fn it_comes_down_from_above_or_ends() {
    let schedule = Schedule { every: 2, from: 1 };
    let (objective, theta) = valley(&[[30.0, 0.0, 0.0, 1.0], [2.5, 0.0, 0.0, 0.0]], &[0.7]);
    let kept = followed(objective, theta, (0.1, 10), central(schedule, EXACT));
    let [sharpness, trace] =
        ["central_lambda_1", "central_trace_sigma"].map(|name| kept.column(name));
    assert!(sharpness[1] > Some(21.0) && trace[1].is_none());
    close(sharpness[9], 20.0, "λ₁");
    assert!(trace[9].is_some());
    assert!((0..10).all(|step| sharpness[step].is_some() == (step % 2 == 1)));

    let (objective, theta) = valley(&[[30.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]], &[0.7]);
    let kept = followed(objective, theta, (0.1, 10), central(schedule, EXACT));
    assert_eq!(kept.records.len(), 10);
    assert!(kept.column("central_lambda_1").iter().all(Option::is_none));
}

/// A network with one hidden layer of tanh.
#[derive(Module, Debug)]
struct Net {
    w1: Param<Tensor<2>>,
    b1: Param<Tensor<1>>,
    w2: Param<Tensor<2>>,
    b2: Param<Tensor<1>>,
}

/// What `reference/central_flow.py` computed with whole Hessians and another solver for Σ.
#[test]
fn it_is_that_of_an_independent_integrator() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let bytes = std::fs::read(path.join("central-flow.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| -> Vec<f64> {
        let data = file.tensor(name).unwrap();
        let data = data.data().as_chunks::<8>().0.iter();
        data.map(|bytes| f64::from_le_bytes(*bytes)).collect()
    };
    let matrix = |name: &str| {
        let shape = file.tensor(name).unwrap().shape().to_vec();
        tensor::<2>(numbers(name), [shape[0], shape[1]])
    };
    let vector = |name: &str| {
        let numbers = numbers(name);
        let length = numbers.len();
        tensor::<1>(numbers, [length])
    };
    let module = Net {
        w1: Param::from_tensor(matrix("w1")),
        b1: Param::from_tensor(vector("b1")),
        w2: Param::from_tensor(matrix("w2")),
        b2: Param::from_tensor(vector("b2")),
    };
    let batch = Batch::new().with(matrix("inputs")).with(matrix("targets"));
    let samples = file.tensor("inputs").unwrap().shape()[0] as f64;
    let objective = Objective::trace(
        &module,
        &batch,
        |module: &Net, batch| {
            let hidden = batch.float::<2>(0).matmul(module.w1.val());
            let hidden = (hidden + module.b1.val().unsqueeze()).tanh();
            hidden.matmul(module.w2.val()) + module.b2.val().unsqueeze()
        },
        |outputs, batch| (outputs - batch.float::<2>(1)).square().sum() / (2.0 * samples),
    )
    .unwrap();
    let theta = objective.layout().flatten(&module);
    let rows = numbers("rows");
    let width = file.tensor("rows").unwrap().shape()[1];
    let steps = rows.len() / width;
    let kept = followed(
        objective,
        theta,
        (numbers("step_size")[0], steps as u64),
        central(Schedule::default(), EXACT),
    );
    let names = [
        "central_loss",
        "central_predicted_loss",
        "central_predicted_gradient_norm_sq",
        "central_lambda_1",
        "central_lambda_2",
        "central_lambda_3",
        "central_trace_sigma",
        "central_critical",
        "central_distance",
        "central_error",
    ];
    for (at, name) in names.into_iter().enumerate() {
        let column = kept.column(name);
        for (step, row) in rows.chunks_exact(width).enumerate() {
            let (found, expected) = (column[step].unwrap(), row[at]);
            let error = (found - expected).abs() / expected.abs().max(1e-2);
            assert!(
                error < 1e-5,
                "{name} at step {step}: {found} for {expected}"
            );
        }
    }
    // It crosses 2/η on the way, with more than one eigenvalue, and not at once.
    let critical: Vec<f64> = rows.chunks_exact(width).map(|row| row[7]).collect();
    let traces: Vec<f64> = rows.chunks_exact(width).map(|row| row[6]).collect();
    assert!(steps >= 40 && critical.contains(&2.0));
    assert!(traces[..5].iter().all(|trace| *trace == 0.0) && traces[steps - 1] > 0.0);
    // The error that is reported is of the size of that from substeps four times shorter.
    for row in rows.chunks_exact(width).skip(20) {
        let (reported, actual) = (row[9], row[10]);
        assert!(
            reported > 0.5 * actual && reported < 10.0 * actual,
            "{reported} for {actual}"
        );
    }
}

/// Below 2/η it is gradient flow.
#[test]
fn before_the_crossing_it_is_gradient_flow() {
    let case = Case::new(Activation::Tanh, true);
    let kept = follow(&case, &case.weights(), (0.05, 30), |_| {
        let method = FlowMethod::DormandPrince { tolerance: 1e-11 };
        let flow = GradientFlow::new(Schedule::default(), None, method, 1e-11).unwrap();
        vec![
            Box::new(flow) as Box<dyn Measurement<2>>,
            central(Schedule { every: 3, from: 0 }, EXACT),
        ]
    });
    for (name, other) in [
        ("central_loss", "flow_loss"),
        ("central_predicted_loss", "flow_loss"),
        ("central_lambda_1", "flow_lambda_1"),
        ("central_distance", "flow_distance"),
    ] {
        for step in (0..30).step_by(3) {
            let [found, expected] = [name, other].map(|name| kept.column(name)[step].unwrap());
            let error = (found - expected).abs();
            assert!(
                error <= 1e-6 * expected.abs(),
                "{name} at step {step}: {found} {expected}"
            );
        }
    }
    assert!(kept.column("central_lambda_1")[27] < Some(2.0 / 0.05));
}

/// A run at the edge with its eigenvalues and, if asked for, the flow; and the products it cost.
fn at_the_edge(case: &Case, (step_size, steps): (f64, u64), flow: bool) -> (Kept, f64) {
    let (problem, theta) = case.build(&case.weights());
    let settings = Settings {
        eigenvalues: Some(EigenvalueSettings {
            solver: Params {
                count: 2,
                relative_tolerance: 1e-5,
                ..Params::default()
            },
            above: Some(Above {
                share: 0.75,
                largest_count: 16,
            }),
            ..EigenvalueSettings::largest(2)
        }),
        ..Settings::gradient_descent(step_size, steps)
    };
    let mut measurements = match flow {
        true => vec![central(Schedule::default(), CentralFlowParams::default())],
        false => Vec::new(),
    };
    let (mut kept, never) = (Kept::default(), AtomicBool::new(false));
    run(
        &problem,
        theta,
        &settings,
        &mut measurements,
        &mut [&mut kept],
        &never,
    )
    .unwrap();
    let counters = problem.objective.counters().snapshot();
    let count = |name: &str| {
        let counter = counters.iter().find(|(other, _)| *other == name);
        counter.unwrap().1 as f64
    };
    // A gradient is half a product, a third derivative along two vectors at most three.
    let products = count("hessian_vector_products")
        + 3.0 * count("third_derivatives")
        + 0.5 * count("gradients");
    (kept, products)
}

/// The loss of gradient descent that oscillates at the edge is on average the predicted one, well above
/// that of the flow; which costs less than 25 times what the same eigenvalues cost the run.
#[test]
fn the_mean_loss_is_predicted_at_a_bounded_cost() {
    for (hidden, step_size) in [
        (vec![6, 5], 0.8),
        (vec![16, 16], 0.7),
        (vec![40], 0.7),
        (vec![40, 40], 0.7),
    ] {
        let case = Case {
            hidden: hidden.clone(),
            ..Case::new(Activation::Tanh, true)
        };
        let steps = 200;
        let (kept, with_flow) = at_the_edge(&case, (step_size, steps), true);
        let (_, plain) = at_the_edge(&case, (step_size, steps), false);
        assert!(with_flow < 25.0 * plain, "{with_flow} for {plain}");
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / steps as f64;
        let column = |name: &str| mean(kept.column(name).into_iter().map(Option::unwrap).collect());
        let loss = mean(kept.records.iter().map(|record| record.loss).collect());
        let (flow, predicted) = (column("central_loss"), column("central_predicted_loss"));
        assert!(
            (predicted / loss - 1.0).abs() < 0.04,
            "{hidden:?}: {loss}, predicted {predicted}"
        );
        assert!(flow < 0.87 * loss, "{hidden:?}: {loss}, on the flow {flow}");
    }
}
