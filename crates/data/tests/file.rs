//! Arrays in files of one's own: what is read, and what is refused at which place.

use std::io::Write;
use std::path::{Path, PathBuf};

use brink_data::{DataConfig, Dataset, Error, FileFault, SampleShape, Targets, load};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use safetensors::tensor::{Dtype, TensorView, serialize};
use tempfile::TempDir;

/// An array in NumPy's format, version 1.
fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values);
    bytes
}

fn f4(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn i8s(values: &[i64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// A zip archive as `numpy.savez` and `numpy.savez_compressed` write it.
fn zip(files: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let packed = match deflated {
            false => content.to_vec(),
            true => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(content).expect("packed");
                encoder.finish().expect("packed")
            }
        };
        let place = archive.len() as u32;
        let method = if deflated { 8u16 } else { 0 };
        let common = |into: &mut Vec<u8>| {
            into.extend(45u16.to_le_bytes());
            into.extend(0u16.to_le_bytes());
            into.extend(method.to_le_bytes());
            into.extend([0; 8]);
            into.extend((packed.len() as u32).to_le_bytes());
            into.extend((content.len() as u32).to_le_bytes());
            into.extend((name.len() as u16).to_le_bytes());
        };
        archive.extend(b"PK\x03\x04");
        common(&mut archive);
        archive.extend(0u16.to_le_bytes());
        archive.extend(name.bytes());
        archive.extend(&packed);
        directory.extend(b"PK\x01\x02\x00\x00");
        common(&mut directory);
        directory.extend([0; 12]);
        directory.extend(place.to_le_bytes());
        directory.extend(name.bytes());
    }
    let place = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00");
    let count = (files.len() as u16).to_le_bytes();
    archive.extend([count, count].concat());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(place.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

struct Written {
    _folder: TempDir,
    path: PathBuf,
}

fn written(name: &str, bytes: &[u8]) -> Written {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    Written {
        _folder: folder,
        path,
    }
}

fn config(path: &Path, more: &str) -> DataConfig {
    let text = format!(
        "source = 'file'\nsamples = 'all'\nfile = '{}'\n{more}",
        path.display()
    );
    toml::from_str(&text).expect("a data section")
}

fn read(path: &Path, more: &str) -> Dataset {
    load(&config(path, more), None).expect("data")
}

fn fault(path: &Path, more: &str) -> FileFault {
    match load(&config(path, more), None) {
        Err(Error::File(error)) => {
            let name = path.file_name().expect("a name").to_string_lossy();
            assert!(error.to_string().contains(&*name), "{error}");
            *error.fault
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn archives_of_both_kinds_and_arrays_of_both_orders_are_read_alike() {
    let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let columns = [1.0, 3.0, 5.0, 2.0, 4.0, 6.0];
    for deflated in [false, true] {
        for (fortran, values) in [(false, rows), (true, columns)] {
            let inputs = npy("<f4", fortran, "(3, 2)", &f4(&values));
            let targets = npy("<i8", false, "(3,)", &i8s(&[2, 0, 1]));
            let files: [(&str, &[u8]); 2] = [("inputs.npy", &inputs), ("targets.npy", &targets)];
            let file = written("data.npz", &zip(&files, deflated));
            let data = read(&file.path, "");
            assert_eq!(data.train.shape(), SampleShape::Values(vec![2]));
            assert_eq!(data.train.inputs_f32(), rows);
            let one_hot = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
            assert_eq!(data.train.targets(), one_hot);
            assert_eq!(data.train.targets_kind(), Targets::OneHot);
        }
    }
}

#[test]
fn a_pair_of_arrays_and_tensors_are_read_too() {
    let file = written(
        "x.npy",
        &npy(">f8", false, "(2, 1, 2, 2)", &{
            let values = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
            values
                .iter()
                .flat_map(|value| value.to_be_bytes())
                .collect::<Vec<_>>()
        }),
    );
    let beside = file.path.with_file_name("x-targets.npy");
    std::fs::write(&beside, npy("<f4", false, "(2, 3)", &f4(&[0.5; 6]))).expect("a file");
    let data = read(&file.path, "");
    assert_eq!(data.train.shape(), SampleShape::Values(vec![1, 2, 2]));
    assert_eq!(data.train.inputs_f64()[..3], [1.0, 2.0, 3.0]);
    assert_eq!(
        (data.train.outputs(), data.train.targets_kind()),
        (3, Targets::Values)
    );
    std::fs::remove_file(beside).expect("removed");
    assert!(matches!(
        fault(&file.path, ""),
        FileFault::ReadBeside { .. }
    ));

    let (inputs, targets) = (f4(&[1.0, 2.0, 3.0]), i8s(&[-1, 1, -1]));
    let tensors = [
        (
            "inputs",
            TensorView::new(Dtype::F32, vec![3, 1], &inputs).expect("a view"),
        ),
        (
            "targets",
            TensorView::new(Dtype::I64, vec![3], &targets).expect("a view"),
        ),
    ];
    let file = written(
        "data.safetensors",
        &serialize(tensors, None).expect("bytes"),
    );
    let data = read(&file.path, "targets = 'binary'\ntest_samples = 1");
    assert_eq!((data.train.samples(), data.train.outputs()), (2, 1));
    assert_eq!(data.train.targets(), [-1.0, 1.0]);
    assert_eq!(data.test.expect("a test set").inputs_f64(), [3.0]);
    let values = read(&file.path, "targets = 'values'");
    assert_eq!(values.train.targets(), [-1.0, 1.0, -1.0]);
}

#[test]
fn tokens_have_a_vocabulary_and_targets_at_their_last_positions() {
    let inputs = npy("<i8", false, "(2, 3)", &i8s(&[0, 3, 1, 2, 2, 0]));
    let targets = npy("|u1", false, "(2, 2)", &[3, 1, 0, 2]);
    let files: [(&str, &[u8]); 2] = [("inputs.npy", &inputs), ("targets.npy", &targets)];
    let file = written("data.npz", &zip(&files, false));
    let data = read(&file.path, "vocabulary = 5");
    let shape = SampleShape::Tokens {
        length: 3,
        vocabulary: 5,
    };
    assert_eq!(data.train.shape(), shape);
    assert_eq!((data.train.positions(), data.train.outputs()), (2, 5));
    assert_eq!(
        data.train.targets()[..10],
        [0., 0., 0., 1., 0., 0., 1., 0., 0., 0.]
    );
    let low = fault(&file.path, "vocabulary = 3");
    let FileFault::OutOfRange { at, value, .. } = low else {
        panic!("{low}");
    };
    assert_eq!((at, value), (vec![0, 1], 3));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let good = npy("<f4", false, "(2, 2)", &f4(&[0.0; 4]));
    let labels = npy("<i8", false, "(2,)", &i8s(&[0, 1]));
    let pair = |inputs: &[u8], targets: &[u8]| {
        written(
            "data.npz",
            &zip(&[("inputs.npy", inputs), ("targets.npy", targets)], false),
        )
    };
    let nan = npy("<f4", false, "(2, 2)", &f4(&[0.0, 1.0, f32::NAN, 1.0]));
    let found = fault(&pair(&nan, &labels).path, "");
    assert!(matches!(found, FileFault::NotFinite { at, .. } if at == [1, 0]));
    let infinite = npy("<f4", false, "(2,)", &f4(&[f32::INFINITY, 0.0]));
    let found = fault(&pair(&good, &infinite).path, "");
    assert!(matches!(
        found,
        FileFault::NotFinite {
            array: "targets",
            ..
        }
    ));
    let negative = npy("<i8", false, "(2,)", &i8s(&[0, -1]));
    let found = fault(&pair(&good, &negative).path, "");
    assert!(matches!(found, FileFault::OutOfRange { value: -1, .. }));
    let three = npy("<i8", false, "(3,)", &i8s(&[0, 1, 0]));
    assert!(matches!(
        fault(&pair(&good, &three).path, ""),
        FileFault::Samples { .. }
    ));
    let short = npy("<f4", false, "(2, 2)", &f4(&[0.0; 3]));
    assert!(matches!(
        fault(&pair(&short, &labels).path, ""),
        FileFault::Length { .. }
    ));
    let vast = npy("<f4", false, "(2, 9223372036854775807)", &f4(&[0.0; 3]));
    assert!(matches!(
        fault(&pair(&vast, &labels).path, ""),
        FileFault::Length { .. }
    ));
    let empty = npy("<f4", false, "(0, 2)", &[]);
    let none = npy("<i8", false, "(0,)", &[]);
    assert!(matches!(
        fault(&pair(&empty, &none).path, ""),
        FileFault::Empty { .. }
    ));
    let complex = npy("<c8", false, "(2, 2)", &[0; 32]);
    assert!(matches!(
        fault(&pair(&complex, &labels).path, ""),
        FileFault::Dtype { .. }
    ));
    let two = npy("<i8", false, "(2, 2)", &i8s(&[0, 1, 0, 1]));
    assert!(matches!(
        fault(&pair(&good, &two).path, ""),
        FileFault::Positions { .. }
    ));
    let real = npy("<f4", false, "(2,)", &f4(&[0.0, 1.0]));
    let found = fault(&pair(&good, &real).path, "targets = 'binary'");
    assert!(matches!(found, FileFault::BinaryValues));
    let other = written("data.npz", &zip(&[("x.npy", &good)], false));
    let found = fault(&other.path, "");
    assert!(matches!(found, FileFault::Missing { array: "inputs", found } if found == ["x"]));
    let foreign = written("data.npz", b"not an archive");
    assert!(matches!(
        fault(&foreign.path, ""),
        FileFault::Malformed { .. }
    ));
    let text = written("data.csv", b"1,2");
    assert!(matches!(fault(&text.path, ""), FileFault::Extension));
    let absent = text.path.with_file_name("absent.npz");
    assert!(matches!(fault(&absent, ""), FileFault::Read { .. }));
}

/// Every cut and every changed byte is read or refused, without a panic.
#[test]
fn damaged_files_are_read_or_refused() {
    let inputs = npy("<f4", false, "(2, 2)", &f4(&[0.5; 4]));
    let targets = npy("<i8", false, "(2,)", &i8s(&[0, 1]));
    let files: [(&str, &[u8]); 2] = [("inputs.npy", &inputs), ("targets.npy", &targets)];
    for deflated in [false, true] {
        let whole = zip(&files, deflated);
        let file = written("data.npz", &whole);
        for length in 0..whole.len() {
            std::fs::write(&file.path, &whole[..length]).expect("a file");
            assert!(load(&config(&file.path, ""), None).is_err(), "{length}");
        }
        for at in 0..whole.len() {
            for flip in [1, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                std::fs::write(&file.path, &changed).expect("a file");
                let _ = load(&config(&file.path, ""), None);
            }
        }
    }
}
