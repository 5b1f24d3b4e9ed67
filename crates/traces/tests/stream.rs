//! A run that goes on reads what it left row by row: the memory that it takes is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use brink_dynamics::observer::Observer;
use brink_dynamics::record::RunHeader;
use brink_dynamics::{Column, Table};
use brink_traces::testing::header;
use brink_traces::{EigenvaluesCsv, TablesCsv, steps_in, whole_lines};

/// The system's allocator, which counts the bytes that are held, and the most that were.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands all calls on as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that some work holds at most, beyond those held before.
fn most(work: impl FnOnce()) -> usize {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    work();
    MOST.load(Ordering::Relaxed) - before
}

const STEPS: usize = 8;
const ROWS: usize = 20_000;
const LINE: &str = "hessian,0.30000000000000004,0.1,0.2";

/// Writes so many rows a step below a line of names; the bytes of all.
fn fill(path: &Path, names: &str) -> usize {
    let mut text = format!("{names}\n");
    for step in 0..STEPS {
        (0..ROWS).for_each(|_| writeln!(text, "{step},{LINE}").unwrap());
    }
    std::fs::write(path, &text).unwrap();
    text.len()
}

/// The only test of its process, so that nothing else allocates meanwhile.
#[test]
fn rows_are_not_held_together() {
    let folder = tempfile::tempdir().unwrap();
    let at = |next_step| {
        let columns = ["operator", "lambda", "density", "density_stderr"];
        RunHeader {
            next_step,
            tables: vec![Table {
                name: "spectrum",
                columns: columns.map(|name| Column::new(name, "…")).into(),
            }],
            ..header()
        }
    };
    let path = folder.path().join("spectrum.csv");
    let bytes = fill(&path, "step,operator,lambda,density,density_stderr");
    let few = bytes / 20;
    let kept = most(|| TablesCsv::new(folder.path()).start(&at(6)).unwrap());
    assert!(kept < few, "{kept} bytes of {bytes}");
    let counted = most(|| assert_eq!(steps_in(&path).unwrap(), 6 * ROWS as u64));
    assert!(counted < few, "{counted} bytes of {bytes}");
    let read = most(|| {
        let mut lines = whole_lines(&path).unwrap();
        let (mut piece, mut all) = ([0; 1 << 12], 0);
        loop {
            match lines.read(&mut piece).unwrap() {
                0 => break,
                read => all += read as u64,
            }
        }
        assert_eq!(all, std::fs::metadata(&path).unwrap().len());
    });
    assert!(read < few, "{read} bytes of {bytes}");

    let path = folder.path().join("eigenvalues.csv");
    let names = "step,index,value,residual,error_bound,converged,kind,products,certainty,operator";
    let bytes = fill(&path, names);
    let kept = most(|| EigenvaluesCsv::new(&path).start(&at(3)).unwrap());
    assert!(kept < bytes / 20, "{kept} bytes of {bytes}");
    assert_eq!(steps_in(&path).unwrap(), 3 * ROWS as u64);
}
