//! The spectra of networks' operators, against dense matrices.

use brink_dynamics::eigen::{Broadening, SpectrumParams};
use brink_dynamics::measurement::{Schedule, Spectrum, SpectrumOf};
use brink_dynamics::optimizer::{GradientDescent, Optimizer, RmsProp};
use brink_dynamics::{Cell, Problem};
use brink_model::{Activation, Loss};
use faer::{Mat, Side};

use crate::dense::hessian;
use crate::networks::{Case, Kept, SAMPLES, follow_by, tensor, values};

const BROADENING: Broadening = Broadening {
    points: 800,
    width: 0.01,
};

fn params(probes: usize, steps: usize, seed: u64) -> SpectrumParams {
    SpectrumParams {
        probes,
        steps,
        seed,
        ..SpectrumParams::default()
    }
}

fn loss(case: &Case) -> Loss {
    Loss::Mse {
        factor: case.factor,
    }
}

fn of_case(case: &Case, name: &str) -> SpectrumOf<2> {
    match name {
        "hessian" => SpectrumOf::Hessian,
        "gauss_newton" => SpectrumOf::GaussNewton,
        "fisher" => {
            let (loss, targets) = (loss(case), case.targets());
            SpectrumOf::Fisher(Box::new(move |outputs| {
                loss.slope(outputs, targets.clone())
            }))
        }
        _ => SpectrumOf::Preconditioned,
    }
}

/// The matrix itself at the initial weights, by columns, samples or finite differences.
fn dense(case: &Case, name: &str) -> Mat<f64> {
    let (problem, theta) = case.build(&case.weights());
    let theta = values(theta);
    let size = theta.len();
    match name {
        "hessian" => hessian(&problem, &theta),
        "gauss_newton" => {
            let jacobian = jacobian(&problem, &theta);
            jacobian.transpose() * &jacobian * (2.0 * case.factor / SAMPLES as f64)
        }
        "fisher" => {
            let mut sum = Mat::<f64>::zeros(size, size);
            for sample in 0..SAMPLES {
                let of_sample = case.of_sample(sample);
                let gradient = of_sample.gradient(&tensor(theta.clone(), [size])).unwrap();
                let g = values(gradient.gradient);
                sum += Mat::from_fn(size, size, |i, j| g[i] * g[j] / SAMPLES as f64);
            }
            sum
        }
        _ => {
            // RMSProp's first step: ν = g² after bias correction, P = diag(|g| + ε).
            let hessian = hessian(&problem, &theta);
            let gradient = problem.objective.gradient(&tensor(theta, [size])).unwrap();
            let p: Vec<f64> = values(gradient.gradient)
                .iter()
                .map(|g| g.abs() + 1e-2)
                .collect();
            Mat::from_fn(size, size, |i, j| hessian[(i, j)] / (p[i] * p[j]).sqrt())
        }
    }
}

/// ∂F/∂θ, by central differences.
fn jacobian(problem: &Problem<2>, theta: &[f64]) -> Mat<f64> {
    let size = theta.len();
    let outputs = |theta: Vec<f64>| {
        let at = problem.objective.gradient(&tensor(theta, [size])).unwrap();
        values(at.outputs)
    };
    let columns: Vec<Vec<f64>> = (0..size)
        .map(|i| {
            let moved = |by: f64| {
                let mut theta = theta.to_vec();
                theta[i] += by;
                outputs(theta)
            };
            let (up, down) = (moved(1e-5), moved(-1e-5));
            up.iter().zip(down).map(|(u, d)| (u - d) / 2e-5).collect()
        })
        .collect();
    Mat::from_fn(columns[0].len(), size, |i, j| columns[j][i])
}

fn measured(case: &Case, name: &str, params: SpectrumParams) -> Kept {
    let rule: Box<dyn Optimizer> = match name {
        "preconditioned" => Box::new(RmsProp::new(0.99, 1e-2, true)),
        _ => Box::new(GradientDescent),
    };
    let schedule = Schedule { every: 2, from: 0 };
    let spectrum = Spectrum::new(schedule, of_case(case, name), params, BROADENING).unwrap();
    follow_by(
        rule,
        case,
        &case.weights(),
        (1e-3, 3),
        vec![Box::new(spectrum)],
    )
}

