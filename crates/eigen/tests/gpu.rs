//! The eigensolver on wgpu, software Vulkan included, against dense decomposition.

#![cfg(feature = "wgpu")]

#[path = "common/spectra.rs"]
mod spectra;

use brink_eigen::{Params, Solver, Stop};
use burn::tensor::{DType, Device, DeviceKind};
use spectra::{Dense, check, decaying, rotation, solve_and_check, with_spectrum};

fn params() -> Params {
    Params {
        count: 2,
        ..Params::default()
    }
}

#[test]
fn cold_and_warm_solves_agree_with_dense_decomposition() {
    let n = 120;
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let spectrum = decaying(&[50.0, 49.5, 47.0, 30.0, 20.0], 15.0, 0.8, n);
    let matrix = with_spectrum(&spectrum, &rotation(n, 7));
    let cold = solve_and_check(&matrix, params(), &(device.clone(), DType::F32));
    assert_eq!(cold.info.stop, Stop::Converged);

    let mut solver = Solver::new(params()).unwrap();
    let mut operator = Dense::new(&matrix, &device, DType::F32);
    let first = solver.solve(&mut operator).unwrap();
    let second = solver.solve(&mut operator).unwrap();
    check(&second, &matrix, &params(), (&device, DType::F32));
    assert!(second.info.products < first.info.products);
}

/// What the device adds in the products' rounding is added to the bounds.
#[test]
fn coarser_products_widen_the_bounds() {
    let n = 120;
    let arena = (Device::wgpu(DeviceKind::DefaultDevice), DType::F32);
    let spectrum = decaying(&[50.0, 40.0, 30.0], 15.0, 0.8, n);
    let matrix = with_spectrum(&spectrum, &rotation(n, 3));
    let coarse = Params {
        product_epsilon: Some(1.0 / 1024.0),
        relative_tolerance: 0.1,
        ..params()
    };
    let fine = Params {
        product_epsilon: None,
        ..coarse.clone()
    };
    let [coarse, fine] = [coarse, fine].map(|params| solve_and_check(&matrix, params, &arena));
    // Four roundings of the largest value at least.
    let least = 4.0 / 1024.0 * 49.0;
    assert!(coarse.pairs.iter().all(|pair| pair.error_bound >= least));
    assert!(
        fine.pairs
            .iter()
            .all(|pair| pair.error_bound < coarse.pairs[0].error_bound)
    );
}
