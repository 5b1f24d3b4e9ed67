//! Adapters that wgpu finds.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::tensor::wgpu::{WgpuBackend, wgpu};
use burn::tensor::{Device, DeviceKind};

use super::adapter::choose;
use super::{Adapter, AdapterKind, Backend, BackendError};

/// An adapter, and how Burn is asked for it.
struct Found {
    adapter: Adapter,
    api: WgpuBackend,
    kind: DeviceKind,
}

/// The adapters, in the order of their numbers.
pub fn adapters() -> Vec<Adapter> {
    find().into_iter().map(|found| found.adapter).collect()
}

/// Opens the adapter that `which` names, or the best: a GPU before a software adapter.
pub fn open(which: Option<&str>) -> Result<(Device, Adapter), BackendError> {
    let found = find();
    let adapters: Vec<Adapter> = found.iter().map(|found| found.adapter.clone()).collect();
    let at = choose(Backend::Wgpu, &adapters, which)?;
    let chosen = &found[at];
    // Mesa 22.3 and 25.0 end the process in the middle of compiling such a kernel.
    if cfg!(feature = "vulkan") && chosen.adapter.software {
        return Err(BackendError::SoftwareSpirv {
            adapter: chosen.adapter.name.clone(),
        });
    }
    // Opened here rather than at first use, where a refusal would be a panic.
    let device = Device::wgpu_options()
        .graphics_api(chosen.api)
        .device_kind(chosen.kind.clone())
        .init()
        .map_err(|error| BackendError::Open {
            adapter: chosen.adapter.name.clone(),
            message: error.to_string(),
        })?;
    Ok((device, chosen.adapter.clone()))
}

/// Adapters of the APIs that compute well; of OpenGL only if those have none.
fn find() -> Vec<Found> {
    let preferred = [
        (WgpuBackend::Vulkan, wgpu::Backend::Vulkan),
        (WgpuBackend::Metal, wgpu::Backend::Metal),
        (WgpuBackend::Dx12, wgpu::Backend::Dx12),
    ];
    let found: Vec<Found> = preferred
        .into_iter()
        .flat_map(|(api, backend)| find_on(api, backend))
        .collect();
    // Without a runtime directory the search for OpenGL prints a complaint and finds no display.
    let session = !cfg!(target_os = "linux") || std::env::var_os("XDG_RUNTIME_DIR").is_some();
    if found.is_empty() && session {
        find_on(WgpuBackend::Gl, wgpu::Backend::Gl)
    } else {
        found
    }
}

fn find_on(api: WgpuBackend, backend: wgpu::Backend) -> Vec<Found> {
    let descriptor = wgpu::InstanceDescriptor {
        backends: backend.into(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    };
    let instance = wgpu::Instance::new(descriptor);
    let mut counts = [0_usize; 3];
    let mut next = |at: usize| {
        counts[at] += 1;
        counts[at] - 1
    };
    block_on(instance.enumerate_adapters(backend.into()))
        .iter()
        .map(|adapter| {
            let info = adapter.get_info();
            // Burn counts the adapters of each kind apart.
            let (kind, device) = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => {
                    (AdapterKind::Discrete, DeviceKind::DiscreteGpu(next(0)))
                }
                wgpu::DeviceType::IntegratedGpu => {
                    (AdapterKind::Integrated, DeviceKind::IntegratedGpu(next(1)))
                }
                wgpu::DeviceType::VirtualGpu => {
                    (AdapterKind::Virtual, DeviceKind::VirtualGpu(next(2)))
                }
                wgpu::DeviceType::Cpu => (AdapterKind::Cpu, DeviceKind::Cpu),
                // Burn has no name for these: it gets the API's own choice.
                wgpu::DeviceType::Other => (AdapterKind::Other, DeviceKind::DefaultDevice),
            };
            let driver = format!("{} {}", info.driver, info.driver_info);
            Found {
                adapter: Adapter {
                    name: info.name,
                    kind,
                    api: Some(format!("{backend:?}")),
                    driver: Some(driver.trim().to_owned()).filter(|driver| !driver.is_empty()),
                    software: kind == AdapterKind::Cpu,
                },
                api,
                kind: device,
            }
        })
        .collect()
}

/// Waits for a future that is ready at once, as wgpu's are outside browsers.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
