//! Losses against closed forms, and their section of a configuration.

use brink_model::{ConfigError, Loss, LossConfig};

fn section(text: &str) -> LossConfig {
    toml::from_str(text).expect("a valid loss section")
}

#[cfg(any(feature = "flex", feature = "ndarray"))]
mod common;

#[cfg(any(feature = "flex", feature = "ndarray"))]
mod values {
    use super::common::{assert_close, devices, irregular, matrix, values};
    use super::*;

    #[test]
    fn squared_error_is_summed_over_outputs_and_averaged_over_samples() {
        let (f, y) = (
            [1.0, 2.0, 0.5, -1.0, 0.0, 3.0],
            [0.0, 2.0, 1.0, 1.0, 0.0, 1.0],
        );
        // Residuals 1, 0, −½ | −2, 0, 2: squares sum to 9.25 over two samples.
        for (backend, device) in devices() {
            for (factor, expected) in [(1.0, 4.625), (0.5, 2.3125)] {
                let loss = Loss::Mse { factor };
                let got = loss.forward(matrix(&f, 3, &device), matrix(&y, 3, &device));
                assert_close(&values(got), &[expected], 1e-15, backend);
            }
        }
    }

    #[test]
    fn cross_entropy_of_equal_outputs_is_the_logarithm_of_the_number_of_classes() {
        let y = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        for (backend, device) in devices() {
            let f = [7.0; 8];
            let got = Loss::CROSS_ENTROPY.forward(matrix(&f, 4, &device), matrix(&y, 4, &device));
            assert_close(&values(got), &[4f64.ln()], 1e-15, backend);
        }
    }

    #[test]
    fn cross_entropy_equals_the_sum_written_out() {
        let f = irregular(5 * 3);
        let mut y = vec![0.0; 15];
        let mut expected = 0.0;
        for (row, class) in [2, 0, 1, 1, 0].into_iter().enumerate() {
            y[3 * row + class] = 1.0;
            let row = &f[3 * row..3 * row + 3];
            expected += (row.iter().map(|f| f.exp()).sum::<f64>()).ln() - row[class];
        }
        for (backend, device) in devices() {
            let got = Loss::CROSS_ENTROPY.forward(matrix(&f, 3, &device), matrix(&y, 3, &device));
            assert_close(&values(got), &[expected / 5.0], 1e-14, backend);
        }
    }

    #[test]
    fn label_smoothing_shares_a_part_of_each_label_among_all_classes() {
        let (f, y) = ([0.3, -1.0, 0.9], [0.0, 1.0, 0.0]);
        let norm = f.iter().map(|f: &f64| f.exp()).sum::<f64>().ln();
        let weights = [0.1 / 3.0, 0.9 + 0.1 / 3.0, 0.1 / 3.0];
        let expected: f64 = weights.iter().zip(f).map(|(w, f)| w * (norm - f)).sum();
        let loss = section("kind = 'cross-entropy'\nlabel_smoothing = 0.1").loss();
        for (backend, device) in devices() {
            let got = loss.clone().expect("a loss");
            let got = got.forward(matrix(&f, 3, &device), matrix(&y, 3, &device));
            assert_close(&values(got), &[expected], 1e-14, backend);
        }
    }

    #[test]
    fn the_loss_of_a_sequence_is_the_mean_over_its_positions() {
        let (f, y) = (irregular(2 * 3 * 4), irregular(24));
        for (backend, device) in devices() {
            for loss in [Loss::CROSS_ENTROPY, Loss::Mse { factor: 0.5 }] {
                let by_sample = loss.over(3);
                let by_sample = by_sample.forward(matrix(&f, 12, &device), matrix(&y, 12, &device));
                let by_position = loss.forward(matrix(&f, 4, &device), matrix(&y, 4, &device));
                assert_close(&values(by_sample), &values(by_position), 1e-14, backend);
            }
        }
    }

