//! Memory that is needed soon, asked for early: of each of many vectors so little is read at a time that
//! the processor does not foresee what comes next.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Has `count` numbers from index `from` of `memory` on brought into the caches, as far as there are
/// as many.
#[inline(always)]
pub(super) fn ahead<T>(memory: &[T], from: usize, count: usize) {
    let numbers = memory.iter().skip(from).take(count);
    for number in numbers.step_by(LINE / size_of::<T>()) {
        fetch(number);
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
