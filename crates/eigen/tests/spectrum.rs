//! Stochastic Lanczos quadrature, against spectra that are known.

#![cfg(feature = "flex")]

use brink_eigen::{
    Broadening, EigenError, OperatorError, Spectrum, SpectrumParams, SymmetricOperator, spectrum,
};
use burn::tensor::{DType, Device, Tensor, TensorData};

/// V·diag(λ)·Vᵀ for V a product of reflections, so that no coordinate is special.
struct Known {
    values: Tensor<2>,
    reflections: Vec<Tensor<2>>,
    device: Device,
    products: usize,
    /// Rows of each block that it was applied to.
    blocks: Vec<usize>,
}

impl Known {
    fn new(values: &[f64], dtype: DType) -> Self {
        let device = Device::flex();
        let dim = values.len();
        let row = |values: Vec<f64>| {
            Tensor::<2>::from_data(TensorData::new(values, [1, dim]), (&device, dtype))
        };
        let reflection = |number: usize| {
            let entry = |i: usize| ((i * (number + 2)) as f64 * 0.618 + number as f64 + 1.0).sin();
            let entries: Vec<f64> = (0..dim).map(entry).collect();
            let length = entries.iter().map(|x| x * x).sum::<f64>().sqrt();
            row(entries.iter().map(|x| x / length).collect())
        };
        Self {
            values: row(values.to_vec()),
            reflections: (0..3).map(reflection).collect(),
            device: device.clone(),
            products: 0,
            blocks: Vec::new(),
        }
    }
}

impl SymmetricOperator for Known {
    fn dim(&self) -> usize {
        self.values.dims()[1]
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dtype(&self) -> DType {
        self.values.dtype()
    }

    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        self.products += block.dims()[0];
        self.blocks.push(block.dims()[0]);
        let reflect = |x: Tensor<2>, u: &Tensor<2>| {
            let along = (x.clone() * u.clone()).sum_dim(1).mul_scalar(2.0);
            x - along * u.clone()
        };
        let inner = self.reflections.iter().fold(block, reflect);
        let image = inner * self.values.clone();
        Ok(self.reflections.iter().rev().fold(image, reflect))
    }
}

fn measured(values: &[f64], dtype: DType, params: &SpectrumParams) -> Spectrum {
    spectrum(&mut Known::new(values, dtype), params).unwrap()
}

fn params(probes: usize, steps: usize, seed: u64) -> SpectrumParams {
    SpectrumParams {
        probes,
        steps,
        seed,
        ..SpectrumParams::default()
    }
}

/// As a network's: many near zero, a bulk, and a few far out.
fn like_a_network(dim: usize) -> Vec<f64> {
    let value = |i: usize| match i {
        0 => 40.0,
        1..8 => 10.0 / i as f64,
        8 => -2.0,
        _ => 0.5 * (-(i as f64) / (0.2 * dim as f64)).exp() * ((i % 7) as f64 / 3.0 - 0.5),
    };
    (0..dim).map(value).collect()
}

fn power_sum(values: &[f64], power: i32) -> f64 {
    values.iter().map(|value| value.powi(power)).sum()
}

/// ∫|φ − exact|, exact being the eigenvalues broadened alike.
fn distance(found: &Spectrum, values: &[f64], broadening: &Broadening) -> f64 {
    let density = found.density(broadening, 0);
    let spacing = density.lambda[1] - density.lambda[0];
    let unit = 1.0 / (density.sigma * std::f64::consts::TAU.sqrt() * values.len() as f64);
    let exact = |lambda: f64| {
        let terms = values.iter();
        let terms = terms.map(|v| (-0.5 * ((lambda - v) / density.sigma).powi(2)).exp());
        unit * terms.sum::<f64>()
    };
    let points = density.lambda.iter().zip(&density.density);
    points
        .map(|(at, found)| (found - exact(*at)).abs() * spacing)
        .sum()
}

fn mass(found: &Spectrum, broadening: &Broadening, flat: usize) -> f64 {
    let density = found.density(broadening, flat);
    let spacing = density.lambda[1] - density.lambda[0];
    density.density.iter().sum::<f64>() * spacing
}

const BROADENING: Broadening = Broadening {
    points: 1024,
    width: 0.004,
};

