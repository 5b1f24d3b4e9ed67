//! What computes: the backends compiled in, and the device of one that a run uses.

mod adapter;
#[cfg(feature = "cuda")]
mod cuda;
mod error;
#[cfg(feature = "wgpu")]
mod gpu;
mod precision;

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use serde::Serialize;

pub use adapter::{Adapter, AdapterKind};
pub use error::BackendError;
pub use precision::{MatmulCheck, MatmulPrecision};

/// A backend of Burn's that brink knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// `burn-ndarray`, on the CPU.
    NdArray,
    /// `burn-flex`, on the CPU.
    Flex,
    /// wgpu: Vulkan, Metal or DirectX 12.
    Wgpu,
    /// CUDA.
    Cuda,
}

/// The word for whichever GPU backend has a GPU.
pub const GPU: &str = "gpu";

impl Backend {
    /// Every backend, whether compiled in or not.
    pub const ALL: [Self; 4] = [Self::NdArray, Self::Flex, Self::Wgpu, Self::Cuda];

    /// The cargo feature, and the word for `--backend`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NdArray => "ndarray",
            Self::Flex => "flex",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        }
    }

    /// What it computes on.
    pub fn description(self) -> &'static str {
        match self {
            Self::NdArray => "the CPU, with burn-ndarray",
            Self::Flex => "the CPU, with burn-flex",
            Self::Wgpu => "a GPU, through Vulkan, Metal or DirectX 12",
            Self::Cuda => "an NVIDIA GPU, through CUDA",
        }
    }

    /// Whether this build has it.
    pub fn is_compiled(self) -> bool {
        match self {
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Flex => cfg!(feature = "flex"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Cuda => cfg!(feature = "cuda"),
        }
    }

    /// The backends of this build.
    pub fn compiled() -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|backend| backend.is_compiled())
            .collect()
    }

    /// The backend of a run that names none: a CPU one if there is one.
    ///
    /// A GPU build that was asked for by feature alone would otherwise need the flag twice, so
    /// with no CPU backend it is a GPU one.
    pub fn default_of_build() -> Result<Self, BackendError> {
        [Self::Flex, Self::NdArray, Self::Cuda, Self::Wgpu]
            .into_iter()
            .find(|backend| backend.is_compiled())
            .ok_or(BackendError::NoneCompiled)
    }

    /// Opens a device of this backend: the one `which` names, or the best there is.
    ///
    /// `which` is an adapter's number in `brink devices`, or a kind (`discrete`, `integrated`,
    /// `virtual`, `cpu`), of which the first is taken.
    pub fn device(self, which: Option<&str>) -> Result<(Device, Adapter), BackendError> {
        match self {
            Self::NdArray => {
                only_the_cpu(self, which)?;
                ndarray()
            }
            Self::Flex => {
                only_the_cpu(self, which)?;
                flex()
            }
            Self::Wgpu => wgpu(which),
            Self::Cuda => cuda(which),
        }
    }

    /// Whether it computes in float64: graphics APIs do not everywhere.
    pub fn has_float64(self) -> bool {
        self != Self::Wgpu
    }

    /// The adapters of this backend, in the order of their numbers.
    pub fn adapters(self) -> Vec<Adapter> {
        match self {
            Self::NdArray | Self::Flex => vec![Adapter::host(self)],
            Self::Wgpu => wgpu_adapters(),
            Self::Cuda => cuda_adapters(),
        }
    }

    /// CUDA if this build has it and it finds a GPU, else wgpu.
    fn gpu() -> Result<Self, BackendError> {
        let there = |backend: &Self| backend.is_compiled();
        let gpus: Vec<Self> = [Self::Cuda, Self::Wgpu].into_iter().filter(there).collect();
        match &gpus[..] {
            [] => Err(BackendError::NotCompiled {
                backend: Self::Wgpu,
            }),
            [only] => Ok(*only),
            [first, second, ..] => Ok(match first.adapters().is_empty() {
                true => *second,
                false => *first,
            }),
        }
    }
}

