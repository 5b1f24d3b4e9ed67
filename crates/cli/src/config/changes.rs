//! What differs between two configs, key by key.

use toml::{Table, Value};

use super::Config;

/// A key that has another value.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its path, such as `optimizer.steps`.
    pub key: String,
    /// The value in the first config; `none` if it has no such key.
    pub was: String,
    /// The value in the second, likewise.
    pub now: String,
}

/// The keys in which two configs differ, in alphabetical order.
///
/// # Errors
/// A config that cannot be written as TOML.
pub fn changes(was: &Config, now: &Config) -> Result<Vec<Change>, toml::ser::Error> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    flatten("", &Table::try_from(was)?, &mut before);
    flatten("", &Table::try_from(now)?, &mut after);
    let value = |of: &[(String, String)], key: &str| {
        let found = of.iter().find(|(other, _)| other == key);
        found.map_or_else(|| "none".to_owned(), |(_, value)| value.clone())
    };
    let mut keys: Vec<&String> = before.iter().chain(&after).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    let changes = keys.into_iter().map(|key| Change {
        key: key.clone(),
        was: value(&before, key),
        now: value(&after, key),
    });
    Ok(changes.filter(|change| change.was != change.now).collect())
}

fn flatten(path: &str, table: &Table, into: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let path = match path {
            "" => key.clone(),
            _ => format!("{path}.{key}"),
        };
        match value {
            Value::Table(table) => {
                into.push((path.clone(), "a table".into()));
                flatten(&path, table, into);
            }
            value => into.push((path, value.to_string())),
        }
    }
}

/// A config's text without the keys or tables of these paths; paths that it has not are returned.
///
/// # Errors
/// A text that is no TOML.
pub fn without<'p>(
    text: &str,
    paths: impl IntoIterator<Item = &'p str>,
) -> Result<(String, Vec<&'p str>), toml::de::Error> {
    let mut document: Table = toml::from_str(text)?;
    let absent = paths.into_iter().filter(|path| {
        let mut keys: Vec<&str> = path.split('.').collect();
        let last = keys.pop();
        let table = keys.into_iter().try_fold(&mut document, |table, key| {
            table.get_mut(key).and_then(Value::as_table_mut)
        });
        let removed = table.zip(last).and_then(|(table, key)| table.remove(key));
        removed.is_none()
    });
    let absent: Vec<&str> = absent.collect();
    Ok((document.to_string(), absent))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = \"x\"\n[optimizer]\nkind = \"heavy-ball\"\nstep_size = 0.1\nsteps = 5\n\
                        [measure.eigenvalues]\ncount = 2\n";

    fn config(text: &str) -> Config {
        Config::parse("test", text, &[]).unwrap()
    }

    #[test]
    fn changes_are_told_by_key() {
        let (was, now) = (config(TEXT), config(&TEXT.replace("0.1", "0.2")));
        assert_eq!(changes(&was, &was).unwrap(), []);
        let step_size = Change {
            key: "optimizer.step_size".into(),
            was: "0.1".into(),
            now: "0.2".into(),
        };
        assert_eq!(changes(&was, &now).unwrap(), [step_size]);
        let (none, absent) = without(TEXT, ["measure.eigenvalues"]).unwrap();
        assert!(absent.is_empty());
        let gone = changes(&was, &config(&none)).unwrap();
        assert_eq!(gone[0].key, "measure.eigenvalues");
        assert!(gone[1].key.starts_with("measure.eigenvalues.") && gone[1].now == "none");
    }

    #[test]
    fn keys_that_are_not_there_are_named() {
        let (text, absent) =
            without(TEXT, ["optimizer.steps", "optimizer.x", "model.seed"]).unwrap();
        assert_eq!(absent, ["optimizer.x", "model.seed"]);
        assert!(
            !text.contains("steps") && text.contains("heavy-ball"),
            "{text}"
        );
    }
}
