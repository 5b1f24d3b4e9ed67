//! A network with what PyTorch found for it.

use std::collections::HashMap;
use std::path::PathBuf;

use brink_linearize::{Batch, Layout, LinearizeError, Objective};
use brink_model::{
    Input, Loss, LossConfig, LossKind, ModelConfig, Network, Precision, Task, Weights,
};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

/// A network of one kind.
pub struct Case {
    /// The name of its files.
    pub name: &'static str,
    /// Its kind, and the keys that differ from the defaults.
    model: (&'static str, fn(ModelConfig) -> ModelConfig),
    /// What a sample is.
    input: Shape,
    /// Outputs at each position.
    outputs: usize,
    positions: usize,
    loss: (LossKind, Option<f64>),
    /// Whether it has third derivatives near its weights.
    pub smooth: bool,
}

enum Shape {
    Values(&'static [usize]),
    Tokens(usize, usize),
}

const IMAGE: Shape = Shape::Values(&[2, 8, 8]);
const ENTROPY: (LossKind, Option<f64>) = (LossKind::CrossEntropy, None);
const SQUARES: (LossKind, Option<f64>) = (LossKind::Mse, None);

fn resnet(config: ModelConfig, norm: &str) -> ModelConfig {
    let config = config.with("width", 2).with("groups", 2).with("norm", norm);
    let activation = if norm == "none" { "tanh" } else { "relu" };
    config.with("activation", activation)
}

fn transformer(config: ModelConfig, [width, depth, heads]: [usize; 3]) -> ModelConfig {
    let config = config.with("width", width).with("depth", depth);
    config.with("heads", heads).with("mlp_ratio", 2)
}

const PLAIN: Case = Case {
    name: "",
    model: ("mlp", |config| config),
    input: IMAGE,
    outputs: 3,
    positions: 1,
    loss: ENTROPY,
    smooth: true,
};

/// As in `tests/reference/make.py`.
pub const CASES: &[Case] = &[
    Case {
        name: "mlp",
        model: ("mlp", |config| {
            config.with("hidden", vec![6, 5]).with("activation", "gelu")
        }),
        input: Shape::Values(&[7]),
        loss: SQUARES,
        ..PLAIN
    },
    Case {
        name: "mlp-logistic",
        model: ("mlp", |config| config.with("hidden", vec![6])),
        input: Shape::Values(&[7]),
        outputs: 1,
        loss: (LossKind::Logistic, None),
        ..PLAIN
    },
    Case {
        name: "cnn",
        model: ("cnn", |config| config.with("channels", vec![3, 4])),
        loss: (LossKind::CrossEntropy, Some(0.1)),
        ..PLAIN
    },
    Case {
        name: "resnet-none",
        model: ("resnet", |config| resnet(config, "none")),
        ..PLAIN
    },
    Case {
        name: "resnet-batch",
        model: ("resnet", |config| resnet(config, "batch")),
        smooth: false,
        ..PLAIN
    },
    Case {
        name: "resnet-group",
        model: ("resnet", |config| resnet(config, "group")),
        smooth: false,
        ..PLAIN
    },
    Case {
        name: "resnet-layer",
        model: ("resnet", |config| resnet(config, "layer")),
        smooth: false,
        ..PLAIN
    },
    Case {
        name: "resnet-padded",
        model: ("resnet", |config| {
            let config = resnet(config, "none").with("width", 3);
            config.with("shortcut", "padding")
        }),
        input: Shape::Values(&[2, 7, 7]),
        ..PLAIN
    },
    Case {
        name: "resnet-padded-batch",
        model: ("resnet", |config| {
            resnet(config, "batch").with("shortcut", "padding")
        }),
        loss: SQUARES,
        smooth: false,
        ..PLAIN
    },
    Case {
        name: "vgg",
        model: ("vgg", |config| {
            let config = config.with("channels", vec![3, 4]).with("norm", "none");
            config.with("activation", "tanh")
        }),
        ..PLAIN
    },
    Case {
        name: "vgg-batch",
        model: ("vgg", |config| {
            let config = config.with("channels", vec![3, 4]).with("norm", "batch");
            let config = config.with("convolutions", 1).with("activation", "gelu");
            config.with("pooling", "average")
        }),
        loss: SQUARES,
        ..PLAIN
    },
    Case {
        name: "vit",
        model: ("vit", |config| {
            transformer(config, [6, 2, 2]).with("patch", 4)
        }),
        ..PLAIN
    },
    Case {
        name: "vit-mean",
        model: ("vit", |config| {
            let config = transformer(config, [6, 1, 3]).with("patch", 4);
            config.with("pooling", "mean")
        }),
        loss: SQUARES,
        ..PLAIN
    },
    Case {
        name: "gpt",
        model: ("gpt", |config| transformer(config, [6, 2, 2])),
        input: Shape::Tokens(7, 4),
        outputs: 4,
        positions: 4,
        ..PLAIN
    },
    Case {
        name: "gpt-tied",
        model: ("gpt", |config| {
            transformer(config, [6, 1, 1]).with("tied", true)
        }),
        input: Shape::Tokens(5, 4),
        outputs: 4,
        positions: 5,
        loss: (LossKind::CrossEntropy, Some(0.2)),
        ..PLAIN
    },
    Case {
        name: "lstm",
        model: ("lstm", |config| config.with("width", 5)),
        input: Shape::Tokens(6, 4),
        ..PLAIN
    },
    Case {
        name: "lstm-deep",
        model: ("lstm", |config| config.with("width", 4).with("depth", 2)),
        input: Shape::Tokens(5, 4),
        outputs: 4,
        positions: 3,
        ..PLAIN
    },
];

/// What PyTorch found.
pub struct Reference {
    pub loss: Vec<f64>,
    /// The three largest eigenvalues.
    pub spectrum: Vec<f64>,
    tensors: HashMap<String, (Vec<usize>, Vec<f64>)>,
}

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    folder.join(format!("{name}.safetensors"))
}

impl Reference {
    /// The gradient in the layout's order and shapes.
    pub fn gradient(&self, layout: &Layout) -> Vec<f64> {
        let parameters = layout.parameters().iter();
        let parts = parameters.flat_map(|parameter| {
            let name = match self
                .tensors
                .contains_key(&format!("gradient.{}", parameter.name))
            {
                true => parameter.name.clone(),
                false => sequential(&parameter.name, &self.tensors),
            };
            let (shape, values) = &self.tensors[&format!("gradient.{name}")];
            match shape[..] {
                [rows, columns] if is_linear(&name) => (0..columns)
                    .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
                    .collect(),
                _ => values.clone(),
            }
        });
        parts.collect()
    }
}

/// Matrices that PyTorch has as `[out, in]`: all but those of embeddings.
fn is_linear(name: &str) -> bool {
    !(name.contains("wte") || name.contains("wpe"))
}

/// The name in a `Sequential` of our `layers.<i>.<part>`: layers with parameters are numbered with
/// others between them.
fn sequential(name: &str, tensors: &HashMap<String, (Vec<usize>, Vec<f64>)>) -> String {
    let (layer, part) = name
        .strip_prefix("layers.")
        .and_then(|rest| rest.split_once('.'))
        .unwrap_or_else(|| panic!("{name} is not in the reference"));
    let mut prefixes: Vec<(usize, String)> = (tensors.keys())
        .filter_map(|key| {
            let prefix = key.strip_prefix("gradient.")?.strip_suffix(".weight")?;
            let number = prefix.rsplit('.').next()?.parse().ok()?;
            Some((number, prefix.to_owned()))
        })
        .collect();
    prefixes.sort();
    let layer: usize = layer.parse().unwrap();
    format!("{}.{part}", prefixes[layer].1)
}

impl Case {
    fn task(&self) -> Task {
        Task {
            input: match self.input {
                Shape::Values(shape) => Input::Values(shape.to_vec()),
                Shape::Tokens(length, vocabulary) => Input::Tokens { length, vocabulary },
            },
            outputs: self.outputs,
            positions: self.positions,
        }
    }

