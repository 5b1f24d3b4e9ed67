//! The keys of `[model]`, as the kinds of network list them.

use brink_model::{Domain, KeyValue, ModelKey, kinds};

use super::keys::Key;

/// The keys of `[model]` that some kinds have, each once, and `model.kind`.
pub fn model_keys() -> Vec<Key> {
    let kinds = kinds();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let mut keys = vec![Key {
        path: "model.kind",
        default: "\"mlp\"",
        meaning: names.join(" | ").leak(),
    }];
    let mut seen: Vec<&str> = Vec::new();
    for key in kinds.iter().flat_map(|kind| kind.keys) {
        if seen.contains(&key.name) {
            continue;
        }
        seen.push(key.name);
        let having = kinds.iter().filter_map(|kind| {
            let same = kind.keys.iter().find(|other| other.name == key.name)?;
            Some((kind.name, same))
        });
        keys.push(described(&having.collect::<Vec<_>>(), kinds.len()));
    }
    keys
}

/// One key, of the kinds that have it.
fn described(having: &[(&'static str, &'static ModelKey)], kinds: usize) -> Key {
    let Some(&(_, first)) = having.first() else {
        return Key {
            path: "model",
            default: "none",
            meaning: "",
        };
    };
    let mut meaning = match &first.domain {
        Domain::Choice { .. } => {
            let mut names: Vec<&str> = Vec::new();
            for (_, key) in having {
                if let Domain::Choice { of, .. } = &key.domain {
                    names.extend(
                        of.iter()
                            .filter(|name| !names.contains(name))
                            .collect::<Vec<_>>(),
                    );
                }
            }
            format!("{}: {}", names.join(" | "), first.meaning)
        }
        _ => first.meaning.to_owned(),
    };
    if having.len() < kinds {
        let names: Vec<&str> = having.iter().map(|(kind, _)| *kind).collect();
        meaning += &format!("; of {}", names.join(", "));
    }
    for (kind, key) in having {
        if key.default() != first.default() {
            meaning += &format!("; {} for {kind}", written(&key.default()));
        }
    }
    Key {
        path: format!("model.{}", first.name).leak(),
        default: written(&first.default()).leak(),
        meaning: meaning.leak(),
    }
}

/// A value as TOML.
fn written(value: &KeyValue) -> String {
    match value {
        KeyValue::Flag(flag) => flag.to_string(),
        KeyValue::Count(count) => count.to_string(),
        KeyValue::Counts(counts) => format!("{counts:?}"),
        KeyValue::Name(name) => format!("{name:?}"),
    }
}
