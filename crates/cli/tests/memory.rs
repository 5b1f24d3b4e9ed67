//! What a run kept of the memory that it freed goes back to the system.
//!
//! Without the test harness: it measures the whole process, on the main thread as runs are, since
//! glibc keeps the memory of other threads by other rules.

use std::hint::black_box;

/// Pages in memory, in MiB, by the system's own account.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() / 1024
}

fn main() {
    if cfg!(not(all(target_os = "linux", target_env = "gnu"))) {
        eprintln!("skipped: only glibc's allocator is told anything");
        return;
    }
    const MIB: usize = 400;
    let touch = || drop(black_box(vec![1_u8; MIB << 20]));
    let before = resident();
    let kept = brink_cli::memory::keep_freed();
    touch();
    assert!(resident() > before + MIB / 2, "freed memory was not kept");
    kept.trim();
    assert!(resident() < before + MIB / 2, "the set-up's memory is kept");
    touch();
    assert!(resident() > before + MIB / 2, "freed memory was not kept");
    drop(kept);
    assert!(resident() < before + MIB / 2, "a run's memory is kept");
    touch();
    assert!(resident() < before + MIB / 2, "memory is kept after a run");
}
