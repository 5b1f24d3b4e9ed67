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
            let got = Loss::CrossEntropy.forward(matrix(&f, 4, &device), matrix(&y, 4, &device));
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
            let got = Loss::CrossEntropy.forward(matrix(&f, 3, &device), matrix(&y, 3, &device));
            assert_close(&values(got), &[expected / 5.0], 1e-14, backend);
        }
    }

    #[test]
    fn cross_entropy_stands_large_outputs() {
        for (backend, device) in devices() {
            let (f, y) = ([1e3, 0.0], [0.0, 1.0]);
            let got = Loss::CrossEntropy.forward(matrix(&f, 2, &device), matrix(&y, 2, &device));
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
    assert_eq!(entropy.loss(), Ok(Loss::CrossEntropy));
    assert_eq!(section("").resolved().map(|c| c.factor), Ok(Some(1.0)));
    assert_eq!(entropy.resolved(), Ok(entropy));
}

#[test]
fn impossible_sections_are_refused() {
    let both = section("kind = 'cross-entropy'\nfactor = 1.0").loss();
    assert_eq!(both, Err(ConfigError::FactorOfCrossEntropy));
    for factor in ["0.0", "-1.0", "nan", "inf"] {
        let error = section(&format!("factor = {factor}")).loss().unwrap_err();
        assert!(matches!(error, ConfigError::Factor { .. }), "{error}");
        assert_eq!(error.key(), "loss.factor");
    }
    assert!(toml::from_str::<LossConfig>("weight = 1.0").is_err());
}
