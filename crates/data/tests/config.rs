//! The `[data]` section as it is written in a config.

use brink_data::{
    Class, ClassChoice, ConfigError, DataConfig, Samples, Source, Standardise, Targets,
};
use proptest::prelude::*;

fn read(text: &str) -> DataConfig {
    toml::from_str(text).unwrap()
}

fn refused(text: &str) -> ConfigError {
    read(text).validate().unwrap_err()
}

fn ids(classes: &[Class]) -> Vec<u8> {
    classes.iter().map(|class| class.id()).collect()
}

#[test]
fn an_empty_section_means_the_documented_defaults() {
    let config = read("");
    assert_eq!(config, DataConfig::default());
    assert_eq!(config.source, Source::Cifar10);
    assert_eq!(config.samples, Samples::count(1000).unwrap());
    assert_eq!(config.targets, Targets::OneHot);
    assert_eq!(config.standardise, Standardise::Cifar10);
    assert_eq!((config.balanced, config.seed), (false, 0));
    config.validate().unwrap();
    assert_eq!(config.encoding().unwrap().outputs(), 10);
}

#[test]
fn every_key_is_read() {
    let config = read(
        r#"
        source = "auto"
        dir = "somewhere"
        samples = "all"
        balanced = false
        classes = ["cat", 5]
        targets = "binary"
        standardise = "subset"
        seed = 7
        "#,
    );
    assert_eq!(config.source, Source::Auto);
    assert_eq!(config.samples, Samples::All);
    assert_eq!(ids(&config.encoding().unwrap().classes()), [3, 5]);
    assert_eq!(config.standardise, Standardise::Subset);
    assert_eq!(config.encoding().unwrap().encode(&[3, 5]), [-1.0, 1.0]);
}

#[test]
fn two_classes_are_told_apart_in_the_order_listed() {
    let config = read("targets = \"binary\"\nclasses = [1, 0]");
    assert_eq!(config.encoding().unwrap().encode(&[0, 1]), [1.0, -1.0]);
    let groups = read("targets = \"binary\"\ngroups = [[0, 1], [\"bird\", 3]]");
    let encoding = groups.encoding().unwrap();
    assert_eq!(encoding.encode(&[0, 1, 2, 3]), [-1.0, -1.0, 1.0, 1.0]);
    assert_eq!(ids(&encoding.classes()), [0, 1, 2, 3]);
    read("targets = \"binary\"\nclasses = [3, 0]\ngroups = [[0], [3]]")
        .validate()
        .unwrap();
}

#[test]
fn impossible_sections_are_refused_with_their_key() {
    let cases = [
        ("classes = []", "classes", "lists no class"),
        ("classes = [1, 2, 1]", "classes", "twice"),
        ("targets = \"binary\"", "targets", "10 are chosen"),
        (
            "targets = \"binary\"\nclasses = [1]",
            "targets",
            "1 are chosen",
        ),
        ("groups = [[0], [1]]", "groups", "binary targets only"),
        (
            "targets = \"binary\"\ngroups = [[0], []]",
            "groups",
            "no class",
        ),
        (
            "targets = \"binary\"\ngroups = [[0, 1], [1]]",
            "groups",
            "twice",
        ),
        (
            "targets = \"binary\"\nclasses = [0]\ngroups = [[0], [1]]",
            "groups",
            "different",
        ),
        ("classes = [10]", "classes", "no class `10`"),
        (
            "classes = [\"airplan\"]",
            "classes",
            "did you mean `airplane`?",
        ),
        (
            "targets = \"binary\"\ngroups = [[0], [\"lorry\"]]",
            "groups",
            "CIFAR-10 has no class `lorry`",
        ),
        ("labels = \"fine\"", "labels", "means nothing"),
        ("samples = \"all\"\nbalanced = true", "balanced", "number"),
        ("samples = 3\nbalanced = true", "samples", "at least 10"),
    ];
    for (text, key, words) in cases {
        let error = refused(text);
        assert_eq!(error.key(), key, "{text}");
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}

#[test]
fn unreadable_values_name_line_and_choice() {
    let cases = [
        (
            "samples = 0",
            "`samples` is 0; use a positive integer or \"all\"",
        ),
        ("samples = -5", "`samples` is -5"),
        ("samples = \"some\"", "a positive integer or \"all\""),
        ("samples = 1.5", "a positive integer or \"all\""),
        ("classes = [1.5]", "a class: its number, or its name"),
        ("labels = \"medium\"", "expected `fine` or `coarse`"),
        (
            "source = \"cifar\"",
            "expected one of `cifar10`, `synthetic`, `auto`",
        ),
        ("targets = \"onehot\"", "`one-hot`"),
        ("standardize = \"none\"", "unknown field `standardize`"),
        ("seed = -1", "seed"),
    ];
    for (text, words) in cases {
        let error = toml::from_str::<DataConfig>(&format!("\n{text}")).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(words), "{text}: {message}");
        assert!(message.contains("line 2"), "{text}: {message}");
    }
}

fn configs() -> impl Strategy<Value = DataConfig> {
    let source = prop_oneof![
        Just(Source::Cifar10),
        Just(Source::Synthetic),
        Just(Source::Auto)
    ];
    let samples = prop_oneof![
        Just(Samples::All),
        (1..100_000_usize).prop_map(|samples| Samples::count(samples).unwrap())
    ];
    let classes = proptest::option::of(
        proptest::sample::subsequence(Class::ALL.to_vec(), 2..=10).prop_shuffle(),
    )
    .prop_map(|classes| {
        classes.map(|list| list.into_iter().map(ClassChoice::from).collect::<Vec<_>>())
    });
    let standardise = prop_oneof![
        Just(Standardise::Cifar10),
        Just(Standardise::Subset),
        Just(Standardise::None)
    ];
    let rest = (any::<bool>(), 0..i64::MAX as u64, any::<bool>());
    (source, samples, classes, standardise, rest).prop_map(
        |(source, samples, classes, standardise, (balanced, seed, grouped))| DataConfig {
            source,
            dir: grouped.then(|| "a folder/with spaces".into()),
            samples,
            balanced,
            groups: classes
                .as_ref()
                .filter(|_| grouped)
                .map(|classes| [classes[..1].to_vec(), classes[1..].to_vec()]),
            targets: if grouped {
                Targets::Binary
            } else {
                Targets::OneHot
            },
            classes,
            standardise,
            seed,
            ..DataConfig::default()
        },
    )
}

proptest! {
    #[test]
    fn written_sections_read_back_the_same(config in configs()) {
        let text = toml::to_string(&config).unwrap();
        prop_assert_eq!(&toml::from_str::<DataConfig>(&text).unwrap(), &config);
        let json = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(&serde_json::from_str::<DataConfig>(&json).unwrap(), &config);
    }

    #[test]
    fn arbitrary_values_never_panic(text in "[a-z]{1,11} = [\"\\[\\]0-9a-z, -]{0,12}") {
        if let Ok(config) = toml::from_str::<DataConfig>(&text) {
            let _ = config.validate();
        }
    }
}
