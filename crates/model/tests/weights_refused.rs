//! Weight files that are refused, each with its reason.

mod files;

use std::fs;
use std::path::Path;

use brink_model::{Init, LayerSpec, Precision, WeightFileFault, Weights};
use files::{Scratch, foreign, linear, scratch, shapes};
use safetensors::tensor::{Dtype, TensorView, serialize};

#[track_caller]
fn refused(file: &Scratch, layers: &[LayerSpec]) -> WeightFileFault {
    let error = Weights::read(&file.path, &LayerSpec::parameters(layers), Precision::F64)
        .expect_err("a refusal");
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
    assert!(Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64).is_ok());
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
fn values_beyond_the_runs_precision_are_refused() {
    // The first float64 that rounds to infinity in float32, and the last that does not.
    let beyond = f64::from(f32::MAX) + 2_f64.powi(103);
    let within = f64::from_bits(beyond.to_bits() - 1);
    let layers = [linear(2, 2, false)];
    let read = |value: f64, precision| {
        let values = [1.0, 2.0, value, 4.0];
        let bytes: Vec<u8> = values.iter().flat_map(|v: &f64| v.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F64, vec![2, 2], &bytes).expect("a view");
        let file = serialize([("fc.weight", view)], None).expect("bytes");
        Weights::parse(&file, &LayerSpec::parameters(&layers), precision)
    };
    assert!(read(within, Precision::F32).is_ok());
    assert!(read(1e300, Precision::F64).is_ok());
    // What float32 cannot tell from 0 is rounded as any other value.
    assert!(read(1e-300, Precision::F32).is_ok());
    for value in [beyond, -beyond, 1e300] {
        let fault = read(value, Precision::F32).expect_err("a refusal");
        assert!(matches!(
            &fault,
            WeightFileFault::NonFinite { tensor, index: 2, value: v, precision: Precision::F32 }
                if tensor == "fc.weight" && *v == value
        ));
    }
    let fault = read(1e300, Precision::F32).expect_err("a refusal");
    assert_eq!(
        fault.to_string(),
        "`fc.weight` holds 1e300 at index 2, which is beyond the largest float32: train in float64 \
         (run.dtype), or scale the weights down"
    );
    let fault = read(f64::NAN, Precision::F64).expect_err("a refusal");
    assert_eq!(
        fault.to_string(),
        "`fc.weight` holds NaN at index 2, which is no start for training in float64: repair the \
         file"
    );
}

#[test]
fn other_element_types_are_refused() {
    for (dtype, bytes) in [
        (Dtype::F16, 4),
        (Dtype::BF16, 4),
        (Dtype::I32, 8),
        (Dtype::I64, 16),
        (Dtype::U8, 2),
        (Dtype::BOOL, 2),
        (Dtype::F8_E4M3, 2),
        (Dtype::F4, 1),
    ] {
        let bytes = vec![0; bytes];
        let view = TensorView::new(dtype, vec![1, 2], &bytes).expect("a view");
        let file = scratch();
        let bytes = serialize([("0.weight", view)], None).expect("bytes");
        fs::write(&file.path, bytes).expect("a file");
        let error = refused(&file, &[linear(2, 1, false)]);
        assert!(matches!(
            error,
            WeightFileFault::Dtype { dtype: d, tensor } if d == dtype && tensor == "0.weight"
        ));
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
    let weights = Weights::random(&LayerSpec::parameters(&layers), Init::Xavier, 0);
    weights
        .write(
            &file.path,
            &LayerSpec::parameters(&layers),
            Precision::F32,
            &[],
        )
        .expect("written");
    let bytes = fs::read(&file.path).expect("bytes");
    for length in 0..bytes.len() {
        fs::write(&file.path, &bytes[..length]).expect("a file");
        assert!(matches!(
            refused(&file, &layers),
            WeightFileFault::Length { bytes: found, .. } if found == length as u64
        ));
    }
    fs::write(&file.path, [&bytes[..], &[0]].concat()).expect("a file");
    let error = refused(&file, &layers);
    assert!(
        matches!(error, WeightFileFault::Length { bytes: found, described }
        if found == described + 1 && described == bytes.len() as u64)
    );
}

/// A file of this header and so many bytes of values.
fn made(header: &str, values: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), &vec![0; values]].concat()
}

