//! Layers and weight files that the tests of files share.

#![allow(dead_code)] // Each test binary uses a part of this.

use std::fs;
use std::path::PathBuf;

use brink_model::{LayerKind, LayerSpec};
use safetensors::tensor::{Dtype, TensorView, serialize};
use tempfile::TempDir;

/// A fully connected layer.
pub fn linear(inputs: usize, outputs: usize, bias: bool) -> LayerSpec {
    let kind = LayerKind::Linear { inputs, outputs };
    LayerSpec { kind, bias }
}

/// A 3×3 convolution.
pub fn conv(inputs: usize, outputs: usize, bias: bool) -> LayerSpec {
    let kind = LayerKind::Conv2d {
        inputs,
        outputs,
        kernel: 3,
    };
    LayerSpec { kind, bias }
}

/// A file under a folder that goes away with it.
pub struct Scratch {
    pub folder: TempDir,
    pub path: PathBuf,
}

/// A path where nothing is yet.
pub fn scratch() -> Scratch {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("weights.safetensors");
    Scratch { folder, path }
}

/// Writes float32 tensors by the `safetensors` crate: what another program would have written.
pub fn foreign(tensors: &[(&str, &[usize], Vec<f32>)], layout: Option<&str>) -> Scratch {
    let bytes: Vec<Vec<u8>> = (tensors.iter())
        .map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).expect("a view");
        (*name, view)
    });
    let metadata = layout.map(|l| [("layout".to_owned(), l.to_owned())].into());
    let file = scratch();
    fs::write(&file.path, serialize(views, metadata).expect("bytes")).expect("a file");
    file
}

/// 0, 1, 2, …
pub fn count(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32).collect()
}

/// As [`foreign`], with values that count up from 0 in each tensor.
pub fn shapes(tensors: &[(&str, &[usize])], layout: Option<&str>) -> Scratch {
    let filled: Vec<_> = (tensors.iter())
        .map(|&(name, shape)| (name, shape, count(shape.iter().product())))
        .collect();
    foreign(&filled, layout)
}
