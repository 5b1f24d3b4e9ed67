//! Small CIFAR-10 files for tests.

use std::fs;
use std::path::Path;

use brink_data::{FEATURES, RECORD_BYTES};

/// The bytes of records with these labels; every image differs from the others.
pub fn file_bytes(labels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(labels.len() * RECORD_BYTES);
    for (record, label) in labels.iter().enumerate() {
        bytes.push(*label);
        bytes.extend((0..FEATURES).map(|i| (i * 7 + record * 31 + usize::from(*label)) as u8));
    }
    bytes
}

/// Writes a file of records with these labels.
pub fn write(path: &Path, labels: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, file_bytes(labels)).unwrap();
}
