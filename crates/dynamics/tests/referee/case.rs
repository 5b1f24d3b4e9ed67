//! Networks on images, dense ones in the coordinates of the inputs' span, as the command trains them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::reference;
use brink_data::{DataConfig, Samples, Source, Targets};
use brink_linearize::{Batch, Objective};
use brink_model::{Activation, Loss, ModelConfig, Network, Precision, RowSpace, Task, Weights};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

/// The layers before the last.
#[derive(Clone, Debug)]
pub enum Layers {
    /// Dense ones of these widths.
    Dense(Vec<usize>),
    /// Convolutions of so many channels.
    Convolutions(Vec<usize>),
}

/// A network, its data and its step size.
#[derive(Clone, Debug)]
pub struct Case {
    pub samples: usize,
    /// Airplanes against automobiles rather than all ten classes.
    pub binary: bool,
    pub layers: Layers,
    pub activation: Activation,
    pub bias: bool,
    pub loss: Loss,
    pub step: Step,
    pub seed: u64,
}

/// The step size η.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Size(f64),
    /// This share of 2/λ₁ at the initial weights.
    OfEdge(f64),
}

impl Step {
    pub fn size(self, objective: &Objective<2>, theta: &Tensor<1>) -> f64 {
        match self {
            Self::Size(size) => size,
            Self::OfEdge(share) => {
                let top = reference::largest(&mut objective.linearize(theta).unwrap(), 1)[0];
                share * 2.0 / top
            }
        }
    }
}

impl Case {
    /// The objective in the given precision and the initial parameters; `None` for images that are
    /// not at hand.
    pub fn build(&self, cifar: bool, dtype: FloatDType) -> Option<(Objective<2>, Tensor<1>)> {
        let folder = std::env::var_os("BRINK_CIFAR10").map(PathBuf::from);
        let data = DataConfig {
            source: if cifar {
                Source::Cifar10
            } else {
                Source::Synthetic
            },
            dir: match cifar {
                true => Some(folder?),
                false => None,
            },
            samples: Samples::Count(NonZeroUsize::new(self.samples).unwrap()),
            classes: self
                .binary
                .then(|| vec!["airplane".into(), "automobile".into()]),
            targets: if self.binary {
                Targets::Binary
            } else {
                Targets::OneHot
            },
            ..DataConfig::default()
        };
        let train = brink_data::load(&data, None).unwrap().train;
        let model = match &self.layers {
            Layers::Dense(hidden) => ModelConfig::of("mlp").with("hidden", hidden.clone()),
            Layers::Convolutions(channels) => {
                ModelConfig::of("cnn").with("channels", channels.clone())
            }
        };
        let model = ModelConfig {
            seed: self.seed,
            ..model
                .with("activation", self.activation.name())
                .with("bias", self.bias)
        };
        let (samples, features) = (train.samples(), train.features());
        let task = Task::values(features, train.outputs());
        let weights = Weights::initial(&model, &task, Precision::F64).unwrap();
        let (weights, inputs, width) = match &self.layers {
            Layers::Dense(_) => {
                let space = RowSpace::of(&train.inputs_f64(), samples, features).unwrap();
                let weights = space.project(&weights).unwrap().weights;
                (weights, space.coordinates(), samples)
            }
            Layers::Convolutions(_) => (weights, train.inputs_f64(), features),
        };
        let device = Device::flex();
        let outputs = train.outputs();
        let task = task.with_features(width);
        let network = Network::new(&model, &task, &weights, &device, dtype).unwrap();
        let tensor = |values: Vec<f64>, width: usize| {
            let data = TensorData::new(values, [samples, width]);
            Tensor::<2>::from_data(data, (&device, DType::from(dtype)))
        };
        let batch = Batch::new()
            .with(tensor(inputs, width))
            .with(tensor(train.targets(), outputs));
        let loss = self.loss;
        let objective = Objective::trace(
            &network,
            &batch,
            |network: &Network, batch| network.forward(batch.float(0)),
            |outputs, batch| loss.forward(outputs, batch.float(1)),
        )
        .unwrap();
        let theta = objective.layout().flatten(&network);
        Some((objective, theta))
    }
}
