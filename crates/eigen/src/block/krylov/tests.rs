//! Both ways give the same bases, and these are orthonormal.

use burn::tensor::{DType, Device, Tensor};

use super::super::Arithmetic;
use crate::random::sphere;

/// Longer than a piece and than the partial sums, and no multiple of either.
const LENGTH: usize = 9_001;

fn host(tensor: &Tensor<2>) -> Vec<f64> {
    tensor.to_data().iter::<f64>().collect()
}

/// Eigenvalues of which the first two soon converge: where orthogonality is lost first.
fn operator(dtype: DType) -> Tensor<2> {
    let values = (0..LENGTH).map(|i| match i {
        0 => 100.0,
        1 => -30.0,
        _ => (i as f64 * 0.37).sin(),
    });
    let values: Vec<f64> = values.collect();
    let values = Tensor::<1>::from_data(values.as_slice(), (&Device::flex(), dtype));
    values.unsqueeze()
}

#[test]
fn bases_stay_orthonormal_and_agree() {
    for (dtype, tolerance) in [(DType::F32, 3.5e-4), (DType::F64, 1.5e-8)] {
        let (operator, device) = (operator(dtype), Device::flex());
        let follow = |own: bool| {
            let first = sphere([3, LENGTH], [7, 0], &device, dtype);
            let mut basis = Arithmetic::new(own).long_krylov(first);
            let (mut found, mut all) = (Vec::new(), vec![basis.last_unit()]);
            let mut before = vec![0.0; 3];
            for _ in 0..30 {
                let image = basis.last() * operator.clone();
                let step = basis.orthogonalise(image, &before).unwrap();
                let factors: Vec<f64> = step.length.iter().map(|length| 1.0 / length).collect();
                before.clone_from(&step.length);
                found.extend([step.along, step.length]);
                basis.extend(&factors);
                all.push(basis.last_unit());
            }
            (found.concat(), all)
        };
        let ((own, all), (plain, _)) = (follow(true), follow(false));
        for (step, (own, plain)) in own.iter().zip(&plain).enumerate() {
            // Rounding grows along the process as its nodes converge, and moves no rule with it.
            let near = step > 20 || (own - plain).abs() < 1e3 * tolerance;
            assert!(near, "{dtype:?} {step}: {own} {plain}");
        }
        for row in 0..3 {
            let rows = all.iter();
            let rows: Vec<Vec<f64>> = rows.map(|b| host(&b.clone().narrow(0, row, 1))).collect();
            for (i, a) in rows.iter().enumerate() {
                for (j, b) in rows.iter().enumerate() {
                    let inner: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    let expected = f64::from(u8::from(i == j));
                    let off = (inner - expected).abs();
                    assert!(off < tolerance, "{dtype:?} {i} {j}: {off}");
                }
            }
        }
    }
}

/// Eigenvalues that fall to rounding within some steps: what is left of an image is soon little more than
/// rounding itself.
#[test]
fn bases_stay_orthonormal_where_the_operator_runs_out() {
    let device = Device::flex();
    let length = 300;
    for (dtype, epsilon) in [
        (DType::F32, f64::from(f32::EPSILON)),
        (DType::F64, f64::EPSILON),
    ] {
        for ratio in [0.9_f64, 0.6, 0.3, 0.05] {
            let values: Vec<f64> = (0..length)
                .map(|i| if i < 120 { ratio.powi(i) } else { 0.0 })
                .collect();
            let operator = Tensor::<1>::from_data(values.as_slice(), (&device, dtype));
            let operator = operator.unsqueeze::<2>();
            let first = sphere([4, length as usize], [3, 1], &device, dtype);
            let mut basis = Arithmetic::new(true).long_krylov(first);
            let (mut all, mut before) = (vec![basis.last_unit()], vec![0.0; 4]);
            for _ in 0..60 {
                let image = basis.last() * operator.clone();
                let step = basis.orthogonalise(image, &before).unwrap();
                let factors: Vec<f64> = (step.length.iter())
                    .map(|length| {
                        if *length > 10.0 * epsilon {
                            length.recip()
                        } else {
                            0.0
                        }
                    })
                    .collect();
                before.clone_from(&step.length);
                basis.extend(&factors);
                all.push(basis.last_unit());
            }
            for row in 0..4 {
                let rows = all.iter();
                let rows: Vec<Vec<f64>> =
                    rows.map(|b| host(&b.clone().narrow(0, row, 1))).collect();
                for (i, a) in rows.iter().enumerate() {
                    for (j, b) in rows.iter().enumerate().take(i) {
                        let inner: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                        assert!(
                            inner.abs() < epsilon.sqrt(),
                            "{dtype:?} {ratio} {i} {j}: {inner:e}"
                        );
                    }
                    let square: f64 = a.iter().map(|a| a * a).sum();
                    let unit = (square - 1.0).abs() < 10.0 * epsilon.sqrt();
                    assert!(unit || square == 0.0, "{dtype:?} {ratio} {i}: {square}");
                }
            }
        }
    }
}

/// A long basis keeps its rows at the lengths that the process gives them, unless these are extreme.
#[test]
fn an_operator_of_any_size_has_the_same_basis() {
    let device = Device::flex();
    let follow = |size: f64| {
        let operator = operator(DType::F32).mul_scalar(size);
        let first = sphere([3, LENGTH], [7, 0], &device, DType::F32);
        let mut basis = Arithmetic::new(true).long_krylov(first);
        let (mut found, mut before) = (Vec::new(), vec![0.0; 3]);
        for _ in 0..8 {
            let step = (basis.orthogonalise(basis.last() * operator.clone(), &before)).unwrap();
            let factors: Vec<f64> = step.length.iter().map(|length| length.recip()).collect();
            before.clone_from(&step.length);
            found.extend(step.along.iter().chain(&step.length).map(|x| x / size));
            basis.extend(&factors);
        }
        (found, host(&basis.last_unit()))
    };
    let (found, last) = follow(1.0);
    for size in [1e-12, 1e-8, 1e8, 1e12] {
        let (other, other_last) = follow(size);
        for (one, other) in found.iter().zip(&other) {
            assert!((one - other).abs() < 1e-3, "{size:e}: {one} {other}");
        }
        let squares = last.iter().zip(&other_last).map(|(a, b)| (a - b).powi(2));
        assert!(squares.sum::<f64>().sqrt() < 1e-2, "{size:e}");
    }
}
