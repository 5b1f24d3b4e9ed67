//! NVIDIA's GPUs, through CUDA.

use brink_dynamics::caught;
use burn::tensor::{Device, DeviceType};

use super::adapter::choose;
use super::{Adapter, AdapterKind, Backend, BackendError};

/// The GPUs, in the order of their numbers; none where the driver is not there.
pub fn adapters() -> Vec<Adapter> {
    let name = |device: &Device| {
        // A driver that is too old panics when it is asked.
        let identity = caught(|| device.identity()).ok().flatten();
        identity.map_or_else(
            || "a GPU that does not say its name".to_owned(),
            |of| of.name,
        )
    };
    let adapter = |device: &Device| Adapter {
        name: name(device),
        kind: AdapterKind::Discrete,
        api: Some("CUDA".to_owned()),
        driver: None,
        software: false,
    };
    devices().iter().map(adapter).collect()
}

/// Opens the GPU that `which` names, or the first.
pub fn open(which: Option<&str>) -> Result<(Device, Adapter), BackendError> {
    let adapters = adapters();
    let at = choose(Backend::Cuda, &adapters, which)?;
    let (device, adapter) = (Device::cuda(at), adapters[at].clone());
    // What the driver or the compiler of kernels lacks shows at first use, as a panic.
    let computed = caught(|| {
        let one = burn::tensor::Tensor::<1>::ones([1], &device);
        (one.clone() + one).try_into_data()
    });
    let failed = |message: String| BackendError::Open {
        adapter: adapter.name.clone(),
        message,
    };
    let computed = computed.map_err(|panicked| failed(panicked.message))?;
    computed.map_err(|error| failed(error.to_string()))?;
    Ok((device, adapter))
}

fn devices() -> Vec<Device> {
    let found = caught(|| Device::enumerate(DeviceType::Cuda));
    found.map_or_else(|_| Vec::new(), |devices| devices.into_iter().collect())
}
