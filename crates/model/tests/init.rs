//! Random initial weights: their distributions, and what they depend on.

use brink_model::{Init, LayerKind, LayerSpec, Weights};

fn linear(inputs: usize, outputs: usize) -> LayerSpec {
    let kind = LayerKind::Linear { inputs, outputs };
    LayerSpec { kind, bias: true }
}

fn conv(inputs: usize, outputs: usize, kernel: usize) -> LayerSpec {
    let kind = LayerKind::Conv2d {
        inputs,
        outputs,
        kernel,
    };
    LayerSpec { kind, bias: true }
}

fn random(layers: &[LayerSpec], init: Init, seed: u64) -> Weights {
    Weights::random(&LayerSpec::parameters(layers), init, seed)
}

fn tensor<'a>(weights: &'a Weights, name: &str) -> &'a [f64] {
    &weights.get(name).expect(name).values
}

/// Mean, standard deviation, largest magnitude.
fn moments(values: &[f64]) -> (f64, f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    (mean, variance.sqrt(), largest)
}

/// A uniform law on ±b has deviation b/√3; with n draws the largest is within b·10/n of b.
#[track_caller]
fn assert_uniform(values: &[f64], bound: f64) {
    let (mean, deviation, largest) = moments(values);
    let n = values.len() as f64;
    assert!(mean.abs() < 5.0 * bound / (3.0 * n).sqrt(), "mean {mean}");
    let expected = bound / 3f64.sqrt();
    assert!(
        (deviation / expected - 1.0).abs() < 0.02,
        "deviation {deviation}"
    );
    assert!(largest <= bound * (1.0 + 1e-7), "largest {largest}");
    assert!(largest > bound * (1.0 - 10.0 / n), "largest {largest}");
}

#[test]
fn uniform_fan_in_fills_its_interval() {
    let weights = random(&[linear(100, 300), conv(4, 500, 3)], Init::UniformFanIn, 1);
    assert_uniform(tensor(&weights, "layers.0.weight"), 0.1);
    assert_uniform(tensor(&weights, "layers.1.weight"), 1.0 / 6.0);
    let biases = tensor(&weights, "layers.0.bias");
    assert!(biases.iter().all(|b| b.abs() <= 0.1 + 1e-8));
    assert!(moments(biases).1 > 0.05);
}

#[test]
fn xavier_balances_both_fans() {
    let weights = random(&[linear(100, 200), conv(10, 20, 3)], Init::Xavier, 1);
    assert_uniform(tensor(&weights, "layers.0.weight"), (6.0f64 / 300.0).sqrt());
    assert!(tensor(&weights, "layers.0.bias").iter().all(|&b| b == 0.0));
    let (_, _, largest) = moments(tensor(&weights, "layers.1.weight"));
    let bound = (6.0f64 / 270.0).sqrt();
    assert!(largest <= bound * (1.0 + 1e-7) && largest > 0.98 * bound);
}

#[test]
fn he_is_normal() {
    let weights = random(&[linear(50, 1000)], Init::He, 1);
    let values = tensor(&weights, "layers.0.weight");
    let (mean, deviation, _) = moments(values);
    assert!(mean.abs() < 5.0 * 0.2 / 50_000f64.sqrt(), "mean {mean}");
    assert!(
        (deviation / 0.2 - 1.0).abs() < 0.02,
        "deviation {deviation}"
    );
    let beyond = |k: f64| values.iter().filter(|v| v.abs() > k * 0.2).count() as f64 / 5e4;
    assert!((beyond(1.0) - 0.3173).abs() < 0.01);
    assert!((beyond(2.0) - 0.0455).abs() < 0.005);
    assert!(tensor(&weights, "layers.0.bias").iter().all(|&b| b == 0.0));
}

#[test]
fn values_are_float32_values() {
    for init in [Init::UniformFanIn, Init::Xavier, Init::He] {
        let weights = random(&[linear(7, 5), conv(2, 3, 3)], init, 4);
        for tensor in weights.tensors() {
            assert!(tensor.values.iter().all(|&v| f64::from(v as f32) == v));
        }
    }
}

/// Computed from the definition of ChaCha8 by a program of its own.
#[test]
fn a_seed_gives_the_same_numbers_for_ever() {
    let weights = random(&[linear(4, 2)], Init::UniformFanIn, 0);
    let first = |name: &str| [0, 1, 2].map(|i| tensor(&weights, name)[i] as f32);
    let expected = [0.353_409_86, -0.343_952_63, 0.300_000_9];
    assert_eq!(first("layers.0.weight"), expected);
    let biases = tensor(&weights, "layers.0.bias");
    assert_eq!(
        [0, 1].map(|i| biases[i] as f32),
        [0.343_766_15, 0.246_771_7]
    );
}

#[test]
fn seeds_and_tensors_have_streams_of_their_own() {
    let layers = [linear(8, 8), linear(8, 8)];
    let weights = random(&layers, Init::UniformFanIn, 0);
    let other = random(&layers, Init::UniformFanIn, 1);
    let first = tensor(&weights, "layers.0.weight");
    assert_ne!(first, tensor(&other, "layers.0.weight"));
    assert_ne!(first, tensor(&weights, "layers.1.weight"));
    assert_ne!(first[..8], *tensor(&weights, "layers.0.bias"));
}

#[test]
fn widening_or_adding_a_layer_leaves_the_others_alone() {
    let narrow = random(&[linear(8, 8), linear(8, 3)], Init::He, 7);
    let wide = random(&[linear(8, 16), linear(8, 3), linear(3, 2)], Init::He, 7);
    let name = "layers.1.weight";
    assert_eq!(tensor(&narrow, name), tensor(&wide, name));
}
