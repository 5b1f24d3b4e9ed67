//! Adapters that wgpu finds.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::tensor::wgpu::{WgpuBackend, wgpu};
use burn::tensor::{Device, DeviceKind};

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
    if found.is_empty() {
        return Err(BackendError::NoAdapter);
    }
    let adapters: Vec<Adapter> = found.iter().map(|found| found.adapter.clone()).collect();
    let at = choose(&adapters, which).ok_or_else(|| BackendError::NoSuchDevice {
        backend: Backend::Wgpu,
        which: which.unwrap_or_default().to_owned(),
        adapters: adapters.clone(),
    })?;
    let chosen = found.into_iter().nth(at).ok_or(BackendError::NoAdapter)?;
    // Opened here rather than at first use, where a refusal would be a panic.
    let device = Device::wgpu_options()
        .graphics_api(chosen.api)
        .device_kind(chosen.kind)
        .init()
        .map_err(|error| BackendError::Open {
            adapter: chosen.adapter.name.clone(),
            message: error.to_string(),
        })?;
    Ok((device, chosen.adapter))
}

/// The position of the adapter that `which` names.
fn choose(adapters: &[Adapter], which: Option<&str>) -> Option<usize> {
    match which {
        None | Some("default") => (0..adapters.len()).min_by_key(|at| rank(adapters[*at].kind)),
        Some(which) => match which.parse::<usize>() {
            Ok(at) => (at < adapters.len()).then_some(at),
            Err(_) => adapters
                .iter()
                .position(|adapter| adapter.kind.name() == which),
        },
    }
}

fn rank(kind: AdapterKind) -> u8 {
    match kind {
        AdapterKind::Discrete => 0,
        AdapterKind::Integrated => 1,
        AdapterKind::Virtual => 2,
        AdapterKind::Other => 3,
        AdapterKind::Cpu => 4,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(kind: AdapterKind) -> Adapter {
        Adapter {
            name: kind.name().to_owned(),
            kind,
            api: Some("Vulkan".to_owned()),
            driver: None,
            software: kind == AdapterKind::Cpu,
        }
    }

    #[test]
    fn a_gpu_comes_before_software() {
        let adapters = [
            adapter(AdapterKind::Cpu),
            adapter(AdapterKind::Integrated),
            adapter(AdapterKind::Discrete),
        ];
        assert_eq!(choose(&adapters, None), Some(2));
        assert_eq!(choose(&adapters, Some("0")), Some(0));
        assert_eq!(choose(&adapters, Some("integrated")), Some(1));
        assert_eq!(choose(&adapters, Some("3")), None);
        assert_eq!(choose(&adapters, Some("virtual")), None);
        assert_eq!(choose(&[], None), None);
        assert!(adapters[0].to_string().contains("software adapter"));
    }
}
