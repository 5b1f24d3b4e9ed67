//! Networks as Burn modules: names, values, refusals.
#![cfg(any(feature = "flex", feature = "ndarray"))]

mod common;

use brink_model::{
    BuildError, NamedTensor, Network, Parameter, Precision, Task, Weights, WeightsError,
};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{FloatDType, Tensor};
use common::{config, devices, irregular, matrix, network, values};

const MLP: &str = "hidden = [5, 4]";
const CNN: &str = "kind = 'cnn'\nchannels = [4, 2]";
const INPUTS: usize = 3 * 8 * 8;

/// Collects the paths of parameters as a visitor and as a mapper, which doubles them.
#[derive(Default)]
struct Paths {
    current: Vec<String>,
    seen: Vec<String>,
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.current.push(name.to_owned());
    }
    fn exit_module(&mut self, name: &str, _: &str) {
        assert_eq!(self.current.pop().as_deref(), Some(name));
    }
    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        self.seen.push(self.current.join("."));
    }
}

impl ModuleMapper for Paths {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.current.push(name.to_owned());
    }
    fn exit_module(&mut self, name: &str, _: &str) {
        assert_eq!(self.current.pop().as_deref(), Some(name));
    }
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.seen.push(self.current.join("."));
        param.map(|tensor| tensor.mul_scalar(2.0))
    }
}

#[test]
fn module_paths_are_the_names_in_weight_files() {
    let (_, device) = devices().remove(0);
    for text in [MLP, CNN] {
        for bias in [true, false] {
            let config = config(&format!("{text}\nbias = {bias}"));
            let (network, _, weights) = network(&config, INPUTS, 3, &device);
            let names: Vec<_> = weights.tensors().iter().map(|t| t.name.clone()).collect();
            assert_eq!(names[0], "layers.0.weight");
            assert_eq!(names.len(), if bias { 6 } else { 3 });
            let mut visitor = Paths::default();
            network.visit(&mut visitor);
            assert_eq!(visitor.seen, names);
            let mut mapper = Paths::default();
            let doubled = network.map(&mut mapper).weights().expect("weights");
            assert_eq!(mapper.seen, names);
            for (before, after) in weights.tensors().iter().zip(doubled.tensors()) {
                let twice: Vec<f64> = before.values.iter().map(|v| 2.0 * v).collect();
                assert_eq!(after.values, twice, "{}", before.name);
            }
        }
    }
}

#[test]
fn weights_come_back_as_they_went_in_whatever_the_precision() {
    for (backend, device) in devices() {
        for text in [MLP, CNN] {
            let config = config(text);
            let weights = Weights::initial(&config, &Task::values(INPUTS, 3), Precision::F64)
                .expect("weights");
            for dtype in [FloatDType::F32, FloatDType::F64] {
                let network =
                    Network::new(&config, &Task::values(INPUTS, 3), &weights, &device, dtype)
                        .expect("a network");
                assert_eq!(network.weights().expect("weights"), weights, "{backend}");
                assert_eq!(Module::num_params(&network), weights.parameter_count());
            }
        }
    }
}

#[test]
fn parameters_are_counted_before_they_are_there() {
    let (_, device) = devices().remove(0);
    let (_, parameters, weights) = network(&config(CNN), INPUTS, 3, &device);
    let declared: Option<usize> = parameters.iter().map(Parameter::count).sum();
    // 4 filters of 3·3·3 and 2 of 4·3·3, a head from 2 maps of 2×2 to 3, and 4 + 2 + 3 biases.
    assert_eq!(declared, Some(4 * 27 + 2 * 36 + 8 * 3 + 9));
    assert_eq!(Some(weights.parameter_count()), declared);
}

#[test]
fn a_cloned_or_moved_network_computes_the_same() {
    for (backend, device) in devices() {
        for text in [MLP, CNN] {
            let (network, _, _) = network(&config(text), INPUTS, 3, &device);
            let x = matrix(&irregular(2 * INPUTS), INPUTS, &device);
            let expected = values(network.forward(x.clone()));
            let moved = network.clone().to_device(&device).fork(&device).valid();
            assert_eq!(values(moved.forward(x)), expected, "{backend}");
            assert_eq!(moved.devices(), vec![device.clone()]);
        }
    }
}

#[test]
fn weights_of_another_network_are_refused() {
    let (_, device) = devices().remove(0);
    let config = config(MLP);
    let weights =
        Weights::initial(&config, &Task::values(INPUTS, 3), Precision::F64).expect("weights");
    let build = |tensors: Vec<NamedTensor>| {
        let weights = Weights::new(tensors).expect("distinct names");
        let result = Network::new(
            &config,
            &Task::values(INPUTS, 3),
            &weights,
            &device,
            FloatDType::F32,
        );
        match result {
            Err(BuildError::Weights(error)) => error,
            other => panic!("expected a refusal, got {other:?}"),
        }
    };
    let mut short = weights.tensors().to_vec();
    short.pop();
    assert!(matches!(build(short), WeightsError::Missing { name } if name == "layers.2.bias"));
    let mut long = weights.tensors().to_vec();
    long.push(NamedTensor {
        name: "layers.3.weight".into(),
        shape: vec![1, 1],
        values: vec![0.0],
    });
    assert!(matches!(build(long), WeightsError::Unexpected { name } if name == "layers.3.weight"));
    let mut turned = weights.tensors().to_vec();
    turned[0].shape.reverse();
    assert!(matches!(build(turned), WeightsError::Shape { got, .. } if got == [5, INPUTS]));
}

#[test]
fn malformed_weights_are_refused() {
    let tensor = |name: &str, shape: &[usize], count| NamedTensor {
        name: name.into(),
        shape: shape.to_vec(),
        values: vec![0.0; count],
    };
    let twice = Weights::new(vec![tensor("a", &[1], 1), tensor("a", &[1], 1)]);
    assert!(matches!(twice, Err(WeightsError::Duplicate { .. })));
    for shape in [vec![2, 2], vec![usize::MAX, 2]] {
        let ragged = Weights::new(vec![tensor("a", &shape, 3)]);
        assert!(matches!(
            ragged,
            Err(WeightsError::Length { values: 3, .. })
        ));
    }
}