    #[test]
    fn the_logistic_loss_is_the_logarithm_written_out_and_stands_large_outputs() {
        let (f, y) = ([0.3, -2.0, 1e4, -1e4, 1e4], [1.0, -1.0, 1.0, 1.0, -1.0]);
        let expected = ((-0.3f64).exp().ln_1p() + (-2.0f64).exp().ln_1p() + 2e4) / 5.0;
        for (backend, device) in devices() {
            let got = Loss::Logistic.forward(matrix(&f, 1, &device), matrix(&y, 1, &device));
            assert_close(&values(got), &[expected], 1e-15, backend);
        }
    }

    #[test]
    fn slopes_are_the_differences_of_losses() {
        let (f, classes) = (
            irregular(12),
            [0., 1., 0., 0., 0., 1., 1., 0., 0., 0., 1., 0.],
        );
        let signs = classes.map(|class| 2.0 * class - 1.0);
        let smooth = Loss::CrossEntropy {
            smoothing: 0.2,
            positions: 2,
        };
        for (backend, device) in devices() {
            for (loss, y, columns) in [
                (Loss::Mse { factor: 0.5 }, &classes, 3),
                (Loss::CROSS_ENTROPY, &classes, 3),
                (smooth, &classes, 6),
                (Loss::Logistic, &signs, 1),
            ] {
                let at = |f: &[f64]| {
                    let y = matrix(y, columns, &device);
                    values(loss.forward(matrix(f, columns, &device), y))[0]
                };
                let quotient = |i: usize| {
                    let moved = |by: f64| {
                        let mut moved = f.clone();
                        moved[i] += by;
                        at(&moved)
                    };
                    (moved(1e-5) - moved(-1e-5)) / 2e-5
                };
                let expected: Vec<f64> = (0..12).map(quotient).collect();
                let outputs = matrix(&f, columns, &device);
                let slope = values(loss.slope(outputs, matrix(y, columns, &device)));
                assert_close(&slope, &expected, 1e-9, backend);
            }
        }
    }

    #[test]
    fn cross_entropy_stands_large_outputs() {
        for (backend, device) in devices() {
            let (f, y) = ([1e3, 0.0], [0.0, 1.0]);
            let got = Loss::CROSS_ENTROPY.forward(matrix(&f, 2, &device), matrix(&y, 2, &device));
            assert_close(&values(got), &[1e3], 1e-15, backend);
        }
    }
}

#[test]
fn sections_become_losses() {
    assert_eq!(section("").loss(), Ok(Loss::Mse { factor: 1.0 }));
    let half = section("kind = 'mse'\nfactor = 0.5");
    assert_eq!(half.loss(), Ok(Loss::Mse { factor: 0.5 }));
    let entropy = section("kind = 'cross-entropy'");
    assert_eq!(entropy.loss(), Ok(Loss::CROSS_ENTROPY));
    assert_eq!(section("").resolved().map(|c| c.factor), Ok(Some(1.0)));
    assert_eq!(entropy.resolved().map(|c| c.label_smoothing), Ok(Some(0.0)));
    assert_eq!(section("kind = 'logistic'").loss(), Ok(Loss::Logistic));
}

#[test]
fn impossible_sections_are_refused() {
    let both = section("kind = 'cross-entropy'\nfactor = 1.0").loss();
    let key_of_another = |key: &str, found: Result<Loss, ConfigError>| matches!(found, Err(ConfigError::KeyOfAnotherLoss { key: k, .. }) if k == key);
    assert!(key_of_another("loss.factor", both));
    for kind in ["mse", "logistic"] {
        let found = section(&format!("kind = '{kind}'\nlabel_smoothing = 0.1")).loss();
        assert!(key_of_another("loss.label_smoothing", found), "{kind}");
    }
    for smoothing in ["1.0", "-0.1", "nan"] {
        let text = format!("kind = 'cross-entropy'\nlabel_smoothing = {smoothing}");
        let error = section(&text).loss().unwrap_err();
        assert_eq!(error.key(), "loss.label_smoothing");
    }
    for factor in ["0.0", "-1.0", "nan", "inf"] {
        let error = section(&format!("factor = {factor}")).loss().unwrap_err();
        assert!(matches!(error, ConfigError::Factor { .. }), "{error}");
        assert_eq!(error.key(), "loss.factor");
    }
    assert!(toml::from_str::<LossConfig>("weight = 1.0").is_err());
}
