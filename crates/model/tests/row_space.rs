//! Compression of inputs to their row space is exact.

use brink_model::{NamedTensor, RowSpace, RowSpaceError, Weights};

const SAMPLES: usize = 5;
const FEATURES: usize = 9;
const WIDTH: usize = 3;

/// Numbers without a pattern, between −1 and 1.
fn wave(seed: usize, count: usize) -> Vec<f64> {
    let number = |i: usize| {
        let x = (12.9898 * (seed + i + 1) as f64).sin() * 43758.5453;
        2.0 * (x - x.floor()) - 1.0
    };
    (0..count).map(number).collect()
}

/// a·b of row-major matrices `[rows, inner]` and `[inner, columns]`.
fn product(a: &[f64], b: &[f64], inner: usize) -> Vec<f64> {
    let (rows, columns) = (a.len() / inner, b.len() / inner);
    let entry = |at: usize| -> f64 {
        let (i, j) = (at / columns, at % columns);
        (0..inner)
            .map(|k| a[i * inner + k] * b[k * columns + j])
            .sum()
    };
    (0..rows * columns).map(entry).collect()
}

fn transposed(a: &[f64], columns: usize) -> Vec<f64> {
    let rows = a.len() / columns;
    (0..a.len())
        .map(|at| a[at % rows * columns + at / rows])
        .collect()
}

fn close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < 1e-13, "{a} {b}");
    }
}

fn weights(first: Vec<f64>) -> Weights {
    let rows = first.len() / WIDTH;
    let tensor = |name: &str, shape: [usize; 2], values| NamedTensor {
        name: name.into(),
        shape: shape.to_vec(),
        values,
    };
    Weights::new(vec![
        tensor("layers.0.weight", [rows, WIDTH], first),
        tensor("layers.1.weight", [WIDTH, 1], wave(50, WIDTH)),
    ])
    .unwrap()
}

fn norm_sq(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum()
}

/// Also with two equal samples, when the rows span less than their number.
fn inputs() -> [Vec<f64>; 2] {
    let distinct = wave(0, SAMPLES * FEATURES);
    let mut repeated = distinct.clone();
    repeated.copy_within(0..FEATURES, 3 * FEATURES);
    [distinct, repeated]
}

#[test]
fn outputs_gradients_and_norms_are_kept() {
    for x in inputs() {
        let space = RowSpace::of(&x, SAMPLES, FEATURES).unwrap();
        let q = space.coordinates();
        // The samples' inner products are all that their coordinates must have.
        let inner = |x: &[f64], d| product(x, &transposed(x, d), d);
        close(&inner(&x, FEATURES), &inner(&q, SAMPLES));

        let full = weights(wave(20, FEATURES * WIDTH));
        let projected = space.project(&full).unwrap();
        let w = &full.tensors()[0].values;
        let c = &projected.weights.tensors()[0].values;
        close(&product(&x, w, FEATURES), &product(&q, c, SAMPLES));
        assert!((norm_sq(c) + projected.fixed_norm_sq - norm_sq(w)).abs() < 1e-13);
        assert_eq!(projected.weights.tensors()[1], full.tensors()[1]);

        // A step along the gradient Xᵀ·S of the full weight is a step along Qᵀ·S in coordinates.
        let slope = wave(70, SAMPLES * WIDTH);
        let step = |w: &[f64], x: &[f64], columns| -> Vec<f64> {
            let gradient = product(&transposed(x, columns), &slope, SAMPLES);
            w.iter().zip(gradient).map(|(w, g)| w - 0.1 * g).collect()
        };
        let moved = weights(step(c, &q, SAMPLES));
        let lifted = space.lift(&full, &projected.weights, &moved).unwrap();
        close(&lifted.tensors()[0].values, &step(w, &x, FEATURES));
    }
}

#[test]
fn nothing_moved_lifts_to_the_same_bits() {
    let [x, _] = inputs();
    let space = RowSpace::of(&x, SAMPLES, FEATURES).unwrap();
    let full = weights(wave(20, FEATURES * WIDTH));
    let start = space.project(&full).unwrap().weights;
    assert_eq!(space.lift(&full, &start, &start).unwrap(), full);
}

#[test]
fn what_cannot_be_compressed_is_refused() {
    for (samples, features) in [(3, 3), (4, 3), (0, 3)] {
        let error = RowSpace::of(&vec![1.0; samples * features], samples, features).unwrap_err();
        assert!(matches!(error, RowSpaceError::NotSmaller { .. }), "{error}");
    }
    let error = RowSpace::of(&[1.0; 5], 2, 3).unwrap_err();
    assert!(matches!(error, RowSpaceError::Length { values: 5, .. }));
    let [x, _] = inputs();
    let space = RowSpace::of(&x, SAMPLES, FEATURES).unwrap();
    let error = space.project(&weights(wave(1, 4 * WIDTH))).unwrap_err();
    assert!(error.to_string().contains("layers.0.weight"), "{error}");
}
