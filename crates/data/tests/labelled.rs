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
        (cifar100(&[100]), "fine label 100 in record 0"),
        (
            [&[20], &cifar100(&[1])[1..]].concat(),
            "coarse label 20 in record 0; such labels are 0 to 19",
        ),
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
        toml::from_str::<DataConfig>("source = 'mnist'\nlabels = 'fine'").expect("a section");
    assert_eq!(foreign.validate().expect_err("a refusal").key(), "labels");
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

/// MNIST's files of images whose first pixel says which they are.
fn mnist(folder: &Path, part: &str, labels: &[u8]) {
    let count = labels.len() as u32;
    let numbered = (0..labels.len()).flat_map(|i| (0..784).map(move |at| (i * (at + 1)) as u8));
    let pixels: Vec<u8> = numbered.collect();
    let write = |name: &str, bytes: Vec<u8>| {
        fs::write(folder.join(format!("{part}-{name}")), bytes).expect("a file");
    };
    write("images-idx3-ubyte", idx(0x0803, &[count, 28, 28], &pixels));
    write("labels-idx1-ubyte", idx(0x0801, &[count], labels));
}

/// The first pixels of a set's images as bytes.
fn firsts(data: &brink_data::Subset) -> Vec<f64> {
    let inputs = data.inputs_f64();
    let first = inputs.iter().step_by(data.features());
    first.map(|x| (x * 255.0).round()).collect()
}

#[test]
fn classes_of_mnist_can_be_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    mnist(folder.path(), "train", &[3, 1, 7, 1, 3, 3, 9, 7]);
    mnist(folder.path(), "t10k", &[1, 9, 3]);
    let plain = "standardise = 'none'\n";
    let two = read(
        "mnist",
        folder.path(),
        &format!("{plain}samples = 4\nclasses = [3, 1]"),
    );
    assert_eq!(firsts(&two.train), [0.0, 1.0, 3.0, 4.0]);
    // A column each, in the order listed.
    let columns = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
    assert_eq!(
        (two.train.outputs(), two.train.targets()),
        (2, columns.to_vec())
    );
    let test = two.test.expect("a test set");
    assert_eq!(firsts(&test), [0.0, 2.0]);
    assert_eq!(test.targets(), [0.0, 1.0, 1.0, 0.0]);
    let counts = |split: &brink_data::SplitProvenance| -> Vec<(u8, usize)> {
        let counts = split.counts.iter();
        counts
            .map(|entry| (entry.class.id(), entry.count))
            .collect()
    };
    assert_eq!(counts(&two.provenance.train), [(1, 2), (3, 2)]);
    assert!(two.provenance.train.counts[0].name.is_none());
    // Two classes, and groups of them, as -1 and +1.
    let binary = format!("{plain}targets = 'binary'\nsamples = 'all'\n");
    let read_binary = |more: &str| read("mnist", folder.path(), &format!("{binary}{more}"));
    let two = read_binary("classes = [3, 1]");
    assert_eq!(two.train.targets_kind(), Targets::Binary);
    assert_eq!((two.train.outputs(), two.train.columns()), (1, 1));
    assert_eq!(two.train.targets(), [-1.0, 1.0, 1.0, -1.0, -1.0]);
    let groups = read_binary("groups = [[7, 9], [1]]");
    assert_eq!(firsts(&groups.train), [1.0, 2.0, 3.0, 6.0, 7.0]);
    assert_eq!(groups.train.targets(), [1.0, -1.0, 1.0, -1.0, -1.0]);
    assert_eq!(groups.test.expect("a test set").targets(), [1.0, -1.0]);
    // The subset's own figures are those of what was chosen: of the first pixels 1 and 3, too.
    let own = read(
        "mnist",
        folder.path(),
        "samples = 2\nclasses = [1]\nstandardise = 'subset'",
    );
    let inputs = own.train.inputs_f64();
    let mean = inputs.iter().sum::<f64>() / inputs.len() as f64;
    assert!(mean.abs() < 1e-12, "{mean}");
    assert_eq!((own.train.samples(), own.train.columns()), (2, 1));
    // The same samples in another run have the same checksum, and other samples another.
    let sha256 = |more: &str| read("mnist", folder.path(), more).provenance.train.sha256;
    assert_ne!(sha256("samples = 2\nclasses = [1]"), sha256("samples = 2"));
    for (more, reason) in [
        (
            "samples = 4\nclasses = [3]",
            "there are 3 of the chosen classes",
        ),
        (
            "samples = 'all'\nclasses = [0, 5]",
            "no record of the chosen classes",
        ),
        (
            "samples = 4\nbalanced = true\nclasses = [9, 3]",
            "class 9 has 1 of 2; set `data.samples` to at most 2",
        ),
        (
            "samples = 1\ntargets = 'binary'\nclasses = [3, 1]",
            "none of the 1 taken is of class 1, the +1",
        ),
    ] {
        let said = refusal("mnist", folder.path(), more);
        assert!(said.contains(reason), "{more}: {said}");
    }
}

