//! A TOML document whose every key and value knows where it was written.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::Problem;
use super::source::{Origin, Source};

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its place; for a table with a header, the header.
    pub origin: Origin,
}

/// What TOML can hold.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent, `inf` or `nan`.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or a time, as written.
    Datetime(String),
    /// A list.
    Array(Vec<Node>),
    /// A table, in the order of its keys in the parser.
    Table(Vec<Entry>),
}

/// One `key = value`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key, unquoted.
    pub key: String,
    /// Where the key was written.
    pub key_origin: Origin,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// Parses a whole document.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Box<Problem>> {
        match DeTable::parse(&source.text) {
            // The document itself has no header to point at: its place is its beginning.
            Ok(table) => table_node(source, table.into_inner(), 0..0),
            Err(error) => Err(Box::new(Problem::new(
                "not valid TOML",
                error.message(),
                Origin::new(source, error.span().unwrap_or(0..0)),
            ))),
        }
    }

    /// The entry under a path such as `["measure", "eigenvalues", "count"]`.
    pub fn entry(&self, path: &[&str]) -> Option<&Entry> {
        let (last, tables) = path.split_last()?;
        let mut node = self;
        for table in tables {
            node = &node.child(table)?.node;
        }
        node.child(last)
    }

    /// The entry of that key, if this is a table that has it.
    pub fn child(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Lays `patch` over this document: its leaves replace or join what is here.
    pub fn overlay(&mut self, patch: Node) {
        match (&mut self.value, patch.value) {
            (Value::Table(entries), Value::Table(patches)) => {
                for patch in patches {
                    match entries.iter_mut().find(|entry| entry.key == patch.key) {
                        Some(entry) => {
                            entry.key_origin = patch.key_origin;
                            entry.node.overlay(patch.node);
                        }
                        None => entries.push(patch),
                    }
                }
            }
            (value, replacement) => {
                *value = replacement;
                self.origin = patch.origin;
            }
        }
    }
}

fn table_node(
    source: &Arc<Source>,
    table: DeTable<'_>,
    span: Range<usize>,
) -> Result<Node, Box<Problem>> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        entries.push(entry(source, key, value)?);
    }
    Ok(Node {
        value: Value::Table(entries),
        origin: Origin::new(source, span),
    })
}

fn entry(
    source: &Arc<Source>,
    key: Spanned<DeString<'_>>,
    value: Spanned<DeValue<'_>>,
) -> Result<Entry, Box<Problem>> {
    Ok(Entry {
        key_origin: Origin::new(source, key.span()),
        key: key.into_inner().into_owned(),
        node: value_node(source, value)?,
    })
}

fn value_node(source: &Arc<Source>, value: Spanned<DeValue<'_>>) -> Result<Node, Box<Problem>> {
    let span = value.span();
    let origin = Origin::new(source, span.clone());
    let out_of_range = |what: &str, range: String| {
        Box::new(Problem::new(
            format!("{what} out of range"),
            range,
            origin.clone(),
        ))
    };
    // Not a digit more: a manifest and `brink config check` could not write it.
    let whole = || {
        let range = format!("whole numbers go from {} to {}", i64::MIN, i64::MAX);
        out_of_range("whole number", range)
    };
    let real = || out_of_range("number", format!("numbers go up to {:e}", f64::MAX));
    let value = match value.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| whole())?,
        ),
        DeValue::Float(number) => {
            let parsed: f64 = number.as_str().parse().map_err(|_| real())?;
            if parsed.is_infinite() && !number.as_str().contains("inf") {
                return Err(real());
            }
            Value::Float(parsed)
        }
        DeValue::Boolean(flag) => Value::Boolean(flag),
        DeValue::Datetime(datetime) => Value::Datetime(datetime.to_string()),
        DeValue::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| value_node(source, item))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => return table_node(source, table, span),
    };
    Ok(Node { value, origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source {
            name: "test.toml".into(),
            text: text.into(),
        })
    }

    #[test]
    fn values_know_their_place() {
        let text = "[data]\nsamples = 1_000\n";
        let node = Node::parse(&source(text)).unwrap();
        let entry = node.entry(&["data", "samples"]).unwrap();
        assert!(matches!(entry.node.value, Value::Integer(1000)));
        assert_eq!(&text[entry.key_origin.span.clone()], "samples");
        assert_eq!(&text[entry.node.origin.span.clone()], "1_000");
    }

    #[test]
    fn an_overlay_replaces_leaves_and_keeps_the_rest() {
        let mut node = Node::parse(&source("[a]\nb = 1\nc = 2\n")).unwrap();
        node.overlay(Node::parse(&source("a.b = 5\nd.e = 6\n")).unwrap());
        assert!(matches!(
            node.entry(&["a", "b"]).unwrap().node.value,
            Value::Integer(5)
        ));
        assert!(node.entry(&["a", "c"]).is_some());
        assert!(node.entry(&["d", "e"]).is_some());
    }

    #[test]
    fn numbers_too_large_are_refused_in_place() {
        for number in [
            "9223372036854775808",
            "-9223372036854775809",
            "0xffffffffffffffff",
        ] {
            let problem = Node::parse(&source(&format!("a = {number}\n"))).unwrap_err();
            assert_eq!(problem.line_column(), (1, 5));
            assert_eq!(problem.message(), "whole number out of range");
        }
        let text = format!("a = 1{}\n", "0".repeat(60));
        let problem = Node::parse(&source(&text)).unwrap_err();
        assert_eq!(problem.line_column(), (1, 5));
        let problem = Node::parse(&source("x = 1e999\n")).unwrap_err();
        assert_eq!(problem.line_column(), (1, 5));
    }
}
