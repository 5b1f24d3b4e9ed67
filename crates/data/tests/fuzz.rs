//! Damaged files of CIFAR-10: read or refused.

use std::path::Path;

use brink_data::{Class, RECORD_BYTES, parse_records};
use brink_fuzz::{Fuzz, Meter};

#[global_allocator]
static METER: Meter = Meter;

#[test]
fn damaged_records_are_read_or_refused() {
    let record = |label: u8| [vec![label], vec![label.wrapping_mul(17); RECORD_BYTES - 1]].concat();
    let seeds = [record(3), [record(0), record(9)].concat()];
    let fuzz = Fuzz {
        name: "records",
        seeds: &seeds,
        words: &["\0", "\t", "\n"],
        cases: 100_000,
        memory: 64 << 10,
    };
    let tally = fuzz.run(
        |bytes| match parse_records(bytes, Path::new("data_batch_1.bin")) {
            Ok(records) => {
                assert_eq!(records.len() * RECORD_BYTES, bytes.len());
                assert!(
                    records
                        .labels()
                        .iter()
                        .all(|label| usize::from(*label) < Class::COUNT)
                );
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                false
            }
        },
    );
    assert!(tally.taken > 0 && tally.refused > 0);
}