/// Computes on a device what is known exactly, and refuses it if its products are less precise than
/// `least`, or its other operations wrong.
///
/// # Errors
/// [`BackendError::Precision`], [`BackendError::Fused`]; [`BackendError::Open`] if results cannot be read back.
pub fn check_precision(
    device: &Device,
    adapter: &Adapter,
    least: MatmulPrecision,
) -> Result<MatmulCheck, BackendError> {
    let check = MatmulCheck::of(device).map_err(|message| BackendError::Open {
        adapter: adapter.name.clone(),
        message,
    })?;
    if !MatmulPrecision::Float32.allows(check.fused_error) {
        return Err(BackendError::Fused {
            adapter: adapter.name.clone(),
            relative_error: check.fused_error,
        });
    }
    if least.allows(check.relative_error) {
        Ok(check)
    } else {
        Err(BackendError::Precision {
            adapter: adapter.name.clone(),
            relative_error: check.relative_error,
            as_tf32: MatmulPrecision::Tf32.allows(check.relative_error),
        })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = BackendError;

    fn from_str(name: &str) -> Result<Self, BackendError> {
        if name == GPU {
            return Self::gpu();
        }
        let backend = Self::ALL
            .into_iter()
            .find(|backend| backend.name() == name)
            .ok_or_else(|| BackendError::Unknown {
                name: name.to_owned(),
            })?;
        if backend.is_compiled() {
            Ok(backend)
        } else {
            Err(BackendError::NotCompiled { backend })
        }
    }
}

fn only_the_cpu(backend: Backend, which: Option<&str>) -> Result<(), BackendError> {
    match which {
        None | Some("cpu" | "0" | "default") => Ok(()),
        Some(which) => Err(BackendError::NoSuchDevice {
            backend,
            which: which.to_owned(),
            adapters: vec![Adapter::host(backend)],
        }),
    }
}

#[cfg(feature = "ndarray")]
fn ndarray() -> Result<(Device, Adapter), BackendError> {
    // Deprecated upstream in favour of flex, and still the faster of the two at matrix products.
    #[allow(deprecated)]
    let device = Device::ndarray();
    Ok((device, Adapter::host(Backend::NdArray)))
}

#[cfg(not(feature = "ndarray"))]
fn ndarray() -> Result<(Device, Adapter), BackendError> {
    Err(BackendError::NotCompiled {
        backend: Backend::NdArray,
    })
}

#[cfg(feature = "flex")]
fn flex() -> Result<(Device, Adapter), BackendError> {
    Ok((Device::flex(), Adapter::host(Backend::Flex)))
}

#[cfg(not(feature = "flex"))]
fn flex() -> Result<(Device, Adapter), BackendError> {
    Err(BackendError::NotCompiled {
        backend: Backend::Flex,
    })
}

#[cfg(feature = "wgpu")]
fn wgpu(which: Option<&str>) -> Result<(Device, Adapter), BackendError> {
    gpu::open(which)
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_which: Option<&str>) -> Result<(Device, Adapter), BackendError> {
    Err(BackendError::NotCompiled {
        backend: Backend::Wgpu,
    })
}

#[cfg(feature = "cuda")]
fn cuda(which: Option<&str>) -> Result<(Device, Adapter), BackendError> {
    cuda::open(which)
}

#[cfg(not(feature = "cuda"))]
fn cuda(_which: Option<&str>) -> Result<(Device, Adapter), BackendError> {
    Err(BackendError::NotCompiled {
        backend: Backend::Cuda,
    })
}

#[cfg(feature = "cuda")]
fn cuda_adapters() -> Vec<Adapter> {
    cuda::adapters()
}

#[cfg(not(feature = "cuda"))]
fn cuda_adapters() -> Vec<Adapter> {
    Vec::new()
}

#[cfg(feature = "wgpu")]
fn wgpu_adapters() -> Vec<Adapter> {
    gpu::adapters()
}

#[cfg(not(feature = "wgpu"))]
fn wgpu_adapters() -> Vec<Adapter> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for backend in Backend::compiled() {
            assert_eq!(backend.name().parse::<Backend>().unwrap(), backend);
        }
        assert!(matches!(
            "tpu".parse::<Backend>(),
            Err(BackendError::Unknown { name }) if name == "tpu"
        ));
        // With both, the machine decides.
        match (Backend::Cuda.is_compiled(), Backend::Wgpu.is_compiled()) {
            (false, true) => assert_eq!(GPU.parse::<Backend>().unwrap(), Backend::Wgpu),
            (true, false) => assert_eq!(GPU.parse::<Backend>().unwrap(), Backend::Cuda),
            (false, false) => assert!(matches!(
                GPU.parse::<Backend>(),
                Err(BackendError::NotCompiled { .. })
            )),
            (true, true) => assert!(GPU.parse::<Backend>().is_ok()),
        }
    }

    #[cfg(feature = "flex")]
    #[test]
    fn a_cpu_backend_has_one_device() {
        let (_, adapter) = Backend::Flex.device(None).unwrap();
        assert_eq!(adapter.kind, AdapterKind::Cpu);
        assert!(!adapter.software);
        Backend::Flex.device(Some("cpu")).unwrap();
        assert!(matches!(
            Backend::Flex.device(Some("1")),
            Err(BackendError::NoSuchDevice { .. })
        ));
    }
}