#[test]
fn classes_of_cifar_100_can_be_chosen_by_fine_or_coarse_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    // Pairs of coarse and fine labels.
    let records = |labels: &[[u8; 2]]| -> Vec<u8> {
        let record = |&[coarse, fine]: &[u8; 2]| {
            let mut record = vec![fine; 3074];
            record[0] = coarse;
            record
        };
        labels.iter().flat_map(record).collect()
    };
    let train = records(&[[4, 0], [1, 1], [14, 2], [4, 53], [1, 73]]);
    fs::write(folder.path().join("train.bin"), train).expect("a file");
    fs::write(folder.path().join("test.bin"), records(&[[1, 1], [14, 11]])).expect("a file");
    let all = "samples = 'all'\nstandardise = 'none'\n";
    let read = |more: &str| read("cifar100", folder.path(), &format!("{all}{more}"));
    let fine = read("classes = ['orange', 'apple']");
    assert_eq!(firsts(&fine.train), [0.0, 53.0]);
    assert_eq!(fine.train.targets(), [0.0, 1.0, 1.0, 0.0]);
    // Not one of the test set: there is none.
    assert!(fine.test.is_none());
    let coarse = read("labels = 'coarse'\nclasses = ['fish', 4]\ntargets = 'binary'");
    assert_eq!(firsts(&coarse.train), [0.0, 1.0, 53.0, 73.0]);
    assert_eq!(coarse.train.targets(), [1.0, -1.0, 1.0, -1.0]);
    assert_eq!(coarse.test.expect("a test set").targets(), [-1.0]);
    let names = coarse.provenance.train.counts.iter();
    let names: Vec<_> = names
        .map(|entry| (entry.name.unwrap(), entry.count))
        .collect();
    assert_eq!(names, [("fish", 2), ("fruit_and_vegetables", 2)]);
    assert_eq!(read("labels = 'coarse'").train.outputs(), 20);
    assert_eq!(read("labels = 'fine'").train.outputs(), 100);
}

#[test]
fn classes_that_do_not_exist_are_refused_with_the_key() {
    let cases = [
        (
            "mnist",
            "classes = [10]",
            "MNIST has no class `10`; use a number from 0 to 9",
        ),
        ("mnist", "classes = ['seven']", "no class `seven`"),
        ("mnist", "classes = []", "lists no class"),
        ("mnist", "classes = [1, 2, 1]", "class 1 twice"),
        (
            "cifar100",
            "classes = [100]",
            "no class `100`; use a number from 0 to 99",
        ),
        (
            "cifar100",
            "classes = ['fish']",
            "by fine labels, has no class `fish`",
        ),
        (
            "cifar100",
            "labels = 'coarse'\nclasses = [20]",
            "a number from 0 to 19",
        ),
        (
            "cifar100",
            "labels = 'coarse'\nclasses = ['Fish']",
            "did you mean `fish`?",
        ),
        (
            "cifar100",
            "classes = [1, 'aquarium_fish']",
            "class 1 (aquarium_fish) twice",
        ),
        (
            "cifar100",
            "balanced = true\nsamples = 3\nclasses = [0, 1, 2, 3]",
            "at least 4",
        ),
        ("cifar100", "targets = 'binary'", "100 are chosen"),
        (
            "cifar100",
            "targets = 'binary'\nlabels = 'coarse'",
            "20 are chosen",
        ),
        ("mnist", "groups = [[0], [1]]", "binary targets only"),
        (
            "mnist",
            "targets = 'binary'\ngroups = [[0, 1], [1]]",
            "twice",
        ),
        (
            "mnist",
            "targets = 'binary'\ngroups = [[0, 1], [12]]",
            "no class `12`",
        ),
    ];
    for (source, more, words) in cases {
        let text = format!("source = '{source}'\n{more}");
        let config = toml::from_str::<DataConfig>(&text).expect("a section");
        let error = config.validate().expect_err(more);
        assert!(error.to_string().contains(words), "{more}: {error}");
        assert!(more.contains(error.key()), "{more}: {}", error.key());
    }
}
