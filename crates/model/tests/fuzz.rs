//! Damaged weight files: read or refused, never a crash, never more memory than the file's.

mod files;

use brink_fuzz::{Fuzz, Meter};
use brink_model::{Init, LayerSpec, Precision, Weights};
use files::{conv, linear, scratch, shapes};

#[global_allocator]
static METER: Meter = Meter;

/// A convolution and a linear layer, with biases.
fn layers() -> [LayerSpec; 2] {
    [conv(1, 2, true), linear(8, 3, true)]
}

fn seeds() -> Vec<Vec<u8>> {
    let weights = Weights::random(&LayerSpec::parameters(&layers()), Init::He, 0);
    let mut seeds = Vec::new();
    for precision in [Precision::F32, Precision::F64] {
        let file = scratch();
        let extra = [("name", "fuzz")];
        weights
            .write(
                &file.path,
                &LayerSpec::parameters(&layers()),
                precision,
                &extra,
            )
            .expect("written");
        seeds.push(std::fs::read(&file.path).expect("bytes"));
    }
    for layout in [None, Some("in_out")] {
        let (weight, bias): (&[usize], &[usize]) = (&[2, 1, 3, 3], &[2]);
        let head: [&[usize]; 2] = [&[8, 3], &[3]];
        let tensors = [
            ("conv1.weight", weight),
            ("conv1.bias", bias),
            ("head.weight", head[0]),
            ("head.bias", head[1]),
        ];
        let file = shapes(&tensors, layout);
        seeds.push(std::fs::read(&file.path).expect("bytes"));
    }
    seeds
}

#[test]
fn damaged_weight_files_are_read_or_refused() {
    let (layers, seeds) = (layers(), seeds());
    let fuzz = Fuzz {
        name: "weight files",
        seeds: &seeds,
        words: &[
            r#""dtype":"F32""#,
            r#""dtype":"BF16""#,
            r#""shape":[2,3]"#,
            r#""data_offsets":[0,8]"#,
            r#""__metadata__":{"layout":"in_out"},"#,
            r#""0.weight":{"dtype":"F64","shape":[0],"data_offsets":[0,0]},"#,
            ".weight",
            ".bias",
        ],
        cases: 100_000,
        memory: 64 << 10,
    };
    let tally = fuzz.run(|bytes| {
        match Weights::parse(bytes, &LayerSpec::parameters(&layers), Precision::F32) {
            Ok(weights) => {
                assert!(weights.check(&LayerSpec::parameters(&layers)).is_ok());
                let mut values = weights.tensors().iter().flat_map(|t| &t.values);
                assert!(values.all(|value| (*value as f32).is_finite()));
                true
            }
            Err(fault) => {
                assert!(!fault.to_string().is_empty());
                false
            }
        }
    });
    assert!(tally.taken > 0 && tally.refused > 0);
}
