//! Every kind of network against PyTorch in float64: weights from its state dict, loss, gradient and
//! the Hessian's largest eigenvalues; and third derivatives against differences of products.
//!
//! `tests/reference/make.py` writes what is compared with.
#![cfg(feature = "flex")]

mod case;

use brink_dynamics::Hessian;
use brink_dynamics::eigen::{Params, Solver};
use brink_linearize::Objective;
use burn::tensor::{Device, FloatDType, Tensor};
use case::CASES;
use faer::{Mat, Side};

/// The dense Hessian, from products with all unit vectors.
fn dense(objective: &Objective<2>, theta: &Tensor<1>) -> Mat<f64> {
    let p = objective.parameters();
    let unit = Tensor::<2>::eye(p, &theta.device()).cast(theta.dtype());
    let mut at = objective.linearize(theta).unwrap();
    let rows: Vec<f64> = at.hvp(unit).unwrap().try_into_vec_as().unwrap();
    Mat::from_fn(p, p, |i, j| 0.5 * (rows[i * p + j] + rows[j * p + i]))
}

fn values(tensor: Tensor<1>) -> Vec<f64> {
    tensor.try_into_vec_as().unwrap()
}

/// ‖a − b‖ / ‖b‖.
fn relative(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| a - b));
    difference / norm(&mut b.iter().copied())
}

#[test]
fn loss_gradient_and_spectrum_are_those_of_pytorch() {
    for case in CASES {
        let name = case.name;
        let reference = case.reference();
        let (objective, theta) = case.objective(&Device::flex(), FloatDType::F64);
        let at = objective.linearize(&theta).unwrap();
        let loss = values(at.loss().clone());
        assert!(relative(&loss, &reference.loss) < 1e-12, "{name}: {loss:?}");
        let gradient = values(at.gradient().clone());
        let expected = reference.gradient(objective.layout());
        let error = relative(&gradient, &expected);
        assert!(error < 1e-10, "{name}: gradient {error:e}");
        drop(at);
        let hessian = dense(&objective, &theta);
        let spectrum = hessian.self_adjoint_eigenvalues(Side::Lower).unwrap();
        let top: Vec<f64> = spectrum.iter().rev().take(3).copied().collect();
        let error = relative(&top, &reference.spectrum);
        assert!(error < 1e-9, "{name}: {top:?} {:?}", reference.spectrum);
    }
}

#[test]
fn the_eigensolver_finds_their_sharpness() {
    for case in CASES {
        let (objective, theta) = case.objective(&Device::flex(), FloatDType::F64);
        let params = Params {
            count: 2,
            relative_tolerance: 1e-9,
            ..Params::default()
        };
        let mut solver = Solver::new(params).unwrap();
        let mut at = objective.linearize(&theta).unwrap();
        let solution = solver.solve(&mut Hessian::new(&mut at)).unwrap();
        let top = case.reference().spectrum[0];
        let found = solution.pairs[0].value;
        assert!(
            (found / top - 1.0).abs() < 1e-9,
            "{}: {found} {top}",
            case.name
        );
    }
}

/// ∇³L[u, v] is the derivative of the product with v along u; at a difference of 1e-5 the quotient
/// is off by its square and by rounding over it, both near 1e-10.
#[test]
fn third_derivatives_are_those_of_products() {
    for case in CASES.iter().filter(|case| case.smooth) {
        let (objective, theta) = case.objective(&Device::flex(), FloatDType::F64);
        let p = objective.parameters();
        let direction = |shift: f64| -> Tensor<1> {
            let wave = (0..p)
                .map(|i| (1.3 * i as f64 + shift).sin())
                .collect::<Vec<f64>>();
            let norm = wave.iter().map(|w| w * w).sum::<f64>().sqrt();
            let wave: Vec<f64> = wave.iter().map(|w| w / norm).collect();
            Tensor::from_data(wave.as_slice(), (&theta.device(), theta.dtype()))
        };
        let (u, v) = (direction(0.2), direction(1.9));
        let product = |step: f64| {
            let theta = theta.clone() + u.clone().mul_scalar(step);
            let mut at = objective.linearize(&theta).unwrap();
            let product = at.hvp(v.clone().unsqueeze()).unwrap();
            values(product.reshape([p]))
        };
        let step = 1e-5;
        let (ahead, behind) = (product(step), product(-step));
        let quotient: Vec<f64> = (ahead.iter().zip(&behind))
            .map(|(a, b)| (a - b) / (2.0 * step))
            .collect();
        let mut at = objective.linearize(&theta).unwrap();
        let third = at.third(u.clone(), v.clone().unsqueeze()).unwrap();
        let error = relative(&values(third.reshape([p])), &quotient);
        assert!(error < 1e-6, "{}: {error:e}", case.name);
    }
}

