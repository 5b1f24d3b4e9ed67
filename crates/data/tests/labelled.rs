//! CIFAR-100 and MNIST, from files made here: what is read, and what is refused.

use std::fs;
use std::io::Write;
use std::path::Path;

use brink_data::{DataConfig, Dataset, Origin, SampleShape, Targets, load};
use flate2::Compression;
use flate2::write::GzEncoder;

fn section(source: &str, folder: &Path, more: &str) -> DataConfig {
    let text = format!("source = '{source}'\ndir = '{}'\n{more}", folder.display());
    toml::from_str(&text).expect("a data section")
}

fn read(source: &str, folder: &Path, more: &str) -> Dataset {
    load(&section(source, folder, more), None).expect("data")
}

fn refusal(source: &str, folder: &Path, more: &str) -> String {
    load(&section(source, folder, more), None)
        .expect_err(more)
        .to_string()
}

fn cifar100(labels: &[u8]) -> Vec<u8> {
    let record = |&label: &u8| {
        let pixels = (0..3072).map(move |i| (i / 1024 * 50) as u8 + label);
        [1, label].into_iter().chain(pixels)
    };
    labels.iter().flat_map(record).collect()
}

fn idx(magic: u32, sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let numbers = [magic].into_iter().chain(sizes.iter().copied());
    let header = numbers.flat_map(u32::to_be_bytes);
    header.chain(values.iter().copied()).collect()
}

#[test]
fn cifar_100_has_fine_labels_and_its_own_figures() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("train.bin"), cifar100(&[7, 99, 0])).expect("a file");
    fs::write(folder.path().join("test.bin"), cifar100(&[42])).expect("a file");
    let data = read("cifar100", folder.path(), "samples = 2");
    assert_eq!(data.train.shape(), SampleShape::Values(vec![3, 32, 32]));
    assert_eq!((data.train.samples(), data.train.outputs()), (2, 100));
    assert_eq!(data.train.targets_kind(), Targets::OneHot);
    let targets = data.train.targets();
    assert_eq!((targets[7], targets[100 + 99]), (1.0, 1.0));
    assert_eq!(targets.iter().sum::<f64>(), 2.0);
    let inputs = data.train.inputs_f64();
    assert!((inputs[0] - (7.0 / 255.0 - 0.5071) / 0.2675).abs() < 1e-14);
    assert!((inputs[1024] - (57.0 / 255.0 - 0.4867) / 0.2565).abs() < 1e-14);
    assert_eq!(data.test.expect("a test set").targets()[42], 1.0);
    assert_eq!(data.provenance.source, Origin::Cifar100);
    // 7 and 99 in the first channel: mean 53, deviation 46.
    let own = read(
        "cifar100",
        folder.path(),
        "samples = 2\nstandardise = 'subset'",
    );
    assert!((own.train.inputs_f64()[0] + 1.0).abs() < 1e-12);
    assert!(refusal("cifar100", folder.path(), "samples = 4").contains("there are 3"));
    let one = refusal(
        "cifar100",
        folder.path(),
        "samples = 1\nstandardise = 'subset'",
    );
    assert!(one.contains("constant"), "{one}");
    for (bytes, reason) in [
        (cifar100(&[100]), "label 100 in record 0"),
        (cifar100(&[1])[1..].to_vec(), "3073 bytes"),
        (Vec::new(), "0 bytes"),
    ] {
        fs::write(folder.path().join("train.bin"), bytes).expect("a file");
        let said = refusal("cifar100", folder.path(), "samples = 1");
        assert!(said.contains(reason), "{said}");
    }
    fs::remove_file(folder.path().join("train.bin")).expect("removed");
    assert!(refusal("cifar100", folder.path(), "").contains("train.bin"));
}

