//! From a config to numbers, and what is recorded of it.

mod common;

use std::path::Path;

use brink_data::{
    CifarError, Class, DataConfig, Error, FEATURES, Origin, Samples, SelectionError, Source,
    Standardisation, Standardise, Targets, load, parse_records,
};
use common::{file_bytes, write};
use tempfile::{TempDir, tempdir};

fn class(id: u8) -> Class {
    Class::new(id).unwrap()
}

/// Two training files and a test file.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    write(&folder.path().join("data_batch_1.bin"), &[6, 9, 0, 1]);
    write(&folder.path().join("data_batch_2.bin"), &[1, 0, 0, 2]);
    write(&folder.path().join("test_batch.bin"), &[1, 5, 0]);
    folder
}

fn config(samples: usize) -> DataConfig {
    DataConfig {
        samples: Samples::count(samples).unwrap(),
        ..DataConfig::default()
    }
}

#[test]
fn the_first_records_and_their_checksum() {
    let folder = folder();
    let dataset = load(&config(3), Some(folder.path())).unwrap();
    assert_eq!(dataset.train.labels(), [6, 9, 0]);
    assert_eq!(dataset.train.samples(), 3);
    assert_eq!(dataset.train.features(), 3072);
    assert_eq!(dataset.train.outputs(), 10);

    let provenance = &dataset.provenance;
    assert_eq!(provenance.source, Origin::Cifar10);
    assert!(!provenance.fell_back());
    assert_eq!(provenance.folder.as_deref(), Some(folder.path()));
    // The second file was not needed.
    assert_eq!(
        provenance.train.files,
        [folder.path().join("data_batch_1.bin")]
    );
    let file = parse_records(&file_bytes(&[6, 9, 0]), Path::new("x")).unwrap();
    assert_eq!(provenance.train.sha256, file.sha256());

    let json = serde_json::to_value(provenance).unwrap();
    assert_eq!(json["source"], "cifar10");
    assert_eq!(json["train"]["samples"], 3);
    assert_eq!(
        json["train"]["counts"][1],
        serde_json::json!({"class": 6, "name": "frog", "count": 1})
    );
    let columns: Vec<u8> = (0..10).collect();
    assert_eq!(json["targets"]["columns"], serde_json::json!(columns));
}

#[test]
fn binary_targets_need_samples_of_both_sides() {
    let folder = folder();
    let load = |groups: [Vec<Class>; 2], samples| {
        let config = DataConfig {
            groups: Some(groups.map(|group| group.into_iter().map(Into::into).collect())),
            targets: Targets::Binary,
            ..config(samples)
        };
        load(&config, Some(folder.path()))
    };
    // The labels are 6, 9, 0, 1, 1, 0, 0, 2.
    let error = load([vec![class(0), class(6)], vec![class(1), class(2)]], 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "binary targets need samples of both sides, and none of the 2 taken is of class 1 \
         (automobile) or 2 (bird), the +1; set `data.balanced = true`, or take more `data.samples`"
    );
    let error = load([vec![class(1)], vec![class(0)]], 1).unwrap_err();
    assert!(matches!(
        error,
        Error::Selection(SelectionError::OneSided { samples: 1, sign: "−1", classes })
            if classes == [class(1)]
    ));
    // A side of which one class is absent is no empty side, and is said as a note.
    let dataset = load([vec![class(0), class(6)], vec![class(1), class(2)]], 3).unwrap();
    assert_eq!(dataset.provenance.absent_classes(), [class(2)]);
}

#[test]
fn classes_without_a_sample_are_known() {
    let folder = folder();
    let dataset = load(&config(3), Some(folder.path())).unwrap();
    let absent = dataset.provenance.absent_classes();
    assert_eq!(absent, [1, 2, 3, 4, 5, 7, 8].map(class));
}

#[test]
fn what_is_no_file_is_not_read() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("data_batch_1.bin");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(3073 << 20)
        .unwrap();
    let error = load(&config(3), Some(&path)).unwrap_err().to_string();
    assert!(
        error.contains("it has 3222274048 bytes, and at most 1073741824 are read"),
        "{error}"
    );
    #[cfg(unix)]
    {
        let error = load(&config(3), Some(Path::new("/dev/zero")))
            .unwrap_err()
            .to_string();
        assert!(error.contains("it is a device, not a file"), "{error}");
    }
}

