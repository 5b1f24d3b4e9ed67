//! Runs: what is recorded, how they end.

mod common;

use brink_theory::eigen::{Method, Solver};
use brink_theory::{Outcome, Schedule, Settings, Terms, TheoryRecord, run};
use common::{Weights, close, distance, eigenvalues, norm, top_vector};

fn measured(step_size: f64, steps: u64) -> Settings {
    let mut settings = Settings::new(step_size, steps);
    settings.gram = Some(Schedule { count: 2, every: 1 });
    settings.hessian = Some(Schedule { count: 1, every: 1 });
    settings
}

#[test]
fn every_column_agrees_with_the_weights() {
    let (seed, shape, step_size) = (1, (5, 4, 7), 0.08);
    let mut weights = Weights::random(seed, shape);
    let model = weights.model();
    let c = weights.c();
    let records: Vec<TheoryRecord> = run(&model, weights.state(), measured(step_size, 30))
        .unwrap()
        .map(|record| record.unwrap())
        .collect();
    assert_eq!(records.len(), 31);
    let mut v1_before: Option<Vec<f64>> = None;
    let mut v1_start: Option<Vec<f64>> = None;
    let mut on_before = None;
    let mut led_here: Option<(Vec<f64>, f64)> = None;
    for (t, record) in records.iter().enumerate() {
        let d = weights.residual();
        let outputs = weights.outputs();
        let jacobian = weights.jacobian();
        let gram = &jacobian * jacobian.transpose();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert_eq!(record.step, t as u64);
        close(record.time, step_size * t as f64, 1e-15, "time");
        close(record.threshold, 25.0, 1e-13, "threshold");
        close(record.loss, weights.loss(), 1e-11, "loss");
        close(
            record.gradient_norm,
            norm(&weights.gradient()),
            1e-11,
            "‖∇L‖",
        );
        close(record.residual_norm_sq, dot(&d, &d), 1e-11, "‖D‖²");
        close(record.residual_dot_output, dot(&d, &outputs), 1e-11, "DᵀF");
        close(
            record.residual_dot_target,
            dot(&d, &weights.y),
            1e-11,
            "DᵀY",
        );
        close(
            record.lambda[0],
            eigenvalues(&weights.hessian())[0],
            1e-10,
            "Λ",
        );
        let expected = eigenvalues(&gram);
        close(record.gram_lambda[0], c * expected[0], 1e-10, "λ₁(M)");
        close(record.gram_lambda[1], c * expected[1], 1e-10, "λ₂(M)");

        let v1 = top_vector(&gram);
        let on = dot(&d, &v1);
        close(
            record.residual_on_v1.unwrap().abs(),
            on.abs(),
            1e-8,
            "|Dᵀv₁|",
        );
        close(
            record.loss_share_v1.unwrap(),
            on * on / dot(&d, &d),
            1e-8,
            "share",
        );
        let off = (dot(&d, &d) - on * on).sqrt();
        close(record.residual_off_v1.unwrap(), off, 1e-7, "‖R‖");
        match (&v1_before, &v1_start) {
            (Some(before), Some(start)) => {
                let cosine = dot(&v1, before).abs();
                close(
                    record.v1_cos_previous.unwrap(),
                    cosine,
                    1e-9,
                    "cos previous",
                );
                let cosine = dot(&v1, start).abs();
                close(record.v1_cos_start.unwrap(), cosine, 1e-9, "cos start");
            }
            _ => assert!(record.v1_cos_previous.is_none() && record.v1_cos_start.is_none()),
        }
        // The sign is continued: the projections of D on v₁ and on its continuation agree.
        if let (Some(before), Some(on_before)) = (&v1_before, on_before) {
            let sign: f64 = dot(&v1, before).signum() * f64::signum(on_before);
            close(
                sign * on * f64::signum(records[t - 1].residual_on_v1.unwrap()),
                record.residual_on_v1.unwrap(),
                1e-8,
                "sign",
            );
        }
        if let Some((first_order, size)) = led_here {
            let error = distance(&d, &first_order) / size;
            close(
                record.first_order_error.unwrap(),
                error,
                1e-11,
                "first-order error",
            );
        } else {
            assert!(record.first_order_error.is_none());
        }
        let image: Vec<f64> = (0..5)
            .map(|i| (0..5).map(|j| gram[(i, j)] * d[j]).sum())
            .collect();
        let first_order = d
            .iter()
            .zip(&image)
            .map(|(d, image)| d - step_size * c * image);
        led_here = Some((first_order.collect(), norm(&d)));
        let a_sq = norm(&weights.a).powi(2);
        close(record.output_norm_sq, a_sq, 1e-11, "‖A‖²");
        weights.descend(step_size);
        let change = norm(&weights.a).powi(2) - a_sq;
        close(record.output_norm_sq_change, change, 1e-11, "Δ‖A‖²");
        close(
            record.output_norm_sq_predicted,
            change,
            1e-11,
            "predicted Δ‖A‖²",
        );
        v1_start.get_or_insert_with(|| v1.clone());
        (v1_before, on_before) = (Some(v1), Some(on));
    }
}

