//! The `[model]` section: defaults, layers, refusals.

use brink_model::{
    Activation, Architecture, ConfigError, Init, LayerKind, LayerSpec, ModelConfig, Pooling,
};
use proptest::prelude::*;

fn section(text: &str) -> ModelConfig {
    toml::from_str(text).expect("a valid model section")
}

#[test]
fn an_empty_section_takes_the_documented_defaults() {
    let config = section("");
    assert_eq!(config, ModelConfig::default());
    assert_eq!(config.activation, Activation::Tanh);
    assert_eq!(config.init, Init::UniformFanIn);
    assert_eq!((config.bias, config.seed), (true, 0));
    let hidden = vec![200, 200];
    assert_eq!(config.architecture(), Ok(Architecture::Mlp { hidden }));
    assert_eq!(
        section("kind = 'cnn'").architecture(),
        Ok(Architecture::Cnn {
            channels: vec![32, 32],
            kernel: 3,
            pooling: Pooling::Average,
        })
    );
}

#[test]
fn every_name_of_the_format_is_known() {
    for name in [
        "linear", "tanh", "relu", "elu", "gelu", "softplus", "sigmoid",
    ] {
        section(&format!("activation = '{name}'"));
    }
    for name in ["uniform-fan-in", "xavier", "he"] {
        section(&format!("init = '{name}'"));
    }
    section("kind = 'cnn'\nchannels = [8]\nkernel = 5\npooling = 'max'\nweights = 'a.safetensors'");
    assert!(toml::from_str::<ModelConfig>("widths = [3]").is_err());
    assert!(toml::from_str::<ModelConfig>("activation = 'swish'").is_err());
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
    let mlp = section("hidden = [20, 30]\nbias = false").layers(3072, 10);
    assert_eq!(
        mlp,
        Ok(vec![linear(3072, 20), linear(20, 30), linear(30, 10)])
    );
    let regression = section("hidden = []\nbias = false").layers(7, 1);
    assert_eq!(regression, Ok(vec![linear(7, 1)]));
    let cnn = section("kind = 'cnn'\nchannels = [8, 16]\nbias = false").layers(3072, 10);
    let expected = vec![conv(3, 8, 3), conv(8, 16, 3), linear(16 * 8 * 8, 10)];
    assert_eq!(cnn, Ok(expected));
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
        assert_eq!(resolved.architecture(), config.architecture());
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
        let error = section(text).validate().expect_err(text);
        assert_eq!(error.key(), key, "{text}: {error}");
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[test]
fn networks_that_the_data_forbid_are_refused() {
    let six = section("kind = 'cnn'\nchannels = [2, 2, 2, 2, 2, 2]").layers(3072, 1);
    let expected = ConfigError::TooManyPoolings {
        poolings: 6,
        side: 32,
        most: 5,
    };
    assert_eq!(six, Err(expected));
    assert!(
        section("kind = 'cnn'\nchannels = [2, 2, 2, 2, 2]")
            .layers(3072, 1)
            .is_ok()
    );
    for inputs in [3, 3 * 31 * 32, 3071, 1024] {
        let error = section("kind = 'cnn'").layers(inputs, 1).unwrap_err();
        assert!(
            matches!(
                error,
                ConfigError::NotAnImage { .. } | ConfigError::TooManyPoolings { .. }
            ),
            "{inputs}: {error}"
        );
    }
    let nothing = section("").layers(0, 1);
    assert!(matches!(nothing, Err(ConfigError::NoUnits { .. })));
    let huge = section("hidden = [65536, 65536]").layers(3072, 1);
    assert!(matches!(huge, Err(ConfigError::TooLarge { .. })));
    let overflow = section("hidden = []").layers(usize::MAX, 2);
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
        let mut config = ModelConfig::default();
        if cnn {
            config.kind = brink_model::ModelKind::Cnn;
            config.channels = Some(widths);
            config.kernel = Some(kernel);
        } else {
            config.hidden = Some(widths);
        }
        if let Ok(layers) = config.layers(inputs, outputs) {
            prop_assert_eq!(layers.last().map(LayerSpec::outputs), Some(outputs));
            for pair in layers.windows(2) {
                let next = match pair[1].kind {
                    LayerKind::Linear { inputs, .. } | LayerKind::Conv2d { inputs, .. } => inputs,
                };
                prop_assert_eq!(next % pair[0].outputs(), 0);
            }
        }
    }
}
