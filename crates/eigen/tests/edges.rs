//! The eigensolver at its limits: tiny and singular operators, bad input, exhausted arithmetic.

#[path = "common/spectra.rs"]
mod spectra;

use brink_eigen::{EigenError, OperatorError, Params, Request, Solver, Stop, SymmetricOperator};
use burn::tensor::{DType, Device, Tensor};
use faer::Mat;
use spectra::{
    Dense, arenas, check, decaying, noise, rotation, solve_and_check, upload, with_spectrum,
};

fn params(count: usize) -> Params {
    Params {
        count,
        ..Params::default()
    }
}

#[test]
fn small_operators_are_decomposed_whole() {
    for arena in arenas() {
        for n in 1..=12 {
            let spectrum: Vec<f64> = (0..n).map(|j| 3.0 - 2.0 * j as f64).collect();
            let matrix = with_spectrum(&spectrum, &rotation(n, n as u64));
            for count in 1..=n.min(4) {
                let solution = solve_and_check(&matrix, params(count), &arena);
                assert!(solution.pairs.iter().all(|p| p.converged), "{solution:?}");
                if n <= 3 * (count + 2) {
                    assert_eq!(solution.info.stop, Stop::Dense);
                    assert_eq!(solution.info.products, n);
                }
            }
        }
    }
}

#[test]
fn dimensions_just_above_the_dense_limit_work() {
    for arena in arenas() {
        for count in 1..=5 {
            let n = 3 * (count + 2) + 1;
            let spectrum: Vec<f64> = (0..n).map(|j| 5.0 - j as f64).collect();
            let matrix = with_spectrum(&spectrum, &rotation(n, 3));
            let solution = solve_and_check(&matrix, params(count), &arena);
            assert_eq!(solution.info.stop, Stop::Converged);
        }
    }
}

#[test]
fn the_zero_operator_has_zero_eigenvalues() {
    for arena in arenas() {
        for n in [1, 5, 60] {
            let solution = solve_and_check(&Mat::zeros(n, n), params(1), &arena);
            assert_eq!(solution.pairs[0].value, 0.0);
            assert_eq!(solution.pairs[0].error_bound, 0.0);
            assert!(solution.pairs[0].converged);
        }
    }
}

#[test]
fn multiples_of_the_identity_and_projectors_are_solved() {
    for arena in arenas() {
        let n = 60;
        let identity = Mat::from_fn(n, n, |i, j| if i == j { 2.5 } else { 0.0 });
        assert!(solve_and_check(&identity, params(3), &arena).pairs[2].converged);
        let mut spectrum = vec![0.0; n];
        spectrum[..2].fill(1.0);
        let projector = with_spectrum(&spectrum, &rotation(n, 8));
        assert!(solve_and_check(&projector, params(4), &arena).pairs[3].converged);
    }
}

#[test]
fn warm_starts_of_any_rank_scale_and_number_are_accepted() {
    let n = 80;
    let spectrum = decaying(&[9.0, 8.0, 7.0], 5.0, 0.9, n);
    let q = rotation(n, 6);
    let matrix = with_spectrum(&spectrum, &q);
    let one = |row: usize, scale: f64| Mat::from_fn(1, n, |_, j| scale * q[(row, j)]);
    let repeated = Mat::from_fn(3, n, |_, j| q[(0, j)]);
    let many = noise(9, n, 1);
    let starts = [one(0, 1e-6), one(30, 1e6), repeated, Mat::zeros(3, n), many];
    for (device, dtype) in arenas() {
        for start in &starts {
            let mut solver = Solver::new(params(2)).unwrap();
            solver.set_warm_start(upload(start, &device, dtype));
            let mut operator = Dense::new(&matrix, &device, dtype);
            let solution = solver.solve(&mut operator).unwrap();
            assert_eq!(solution.info.stop, Stop::Converged);
            check(&solution, &matrix, &params(2), (&device, dtype));
        }
    }
}

#[test]
fn an_unreachable_tolerance_ends_in_stagnation_with_honest_bounds() {
    let n = 100;
    let matrix = with_spectrum(&decaying(&[50.0, 49.9], 40.0, 0.95, n), &rotation(n, 1));
    for arena in arenas()
        .into_iter()
        .filter(|(_, dtype)| *dtype == DType::F32)
    {
        let params = Params {
            relative_tolerance: 1e-9,
            ..params(2)
        };
        let solution = solve_and_check(&matrix, params, &arena);
        assert_eq!(solution.info.stop, Stop::Stagnated);
        assert!(solution.info.iterations < 200, "{:?}", solution.info);
        for pair in &solution.pairs {
            assert!(!pair.converged);
            assert!(pair.error_bound < 1e-5 * pair.value);
        }
    }
}

#[test]
fn the_iteration_limit_returns_what_there_is() {
    let n = 100;
    let matrix = with_spectrum(&decaying(&[50.0, 49.9], 49.0, 0.99, n), &rotation(n, 1));
    for arena in arenas() {
        let params = Params {
            max_iterations: 2,
            relative_tolerance: 1e-6,
            ..params(2)
        };
        let solution = solve_and_check(&matrix, params, &arena);
        assert_eq!(solution.info.stop, Stop::IterationLimit);
        assert_eq!(solution.info.iterations, 2);
        assert!(solution.pairs.iter().any(|p| !p.converged));
    }
}

