//! Kernels that GPUs are given.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cubecl_runtime::logging::{LaunchObservation, LaunchObserver};

/// Counts the kernels that this process launches on any GPU, by their names, for as long as it lives.
///
/// Work is queued: wait for the device (`Device::sync`) before it begins to count, and before its
/// counts are read.
#[derive(Debug)]
pub struct Launches {
    counts: Arc<Counts>,
    _watching: LaunchObservation,
}

#[derive(Debug, Default)]
struct Counts(Mutex<BTreeMap<&'static str, u64>>);

impl LaunchObserver for Counts {
    fn launched(&self, kernel: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(kernel).or_default() += 1;
    }
}

impl Launches {
    /// Begins to count.
    pub fn watch() -> Self {
        let counts = Arc::new(Counts::default());
        Self {
            _watching: LaunchObservation::new(counts.clone()),
            counts,
        }
    }

    /// Launches so far, by kernel.
    pub fn by_kernel(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.counts.0.lock();
        counts.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Launches so far.
    pub fn total(&self) -> u64 {
        self.by_kernel().values().sum()
    }
}
