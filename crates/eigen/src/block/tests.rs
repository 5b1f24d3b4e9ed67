//! Brink's own code against Burn's operations and against float64 sums on the host.
#![cfg(feature = "flex")]

use super::*;

const LENGTH: usize = 2 * PIECE + 77;

fn rows(count: usize, seed: u64, dtype: DType) -> Tensor<2> {
    let value = |at: usize| {
        let mixed = (at as u64 + 1 + (seed << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 40) as f64 / (1 << 23) as f64 - 1.0
    };
    let values: Vec<f64> = (0..count * LENGTH).map(value).collect();
    let data = TensorData::new(values, [count, LENGTH]);
    Tensor::from_data(data, (&Device::flex(), dtype))
}

fn host(tensor: &Tensor<2>) -> Vec<f64> {
    tensor.to_data().iter::<f64>().collect()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

fn entries(matrix: &Mat<f64>) -> Vec<f64> {
    let columns = 0..matrix.ncols();
    columns
        .flat_map(|j| (0..matrix.nrows()).map(move |i| matrix[(i, j)]))
        .collect()
}

/// Precisions, each with its epsilon and with the rounding of a sum of many terms, relative to them.
const BOTH: [(DType, f64, f64); 2] = [
    (DType::F32, f32::EPSILON as f64, 1e-6),
    (DType::F64, f64::EPSILON, 1e-13),
];

#[test]
fn combinations_agree() {
    for (dtype, epsilon, _) in BOTH {
        let (a, b, c) = (rows(3, 1, dtype), rows(2, 2, dtype), rows(4, 3, dtype));
        let (first, second) = (
            Mat::from_fn(4, 5, |i, j| (i as f64 - 1.5) * (j as f64 + 0.3)),
            Mat::from_fn(4, 2, |i, j| 0.2 * i as f64 - j as f64),
        );
        let combine = |own: bool| {
            let arithmetic = Arithmetic::new(own);
            let stack = Stack::from(vec![a.clone(), b.clone()]);
            // Rows cut out of the middle of a tensor.
            let cut = Stack::from(c.clone().narrow(0, 1, 2));
            host(&arithmetic.combine(&[(&first, &stack), (&second, &cut)]))
        };
        let found = largest_difference(&combine(true), &combine(false));
        assert!(found < 40.0 * epsilon, "{dtype:?}: {found}");
    }
}

#[test]
fn gram_matrices_agree() {
    for (dtype, _, rounding) in BOTH {
        let (a, b) = (rows(3, 1, dtype), rows(2, 2, dtype));
        let grams = |own: bool| {
            let arithmetic = Arithmetic::new(own);
            let left = Stack::from(vec![a.clone(), b.clone()]);
            let right = Stack::from(b.clone());
            let grams = arithmetic.grams(&[(&left, &left), (&left, &right)], &mut []);
            grams.map(|grams| grams.iter().map(entries).collect::<Vec<_>>())
        };
        let (own, plain) = (grams(true).unwrap(), grams(false).unwrap());
        let (left, right) = (host(&Tensor::cat(vec![a, b.clone()], 0)), host(&b));
        let mut exact = Vec::new();
        for j in right.chunks_exact(LENGTH) {
            for i in left.chunks_exact(LENGTH) {
                exact.push(i.iter().zip(j).map(|(x, y)| x * y).sum::<f64>());
            }
        }
        let tolerance = rounding * LENGTH as f64;
        for (own, plain) in own.iter().zip(&plain) {
            let found = largest_difference(own, plain);
            assert!(found < tolerance, "{dtype:?}: {found}");
        }
        let found = largest_difference(&own[1], &exact);
        assert!(found < tolerance, "{dtype:?}: {found}");
    }
}
