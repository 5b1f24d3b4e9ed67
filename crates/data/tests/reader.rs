//! CIFAR-10's files: finding them, reading them, and what is said of bad ones.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use brink_data::{
    CifarError, FEATURES, RECORD_BYTES, find, inspect, locate, parse_records, read_records,
};
use common::{file_bytes, write};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::tempdir;

fn names(paths: &[PathBuf]) -> Vec<&str> {
    paths
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect()
}

proptest! {
    #[test]
    fn whole_records_round_trip(labels in vec(0_u8..10, 1..20), fill in any::<u8>()) {
        let mut bytes = file_bytes(&labels);
        let middle = bytes.len() / RECORD_BYTES / 2 * RECORD_BYTES;
        bytes[middle + 1..middle + RECORD_BYTES].fill(fill);
        let records = parse_records(&bytes, Path::new("x.bin")).unwrap();
        prop_assert_eq!(records.labels(), labels.as_slice());
        prop_assert_eq!(records.pixels().len(), labels.len() * FEATURES);
        let mut again = Vec::new();
        for (label, image) in records.iter() {
            again.push(label);
            again.extend_from_slice(image);
        }
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn any_other_length_is_truncated(length in 1..4 * RECORD_BYTES) {
        prop_assume!(length % RECORD_BYTES != 0);
        match parse_records(&vec![0; length], Path::new("x.bin")) {
            Err(CifarError::Truncated { bytes, remainder, .. }) => {
                prop_assert_eq!(bytes, length as u64);
                prop_assert_eq!(remainder, (length % RECORD_BYTES) as u64);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn the_first_bad_label_is_named(
        labels in vec(0_u8..10, 2..8),
        bad in 10_u8..,
        place in any::<prop::sample::Index>(),
    ) {
        let mut bytes = file_bytes(&labels);
        let place = place.index(labels.len());
        bytes[place * RECORD_BYTES] = bad;
        bytes[(labels.len() - 1) * RECORD_BYTES] = bad;
        match parse_records(&bytes, Path::new("x.bin")) {
            Err(CifarError::Label { offset, record, label, .. }) => {
                prop_assert_eq!(record, place);
                prop_assert_eq!(offset, (place * RECORD_BYTES) as u64);
                prop_assert_eq!(label, bad);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..2 * RECORD_BYTES + 1)) {
        let _ = parse_records(&bytes, Path::new("x.bin"));
    }
}

#[test]
fn batches_are_taken_in_numeric_order() {
    let folder = tempdir().unwrap();
    for name in [
        "data_batch_10",
        "data_batch_2",
        "data_batch_1",
        "test_batch",
        "other",
    ] {
        write(&folder.path().join(name).with_extension("bin"), &[1]);
    }
    let files = locate(folder.path()).unwrap();
    assert_eq!(
        names(&files.train),
        ["data_batch_1.bin", "data_batch_2.bin", "data_batch_10.bin"]
    );
    assert_eq!(files.test, Some(folder.path().join("test_batch.bin")));
}

#[test]
fn a_parent_a_single_file_and_other_names_are_accepted() {
    let parent = tempdir().unwrap();
    let file = parent.path().join("cifar-10-batches-bin/data_batch_1.bin");
    write(&file, &[1, 2]);
    assert_eq!(locate(parent.path()).unwrap().train, vec![file.clone()]);
    let single = locate(&file).unwrap();
    assert_eq!((single.train, single.test), (vec![file], None));

    let other = tempdir().unwrap();
    for name in ["b.bin", "a.bin", "test_batch.bin", "notes.txt"] {
        write(&other.path().join(name), &[3]);
    }
    let files = locate(other.path()).unwrap();
    assert_eq!(names(&files.train), ["a.bin", "b.bin"]);
    assert!(files.test.is_some());
}

#[test]
fn the_most_particular_place_decides() {
    let (first, second) = (tempdir().unwrap(), tempdir().unwrap());
    for folder in [&first, &second] {
        write(&folder.path().join("data_batch_1.bin"), &[1]);
    }
    let found = |line, config| find(line, config).map(|files| files.folder);
    let (first, second) = (first.path(), second.path());
    assert_eq!(found(Some(first), Some(second)).unwrap(), first);
    assert_eq!(found(None, Some(second)).unwrap(), second);
    let missing = found(Some(Path::new("/does/not/exist")), Some(second));
    assert!(matches!(missing, Err(CifarError::NotFound { .. })));
}

#[test]
fn folders_without_training_files_are_explained() {
    let folder = tempdir().unwrap();
    let error = locate(folder.path()).unwrap_err();
    assert!(error.is_absent());
    assert!(error.to_string().contains("brink data fetch"), "{error}");

    write(&folder.path().join("test_batch.bin"), &[1]);
    assert!(matches!(
        locate(folder.path()),
        Err(CifarError::NoBinaryFiles { .. })
    ));

    fs::write(folder.path().join("data_batch_1"), b"pickle").unwrap();
    let error = locate(folder.path()).unwrap_err();
    assert!(error.to_string().contains("Python version"), "{error}");
}

#[test]
fn bad_files_name_themselves_and_the_place() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("data_batch_1.bin");
    let message = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = read_records(&path).unwrap_err();
        assert!(!error.is_absent());
        error.to_string()
    };
    let whole = file_bytes(&[1, 2]);

    let truncated = message(&whole[..4000]);
    assert!(
        truncated.contains("has 4000 bytes: 1 records"),
        "{truncated}"
    );
    assert!(
        truncated.contains("927 bytes over, at offset 3073"),
        "{truncated}"
    );
    assert!(truncated.contains(path.to_str().unwrap()), "{truncated}");

    let mut labelled = whole;
    labelled[RECORD_BYTES] = 77;
    let label = message(&labelled);
    assert!(
        label.contains("label 77 in record 1, at byte offset 3073"),
        "{label}"
    );

    assert!(message(&[]).contains("is empty"));
    let folder_as_file = read_records(Path::new("/does/not/exist")).unwrap_err();
    assert!(matches!(folder_as_file, CifarError::Io { .. }));
}

#[test]
fn inspection_covers_all_files() {
    let folder = tempdir().unwrap();
    write(&folder.path().join("data_batch_1.bin"), &[0, 0, 3]);
    write(&folder.path().join("data_batch_2.bin"), &[9]);
    write(&folder.path().join("test_batch.bin"), &[5, 5]);
    let inspection = inspect(folder.path()).unwrap();

    let counts = |split: &brink_data::SplitInspection| -> Vec<(u8, usize)> {
        let pairs = split.counts.iter();
        pairs.map(|entry| (entry.class.id(), entry.count)).collect()
    };
    assert_eq!(counts(&inspection.train), [(0, 2), (3, 1), (9, 1)]);
    assert_eq!(inspection.train.records, 4);
    let test = inspection.test.unwrap();
    assert_eq!(counts(&test), [(5, 2)]);

    // Against plain floating-point sums over one channel, and the checksum of the joined files.
    let joined = [file_bytes(&[0, 0, 3]), file_bytes(&[9])].concat();
    let blue: Vec<f64> = joined
        .chunks(RECORD_BYTES)
        .flat_map(|record| {
            record[1 + 2048..]
                .iter()
                .map(|byte| f64::from(*byte) / 255.0)
        })
        .collect();
    let mean = blue.iter().sum::<f64>() / blue.len() as f64;
    let variance = blue.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / blue.len() as f64;
    assert!((inspection.train.mean[2] - mean).abs() < 1e-12);
    assert!((inspection.train.std[2] - variance.sqrt()).abs() < 1e-12);
    let single = parse_records(&joined, Path::new("joined")).unwrap();
    assert_eq!(inspection.train.sha256, single.sha256());
}