#[test]
fn impossible_parameters_are_refused_by_name() {
    let refused = |params: Params| match Solver::new(params) {
        Err(EigenError::InvalidParameter { name, .. }) => name,
        other => panic!("accepted: {other:?}"),
    };
    assert_eq!(refused(params(0)), "count");
    for relative_tolerance in [0.0, 1.0, -1e-3, f64::NAN, f64::INFINITY] {
        let params = Params {
            relative_tolerance,
            ..params(1)
        };
        assert_eq!(refused(params), "relative_tolerance");
    }
}

/// An operator that misbehaves in its application number `at`.
struct Faulty<F> {
    inner: Dense,
    at: usize,
    applications: usize,
    fault: F,
}

impl<F: Fn(Tensor<2>) -> Result<Tensor<2>, OperatorError>> SymmetricOperator for Faulty<F> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
    fn device(&self) -> &Device {
        self.inner.device()
    }
    fn dtype(&self) -> DType {
        self.inner.dtype()
    }
    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        self.applications += 1;
        let image = self.inner.apply(block)?;
        if self.applications == self.at {
            (self.fault)(image)
        } else {
            Ok(image)
        }
    }
}

/// The error of a solve whose operator has a fault in application `at`.
fn failure(
    at: usize,
    fault: impl Fn(Tensor<2>) -> Result<Tensor<2>, OperatorError>,
    (device, dtype): &(Device, DType),
) -> EigenError {
    let n = 80;
    let matrix = with_spectrum(&decaying(&[9.0, 8.9], 8.0, 0.99, n), &rotation(n, 6));
    let mut operator = Faulty {
        inner: Dense::new(&matrix, device, *dtype),
        at,
        applications: 0,
        fault,
    };
    let mut solver = Solver::new(params(1)).unwrap();
    let error = solver.solve(&mut operator).unwrap_err();
    // The solver survives, and so does the operator from its next application on.
    let solution = solver.solve(&mut operator).unwrap();
    assert_eq!(solution.info.stop, Stop::Converged);
    error
}

#[test]
fn faults_of_the_operator_become_errors_with_their_place() {
    for arena in arenas() {
        for at in [1, 3] {
            let error = failure(at, |image| Ok(image * f32::NAN), &arena);
            assert!(
                matches!(error, EigenError::NonFinite { application, .. } if application == at),
                "{error}"
            );
            let error = failure(at, |_| Err("out of memory".into()), &arena);
            assert!(
                matches!(error, EigenError::Operator { application, .. } if application == at),
                "{error}"
            );
            let error = failure(at, |image| Ok(image.narrow(1, 0, 7)), &arena);
            assert!(
                matches!(error, EigenError::OperatorOutput { got: [_, 7], .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn an_operator_that_is_not_symmetric_is_refused() {
    for (device, dtype) in arenas() {
        for n in [6, 80] {
            let spectrum = decaying(&[9.0, 8.0], 5.0, 0.9, n);
            let symmetric = with_spectrum(&spectrum, &rotation(n, 6));
            // A shear: eigenvalues as before, far from symmetric.
            let sheared = Mat::from_fn(n, n, |i, j| {
                let above = if j > i { 1.0 } else { 0.0 };
                symmetric[(i, j)] + above
            });
            let error = Solver::new(params(1))
                .unwrap()
                .solve(&mut Dense::new(&sheared, &device, dtype))
                .unwrap_err();
            assert!(
                matches!(error, EigenError::NotSymmetric { difference, explained } if difference > explained),
                "{error}"
            );
        }
    }
}

#[test]
fn a_floor_that_is_no_number_is_refused() {
    let (device, dtype) = arenas().swap_remove(0);
    let mut operator = Dense::new(&Mat::identity(40, 40), &device, dtype);
    let mut solver = Solver::new(params(1)).unwrap();
    for floor in [f64::NAN, f64::INFINITY] {
        let error = solver
            .solve_for(&mut operator, Request::above(floor))
            .unwrap_err();
        assert!(
            matches!(error, EigenError::InvalidParameter { name: "floor", .. }),
            "{error}"
        );
    }
}

#[test]
fn a_non_finite_dense_operator_is_an_error() {
    for (device, dtype) in arenas() {
        let matrix = Mat::from_fn(4, 4, |i, j| if (i, j) == (2, 1) { f64::NAN } else { 1.0 });
        let error = Solver::new(params(1))
            .unwrap()
            .solve(&mut Dense::new(&matrix, &device, dtype))
            .unwrap_err();
        assert!(
            matches!(error, EigenError::NonFinite { application: 1, .. }),
            "{error}"
        );
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    for (device, dtype) in arenas() {
        let mut operator = Dense::new(&Mat::identity(40, 40), &device, dtype);
        let error = Solver::new(params(41)).unwrap().solve(&mut operator);
        assert!(matches!(
            error,
            Err(EigenError::CountExceedsDimension { count: 41, dim: 40 })
        ));

        let mut solver = Solver::new(params(1)).unwrap();
        solver.set_warm_start(Tensor::ones([2, 39], (&device, dtype)));
        let error = solver.solve(&mut operator);
        assert!(matches!(
            error,
            Err(EigenError::WarmStartShape {
                columns: 39,
                dim: 40,
                ..
            })
        ));
        solver.reset();
        assert!(solver.solve(&mut operator).is_ok());
    }
}

#[test]
fn half_precision_is_refused() {
    let (device, _) = arenas().remove(0);
    let mut operator = Dense::new(&Mat::identity(40, 40), &device, DType::F16);
    assert!(matches!(
        Solver::new(params(1)).unwrap().solve(&mut operator),
        Err(EigenError::UnsupportedDType { dtype: DType::F16 })
    ));
}
