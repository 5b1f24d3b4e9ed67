//! Weight files that are read: ours, PyTorch's, and transposed ones.

mod files;

use std::fs;

use brink_model::{Init, LayerSpec, NamedTensor, Precision, Weights};
use files::{Scratch, conv, count, foreign, linear, scratch, shapes};
use proptest::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

#[test]
fn files_come_back_bit_for_bit() {
    let layers = [conv(3, 4, true), conv(4, 2, true), linear(8, 5, true)];
    for init in [Init::UniformFanIn, Init::He] {
        let mut weights = Weights::random(&LayerSpec::parameters(&layers), init, 2);
        for precision in [Precision::F32, Precision::F64] {
            let file = scratch();
            weights
                .write(&file.path, &LayerSpec::parameters(&layers), precision, &[])
                .expect("written");
            assert_eq!(
                Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64)
                    .expect("read"),
                weights
            );
        }
        // Values that float32 has not got come back from float64 files only.
        let thirds = (weights.tensors().iter())
            .map(|tensor| NamedTensor {
                values: tensor.values.iter().map(|v| v / 3.0).collect(),
                ..tensor.clone()
            })
            .collect();
        weights = Weights::new(thirds).expect("weights");
        let file = scratch();
        weights
            .write(
                &file.path,
                &LayerSpec::parameters(&layers),
                Precision::F64,
                &[],
            )
            .expect("written");
        assert_eq!(
            Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64)
                .expect("read"),
            weights
        );
        weights
            .write(
                &file.path,
                &LayerSpec::parameters(&layers),
                Precision::F32,
                &[],
            )
            .expect("written");
        assert_ne!(
            Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64)
                .expect("read"),
            weights
        );
    }
}

