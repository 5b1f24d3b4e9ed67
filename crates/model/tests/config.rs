//! The `[model]` section: defaults, parameters, refusals.

use brink_model::{
    Activation, BuildError, ConfigError, Init, KeyValue, LayerKind, LayerSpec, ModelConfig,
    Parameter, Task,
};
use proptest::prelude::*;

fn section(text: &str) -> ModelConfig {
    toml::from_str(text).expect("a valid model section")
}

fn parameters(text: &str, inputs: usize, outputs: usize) -> Result<Vec<Parameter>, ConfigError> {
    declared(&section(text), inputs, outputs)
}

fn declared(
    config: &ModelConfig,
    inputs: usize,
    outputs: usize,
) -> Result<Vec<Parameter>, ConfigError> {
    match config.declare(&Task::values(inputs, outputs)) {
        Ok(declared) => Ok(declared.parameters),
        Err(BuildError::Config(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_empty_section_takes_the_documented_defaults() {
    let config = section("");
    assert_eq!(config, ModelConfig::default());
    assert_eq!(config.activation(), Some(Activation::Tanh));
    assert_eq!((config.init, config.seed), (Init::UniformFanIn, 0));
    let keys = config.keys().expect("a possible section");
    assert_eq!(keys.counts("hidden"), Ok(&[200, 200][..]));
    assert_eq!(keys.flag("bias"), Ok(true));
    assert!(keys.count("kernel").is_err());
    let keys = section("kind = 'cnn'").keys().expect("a possible section");
    assert_eq!(keys.counts("channels"), Ok(&[32, 32][..]));
    assert_eq!(keys.count("kernel"), Ok(3));
    assert_eq!(keys.choice("pooling"), Ok("average"));
}

#[test]
fn every_name_of_the_format_is_known() {
    for &name in Activation::NAMES {
        let config = section(&format!("activation = '{name}'"));
        assert_eq!(config.activation().map(Activation::name), Some(name));
    }
    for name in ["uniform-fan-in", "xavier", "he"] {
        section(&format!("init = '{name}'"));
    }
    section("kind = 'cnn'\nchannels = [8]\nkernel = 5\npooling = 'max'\nweights = 'a.safetensors'");
    for refused in [
        "widths = [3]",
        "activation = 'swish'",
        "kind = 'perceptron'",
        "hidden = 'wide'",
        "hidden = [-1]",
        "bias = 1",
        "kernel = 2.5",
    ] {
        assert!(toml::from_str::<ModelConfig>(refused).is_err(), "{refused}");
    }
}

#[test]
fn layers_follow_from_the_section() {
    let linear = |inputs, outputs| LayerSpec {
        kind: LayerKind::Linear { inputs, outputs },
        bias: false,
    };
    let conv = |inputs, outputs, kernel| LayerSpec {
        kind: LayerKind::Conv2d {
            inputs,
            outputs,
            kernel,
        },
        bias: false,
    };
    let mlp = parameters("hidden = [20, 30]\nbias = false", 3072, 10);
    let expected = [linear(3072, 20), linear(20, 30), linear(30, 10)];
    assert_eq!(mlp, Ok(LayerSpec::parameters(&expected)));
    let regression = parameters("hidden = []\nbias = false", 7, 1);
    assert_eq!(regression, Ok(LayerSpec::parameters(&[linear(7, 1)])));
    let cnn = parameters("kind = 'cnn'\nchannels = [8, 16]\nbias = false", 3072, 10);
    let expected = [conv(3, 8, 3), conv(8, 16, 3), linear(16 * 8 * 8, 10)];
    assert_eq!(cnn, Ok(LayerSpec::parameters(&expected)));
}

#[test]
fn a_resolved_section_means_the_same_and_reads_back() {
    for text in [
        "",
        "hidden = [4]\nseed = 9",
        "kind = 'cnn'\npooling = 'max'",
    ] {
        let config = section(text);
        let resolved = config.resolved().expect("a possible section");
        assert_eq!(resolved.keys(), config.keys());
        let written = toml::to_string(&resolved).expect("TOML");
        assert_eq!(section(&written), resolved);
        assert!(written.contains("hidden") || written.contains("channels"));
    }
}

#[test]
fn impossible_sections_are_refused_by_key() {
    for (text, key) in [
        ("channels = [8]", "model.channels"),
        ("kernel = 3", "model.kernel"),
        ("pooling = 'max'", "model.pooling"),
        ("kind = 'cnn'\nhidden = [8]", "model.hidden"),
        ("hidden = [8, 0]", "model.hidden"),
        ("hidden = [65537]", "model.hidden"),
        ("kind = 'cnn'\nchannels = []", "model.channels"),
        ("kind = 'cnn'\nchannels = [0]", "model.channels"),
        ("kind = 'cnn'\nkernel = 4", "model.kernel"),
        ("kind = 'cnn'\nkernel = 0", "model.kernel"),
        ("kind = 'cnn'\nkernel = 33", "model.kernel"),
    ] {
        let error = parameters(text, 3072, 10).expect_err(text);
        assert_eq!(error.key(), key, "{text}: {error}");
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[test]
fn networks_that_the_data_forbid_are_refused() {
    let six = parameters("kind = 'cnn'\nchannels = [2, 2, 2, 2, 2, 2]", 3072, 1);
    let expected = ConfigError::TooManyPoolings {
        poolings: 6,
        side: 32,
        most: 5,
    };
    assert_eq!(six, Err(expected));
    assert!(parameters("kind = 'cnn'\nchannels = [2, 2, 2, 2, 2]", 3072, 1).is_ok());
    for inputs in [3, 3 * 31 * 32, 3071, 1024] {
        let error = parameters("kind = 'cnn'", inputs, 1).unwrap_err();
        assert!(
            matches!(
                error,
                ConfigError::NotAnImage { .. } | ConfigError::TooManyPoolings { .. }
            ),
            "{inputs}: {error}"
        );
    }
    let nothing = parameters("", 0, 1);
    assert!(matches!(nothing, Err(ConfigError::NoUnits { .. })));
    let huge = parameters("hidden = [65536, 65536]", 3072, 1);
    assert!(matches!(huge, Err(ConfigError::TooLarge { .. })));
    let overflow = parameters("hidden = []", usize::MAX, 2);
    assert!(matches!(overflow, Err(ConfigError::TooLarge { .. })));
}

proptest! {
    /// Whatever is asked for, the answer is layers that fit together, or an error.
    #[test]
    fn layers_chain_or_are_refused(
        cnn: bool,
        widths in prop::collection::vec(0usize..70_000, 0..5),
        kernel in 0usize..40,
        inputs in 0usize..4000,
        outputs in 0usize..12,
    ) {
        let config = if cnn {
            let channels = KeyValue::Counts(widths);
            ModelConfig::of("cnn").with("channels", channels).with("kernel", kernel)
        } else {
            ModelConfig::default().with("hidden", widths)
        };
        if let Ok(parameters) = declared(&config, inputs, outputs) {
            let weights: Vec<_> = parameters.iter().filter(|p| p.is_weight()).collect();
            // A convolution's is [out, in, …], a linear layer's [in, out].
            let ends = |p: &Parameter| match p.transposed {
                true => (p.shape[0], p.shape[1]),
                false => (p.shape[1], p.shape[0]),
            };
            prop_assert_eq!(weights.last().map(|p| ends(p).1), Some(outputs));
            for pair in weights.windows(2) {
                prop_assert_eq!(ends(pair[1]).0 % ends(pair[0]).1, 0);
            }
        }
    }
}
