//! How often a run on a GPU waits for it, on software Vulkan.

#![cfg(feature = "wgpu")]

mod problem;

use brink_dynamics::Descent;
use burn::tensor::{Device, DeviceKind};
use problem::{problem, settings};

fn count(descent: &Descent<'_, 2>, name: &str) -> u64 {
    let counters = descent.counters();
    let found = counters.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name}")).1
}

/// Loss, norms, the gradient's alignment and the first Gram matrices are read at once; each further
/// iteration of the eigensolver has a read-back of its own, and its Gram matrices show the residuals, too.
#[test]
fn a_step_waits_for_the_device_once() {
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let (problem, theta) = problem(&device);
    let settings = settings(40);
    let mut descent = Descent::new(&problem, theta, &settings, &mut []).unwrap();
    let (mut before, mut answered, mut alone) = ([0; 2], 0, 0);
    while let Some(record) = descent.next() {
        let record = record.unwrap();
        assert!(record.gradient_alignment.is_some());
        let now = ["read_backs", "eigensolver_iterations"].map(|name| count(&descent, name));
        let [waits, iterations] = [now[0] - before[0], now[1] - before[1]];
        let step = record.step;
        assert_eq!(
            waits,
            1 + iterations,
            "step {step}: {waits} waits, {iterations} iterations"
        );
        answered += u64::from(iterations == 0);
        alone += u64::from(waits == 1);
        before = now;
    }
    // Where the first Rayleigh–Ritz step answers.
    assert!(
        answered >= 10 && alone >= 10,
        "{answered}, {alone} of 40 steps"
    );
}