    fn config(&self) -> ModelConfig {
        let (kind, keys) = self.model;
        keys(ModelConfig::of(kind))
    }

    fn loss(&self) -> Loss {
        let (kind, label_smoothing) = self.loss;
        let config = LossConfig {
            kind,
            label_smoothing,
            ..LossConfig::default()
        };
        config.loss().unwrap().over(self.positions)
    }

    pub fn reference(&self) -> Reference {
        let bytes = std::fs::read(file(self.name)).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors: HashMap<_, _> = (file.tensors().into_iter())
            .map(|(name, tensor)| {
                let chunks = tensor.data().chunks_exact(8);
                let bytes = chunks.map(|chunk| chunk.try_into().unwrap());
                let values = bytes.map(|bytes| match tensor.dtype() {
                    Dtype::F64 => f64::from_le_bytes(bytes),
                    Dtype::I64 => i64::from_le_bytes(bytes) as f64,
                    other => panic!("{other:?}"),
                });
                (
                    name,
                    (tensor.shape().to_vec(), values.collect::<Vec<f64>>()),
                )
            })
            .collect();
        Reference {
            loss: tensors["loss"].1.clone(),
            spectrum: tensors["spectrum"].1.clone(),
            tensors,
        }
    }

    /// Inputs and targets as rows.
    fn rows(&self) -> [(Vec<f64>, usize); 2] {
        let tensors = self.reference().tensors;
        let one_hot = |numbers: &[f64], width: usize| -> Vec<f64> {
            let row = |&number: &f64| (0..width).map(move |i| f64::from(i as f64 == number));
            numbers.iter().flat_map(row).collect()
        };
        let inputs = match self.input {
            Shape::Values(_) => tensors["inputs"].1.clone(),
            Shape::Tokens(_, vocabulary) => one_hot(&tensors["inputs"].1, vocabulary),
        };
        let targets = match self.loss.0 {
            LossKind::CrossEntropy => one_hot(&tensors["targets"].1, self.outputs),
            LossKind::Mse | LossKind::Logistic => tensors["targets"].1.clone(),
        };
        let task = self.task();
        [
            (inputs, task.features().unwrap()),
            (targets, task.row().unwrap()),
        ]
    }

