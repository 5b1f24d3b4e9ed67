//! What a GPU is given to do.

use std::error::Error;

use burn::tensor::Device;
use serde_json::Value;

/// Kernels that some work launches, and the bytes that the device's allocator holds after it; none
/// on a CPU.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub fn observed<T>(
    device: &Device,
    work: impl FnOnce() -> Result<T, Box<dyn Error>>,
) -> Result<Value, Box<dyn Error>> {
    if device.memory_pool_usage().is_none() {
        return Ok(Value::Null);
    }
    device.sync()?;
    let launches = brink_linearize::Launches::watch();
    let result = work()?;
    device.sync()?;
    let memory = device.memory_pool_usage();
    drop(result);
    Ok(serde_json::json!({
        "launches": launches.total(),
        "bytes": memory.map(|memory| memory.bytes_in_use),
        "reserved": memory.map(|memory| memory.bytes_reserved),
    }))
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
pub fn observed<T>(
    _device: &Device,
    _work: impl FnOnce() -> Result<T, Box<dyn Error>>,
) -> Result<Value, Box<dyn Error>> {
    Ok(Value::Null)
}
