//! What a solve is asked for besides its pairs: numbers that it brings along, inner products.

#[path = "common/spectra.rs"]
mod spectra;

use brink_eigen::{EigenError, Numbers, Params, Request, Solution, Solver, Stop, read_backs};
use burn::tensor::{DType, Device, Tensor};
use spectra::{Dense, arenas, decaying, rotation, with_spectrum};

fn params() -> Params {
    Params {
        count: 2,
        ..Params::default()
    }
}

fn vector(dim: usize, device: &Device, dtype: DType) -> Tensor<1> {
    let values: Vec<f64> = (0..dim).map(|i| (0.3 * i as f64).cos()).collect();
    Tensor::from_data(values.as_slice(), (device, dtype))
}

/// vᵀx of each vector, summed on the host in float64.
fn on_the_host(solution: &Solution, x: &Tensor<1>) -> Vec<f64> {
    let values = |data: burn::tensor::TensorData| data.iter::<f64>().collect::<Vec<_>>();
    let (rows, x) = (values(solution.vectors.to_data()), values(x.to_data()));
    let product = |row: &[f64]| row.iter().zip(&x).map(|(v, x)| v * x).sum();
    rows.chunks_exact(x.len()).map(product).collect()
}

#[test]
fn inner_products_and_numbers_cost_no_read_back() {
    for (device, dtype) in arenas() {
        // 10 is small enough to be decomposed whole.
        for n in [120, 10] {
            let spectrum = decaying(&[50.0, 45.0, 30.0], 15.0, 0.8, n);
            let x = vector(n, &device, dtype);
            let mut counts = Vec::new();
            for asked in [false, true] {
                let mut solver = Solver::new(params()).unwrap();
                for turn in 0..4 {
                    let matrix = with_spectrum(&spectrum, &rotation(n, 7));
                    let mut operator = Dense::new(&matrix, &device, dtype);
                    let parts = [1.5, -2.0].map(|value| x.clone() * 0.0 + value);
                    let mut numbers = Numbers::new(parts.into(), "numbers");
                    let request = Request {
                        along: asked.then(|| x.clone()),
                        numbers: asked.then_some(&mut numbers),
                        ..Request::default()
                    };
                    let before = read_backs();
                    let solution = solver.solve_for(&mut operator, request).unwrap();
                    counts.push((solution.info.read_backs, turn));
                    if !asked {
                        assert!(solution.along.is_empty());
                        continue;
                    }
                    let own = device != Device::flex() || solution.info.stop == Stop::Dense;
                    if own {
                        // No other way of reading is counted.
                        let waited = read_backs() - before;
                        assert_eq!(waited, solution.info.read_backs as u64, "{n} {turn}");
                    }
                    let before = read_backs();
                    let read = numbers.values().unwrap();
                    assert_eq!(read.len(), 2 * n);
                    assert!(read[..n].iter().all(|value| *value == 1.5));
                    assert!(read[n..].iter().all(|value| *value == -2.0));
                    assert_eq!(read_backs(), before, "they were there");
                    let exact = on_the_host(&solution, &x);
                    assert_eq!(solution.along.len(), exact.len());
                    let rounding = match dtype {
                        DType::F64 => 1e-12,
                        _ => 1e-4,
                    };
                    for (found, exact) in solution.along.iter().zip(&exact) {
                        assert!((found - exact).abs() < rounding, "{found} for {exact}");
                    }
                }
            }
            let (without, with) = counts.split_at(4);
            assert_eq!(without, with);
        }
    }
}

#[test]
fn numbers_that_nothing_brought_are_read() {
    let device = Device::flex();
    let x = vector(3, &device, DType::F64);
    let mut numbers = Numbers::new(vec![x.clone(), x], "numbers");
    let before = read_backs();
    let first = numbers.values().unwrap().to_vec();
    assert_eq!(first, numbers.values().unwrap());
    assert_eq!(first[..3], first[3..]);
    assert_eq!(read_backs(), before + 1);
    let mut none = Numbers::new(Vec::new(), "numbers");
    assert!(none.values().unwrap().is_empty());
    assert_eq!(read_backs(), before + 1);
}

#[test]
fn a_vector_of_another_length_is_refused() {
    let (n, device, dtype) = (40, Device::flex(), DType::F64);
    let matrix = with_spectrum(&decaying(&[9.0], 3.0, 0.5, n), &rotation(n, 2));
    let request = Request {
        along: Some(vector(n - 1, &device, dtype)),
        ..Request::default()
    };
    let mut solver = Solver::new(params()).unwrap();
    let mut operator = Dense::new(&matrix, &device, dtype);
    let error = solver.solve_for(&mut operator, request).unwrap_err();
    let expected = EigenError::VectorLength {
        length: n - 1,
        dim: n,
    };
    assert_eq!(error.to_string(), expected.to_string());
}