#[test]
fn schedules_are_kept() {
    let weights = Weights::random(2, (4, 3, 5));
    let model = weights.model();
    let mut settings = Settings::new(0.05, 12);
    settings.gram = Some(Schedule { count: 3, every: 2 });
    settings.hessian = Some(Schedule { count: 1, every: 3 });
    settings.layers_every = Some(5);
    for record in run(&model, weights.state(), settings).unwrap() {
        let record = record.unwrap();
        let t = record.step;
        assert_eq!(record.gram_lambda.len(), if t % 2 == 0 { 3 } else { 0 });
        assert_eq!(record.residual_on_v1.is_some(), t % 2 == 0);
        assert_eq!(record.lambda.len(), usize::from(t % 3 == 0));
        assert_eq!(record.lambda_1_output.is_some(), t % 5 == 0);
        assert_eq!(record.lambda_1_hidden.is_some(), t % 5 == 0);
        assert!(record.first_order_error.is_some() || t == 0);
    }
}

#[test]
fn both_methods_record_the_same_run() {
    let weights = Weights::random(3, (80, 30, 40));
    let model = weights.model();
    let records = |method: Method| {
        let mut settings = measured(0.01, 20);
        settings.solver = Solver {
            method,
            ..Solver::default()
        };
        run(&model, weights.state(), settings)
            .unwrap()
            .finish()
            .unwrap()
            .records
    };
    for (a, b) in records(Method::Dense)
        .iter()
        .zip(&records(Method::Subspace))
    {
        close(a.lambda[0], b.lambda[0], 1e-11 * a.lambda[0], "Λ");
        for (a, b) in a.gram_lambda.iter().zip(&b.gram_lambda) {
            close(*a, *b, 1e-11 * a, "λ(M)");
        }
        close(a.loss, b.loss, 0.0, "loss");
        let (a, b) = (a.residual_on_v1.unwrap(), b.residual_on_v1.unwrap());
        close(a.abs(), b.abs(), 1e-8, "Dᵀv₁");
    }
}

#[test]
fn divergence_is_an_outcome_and_keeps_the_records() {
    let weights = Weights::random(4, (5, 4, 6));
    let model = weights.model();
    // Λ is about 5, so that ηΛ is far above 4.
    let finished = run(&model, weights.state(), measured(5.0, 1000))
        .unwrap()
        .finish()
        .unwrap();
    let Outcome::Diverged { step } = finished.outcome else {
        panic!("{:?}", finished.outcome);
    };
    assert_eq!(finished.records.len() as u64, step);
    assert!((2..1000).contains(&step), "at step {step}");
    assert!(
        finished
            .records
            .iter()
            .all(|r| r.loss.is_finite() && r.lambda[0].is_finite())
    );
    assert!(finished.records.last().unwrap().loss > 1e10);

    let mut stable = run(&model, weights.state(), Settings::new(0.01, 3)).unwrap();
    assert_eq!(stable.by_ref().count(), 4);
    assert_eq!(stable.outcome(), Some(Outcome::Completed));
    assert!(stable.next().is_none());
}

#[test]
fn without_second_order_the_record_tells_the_exact_change_too() {
    let weights = Weights::random(5, (4, 3, 5));
    let model = weights.model();
    let mut settings = Settings::new(0.05, 5);
    settings.terms = Terms::WithoutSecondOrder;
    let records = run(&model, weights.state(), settings)
        .unwrap()
        .finish()
        .unwrap()
        .records;
    for pair in records.windows(2) {
        let change = pair[1].output_norm_sq - pair[0].output_norm_sq;
        close(pair[0].output_norm_sq_change, change, 1e-13, "Δ‖A‖²");
        assert!(pair[0].output_norm_sq_predicted > pair[0].output_norm_sq_change);
        assert_eq!(pair[1].first_order_error, Some(0.0));
    }
}