#[test]
fn the_safetensors_crate_reads_our_files_as_pytorch_would() {
    let layers = [linear(2, 3, true)];
    let weights = Weights::new(vec![
        NamedTensor {
            name: "layers.0.weight".into(),
            shape: vec![2, 3],
            values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        },
        NamedTensor {
            name: "layers.0.bias".into(),
            shape: vec![3],
            values: vec![7.0, 8.0, 9.0],
        },
    ])
    .expect("weights");
    let file = scratch();
    let extra = [
        ("seed", "0"),
        ("layout", "sideways"),
        ("run", "\"quoted\"\n"),
    ];
    weights
        .write(
            &file.path,
            &LayerSpec::parameters(&layers),
            Precision::F32,
            &extra,
        )
        .expect("written");
    let bytes = fs::read(&file.path).expect("bytes");
    let (header, metadata) = SafeTensors::read_metadata(&bytes).expect("metadata");
    assert_eq!(header % 8, 0);
    let pairs = metadata.metadata().as_ref().expect("pairs");
    assert_eq!(pairs["format"], "brink");
    assert_eq!(pairs["layout"], "out_in");
    assert_eq!(pairs["run"], "\"quoted\"\n");
    let tensors = SafeTensors::deserialize(&bytes).expect("tensors");
    let weight = tensors.tensor("layers.0.weight").expect("a weight");
    assert_eq!((weight.dtype(), weight.shape()), (Dtype::F32, &[3, 2][..]));
    let values: Vec<f32> = (weight.data().chunks_exact(4))
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    assert_eq!(values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    weights
        .write(
            &file.path,
            &LayerSpec::parameters(&layers),
            Precision::F32,
            &extra,
        )
        .expect("written again");
    assert_eq!(
        fs::read(&file.path).expect("bytes"),
        bytes,
        "equal calls, equal bytes"
    );
    let left: Vec<_> = fs::read_dir(file.folder.path())
        .expect("a folder")
        .collect();
    assert_eq!(left.len(), 1, "no temporary file stays");
}

#[test]
fn pytorch_names_and_layout_are_understood() {
    let layers = [linear(2, 3, true), linear(3, 1, true)];
    for [first, second] in [
        ["0", "2"],
        ["net.0", "net.2"],
        ["fc1", "fc2"],
        ["layers.9", "layers.10"],
        ["zeta", "alpha"],
        ["_orig_mod.stem", "_orig_mod.head"],
    ] {
        let name = |prefix: &str, kind: &str| format!("{prefix}.{kind}");
        let file = foreign(
            &[
                (&name(first, "weight"), &[3, 2], count(6)),
                (&name(first, "bias"), &[3], vec![0.5; 3]),
                (&name(second, "weight"), &[1, 3], vec![7.0, 8.0, 9.0]),
                (&name(second, "bias"), &[1], vec![-0.5]),
            ],
            None,
        );
        let weights = Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64)
            .expect(first);
        let values = |name: &str| weights.get(name).expect(name).values.clone();
        assert_eq!(values("layers.0.weight"), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        assert_eq!(values("layers.0.bias"), [0.5; 3]);
        assert_eq!(values("layers.1.weight"), [7.0, 8.0, 9.0]);
        assert_eq!(values("layers.1.bias"), [-0.5]);
        assert!(weights.check(&LayerSpec::parameters(&layers)).is_ok());
    }
}

#[test]
fn one_layer_that_is_not_square_decides_for_all() {
    let layers = [linear(2, 2, false), linear(2, 3, false)];
    let square = || ("0.weight", &[2, 2][..], count(4));
    let values = |file: Scratch| {
        let weights = Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64)
            .expect("read");
        weights
            .get("layers.0.weight")
            .expect("a weight")
            .values
            .clone()
    };
    let pytorch = foreign(&[square(), ("1.weight", &[3, 2], count(6))], None);
    assert_eq!(values(pytorch), [0.0, 2.0, 1.0, 3.0]);
    let transposed = foreign(&[square(), ("1.weight", &[2, 3], count(6))], None);
    assert_eq!(values(transposed), [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn square_layers_are_pytorchs_unless_the_metadata_say_otherwise() {
    let layers = [linear(2, 2, false)];
    for (layout, expected) in [
        (None, [0.0, 2.0, 1.0, 3.0]),
        (Some("out_in"), [0.0, 2.0, 1.0, 3.0]),
        (Some("in_out"), [0.0, 1.0, 2.0, 3.0]),
    ] {
        let file = shapes(&[("layers.0.weight", &[2, 2])], layout);
        let weights = Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64)
            .expect("read");
        assert_eq!(weights.tensors()[0].values, expected, "{layout:?}");
    }
}

#[test]
fn convolutions_need_no_numbers_in_common_with_the_head() {
    let layers = [conv(3, 4, false), conv(4, 4, false), linear(16, 2, false)];
    let file = shapes(
        &[
            ("head.weight", &[2, 16]),
            ("conv2.weight", &[4, 4, 3, 3]),
            ("conv1.weight", &[4, 3, 3, 3]),
        ],
        None,
    );
    let weights =
        Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64).expect("read");
    assert!(weights.check(&LayerSpec::parameters(&layers)).is_ok());
    assert_eq!(weights.tensors()[2].values[1], 16.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any MLP's weights survive a file, under our names.
    #[test]
    fn any_network_survives_a_file(
        widths in prop::collection::vec(1usize..12, 2..14),
        bias: bool,
        seed: u64,
        double: bool,
    ) {
        let layers: Vec<_> = widths.windows(2).map(|w| linear(w[0], w[1], bias)).collect();
        let weights = Weights::random(&LayerSpec::parameters(&layers), Init::He, seed);
        let precision = if double { Precision::F64 } else { Precision::F32 };
        let file = scratch();
        weights.write(&file.path, &LayerSpec::parameters(&layers), precision, &[]).expect("written");
        prop_assert_eq!(Weights::read(&file.path, &LayerSpec::parameters(&layers), Precision::F64).expect("read"), weights);
    }
}