#[test]
fn mnist_is_read_packed_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let images: Vec<u8> = (0..3 * 784).map(|i| (i % 251) as u8).collect();
    let images = idx(0x0803, &[3, 28, 28], &images);
    let labels = idx(0x0801, &[3], &[3, 0, 9]);
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("a file");
    };
    write("train-images-idx3-ubyte", &images);
    write("train-labels-idx1-ubyte", &labels);
    let plain = read("mnist", folder.path(), "samples = 'all'");
    assert_eq!(plain.train.shape(), SampleShape::Values(vec![1, 28, 28]));
    assert!(plain.test.is_none());
    assert!((plain.train.inputs_f64()[1] - (1.0 / 255.0 - 0.1307) / 0.3081).abs() < 1e-14);
    assert_eq!(plain.train.targets()[3], 1.0);
    fs::remove_file(folder.path().join("train-images-idx3-ubyte")).expect("removed");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&images).expect("packed");
    let packed = packed.finish().expect("packed");
    write("train-images-idx3-ubyte.gz", &packed);
    let again = read("mnist", folder.path(), "samples = 'all'");
    assert_eq!(again.provenance.train.sha256, plain.provenance.train.sha256);
    let refused = |name: &str, bytes: &[u8], reason: &str| {
        write(name, bytes);
        let said = refusal("mnist", folder.path(), "samples = 1");
        assert!(said.contains(reason), "{said}");
    };
    refused(
        "train-labels-idx1-ubyte",
        &idx(0x0801, &[2], &[3, 0]),
        "3 images",
    );
    refused(
        "train-labels-idx1-ubyte",
        &idx(0x0801, &[3], &[3, 10, 0]),
        "label 10 at 1",
    );
    refused("train-labels-idx1-ubyte", &labels[..9], "has 1 bytes");
    refused("train-labels-idx1-ubyte", &images, "no IDX file");
    write("train-labels-idx1-ubyte", &labels);
    refused(
        "train-images-idx3-ubyte.gz",
        &packed[..40],
        "does not unpack",
    );
    refused(
        "train-images-idx3-ubyte",
        &idx(0x0803, &[1, 32, 32], &[0; 1024]),
        "shape",
    );
    let foreign =
        toml::from_str::<DataConfig>("source = 'mnist'\nclasses = [1]").expect("a section");
    assert_eq!(foreign.validate().expect_err("a refusal").key(), "classes");
}

#[test]
fn as_many_of_each_class_are_taken_where_that_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let labels: Vec<u8> = (0..40)
        .map(|i| if i < 20 { i % 3 } else { i % 10 })
        .collect();
    let pixels = vec![7; 40 * 784];
    let write = |name: &str, bytes: Vec<u8>| {
        fs::write(folder.path().join(name), bytes).expect("a file");
    };
    write(
        "train-images-idx3-ubyte",
        idx(0x0803, &[40, 28, 28], &pixels),
    );
    write("train-labels-idx1-ubyte", idx(0x0801, &[40], &labels));
    let counts = |data: &Dataset| -> Vec<f64> {
        let targets = data.train.targets();
        let of = |class: usize| targets.iter().skip(class).step_by(10).sum();
        (0..10).map(of).collect()
    };
    let first = read("mnist", folder.path(), "samples = 12");
    assert_eq!(counts(&first)[..4], [4.0, 4.0, 4.0, 0.0]);
    let even = read("mnist", folder.path(), "samples = 12\nbalanced = true");
    let expected = [2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    assert_eq!(counts(&even), expected);
    // In the order of the file.
    assert_eq!(even.train.targets()[..10], first.train.targets()[..10]);
    let short = refusal("mnist", folder.path(), "samples = 30\nbalanced = true");
    assert!(short.contains("class 3 has 2 of 3"), "{short}");
    assert!(short.contains("at most 20"), "{short}");
    for (source, more, key) in [
        ("mnist", "samples = 9", "samples"),
        ("mnist", "samples = 'all'", "balanced"),
        ("cifar100", "samples = 99", "samples"),
    ] {
        let text = format!("source = '{source}'\nbalanced = true\n{more}");
        let config = toml::from_str::<DataConfig>(&text).expect("a section");
        assert_eq!(config.validate().expect_err(more).key(), key);
    }
}
