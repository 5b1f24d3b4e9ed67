//! Weight files that are refused, each with its reason.

mod files;

use std::fs;
use std::path::Path;

use brink_model::{Init, LayerSpec, Precision, WeightFileFault, Weights};
use files::{Scratch, foreign, linear, scratch, shapes};
use safetensors::tensor::{Dtype, TensorView, serialize};

#[track_caller]
fn refused(file: &Scratch, layers: &[LayerSpec]) -> WeightFileFault {
    let error = Weights::read(&file.path, layers).expect_err("a refusal");
    let text = error.to_string();
    assert!(text.contains("weights.safetensors"), "{text}");
    *error.fault
}

#[test]
fn an_unknown_layout_is_refused() {
    let file = shapes(&[("layers.0.weight", &[2, 2])], Some("sideways"));
    let error = refused(&file, &[linear(2, 2, false)]);
    assert!(matches!(error, WeightFileFault::UnknownLayout { layout } if layout == "sideways"));
}

#[test]
fn a_layout_that_the_metadata_exclude_is_not_considered() {
    let file = shapes(&[("layers.0.weight", &[2, 3])], Some("out_in"));
    let error = refused(&file, &[linear(2, 3, false)]);
    let WeightFileFault::WeightShape {
        out_in,
        in_out,
        candidates,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(candidates, [("layers.0.weight".to_owned(), vec![2, 3])]);
    assert_eq!((out_in, in_out), (Some(vec![3, 2]), None));
}

#[test]
fn layers_laid_out_in_both_ways_are_a_conflict() {
    let layers = [linear(2, 3, false), linear(3, 4, false)];
    for (first, second, straight, turned) in [
        ([3, 2], [3, 4], "0.weight", "1.weight"),
        ([2, 3], [4, 3], "1.weight", "0.weight"),
    ] {
        let file = shapes(&[("0.weight", &first), ("1.weight", &second)], None);
        let error = refused(&file, &layers);
        let WeightFileFault::LayoutConflict { out_in, in_out, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((&*out_in, &*in_out), (straight, turned));
    }
}

#[test]
fn wrong_shapes_are_named_with_both_that_would_do() {
    let layers = [linear(2, 3, false), linear(3, 4, false)];
    let file = shapes(&[("0.weight", &[3, 2]), ("1.weight", &[5, 3])], None);
    let error = refused(&file, &layers);
    let text = error.to_string();
    for part in [
        "`1.weight`",
        "[5, 3]",
        "[4, 3]",
        "[3, 4]",
        "layers.1.weight",
    ] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
    let flat = shapes(&[("0.weight", &[6]), ("1.weight", &[4, 3])], None);
    assert!(matches!(
        refused(&flat, &layers),
        WeightFileFault::WeightShape { .. }
    ));
}

#[test]
fn names_that_leave_the_order_open_are_refused() {
    let layers = [linear(2, 2, false), linear(2, 2, false)];
    let file = shapes(
        &[("inner.weight", &[2, 2]), ("outer.weight", &[2, 2])],
        None,
    );
    let error = refused(&file, &layers);
    assert!(matches!(error, WeightFileFault::AmbiguousOrder { tensors, .. } if tensors.len() == 2));
    // Each shape fits one layer as [out, in] and the other as [in, out].
    let layers = [linear(2, 3, false), linear(3, 2, false)];
    let file = shapes(
        &[("inner.weight", &[2, 3]), ("outer.weight", &[3, 2])],
        None,
    );
    assert!(matches!(
        refused(&file, &layers),
        WeightFileFault::AmbiguousOrder { .. }
    ));
    let file = shapes(
        &[("inner.weight", &[2, 3]), ("outer.weight", &[3, 2])],
        Some("in_out"),
    );
    assert!(Weights::read(&file.path, &layers).is_ok());
}

#[test]
fn missing_and_superfluous_tensors_are_named() {
    let with = [linear(2, 3, true)];
    let without = [linear(2, 3, false)];
    let bare = shapes(&[("fc.weight", &[3, 2])], None);
    let full = shapes(&[("fc.weight", &[3, 2]), ("fc.bias", &[3])], None);
    let error = refused(&bare, &with);
    assert!(matches!(error, WeightFileFault::MissingTensor { tensor, .. } if tensor == "fc.bias"));
    let error = refused(&full, &without);
    assert!(matches!(error, WeightFileFault::ExtraTensor { tensor, .. } if tensor == "fc.bias"));
    let orphan = shapes(&[("0.weight", &[3, 2]), ("1.bias", &[3])], None);
    let error = refused(&orphan, &with);
    assert!(matches!(error, WeightFileFault::MissingTensor { tensor, .. } if tensor == "1.weight"));
    let norm = shapes(&[("0.weight", &[3, 2]), ("0.running_mean", &[3])], None);
    let error = refused(&norm, &without);
    assert!(
        matches!(error, WeightFileFault::UnknownTensor { tensor, .. } if tensor == "0.running_mean")
    );
    let deep = shapes(&[("0.weight", &[3, 2]), ("1.weight", &[3, 3])], None);
    let error = refused(&deep, &without);
    assert!(
        matches!(error, WeightFileFault::LayerCount { expected: 1, found, .. } if found == ["0", "1"])
    );
    let wide = shapes(&[("fc.weight", &[3, 2]), ("fc.bias", &[1, 3])], None);
    let error = refused(&wide, &with);
    assert!(matches!(error, WeightFileFault::BiasShape { got, .. } if got == [1, 3]));
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    let layers = [linear(2, 1, true)];
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let file = foreign(
            &[
                ("0.weight", &[1, 2], vec![1.0, 2.0]),
                ("0.bias", &[1], vec![bad]),
            ],
            None,
        );
        let error = refused(&file, &layers);
        assert!(
            matches!(error, WeightFileFault::NonFinite { tensor, index: 0, .. } if tensor == "0.bias")
        );
    }
}

#[test]
fn half_precision_is_refused() {
    let bytes = [0; 4];
    for dtype in [Dtype::F16, Dtype::BF16] {
        let view = TensorView::new(dtype, vec![1, 2], &bytes).expect("a view");
        let file = scratch();
        let bytes = serialize([("0.weight", view)], None).expect("bytes");
        fs::write(&file.path, bytes).expect("a file");
        let error = refused(&file, &[linear(2, 1, false)]);
        assert!(matches!(error, WeightFileFault::Dtype { dtype: d, .. } if d == dtype));
    }
}

#[test]
fn files_that_are_not_there_or_not_whole_are_refused() {
    let layers = [linear(2, 3, false)];
    let file = scratch();
    assert!(matches!(
        refused(&file, &layers),
        WeightFileFault::Read { .. }
    ));
    let weights = Weights::random(&layers, Init::Xavier, 0);
    weights
        .write(&file.path, Precision::F32, &[])
        .expect("written");
    let bytes = fs::read(&file.path).expect("bytes");
    for length in 0..bytes.len() {
        fs::write(&file.path, &bytes[..length]).expect("a file");
        assert!(matches!(
            refused(&file, &layers),
            WeightFileFault::Format { .. }
        ));
    }
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let weights = Weights::random(&[linear(2, 3, false)], Init::Xavier, 0);
    let file = scratch();
    let nowhere = file.folder.path().join("no/such/folder.safetensors");
    let error = weights
        .write(&nowhere, Precision::F32, &[])
        .expect_err("a refusal");
    assert!(matches!(*error.fault, WeightFileFault::Write { .. }));
    // A folder of that name: the rename fails, after the temporary file was written.
    fs::create_dir(&file.path).expect("a folder");
    assert!(weights.write(&file.path, Precision::F32, &[]).is_err());
    let left: Vec<_> = fs::read_dir(file.folder.path())
        .expect("a folder")
        .collect();
    assert_eq!(left.len(), 1);
    assert!(weights.write(Path::new("/"), Precision::F32, &[]).is_err());
}