#[test]
fn chosen_classes_across_files_and_in_the_test_set() {
    let folder = folder();
    let config = DataConfig {
        classes: Some(vec![class(1).into(), class(0).into()]),
        targets: Targets::Binary,
        standardise: Standardise::Subset,
        ..config(4)
    };
    let dataset = load(&config, Some(folder.path())).unwrap();
    assert_eq!(dataset.train.labels(), [0, 1, 1, 0]);
    assert_eq!(dataset.train.targets(), [1.0, -1.0, -1.0, 1.0]);
    let test = dataset.test.unwrap();
    assert_eq!(test.labels(), [1, 0]);
    assert_eq!(test.targets(), [-1.0, 1.0]);
    assert_eq!(test.standardisation(), dataset.train.standardisation());
    let counts = dataset.provenance.train.counts.iter();
    let counts: Vec<_> = counts
        .map(|entry| (entry.name.unwrap(), entry.count))
        .collect();
    assert_eq!(counts, [("airplane", 2), ("automobile", 2)]);

    // By the subset's own figures every channel has mean 0 and variance 1.
    let inputs = dataset.train.inputs_f64();
    for channel in 0..3 {
        let plane = |row: &[f64]| row[channel * 1024..(channel + 1) * 1024].to_vec();
        let values: Vec<f64> = inputs.chunks_exact(FEATURES).flat_map(plane).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 1e-12 && (square - 1.0).abs() < 1e-12);
    }
}

#[test]
fn inputs_follow_the_formula_in_both_precisions() {
    let folder = folder();
    let dataset = load(&config(8), Some(folder.path())).unwrap();
    assert_eq!(
        dataset.train.standardisation(),
        Some(&Standardisation::CIFAR10)
    );
    let double = dataset.train.inputs_f64();
    let single = dataset.train.inputs_f32();
    let bytes = file_bytes(&[6, 9, 0, 1]);
    for i in [0, 1023, 1024, 2047, 2048, 3071] {
        let figures = Standardisation::CIFAR10;
        let pixel = f64::from(bytes[1 + i]) / 255.0;
        let expected = (pixel - figures.mean[i / 1024]) / figures.std[i / 1024];
        assert_eq!(double[i], expected);
    }
    let rounded: Vec<f32> = double.iter().map(|value| *value as f32).collect();
    assert_eq!(single, rounded);
    let rows = 3 * FEATURES..5 * FEATURES;
    assert_eq!(dataset.train.rows_f64(3..5), double[rows.clone()]);
    assert_eq!(dataset.train.rows_f32(3..5), single[rows]);
    assert!(dataset.train.rows_f32(8..8).is_empty());
}

#[test]
fn balanced_subsets_keep_file_order() {
    let folder = folder();
    let config = DataConfig {
        classes: Some(vec![class(0).into(), class(1).into()]),
        balanced: true,
        ..config(5)
    };
    let dataset = load(&config, Some(folder.path())).unwrap();
    assert_eq!(dataset.train.labels(), [0, 1, 1, 0, 0]);
    assert_eq!(dataset.train.outputs(), 2);
}

#[test]
fn too_few_says_how_many_there_are() {
    let folder = folder();
    let error = load(&config(9), Some(folder.path())).unwrap_err();
    let Error::Selection(SelectionError::TooFew { asked, available }) = error else {
        panic!("{error}");
    };
    assert_eq!((asked, available), (9, 8));
}

#[test]
fn all_records() {
    let folder = folder();
    let config = DataConfig {
        samples: Samples::All,
        ..DataConfig::default()
    };
    let dataset = load(&config, Some(folder.path())).unwrap();
    assert_eq!(dataset.train.samples(), 8);
    assert_eq!(dataset.provenance.train.files.len(), 2);
}

#[test]
fn auto_falls_back_only_when_nothing_is_there() {
    let empty = tempdir().unwrap();
    let auto = DataConfig {
        source: Source::Auto,
        ..config(5)
    };
    let dataset = load(&auto, Some(empty.path())).unwrap();
    assert_eq!(dataset.provenance.source, Origin::Synthetic);
    assert!(dataset.provenance.fell_back());
    assert_eq!(dataset.provenance.seed, Some(0));
    assert_eq!(dataset.train.samples(), 5);

    let error = load(&config(5), Some(empty.path())).unwrap_err();
    assert!(matches!(
        error,
        Error::Cifar(CifarError::NoBinaryFiles { .. })
    ));

    let folder = folder();
    let found = load(&auto, Some(folder.path())).unwrap();
    assert_eq!(found.provenance.source, Origin::Cifar10);

    std::fs::write(folder.path().join("data_batch_1.bin"), b"damaged").unwrap();
    let error = load(&auto, Some(folder.path())).unwrap_err();
    assert!(matches!(error, Error::Cifar(CifarError::Truncated { .. })));
}

/// Runs on request: `BRINK_CIFAR10=<folder> cargo test --release -p brink-data -- --ignored`.
/// The folder's training files must begin with the first 1,000 records of CIFAR-10.
#[test]
#[ignore = "needs CIFAR-10: set BRINK_CIFAR10 to its folder"]
fn the_real_records() {
    let folder = std::env::var("BRINK_CIFAR10").expect("BRINK_CIFAR10 names CIFAR-10's folder");
    let dataset = load(&config(1000), Some(Path::new(&folder))).unwrap();
    assert_eq!(
        dataset.provenance.train.sha256,
        "1c5f9ea0fc1111d586f29115efd3db25eecf7db27b29aaebbe84721446b052cc"
    );
    assert_eq!(dataset.train.labels()[..10], [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
    assert_eq!(
        dataset.train.records().unwrap().pixels()[..4],
        [59, 43, 50, 68]
    );
}
