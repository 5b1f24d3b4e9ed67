//! The system's memory.

/// Has the process keep the memory that it frees, for its next tensors of that size.
///
/// glibc maps a block of more than 32 MB anew each time, and its pages are cleared one fault at a
/// time: for the convolutions of `configs/cnn.toml` with 1,000 images and 32 channels that is half
/// of the time. Other systems' allocators are left as they are.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: both only set parameters of the allocator, which takes any number.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}
