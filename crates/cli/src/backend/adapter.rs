//! What a backend computes on, and which of it a run takes.

use std::fmt;

use serde::Serialize;

use super::Backend;
#[cfg(any(feature = "wgpu", feature = "cuda", test))]
use super::BackendError;

/// What kind of thing an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    /// A graphics card.
    Discrete,
    /// A GPU that shares the CPU's memory.
    Integrated,
    /// A GPU passed to a virtual machine.
    Virtual,
    /// The CPU.
    Cpu,
    /// The driver does not say.
    Other,
}

impl AdapterKind {
    /// The word for `--device`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Cpu => "cpu",
            Self::Other => "other",
        }
    }
}

/// A piece of hardware, or what passes for one, that a backend computes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adapter {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: AdapterKind,
    /// The graphics API that reaches it, if one does.
    pub api: Option<String>,
    /// The driver and its version, where known.
    pub driver: Option<String>,
    /// Whether a GPU API is only imitated on the CPU.
    pub software: bool,
}

impl Adapter {
    /// The CPU.
    pub(super) fn host(backend: Backend) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            name: format!("{} on {threads} threads", backend.name()),
            kind: AdapterKind::Cpu,
            api: None,
            driver: None,
            software: false,
        }
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(api) = &self.api {
            write!(f, " ({api}, {})", self.kind.name())?;
        }
        if self.software {
            f.write_str(": software adapter, runs on the CPU, for tests only")?;
        }
        Ok(())
    }
}

/// The position of the adapter that `which` names, or of the best: a GPU before a software adapter.
///
/// # Errors
/// [`BackendError::NoAdapter`] and [`BackendError::NoSuchDevice`].
#[cfg(any(feature = "wgpu", feature = "cuda", test))]
pub fn choose(
    backend: Backend,
    adapters: &[Adapter],
    which: Option<&str>,
) -> Result<usize, BackendError> {
    if adapters.is_empty() {
        return Err(BackendError::NoAdapter { backend });
    }
    let at = match which {
        None | Some("default") => (0..adapters.len()).min_by_key(|at| rank(adapters[*at].kind)),
        Some(which) => match which.parse::<usize>() {
            Ok(at) => (at < adapters.len()).then_some(at),
            Err(_) => adapters
                .iter()
                .position(|adapter| adapter.kind.name() == which),
        },
    };
    at.ok_or_else(|| BackendError::NoSuchDevice {
        backend,
        which: which.unwrap_or_default().to_owned(),
        adapters: adapters.to_vec(),
    })
}

#[cfg(any(feature = "wgpu", feature = "cuda", test))]
fn rank(kind: AdapterKind) -> u8 {
    match kind {
        AdapterKind::Discrete => 0,
        AdapterKind::Integrated => 1,
        AdapterKind::Virtual => 2,
        AdapterKind::Other => 3,
        AdapterKind::Cpu => 4,
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
        let chosen = |which| choose(Backend::Wgpu, &adapters, which).ok();
        assert_eq!(chosen(None), Some(2));
        assert_eq!(chosen(Some("0")), Some(0));
        assert_eq!(chosen(Some("integrated")), Some(1));
        assert_eq!(chosen(Some("3")), None);
        assert_eq!(chosen(Some("virtual")), None);
        assert!(matches!(
            choose(Backend::Cuda, &[], None),
            Err(BackendError::NoAdapter {
                backend: Backend::Cuda
            })
        ));
        assert!(adapters[0].to_string().contains("software adapter"));
    }
}