    fn batches(&self, device: &Device, dtype: FloatDType, chunk: usize) -> Vec<Batch> {
        let [inputs, targets] = self.rows();
        let samples = targets.0.len() / targets.1;
        let part = |(values, width): &(Vec<f64>, usize), from: usize, to: usize| {
            let data = TensorData::new(
                values[from * width..to * width].to_vec(),
                [to - from, *width],
            );
            Tensor::<2>::from_data(data, (device, DType::from(dtype)))
        };
        let starts = (0..samples).step_by(chunk.min(samples));
        let batch = |from: usize| {
            let to = samples.min(from + chunk);
            let inputs = part(&inputs, from, to);
            Batch::new().with(inputs).with(part(&targets, from, to))
        };
        starts.map(batch).collect()
    }

    fn trace(
        &self,
        weights: &Weights,
        device: &Device,
        dtype: FloatDType,
        chunk: usize,
    ) -> Result<(Objective<2>, Tensor<1>), LinearizeError> {
        let network = Network::new(&self.config(), &self.task(), weights, device, dtype).unwrap();
        let loss = self.loss();
        let objective = Objective::trace_in_chunks(
            &network,
            &self.batches(device, dtype, chunk),
            |network: &Network, batch| network.forward(batch.float(0)),
            |outputs, batch| loss.forward(outputs, batch.float(1)),
        )?;
        let theta = objective.layout().flatten(&network);
        Ok((objective, theta))
    }

    fn weights(&self) -> Weights {
        let declared = self.config().declare(&self.task()).unwrap();
        let path = file(&format!("{}.weights", self.name));
        Weights::read(&path, &declared.parameters, Precision::F64).unwrap()
    }

    /// The loss at PyTorch's weights.
    pub fn objective(&self, device: &Device, dtype: FloatDType) -> (Objective<2>, Tensor<1>) {
        self.trace(&self.weights(), device, dtype, usize::MAX)
            .unwrap()
    }

    /// The loss at the weights that the kind itself begins with.
    pub fn drawn(&self, device: &Device) -> (Objective<2>, Tensor<1>) {
        let weights = Weights::initial(&self.config(), &self.task(), Precision::F64).unwrap();
        self.trace(&weights, device, FloatDType::F64, usize::MAX)
            .unwrap()
    }

    /// The loss two samples at a time.
    pub fn in_chunks(&self, device: &Device) -> Result<Objective<2>, LinearizeError> {
        let traced = self.trace(&self.weights(), device, FloatDType::F64, 2);
        traced.map(|(objective, _)| objective)
    }
}

/// A linear network on one sample with input 1, whose outputs are ±1e4: on the target's side or not.
pub fn at_the_end_of_the_scale(
    loss: &str,
    right: bool,
    dtype: FloatDType,
) -> (Objective<2>, Tensor<1>) {
    let (weights, targets, loss) = match loss {
        "logistic" => (vec![1e4], vec![1.0], Loss::Logistic),
        _ => (vec![1e4, -1e4], vec![1.0, 0.0], Loss::CROSS_ENTROPY),
    };
    let sign = if right { 1.0 } else { -1.0 };
    let outputs = weights.len();
    let task = Task::values(1, outputs);
    let config = ModelConfig::default().with("hidden", Vec::new());
    let config = config.with("bias", false);
    let weights = Weights::new(vec![brink_model::NamedTensor {
        name: "layers.0.weight".to_owned(),
        shape: vec![1, outputs],
        values: weights.iter().map(|w| sign * w).collect(),
    }]);
    let device = Device::flex();
    let network = Network::new(&config, &task, &weights.unwrap(), &device, dtype).unwrap();
    let row = |values: Vec<f64>| {
        let width = values.len();
        Tensor::<2>::from_data(
            TensorData::new(values, [1, width]),
            (&device, DType::from(dtype)),
        )
    };
    let batch = Batch::new().with(row(vec![1.0])).with(row(targets));
    let objective = Objective::trace(
        &network,
        &batch,
        |network: &Network, batch| network.forward(batch.float(0)),
        |outputs, batch| loss.forward(outputs, batch.float(1)),
    );
    let objective = objective.unwrap();
    let theta = objective.layout().flatten(&network);
    (objective, theta)
}