#[test]
fn moments_and_density_are_those_of_the_spectrum() {
    let values = like_a_network(400);
    for dtype in [DType::F32, DType::F64] {
        let found = measured(&values, dtype, &params(40, 60, 1));
        for power in 1..=3 {
            let moment = found.moment(power);
            let exact = power_sum(&values, power) / values.len() as f64;
            let off = (moment.value - exact).abs() / moment.standard_error;
            assert!(off < 4.0, "{dtype:?} moment {power}: {off} standard errors");
        }
        for (name, of, exact) in [
            ("trace", found.trace, power_sum(&values, 1)),
            ("frobenius", found.frobenius_sq, power_sum(&values, 2)),
        ] {
            let off = (of.value - exact).abs() / of.standard_error;
            assert!(
                off < 4.0,
                "{dtype:?} {name}: {off} standard errors of {exact}"
            );
            // The point of XTrace: far below the spread of vᵀAv.
            let plain = found.moment(1).standard_error * values.len() as f64;
            assert!(
                name != "trace" || of.standard_error < 0.2 * plain,
                "{of:?} {plain}"
            );
        }
        assert!((mass(&found, &BROADENING, 0) - 1.0).abs() < 1e-5);
        assert!((mass(&found, &BROADENING, 77) - 1.0).abs() < 1e-5);
        let off = distance(&found, &values, &BROADENING);
        assert!(off < 0.1, "{dtype:?}: {off}");
        // The largest eigenvalue has a node.
        let top = found
            .rules
            .iter()
            .map(|rule| rule.nodes[0])
            .fold(0.0, f64::max);
        assert!((top - 40.0).abs() < 1e-4, "{top}");
    }
}

/// However many probes there are, few Krylov spaces are held at a time; only the images for the trace are
/// of all of them.
#[test]
fn many_probes_take_turns() {
    let mut operator = Known::new(&like_a_network(100), DType::F64);
    let found = spectrum(&mut operator, &params(40, 10, 1)).unwrap();
    assert_eq!(found.rules.len(), 40);
    let expected = [vec![16; 20], vec![8; 10], vec![40]].concat();
    assert_eq!(operator.blocks, expected);
    assert_eq!(found.products, 40 * 11);
}

#[test]
fn more_probes_bring_the_density_nearer() {
    let values = like_a_network(300);
    let off = |probes| {
        distance(
            &measured(&values, DType::F64, &params(probes, 80, 3)),
            &values,
            &BROADENING,
        )
    };
    let (few, many) = (off(2), off(128));
    assert!(many < 0.05 && many < 0.5 * few, "{few} {many}");
}

/// Where the errors really lie, over many seeds.
#[test]
fn standard_errors_are_what_the_estimates_spread_by() {
    let spectra: [(&str, Vec<f64>); 4] = [
        ("network", like_a_network(200)),
        ("flat", (0..150).map(|i| 1.0 + 0.01 * i as f64).collect()),
        (
            "both signs",
            (0..150).map(|i| (i as f64 * 0.7).sin()).collect(),
        ),
        ("decaying", (0..200).map(|i| 0.9_f64.powi(i)).collect()),
    ];
    const SEEDS: u64 = 200;
    for (name, values) in &spectra {
        let found: Vec<Spectrum> = (0..SEEDS)
            .map(|seed| measured(values, DType::F64, &params(10, 2, seed)))
            .collect();
        for (what, exact) in [
            ("trace", power_sum(values, 1)),
            ("frobenius", power_sum(values, 2)),
        ] {
            let of = |spectrum: &Spectrum| match what {
                "trace" => spectrum.trace,
                _ => spectrum.frobenius_sq,
            };
            let errors: Vec<f64> = found.iter().map(|f| of(f).value - exact).collect();
            let spread = (errors.iter().map(|e| e * e).sum::<f64>() / SEEDS as f64).sqrt();
            let claimed = found
                .iter()
                .map(|f| of(f).standard_error.powi(2))
                .sum::<f64>();
            let claimed = (claimed / SEEDS as f64).sqrt();
            let mean = errors.iter().sum::<f64>() / SEEDS as f64;
            let beyond = found.iter().zip(&errors);
            let beyond = beyond
                .filter(|(f, e)| e.abs() > 4.0 * of(f).standard_error)
                .count();
            println!(
                "{name} {what}: spread {spread:.3e} claimed {claimed:.3e} bias {mean:.1e} beyond {beyond}"
            );
            // The jackknife errs on the side of caution.
            assert!(
                claimed > 0.8 * spread && claimed < 4.0 * spread,
                "{name} {what}: {claimed} {spread}"
            );
            // Unbiased: the mean of 200 within four of its own errors.
            assert!(
                mean.abs() < 4.0 * spread / (SEEDS as f64).sqrt(),
                "{name} {what}: {mean}"
            );
            assert!(beyond <= 2, "{name} {what}: {beyond} of {SEEDS}");
        }
    }
}