/// Without weights of a file, each kind starts at a point where nothing vanishes or overflows.
#[test]
fn each_kind_starts_from_its_own_weights() {
    for case in CASES {
        let (objective, theta) = case.drawn(&Device::flex());
        let at = objective.linearize(&theta).unwrap();
        let loss = values(at.loss().clone())[0];
        assert!(loss.is_finite() && loss > 0.0, "{}: {loss}", case.name);
        let norm: f64 = values(at.gradient().clone()).iter().map(|g| g * g).sum();
        assert!(norm > 1e-12, "{}", case.name);
    }
}

/// Logits of ±1e4, right and wrong: σ and its slope are 0 or 1 there to the last bit, so that the
/// gradient is that of a hinge and the Hessian vanishes. Nothing overflows, in either precision.
#[test]
fn losses_stand_logits_of_ten_thousand() {
    for dtype in [FloatDType::F32, FloatDType::F64] {
        for (name, right) in [("cross-entropy", true), ("cross-entropy", false)]
            .into_iter()
            .chain([("logistic", true), ("logistic", false)])
        {
            let (objective, theta) = case::at_the_end_of_the_scale(name, right, dtype);
            let mut at = objective.linearize(&theta).unwrap();
            let (loss, gradient) = (values(at.loss().clone()), values(at.gradient().clone()));
            // One output of 1e4, or two that are 2e4 apart.
            let margin = if name == "logistic" { 1e4 } else { 2e4 };
            assert_eq!(loss, [if right { 0.0 } else { margin }], "{name} {right}");
            let expected = if right { 0.0 } else { 1.0 };
            assert!(
                gradient.iter().all(|g| g.abs() == expected),
                "{name} {gradient:?}"
            );
            let ones = Tensor::<2>::ones([1, objective.parameters()], &theta.device());
            let product = at.hvp(ones.cast(theta.dtype())).unwrap();
            let product = values(product.reshape([objective.parameters()]));
            assert!(product.iter().all(|&p| p == 0.0), "{name} {product:?}");
        }
    }
}

/// Batch norm mixes the samples of a chunk: in chunks it would be another network.
#[test]
fn batch_norm_is_refused_in_chunks() {
    for case in CASES.iter().filter(|case| case.name.ends_with("batch")) {
        let error = case.in_chunks(&Device::flex()).unwrap_err();
        assert!(
            matches!(error, brink_linearize::LinearizeError::MixesSamples { .. }),
            "{error}"
        );
    }
    let other = CASES.iter().find(|case| case.name == "resnet-group");
    assert!(other.is_some_and(|case| case.in_chunks(&Device::flex()).is_ok()));
}

/// The same values by float32 on a GPU, where rounding is 1e-7 of each sum.
#[cfg(feature = "wgpu")]
#[test]
fn a_gpu_computes_the_same() {
    let device = Device::wgpu(burn::tensor::DeviceKind::DefaultDevice);
    for name in ["vgg-batch", "resnet-group", "vit", "gpt", "lstm"] {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let found = |device: &Device, dtype: FloatDType| -> [Vec<f64>; 3] {
            let (objective, theta) = case.objective(device, dtype);
            let mut at = objective.linearize(&theta).unwrap();
            let gradient = at.gradient().clone();
            let product = at.hvp(gradient.clone().unsqueeze()).unwrap();
            let product = product.reshape([objective.parameters()]);
            [at.loss().clone(), gradient, product].map(values)
        };
        let here = found(&Device::flex(), FloatDType::F64);
        let there = found(&device, FloatDType::F32);
        for ((a, b), tolerance) in there.iter().zip(&here).zip([1e-5, 1e-4, 1e-3]) {
            let error = relative(a, b);
            assert!(error < tolerance, "{name}: {error:e}");
        }
    }
}
