//! Why a run has nothing to compute on.

use std::fmt;

use miette::Diagnostic;

use super::{Adapter, Backend};

/// Why a run has nothing to compute on.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// No backend of that name exists.
    #[error("there is no backend \"{name}\"")]
    Unknown {
        /// The word that was given.
        name: String,
    },
    /// It exists, and this build is without it.
    #[error("the backend {backend} is not compiled in")]
    NotCompiled {
        /// The backend.
        backend: Backend,
    },
    /// This build is without any.
    #[error("no backend is compiled in")]
    NoneCompiled,
    /// A GPU backend finds nothing to compute on.
    #[error("the backend {backend} finds no GPU{}", also(*backend))]
    NoAdapter {
        /// The backend.
        backend: Backend,
    },
    /// No device answers to that name.
    #[error("the backend {backend} has no device \"{which}\"")]
    NoSuchDevice {
        /// The backend.
        backend: Backend,
        /// The word that was given.
        which: String,
        /// What there is.
        adapters: Vec<Adapter>,
    },
    /// The compiler of the feature `vulkan` makes software Vulkan crash.
    #[error("{adapter} is a software adapter, which this build's SPIR-V kernels crash")]
    SoftwareSpirv {
        /// The adapter's name.
        adapter: String,
    },
    /// The driver refused.
    #[error("{adapter} cannot be opened: {message}")]
    Open {
        /// The adapter's name.
        adapter: String,
        /// What the driver or wgpu says.
        message: String,
    },
    /// Its matrix products are less precise than float32's.
    #[error(
        "{adapter} multiplies matrices with a relative error of {relative_error:.1e}, float32 \
         allows 1e-5"
    )]
    Precision {
        /// The adapter's name.
        adapter: String,
        /// The largest error of a product whose exact value is known.
        relative_error: f64,
        /// Whether TF32 explains it.
        as_tf32: bool,
    },
    /// Operations that are taken together give another result than one by one.
    #[error(
        "{adapter} computes a sum of products of whole numbers with a relative error of \
         {relative_error:.1e}: a kernel of several operations at once is wrong on it"
    )]
    Fused {
        /// The adapter's name.
        adapter: String,
        /// The largest error of a sum whose exact value is known.
        relative_error: f64,
    },
}

impl Diagnostic for BackendError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = match self {
            Self::Unknown { .. } => format!("this build has: {}", compiled()),
            Self::NotCompiled { backend } => format!(
                "this build has: {}. To get the other: cargo run --release --features {backend} -- …, \
                 or `just {}`",
                compiled(),
                match backend {
                    Backend::NdArray => "train-cpu-ndarray",
                    Backend::Flex => "train-cpu",
                    Backend::Wgpu => "train-gpu",
                    Backend::Cuda => "gpu=cuda train-gpu",
                }
            ),
            Self::NoneCompiled => {
                "build with one: cargo run --release --features flex -- …".to_owned()
            }
            Self::NoAdapter {
                backend: Backend::Cuda,
            } => "install NVIDIA's driver and the CUDA toolkit (`nvidia-smi` lists what the driver \
                  sees); or use another backend: --backend wgpu or flex"
                .to_owned(),
            Self::NoAdapter { .. } => "install the GPU's Vulkan driver; for software Vulkan on \
                Debian or Ubuntu: apt install mesa-vulkan-drivers libvulkan1; or use a CPU backend: \
                --backend flex"
                .to_owned(),
            Self::NoSuchDevice { adapters, .. } => {
                let list: Vec<String> = adapters
                    .iter()
                    .enumerate()
                    .map(|(at, adapter)| format!("{at}: {adapter}"))
                    .collect();
                format!("there is {}", list.join("; "))
            }
            Self::SoftwareSpirv { .. } => {
                "build without the feature vulkan: cargo run --release --features wgpu -- …; or use \
                 --backend flex, which is faster on a CPU"
                    .to_owned()
            }
            Self::Precision { as_tf32, .. } => {
                let allow = "or accept it: --set run.matmul_precision=tf32";
                format!(
                    "switch reduced precision off in the driver (for CUDA: NVIDIA_TF32_OVERRIDE=0); \
                     or use another device (`brink devices`), or --backend flex{}{}",
                    if *as_tf32 { "; " } else { "" },
                    if *as_tf32 { allow } else { "" },
                )
            }
            Self::Fused { .. } => {
                "update the driver; or use another device (`brink devices`), or --backend flex"
                    .to_owned()
            }
            Self::Open { .. } => {
                "`brink devices` lists what there is; --device picks another; --backend flex \
                 computes on the CPU"
                    .to_owned()
            }
        };
        Some(Box::new(help))
    }
}

fn also(backend: Backend) -> &'static str {
    match backend {
        Backend::Wgpu => ", not even a software adapter",
        _ => "",
    }
}

fn compiled() -> String {
    let names: Vec<&str> = Backend::compiled().into_iter().map(Backend::name).collect();
    if names.is_empty() {
        "no backend".to_owned()
    } else {
        names.join(", ")
    }
}
