//! The paper's four phases, in the recursion.

mod common;

use brink_theory::faer::Mat;
use brink_theory::{Outcome, Schedule, Settings, TheoryRecord, run};
use common::{Normal, Weights};

/// 24 inputs whose variance falls along the coordinates, targets ±1 with a linear part.
fn records() -> (Vec<TheoryRecord>, Outcome) {
    let (n, d, m) = (24, 60, 6);
    let mut normal = Normal(1);
    let teacher = normal.vector(d);
    let mut weights = Weights::random(2, (n, d, m));
    let deviation: Vec<f64> = (1..=d).map(|j| (j as f64).powf(-0.7)).collect();
    let total: f64 = deviation.iter().map(|s| s * s).sum();
    weights.x = Mat::from_fn(d, n, |j, _| normal.draw() * deviation[j] / total.sqrt());
    weights.y = (0..n)
        .map(|i| {
            let signal: f64 = (0..d).map(|j| teacher[j] * weights.x[(j, i)]).sum();
            (signal + normal.draw()).signum()
        })
        .collect();
    let model = weights.model();
    let mut settings = Settings::new(0.8, 500);
    settings.hessian = Some(Schedule { count: 1, every: 1 });
    settings.gram = Some(Schedule { count: 1, every: 1 });
    let finished = run(&model, weights.state(), settings)
        .unwrap()
        .finish()
        .unwrap();
    (finished.records, finished.outcome)
}

#[test]
fn one_cycle_goes_through_the_four_phases() {
    let (records, outcome) = records();
    assert_eq!(outcome, Outcome::Completed);
    let ratio: Vec<f64> = records.iter().map(|r| r.lambda[0] / r.threshold).collect();
    assert!(ratio[0] < 0.8, "starts at {}", ratio[0]);
    let crossing = ratio.iter().position(|&r| r >= 1.0).unwrap();
    let back = crossing + ratio[crossing..].iter().position(|&r| r < 1.0).unwrap();
    let peak = (crossing..back)
        .max_by(|&a, &b| ratio[a].total_cmp(&ratio[b]))
        .unwrap();

    // I: DᵀF < 0, so that ‖A‖² and Λ grow while the loss falls.
    for t in crossing / 2..crossing {
        assert!(records[t].residual_dot_output < 0.0, "step {t}");
        assert!(records[t].output_norm_sq_change > 0.0 && ratio[t + 1] > ratio[t]);
    }
    assert!(records[crossing].loss < records[0].loss / 10.0);
    // II: once v₁ holds more of D than what the other directions feed into it, that part grows
    // and changes its sign at every step.
    let oscillating = (crossing + 1..peak)
        .filter(|&t| records[t - 1].loss_share_v1.unwrap() > 1e-6)
        .collect::<Vec<usize>>();
    assert!(oscillating.len() > 10);
    for t in oscillating {
        let (before, after) = (records[t - 1].residual_on_v1, records[t].residual_on_v1);
        let (before, after) = (before.unwrap(), after.unwrap());
        assert!(
            before * after < 0.0 && after.abs() > before.abs(),
            "step {t}"
        );
    }
    // III: v₁ holds nearly all of the loss, DᵀF > 0, ‖A‖² and Λ drop.
    for record in &records[peak..back] {
        assert!(record.loss_share_v1.unwrap() > 0.9, "step {}", record.step);
        assert!(record.residual_dot_output > 0.0);
    }
    assert!(records[back].output_norm_sq < 0.9 * records[peak].output_norm_sq);
    assert!(ratio[back] < 0.9 * ratio[peak]);
    let spike = records[crossing..back + 5]
        .iter()
        .map(|r| r.loss)
        .fold(0.0, f64::max);
    assert!(spike > 5.0 * records[crossing].loss, "{spike}");
    // IV: the loss falls again, to below where it was.
    assert!(records.last().unwrap().loss < records[crossing].loss / 100.0);
}
