//! The system's memory.

/// While it lives, the process keeps the memory that it frees, for its next tensors of that size;
/// when it goes, the memory does too.
///
/// glibc maps a block of more than 32 MB anew each time, and its pages are cleared one fault at a
/// time: for the convolutions of `configs/cnn.toml` with 1,000 images and 32 channels that is half
/// of the time. A step's tensors are freed before the next step has them again, so no bound below
/// a step's own size would do. What is kept is bounded by the largest step, because what the set-up
/// took beyond that is given back by [`Kept::trim`], and it is kept for one run only: a command of
/// several runs, or one that draws after training, starts the next with none of it. Other systems'
/// allocators are left as they are.
///
/// Where Linux gives pages of 2 MB to those who ask (`transparent_hugepage` = `madvise`), tensors get them:
/// gradients of the bench's networks take up to 9 % less time so, products up to 3 %.
#[derive(Debug)]
#[must_use = "the memory is kept as long as this lives"]
pub struct Kept(());

/// Has the process keep the memory that it frees, until the result is dropped.
pub fn keep_freed() -> Kept {
    set(0, i32::MAX);
    ask_for_large_pages();
    Kept(())
}

impl Kept {
    /// Gives the system what is free now.
    pub fn trim(&self) {
        trim();
        ask_for_large_pages();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // glibc's own values.
        set(65_536, 128 << 10);
        trim();
    }
}

/// How many blocks may be mapped by themselves, and how much free memory the heap may end in.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    expect(unused_variables, reason = "only glibc is told")
)]
fn set(mapped: i32, free: i32) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: both only set parameters of the allocator, which takes any number.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, mapped);
        libc::mallopt(libc::M_TRIM_THRESHOLD, free);
    }
}

fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: gives back pages that hold nothing.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Least addresses that are worth a request: smaller steps fit the cache.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LEAST_ADDRESSES: usize = 64 << 20;

/// Takes addresses for the heap to grow into, up to half the memory's size, and asks for large pages
/// there. The addresses take no memory until something lies at them.
fn ask_for_large_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: a block that nothing is written to is taken and given back, by the allocator that the
    // process uses anyway; the advice is about addresses between the heap's old end and its new one, and
    // changes no content. Whatever is refused leaves things as they are.
    unsafe {
        let (pages, page) = (
            libc::sysconf(libc::_SC_PHYS_PAGES),
            libc::sysconf(libc::_SC_PAGESIZE),
        );
        let (Ok(pages), Ok(page)) = (usize::try_from(pages), usize::try_from(page)) else {
            return;
        };
        let mut addresses = pages.saturating_mul(page) / 2;
        let end = || libc::sbrk(0) as usize;
        let old_end = end().next_multiple_of(page.max(1));
        while addresses >= LEAST_ADDRESSES {
            let block = std::hint::black_box(libc::malloc(addresses));
            if !block.is_null() {
                libc::free(block);
                break;
            }
            addresses /= 2;
        }
        if let Some(grown) = end().checked_sub(old_end)
            && grown > 0
        {
            libc::madvise(old_end as *mut libc::c_void, grown, libc::MADV_HUGEPAGE);
        }
    }
}