#[test]
fn zeros_and_clusters_end_the_process_early_and_exactly() {
    // Three eigenvalues: every Krylov space has three dimensions.
    let mut values = vec![0.0; 60];
    values[..5].fill(3.0);
    values[5..7].fill(-1.0);
    for dtype in [DType::F32, DType::F64] {
        let mut operator = Known::new(&values, dtype);
        let found = spectrum(&mut operator, &params(8, 40, 5)).unwrap();
        assert_eq!(found.products, operator.products);
        // Three steps each, and what spans the range. In float32 more may pass before what is left
        // is known to be rounding.
        let most = if dtype == DType::F32 {
            8 * 20
        } else {
            8 * 4 + 8
        };
        assert!(operator.products <= most, "{}", operator.products);
        for rule in &found.rules {
            let weight = |near: f64| -> f64 {
                let nodes = rule.nodes.iter().zip(&rule.weights);
                nodes
                    .filter(|(n, _)| (*n - near).abs() < 1e-4)
                    .map(|(_, w)| w)
                    .sum()
            };
            let total = weight(3.0) + weight(0.0) + weight(-1.0);
            assert!((total - 1.0).abs() < 1e-9, "{rule:?}");
        }
        // Seven eigenvalues are not zero, and eight probes see them all.
        let trace = (found.trace.value - 13.0).abs();
        let norm = (found.frobenius_sq.value - 47.0).abs();
        let rounding = if dtype == DType::F32 { 1e-4 } else { 1e-11 };
        assert!(
            trace < rounding && norm < rounding,
            "{dtype:?} {trace} {norm}"
        );
        assert!(trace < 4.0 * found.trace.standard_error.max(1e-15));
        assert!((mass(&found, &BROADENING, 0) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn fewer_dimensions_than_steps_and_probes_are_exact() {
    for dim in [1, 2, 3, 7] {
        let values: Vec<f64> = (0..dim).map(|i| i as f64 - 1.5).collect();
        let found = measured(&values, DType::F64, &params(10, 60, 2));
        assert!(
            (found.trace.value - power_sum(&values, 1)).abs() < 1e-11,
            "{dim}: {found:?}"
        );
        assert!(
            (found.frobenius_sq.value - power_sum(&values, 2)).abs() < 1e-10,
            "{dim}"
        );
        for rule in &found.rules {
            assert!(rule.nodes.len() <= dim);
            assert!((rule.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for node in &rule.nodes {
                let nearest = values.iter().map(|v| (v - node).abs()).fold(1.0, f64::min);
                assert!(nearest < 1e-10, "{dim}: {node}");
            }
        }
    }
}

#[test]
fn nothing_at_all_is_a_peak_at_zero() {
    let found = measured(&[0.0; 20], DType::F64, &params(4, 10, 0));
    assert_eq!((found.trace.value, found.frobenius_sq.value), (0.0, 0.0));
    assert!((mass(&found, &BROADENING, 0) - 1.0).abs() < 1e-5);
    // And c·I a peak at c.
    let found = measured(&[7.0; 20], DType::F64, &params(4, 10, 0));
    assert!((found.trace.value - 140.0).abs() < 1e-10);
    assert!((mass(&found, &BROADENING, 0) - 1.0).abs() < 1e-5);
}

#[test]
fn the_same_stream_gives_the_same_and_another_one_others() {
    let values = like_a_network(50);
    let of = |stream| {
        let params = SpectrumParams {
            stream,
            ..params(3, 20, 9)
        };
        measured(&values, DType::F32, &params)
    };
    assert_eq!(of(4), of(4));
    assert_ne!(of(4).rules, of(5).rules);
}

#[test]
fn what_is_impossible_or_not_finite_is_refused() {
    for (probes, steps) in [(0, 5), (1, 5), (2, 0)] {
        let refused = spectrum(
            &mut Known::new(&[1.0], DType::F64),
            &params(probes, steps, 0),
        );
        assert!(matches!(refused, Err(EigenError::InvalidParameter { .. })));
    }
    for wrong in [f64::NAN, f64::INFINITY] {
        let mut values = vec![1.0; 30];
        values[11] = wrong;
        let refused = spectrum(&mut Known::new(&values, DType::F32), &params(3, 9, 0));
        assert!(
            matches!(refused, Err(EigenError::NonFinite { .. })),
            "{refused:?}"
        );
    }
}
