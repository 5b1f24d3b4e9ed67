//! The terms in 1/m vanish with the width.

mod common;

use brink_theory::faer::Mat;
use brink_theory::{TheoryError, WidthSweep, width_sweep};
use common::{Normal, close};

fn problem(step_size: f64, steps: u64) -> WidthSweep {
    let mut normal = Normal(1);
    let x = normal.matrix(6, 5);
    let kernel = x.transpose() * &x;
    let kernel = Mat::from_fn(5, 5, |i, j| 0.5 * (kernel[(i, j)] + kernel[(j, i)]));
    WidthSweep {
        gram_features_per_unit: kernel.clone(),
        kernel,
        targets: normal.vector(5),
        factor: 1.0,
        outputs: normal.vector(5),
        output_norm_sq_per_unit: 1.0,
        step_size,
        steps,
    }
}

#[test]
fn differences_fall_as_the_inverse_of_the_width() {
    let widths = [100, 1_000, 10_000, 100_000, 1_000_000];
    let rows = width_sweep(&problem(0.05, 60), &widths).unwrap();
    for pair in rows.windows(2) {
        let octaves = (pair[1].width as f64 / pair[0].width as f64).ln();
        let slope = |a: f64, b: f64| (b / a).ln() / octaves;
        let sharpness = slope(pair[0].sharpness_difference, pair[1].sharpness_difference);
        let loss = slope(pair[0].loss_difference, pair[1].loss_difference);
        // Corrections are of order 1/m themselves.
        let tolerance = 20.0 / pair[0].width as f64 + 0.01;
        close(sharpness, -1.0, tolerance, "slope of Λ");
        close(loss, -1.0, tolerance, "slope of L");
    }
    assert!(rows[0].sharpness_difference > 1e-5 && rows[0].loss_difference > 1e-5);
}

#[test]
fn a_sweep_that_diverges_says_where() {
    let error = width_sweep(&problem(20.0, 500), &[10]).unwrap_err();
    assert!(
        matches!(error, TheoryError::SweepDiverged { width: 10, .. }),
        "{error}"
    );
}