#[test]
fn a_header_that_contradicts_itself_names_the_tensor() {
    let tensor = |name: &str, from: usize, to: usize| {
        format!(r#""{name}":{{"dtype":"F32","shape":[1,2],"data_offsets":[{from},{to}]}}"#)
    };
    let parse = |entries: &[String], values| {
        let file = made(&format!("{{{}}}", entries.join(",")), values);
        Weights::parse(
            &file,
            &LayerSpec::parameters(&[linear(2, 1, false)]),
            Precision::F64,
        )
        .expect_err("a refusal")
    };
    let fault = parse(&[tensor("0.weight", 0, 8), tensor("0.weight", 8, 16)], 16);
    assert!(matches!(&fault, WeightFileFault::DuplicateTensor { tensor } if tensor == "0.weight"));
    for (from, to) in [(4, 12), (9, 17), (0, 8)] {
        let fault = parse(
            &[tensor("0.weight", 0, 8), tensor("1.weight", from, to)],
            to,
        );
        assert!(
            matches!(&fault, WeightFileFault::Offset { ends: 8, .. }),
            "{fault}"
        );
    }
    for (from, to) in [(0, 7), (0, 16), (8, 0), (0, usize::MAX)] {
        let fault = parse(&[tensor("0.weight", from, to)], 8);
        assert!(
            matches!(&fault, WeightFileFault::Size { tensor, .. } if tensor == "0.weight"),
            "{fault}"
        );
    }
    let huge =
        r#"{"0.weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#;
    let fault = Weights::parse(
        &made(huge, 8),
        &LayerSpec::parameters(&[linear(2, 1, false)]),
        Precision::F64,
    );
    assert!(matches!(fault, Err(WeightFileFault::Size { .. })));
}

#[test]
fn what_is_no_weight_file_is_told_from_a_damaged_one() {
    let layers = [linear(2, 1, false)];
    let parse = |file: &[u8]| {
        Weights::parse(file, &LayerSpec::parameters(&layers), Precision::F64)
            .expect_err("a refusal")
    };
    // How PyTorch's own files begin.
    let zip = parse(b"PK\x03\x04 a zip archive of pickled tensors");
    assert!(matches!(zip, WeightFileFault::NoHeader { .. }), "{zip}");
    for header in [
        "[]",
        "{",
        r#"{"0.weight":{}}"#,
        r#"{"0.weight":{"dtype":"F7"}}"#,
    ] {
        let fault = parse(&made(header, 0));
        assert!(matches!(fault, WeightFileFault::Header { .. }), "{fault}");
    }
    let deep = format!(r#"{{"__metadata__":{}}}"#, "[".repeat(100_000));
    assert!(matches!(
        parse(&made(&deep, 0)),
        WeightFileFault::Header { .. }
    ));
}

#[test]
fn what_is_no_file_is_not_read() {
    let file = scratch();
    fs::create_dir(&file.path).expect("a folder");
    let error = Weights::read(
        &file.path,
        &LayerSpec::parameters(&[linear(2, 1, false)]),
        Precision::F64,
    );
    let text = error.expect_err("a refusal").to_string();
    assert!(
        text.ends_with("cannot be read: it is a folder, not a file"),
        "{text}"
    );
}

#[test]
fn a_file_of_another_network_is_refused_by_its_header() {
    // A terabyte that the header describes and the disk does not hold.
    let file = scratch();
    let side = 1_usize << 19;
    let bytes = side * side * 4;
    let header = format!(
        r#"{{"0.weight":{{"dtype":"F32","shape":[{side},{side}],"data_offsets":[0,{bytes}]}}}}"#
    );
    fs::write(&file.path, made(&header, 0)).expect("a file");
    let sparse = fs::OpenOptions::new()
        .write(true)
        .open(&file.path)
        .expect("a file");
    let whole = (8 + header.len() + bytes) as u64;
    sparse.set_len(whole).expect("a sparse file");
    let error = refused(&file, &[linear(2, 1, false)]);
    assert!(
        matches!(error, WeightFileFault::WeightShape { .. }),
        "{error}"
    );
}

#[test]
fn a_list_of_names_stays_short() {
    let layers = [linear(2, 2, false)];
    let names: Vec<String> = (0..500).map(|i| format!("net.{i}.weight")).collect();
    let tensors: Vec<(&str, &[usize])> = names
        .iter()
        .map(|name| (&**name, &[2_usize, 2][..]))
        .collect();
    let text = refused(&shapes(&tensors, None), &layers).to_string();
    assert!(
        text.starts_with("500 layers with weights (net.0, ") && text.contains(" and 492 more)"),
        "{text}"
    );
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let layers = [linear(2, 3, false)];
    let weights = Weights::random(&LayerSpec::parameters(&layers), Init::Xavier, 0);
    let file = scratch();
    let nowhere = file.folder.path().join("no/such/folder.safetensors");
    let error = weights
        .write(
            &nowhere,
            &LayerSpec::parameters(&layers),
            Precision::F32,
            &[],
        )
        .expect_err("a refusal");
    assert!(matches!(*error.fault, WeightFileFault::Write { .. }));
    // A folder of that name: the rename fails, after the temporary file was written.
    fs::create_dir(&file.path).expect("a folder");
    assert!(
        weights
            .write(
                &file.path,
                &LayerSpec::parameters(&layers),
                Precision::F32,
                &[]
            )
            .is_err()
    );
    let left: Vec<_> = fs::read_dir(file.folder.path())
        .expect("a folder")
        .collect();
    assert_eq!(left.len(), 1);
    assert!(
        weights
            .write(
                Path::new("/"),
                &LayerSpec::parameters(&layers),
                Precision::F32,
                &[]
            )
            .is_err()
    );
}
