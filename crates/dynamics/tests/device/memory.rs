//! What a long run takes of a GPU's memory, on software Vulkan; by itself, as all that the process does
//! on the device counts.

#![cfg(feature = "wgpu")]

mod problem;

use brink_dynamics::Descent;
use burn::tensor::{Device, DeviceKind};
use problem::{problem, settings};

#[test]
fn a_long_run_takes_no_more_memory_than_a_short_one() {
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let (problem, theta) = problem(&device);
    let settings = settings(1000);
    let descent = Descent::new(&problem, theta, &settings, &mut []).unwrap();
    let mut seen = Vec::new();
    for record in descent {
        let step = record.unwrap().step;
        if step == 100 || step == 999 {
            device.sync().unwrap();
            seen.push(device.memory_pool_usage().unwrap());
        }
    }
    let [early, late] = [seen[0], seen[1]];
    assert!(early.bytes_in_use > 0);
    // A block may have a row or two more or less at the one or the other.
    let rows = 8 * 4 * problem.objective.parameters() as u64;
    assert!(
        late.bytes_in_use <= early.bytes_in_use + rows,
        "{early:?} {late:?}"
    );
    assert!(
        late.bytes_reserved <= early.bytes_reserved + rows,
        "{early:?} {late:?}"
    );
}
