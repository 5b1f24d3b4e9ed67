use std::io::{Cursor, repeat};

use brink_fuzz::{Fuzz, Meter};

use super::*;

#[global_allocator]
static METER: Meter = Meter;

/// A header of a member of that name and size, whose content follows.
fn header(name: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn archive(members: &[(&str, usize)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, size) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(*size as u64);
        header.set_mode(0o644);
        let content = vec![7_u8; *size];
        builder
            .append_data(&mut header, name, &content[..])
            .unwrap();
    }
    builder.into_inner().unwrap()
}

/// Names and sizes of what is written.
fn extracted(archive: impl Read) -> Result<Vec<(&'static str, u64)>, Refused> {
    let mut written = Vec::new();
    extract(archive, |name, content| {
        written.push((name, io::copy(content, &mut io::sink())?));
        Ok(())
    })?;
    Ok(written)
}

#[test]
fn known_members_are_written_and_names_of_any_length_are_not_read() {
    let long = format!("cifar-10-batches-bin/{}", "x".repeat(5000));
    let archive = archive(&[
        (&long, 10),
        ("cifar-10-batches-bin/test_batch.bin", 3073),
        ("other/data_batch_1.bin", 3073),
        ("cifar-10-batches-bin/readme.html", 5),
    ]);
    let expected = [("test_batch.bin", 3073), ("readme.html", 5)];
    assert_eq!(extracted(&archive[..]).unwrap(), expected);
}

#[test]
fn an_archive_that_does_not_end_is_given_up() {
    for name in ["cifar-10-batches-bin/test_batch.bin", "other"] {
        let endless = Cursor::new(header(name, 1 << 33)).chain(repeat(7));
        assert!(
            matches!(extracted(endless), Err(Refused::TooLarge)),
            "{name}"
        );
    }
}

#[test]
fn damaged_archives_are_unpacked_or_refused() {
    let seeds = [
        archive(&[
            ("cifar-10-batches-bin/data_batch_1.bin", 30),
            ("cifar-10-batches-bin/test_batch.bin", 700),
        ]),
        archive(&[(&format!("cifar-10-batches-bin/{}", "y".repeat(200)), 10)]),
    ];
    let fuzz = Fuzz {
        name: "archives",
        seeds: &seeds,
        words: &[
            "cifar-10-batches-bin/",
            "test_batch.bin",
            "../",
            "ustar  ",
            "00000000017",
            "77777777777",
        ],
        cases: 100_000,
        memory: 64 << 10,
    };
    let tally = fuzz.run(|bytes| {
        let size = bytes.len() as u64;
        match extracted(bytes) {
            Ok(written) => {
                assert!(written.iter().map(|(_, bytes)| bytes).sum::<u64>() <= size);
                true
            }
            Err(_) => false,
        }
    });
    assert!(tally.taken > 0 && tally.refused > 0);
}
