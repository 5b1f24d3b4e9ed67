//! Memory that is needed soon, asked for early.
//!
//! Where a few kilobytes of each of many tensors are read at a time, that is too little for the
//! processor to foresee what comes next.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Has `count` numbers from index `from` of `memory` on brought into the caches, as far as there are
/// as many.
#[inline(always)]
pub(super) fn ahead<T>(memory: &[T], from: usize, count: usize) {
    let end = memory.len().min(from + count);
    for at in (from..end).step_by(LINE / size_of::<T>()) {
        fetch(&memory[at]);
    }
}

#[inline(always)]
#[cfg(target_arch = "x86_64")]
fn fetch<T>(place: &T) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint, that reads nothing.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast()) };
}

#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
fn fetch<T>(_place: &T) {}