/// λ and φ(λ) of the table at a record.
fn density(kept: &Kept, record: usize) -> Vec<(f64, f64)> {
    let tables = &kept.records[record].tables;
    assert_eq!(tables.len(), 1);
    let number = |cell: &Cell| match cell {
        Cell::Number(value) => *value,
        Cell::Word(word) => panic!("{word}"),
    };
    let rows = tables[0].rows.iter();
    rows.map(|row| (number(&row[1]), number(&row[2]))).collect()
}

#[test]
fn every_operator_is_the_dense_one() {
    let case = Case::new(Activation::Tanh, true);
    for name in ["hessian", "gauss_newton", "fisher", "preconditioned"] {
        let dense = dense(&case, name);
        let exact = dense.self_adjoint_eigenvalues(Side::Lower).unwrap();
        let size = exact.len() as f64;
        let kept = measured(&case, name, params(60, 60, 4));
        let first = |column: &str| kept.column(&format!("{name}_{column}"))[0].unwrap();
        for (column, power) in [("trace", 1), ("frobenius_sq", 2)] {
            let sum: f64 = exact.iter().map(|v| v.powi(power)).sum();
            let (found, error) = (first(column), first(&format!("{column}_stderr")));
            let off = (found - sum).abs();
            assert!(
                off < 4.0 * error + 1e-7 * sum.abs(),
                "{name} {column}: {found} {error} {sum}"
            );
        }
        let points = density(&kept, 0);
        let spacing = points[1].0 - points[0].0;
        let mass: f64 = points.iter().map(|(_, d)| d * spacing).sum();
        assert!((mass - 1.0).abs() < 1e-5, "{name}: {mass}");
        // The grid says how wide an eigenvalue is: five widths beyond the ends.
        let extent = points[points.len() - 1].0 - points[0].0;
        let sigma = extent * BROADENING.width / (1.0 + 10.0 * BROADENING.width);
        let unit = 1.0 / (sigma * std::f64::consts::TAU.sqrt() * size);
        let at = |lambda: f64| -> f64 {
            let terms = exact.iter();
            unit * terms
                .map(|v| (-0.5 * ((lambda - v) / sigma).powi(2)).exp())
                .sum::<f64>()
        };
        let off: f64 = points
            .iter()
            .map(|(l, d)| (d - at(*l)).abs() * spacing)
            .sum();
        assert!(off < 0.15, "{name}: {off}");
        // Third moment of the table, within what 60 probes may be off by.
        let third: f64 = points.iter().map(|(l, d)| l.powi(3) * d * spacing).sum();
        let exact_third = exact.iter().map(|v| v.powi(3)).sum::<f64>() / size;
        let sixth = exact.iter().map(|v| v.powi(6)).sum::<f64>() / size;
        let error = (2.0 * sixth / size / 60.0).sqrt();
        let broadened = 3.0 * sigma * sigma * exact.iter().sum::<f64>().abs() / size;
        assert!(
            (third - exact_third).abs() < 4.0 * error + broadened,
            "{name}: {third} {exact_third} {error}"
        );
    }
}

/// A step's vectors are its own: what is measured before does not matter.
#[test]
fn a_step_is_measured_alike_whatever_was_before() {
    let case = Case::new(Activation::Tanh, true);
    let kept = measured(&case, "hessian", params(4, 12, 7));
    let trace = kept.column("hessian_trace");
    assert!(trace[0].is_some() && trace[1].is_none() && trace[2].is_some());
    assert!(kept.records[1].tables.is_empty());
    let again = measured(&case, "hessian", params(4, 12, 7));
    assert_eq!(density(&kept, 2), density(&again, 2));
    let other = measured(&case, "hessian", params(4, 12, 8));
    assert_ne!(density(&kept, 2), density(&other, 2));
}

/// An infinity in the outputs' slope: cells and rows are left out, and the run goes on.
#[test]
fn what_is_not_finite_ends_the_measurement_and_not_the_run() {
    let case = Case::new(Activation::Tanh, true);
    let of = SpectrumOf::Fisher(Box::new(|outputs| outputs.mul_scalar(f64::INFINITY)));
    let spectrum = Spectrum::new(Schedule::default(), of, params(3, 5, 0), BROADENING).unwrap();
    let measurements: Vec<Box<dyn brink_dynamics::measurement::Measurement<2>>> =
        vec![Box::new(spectrum)];
    let kept = follow_by(
        Box::new(GradientDescent),
        &case,
        &case.weights(),
        (1e-3, 3),
        measurements,
    );
    assert_eq!(kept.records.len(), 3);
    assert!(kept.records.iter().all(|record| record.tables.is_empty()));
    assert_eq!(kept.column("fisher_trace"), [None; 3]);
}
