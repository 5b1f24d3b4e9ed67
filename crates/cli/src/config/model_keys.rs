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
                    let new = of.iter().filter(|name| !names.contains(name));
                    names.extend(new.copied().collect::<Vec<_>>());
                }
            }
            format!("{}: ", names.join(" | "))
        }
        _ => String::new(),
    };
    // What it means, with the kinds for which it means that.
    let mut meanings: Vec<(&str, Vec<&str>)> = Vec::new();
    for (kind, key) in having {
        match meanings
            .iter_mut()
            .find(|(meaning, _)| *meaning == key.meaning)
        {
            Some((_, of)) => of.push(kind),
            None => meanings.push((key.meaning, vec![kind])),
        }
    }
    let of_all = having.len() == kinds && meanings.len() == 1;
    let worded = meanings.iter().map(|(meaning, of)| match of_all {
        true => (*meaning).to_owned(),
        false => format!("{meaning} ({})", of.join(", ")),
    });
    meaning += &worded.collect::<Vec<_>>().join("; ");
    for (kind, key) in having {
        if key.default() != first.default() {
            meaning += &format!("; default {} for {kind}", written(&key.default()));
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
