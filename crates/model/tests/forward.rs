//! Networks against loops written out by hand, in float64.
#![cfg(any(feature = "flex", feature = "ndarray"))]

mod common;

use brink_model::Weights;
use common::{assert_close, config, devices, erf, irregular, matrix, network, values};

const TOLERANCE: f64 = 1e-12;
const ACTIVATIONS: [&str; 7] = [
    "linear", "tanh", "relu", "elu", "gelu", "softplus", "sigmoid",
];

fn activation(name: &str, x: f64) -> f64 {
    match name {
        "linear" => x,
        "tanh" => x.tanh(),
        "relu" => x.max(0.0),
        "elu" => {
            if x > 0.0 {
                x
            } else {
                x.exp_m1()
            }
        }
        "gelu" => 0.5 * x * (1.0 + erf(x / 2f64.sqrt())),
        "softplus" => x.exp().ln_1p(),
        "sigmoid" => 1.0 / (1.0 + (-x).exp()),
        _ => unreachable!(),
    }
}

fn values_of<'a>(weights: &'a Weights, name: &str) -> &'a [f64] {
    weights.get(name).map_or(&[], |tensor| &tensor.values)
}

/// x W + b for one sample; `w` is `[in, out]`.
fn linear(x: &[f64], w: &[f64], b: &[f64], outputs: usize) -> Vec<f64> {
    (0..outputs)
        .map(|o| {
            let sum: f64 = (x.iter().enumerate())
                .map(|(i, x)| x * w[i * outputs + o])
                .sum();
            sum + b.get(o).copied().unwrap_or(0.0)
        })
        .collect()
}

/// One image `[channels][side][side]` convolved with zero padding; `w` is `[out, in, k, k]`.
fn convolve(x: &[f64], side: usize, w: &[f64], b: &[f64], outputs: usize, k: usize) -> Vec<f64> {
    let channels = x.len() / (side * side);
    let half = (k / 2) as isize;
    let mut y = Vec::new();
    for o in 0..outputs {
        for row in 0..side as isize {
            for column in 0..side as isize {
                let mut sum = b.get(o).copied().unwrap_or(0.0);
                for c in 0..channels {
                    for i in 0..k as isize {
                        for j in 0..k as isize {
                            let (r, s) = (row + i - half, column + j - half);
                            if (0..side as isize).contains(&r) && (0..side as isize).contains(&s) {
                                let pixel = x[(c * side + r as usize) * side + s as usize];
                                sum += pixel
                                    * w[((o * channels + c) * k + i as usize) * k + j as usize];
                            }
                        }
                    }
                }
                y.push(sum);
            }
        }
    }
    y
}

fn pool(x: &[f64], side: usize, kind: &str) -> Vec<f64> {
    let half = side / 2;
    let mut y = Vec::new();
    for channel in x.chunks(side * side) {
        for row in 0..half {
            for column in 0..half {
                let at = |i, j| channel[(2 * row + i) * side + 2 * column + j];
                let window = [at(0, 0), at(0, 1), at(1, 0), at(1, 1)];
                y.push(match kind {
                    "average" => window.iter().sum::<f64>() / 4.0,
                    _ => window.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                });
            }
        }
    }
    y
}

#[test]
fn mlp_equals_loops_for_every_activation() {
    let x = irregular(4 * 6);
    for (backend, device) in devices() {
        for name in ACTIVATIONS {
            for bias in [true, false] {
                let config = config(&format!(
                    "kind = 'mlp'\nhidden = [5, 7]\nactivation = '{name}'\nbias = {bias}\nseed = 3"
                ));
                let (network, _, w) = network(&config, 6, 3, &device);
                let got = values(network.forward(matrix(&x, 6, &device)));
                let mut expected = Vec::new();
                for sample in x.chunks(6) {
                    let mut h = sample.to_vec();
                    for (layer, width) in [5, 7].into_iter().enumerate() {
                        let weight = values_of(&w, &format!("layers.{layer}.weight"));
                        let shift = values_of(&w, &format!("layers.{layer}.bias"));
                        h = linear(&h, weight, shift, width);
                        h.iter_mut().for_each(|z| *z = activation(name, *z));
                    }
                    let (weight, shift) = (
                        values_of(&w, "layers.2.weight"),
                        values_of(&w, "layers.2.bias"),
                    );
                    expected.extend(linear(&h, weight, shift, 3));
                }
                let what = format!("{backend}, {name}, bias {bias}");
                assert_close(&got, &expected, TOLERANCE, &what);
            }
        }
    }
}

#[test]
fn an_mlp_without_hidden_layers_is_linear() {
    let x = irregular(2 * 6);
    for (backend, device) in devices() {
        let (network, _, w) = network(&config("hidden = []\nactivation = 'relu'"), 6, 2, &device);
        let got = values(network.forward(matrix(&x, 6, &device)));
        let (weight, bias) = (
            values_of(&w, "layers.0.weight"),
            values_of(&w, "layers.0.bias"),
        );
        let expected: Vec<f64> = (x.chunks(6))
            .flat_map(|sample| linear(sample, weight, bias, 2))
            .collect();
        assert_close(&got, &expected, TOLERANCE, backend);
    }
}

/// Sides 8 and 5: the second drops a row and a column at its first pooling.
#[test]
fn cnn_equals_loops_for_every_activation_and_pooling() {
    for (backend, device) in devices() {
        for name in ACTIVATIONS {
            for (pooling, side, kernel, bias) in [
                ("average", 8, 3, true),
                ("max", 8, 3, false),
                ("average", 5, 5, false),
                ("max", 5, 1, true),
            ] {
                let config = config(&format!(
                    "kind = 'cnn'\nchannels = [4, 2]\nkernel = {kernel}\npooling = '{pooling}'\n\
                     activation = '{name}'\nbias = {bias}\nseed = 5"
                ));
                let inputs = 3 * side * side;
                let x = irregular(3 * inputs);
                let (network, _, w) = network(&config, inputs, 3, &device);
                let got = values(network.forward(matrix(&x, inputs, &device)));
                let mut expected = Vec::new();
                for image in x.chunks(inputs) {
                    let (mut h, mut s) = (image.to_vec(), side);
                    for (layer, channels) in [4, 2].into_iter().enumerate() {
                        let weight = values_of(&w, &format!("layers.{layer}.weight"));
                        let shift = values_of(&w, &format!("layers.{layer}.bias"));
                        h = convolve(&h, s, weight, shift, channels, kernel);
                        h.iter_mut().for_each(|z| *z = activation(name, *z));
                        h = pool(&h, s, pooling);
                        s /= 2;
                    }
                    let (weight, shift) = (
                        values_of(&w, "layers.2.weight"),
                        values_of(&w, "layers.2.bias"),
                    );
                    expected.extend(linear(&h, weight, shift, 3));
                }
                let what = format!("{backend}, {name}, {pooling}, side {side}, kernel {kernel}");
                assert_close(&got, &expected, TOLERANCE, &what);
            }
        }
    }
}
