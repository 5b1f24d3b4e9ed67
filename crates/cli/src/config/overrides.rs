//! Values from the command line laid over the config file.

use std::sync::Arc;

use super::document::{Node, Value};
use super::problem::Problem;
use super::source::{Origin, Source};

/// One `key = value` from the command line, with the words that a person typed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The option, for instance `--set`; it names the place in errors.
    option: String,
    /// `section.key=value`.
    assignment: String,
}

impl Override {
    /// `--set ASSIGNMENT`.
    pub fn set(assignment: &str) -> Self {
        Self {
            option: "--set".to_owned(),
            assignment: assignment.to_owned(),
        }
    }

    /// An option of its own, such as `--seed 3`, that stands for the string or number at `key`.
    pub fn option(option: &str, key: &str, value: impl Into<toml::Value>) -> Self {
        Self {
            option: option.to_owned(),
            assignment: format!("{key}={}", value.into()),
        }
    }

    /// An option of its own that stands for the whole number at `key`; what TOML cannot hold is
    /// refused as it would be in a file.
    pub fn number(option: &str, key: &str, value: u64) -> Self {
        Self {
            option: option.to_owned(),
            assignment: format!("{key}={value}"),
        }
    }

    /// The assignment as a document of one key.
    ///
    /// The value is read as TOML; a bare word that is none is a string.
    pub fn parse(&self) -> Result<Node, Box<Problem>> {
        let source = Arc::new(Source {
            name: format!("{} {}", self.option, self.assignment),
            text: self.assignment.clone(),
        });
        let whole = Origin::new(&source, 0..self.assignment.len());
        let malformed = |label: &str| {
            Box::new(
                Problem::new(
                    format!("`{}` is not an assignment", self.assignment),
                    label,
                    whole.clone(),
                )
                .with_help("write section.key=value, for instance --set data.samples=500"),
            )
        };
        if self.assignment.contains(['\n', '\r']) {
            return Err(malformed("one assignment takes one line"));
        }
        let Some(equals) = self.assignment.find('=') else {
            return Err(malformed("there is no `=`"));
        };
        let parsed = Node::parse(&source);
        let word = self.assignment[equals + 1..].trim();
        let node = match parsed {
            Err(_) if is_bare_word(word) && !is_number(word) => {
                self.with_bare_word(equals, word, &source)?
            }
            parsed => parsed?,
        };
        if single_key(&node) {
            Ok(node)
        } else {
            Err(malformed("a key and a value are expected"))
        }
    }

    fn with_bare_word(
        &self,
        equals: usize,
        word: &str,
        source: &Arc<Source>,
    ) -> Result<Node, Box<Problem>> {
        let quoted = Arc::new(Source {
            name: source.name.clone(),
            text: format!("{}\"\"", &self.assignment[..=equals]),
        });
        let mut node = Node::parse(&quoted)?;
        let start = self.assignment.len() - self.assignment[equals + 1..].trim_start().len();
        fill(
            &mut node,
            source,
            word,
            &Origin::new(source, start..start + word.len()),
        );
        Ok(node)
    }
}

fn is_bare_word(word: &str) -> bool {
    !word.is_empty() && !word.starts_with(['"', '\'', '[', '{', '#'])
}

/// Whether a word is meant as a number, which then was not one that TOML can hold.
fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches(['+', '-']);
    digits.starts_with(|c: char| c.is_ascii_digit()) && word.replace('_', "").parse::<f64>().is_ok()
}

/// Puts the word at the end of the chain of tables, and re-homes every place to `source`.
fn fill(node: &mut Node, source: &Arc<Source>, word: &str, place: &Origin) {
    match &mut node.value {
        Value::Table(entries) => {
            node.origin = Origin::new(source, node.origin.span.clone());
            for entry in entries {
                entry.key_origin = Origin::new(source, entry.key_origin.span.clone());
                fill(&mut entry.node, source, word, place);
            }
        }
        value => {
            *value = Value::String(word.to_owned());
            node.origin = place.clone();
        }
    }
}

fn single_key(node: &Node) -> bool {
    matches!(&node.value, Value::Table(entries) if entries.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(assignment: &str) -> Value {
        let mut node = Override::set(assignment).parse().unwrap();
        while let Value::Table(mut entries) = node.value {
            node = entries.remove(0).node;
        }
        node.value
    }

    #[test]
    fn values_are_toml() {
        assert!(matches!(value("data.samples=762"), Value::Integer(762)));
        assert!(
            matches!(value("optimizer.step_size = 1e-2"), Value::Float(x) if (x - 0.01).abs() < 1e-15)
        );
        assert!(matches!(value("data.classes=[0, 1]"), Value::Array(items) if items.len() == 2));
        assert!(matches!(value("model.bias=true"), Value::Boolean(true)));
        assert!(matches!(value("data.samples=\"all\""), Value::String(text) if text == "all"));
    }

    #[test]
    fn bare_words_are_strings() {
        assert!(matches!(value("model.activation=tanh"), Value::String(text) if text == "tanh"));
        assert!(matches!(value("name=2024.1.1"), Value::String(text) if text == "2024.1.1"));
        assert!(
            matches!(value("model.weights= a/b c.safetensors "), Value::String(text) if text == "a/b c.safetensors")
        );
    }

    #[test]
    fn a_bare_word_knows_its_place() {
        let node = Override::set("model.activation= tahn").parse().unwrap();
        let entry = node.entry(&["model", "activation"]).unwrap();
        let place = &entry.node.origin;
        assert_eq!(&place.source.text[place.span.clone()], "tahn");
        let place = &entry.key_origin;
        assert_eq!(&place.source.text[place.span.clone()], "activation");
        assert_eq!(place.source.name, "--set model.activation= tahn");
    }

    #[test]
    fn what_is_no_assignment_is_refused() {
        for bad in [
            "",
            "data.samples",
            "=3",
            "a=",
            "a=1\nb=2",
            "data.classes=[0",
            "a b=3",
            "[x]",
            "#a=1",
            "a=9223372036854775808",
            "a=1e999",
        ] {
            assert!(Override::set(bad).parse().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn options_quote_their_values() {
        let node = Override::option("--data-dir 'a \"b\"'", "data.dir", "a \"b\"")
            .parse()
            .unwrap();
        assert!(matches!(
            &node.entry(&["data", "dir"]).unwrap().node.value,
            Value::String(text) if text == "a \"b\""
        ));
    }
}
