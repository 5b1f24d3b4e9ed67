//! The error of reading a config: what serde found, and where.

use std::fmt;

use serde::de::{Expected, Unexpected};

use super::document::Node;
use super::keys;
use super::nearest::nearest;
use super::problem::Problem;
use super::source::Origin;

/// What serde found wrong, with the place and the path of keys that lead there.
#[derive(Debug)]
pub struct Fault {
    kind: Kind,
    origin: Option<Origin>,
    path: Vec<String>,
}

#[derive(Debug)]
enum Kind {
    UnknownKey {
        key: String,
        valid: &'static [&'static str],
    },
    UnknownName {
        name: String,
        valid: &'static [&'static str],
    },
    MissingKey {
        key: &'static str,
    },
    WrongType {
        found: String,
        expected: String,
    },
    Other {
        message: String,
    },
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            origin: None,
            path: Vec::new(),
        }
    }

    /// Sets the place, unless an inner one is known.
    pub fn at(mut self, origin: &Origin) -> Self {
        self.origin.get_or_insert_with(|| origin.clone());
        self
    }

    /// Sets the place to `node`, or to the key in it that is meant.
    pub fn located(self, node: &Node) -> Self {
        // An internally tagged enum loses the place of an unknown key: find it again by name.
        let key = match &self.kind {
            Kind::UnknownKey { key, .. } => node.child(key).map(|entry| &entry.key_origin),
            Kind::UnknownName { name, .. } => node.child("kind").and_then(|entry| {
                matches!(&entry.node.value, super::document::Value::String(kind) if kind == name)
                    .then_some(&entry.node.origin)
            }),
            _ => None,
        };
        let origin = key.unwrap_or(&node.origin).clone();
        self.at(&origin)
    }

    /// Puts a key before the path.
    pub fn under(mut self, key: String) -> Self {
        self.path.insert(0, key);
        self
    }

    fn joined(&self) -> String {
        let mut joined = String::new();
        for key in &self.path {
            if !joined.is_empty() && !key.starts_with('[') {
                joined.push('.');
            }
            joined.push_str(key);
        }
        joined
    }

    fn child(&self, key: &str) -> String {
        let table = self.joined();
        if table.is_empty() {
            key.to_owned()
        } else {
            format!("{table}.{key}")
        }
    }

    /// What a person sees; `whole` is the place to name if no better one is known.
    pub fn into_problem(self, whole: &Origin) -> Problem {
        let origin = self.origin.clone().unwrap_or_else(|| whole.clone());
        let path = self.joined();
        match &self.kind {
            Kind::UnknownKey { key, valid } => {
                let table = if path.is_empty() {
                    "at the top level".to_owned()
                } else {
                    format!("in [{path}]")
                };
                let help = match nearest(key, valid.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`? Valid here: {}", list(valid)),
                    None => match keys::elsewhere(key) {
                        Some(elsewhere) => {
                            format!(
                                "`{key}` belongs to `{elsewhere}`; valid here: {}",
                                list(valid)
                            )
                        }
                        None => format!("valid here: {}", list(valid)),
                    },
                };
                Problem::new(
                    format!("unknown key `{}`", self.child(key)),
                    format!("there is no `{key}` {table}"),
                    origin,
                )
                .with_help(help)
            }
            Kind::UnknownName { name, valid } => {
                let help = match nearest(name, valid.iter().copied()) {
                    Some(name) => format!("did you mean \"{name}\"? Valid: {}", list(valid)),
                    None => format!("valid: {}", list(valid)),
                };
                Problem::new(
                    format!("impossible value for `{path}`"),
                    format!("\"{name}\" is not known"),
                    origin,
                )
                .with_help(help)
            }
            Kind::MissingKey { key } => {
                let whole = self.child(key);
                let help = match keys::meaning(&whole) {
                    Some(meaning) => format!("`{whole}`: {meaning}"),
                    None => format!("add `{whole}`"),
                };
                Problem::new(
                    format!("missing key `{whole}`"),
                    format!("`{key}` is missing"),
                    origin,
                )
                .with_help(help)
            }
            Kind::WrongType { found, expected } => {
                let problem = Problem::new(
                    format!("impossible value for `{path}`"),
                    format!("found {found}, expected {expected}"),
                    origin,
                );
                with_meaning(problem, &path)
            }
            Kind::Other { message } => {
                let headline = if path.is_empty() {
                    "the config cannot be read".to_owned()
                } else {
                    format!("impossible value for `{path}`")
                };
                with_meaning(Problem::new(headline, message, origin), &path)
            }
        }
    }
}

fn with_meaning(problem: Problem, path: &str) -> Problem {
    match keys::meaning(path) {
        Some(meaning) => problem.with_help(format!("`{path}`: {meaning}")),
        None => match &keys::within(path)[..] {
            [] => problem,
            names => problem.with_help(format!(
                "[{path}] is a table: give it keys, such as `{path}.{}`; valid here: {}",
                names[0],
                list(names)
            )),
        },
    }
}

fn list(names: &[&str]) -> String {
    names.join(", ")
}

/// serde's words for types, in a person's.
fn plain(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") || other.contains("tagged enum") => {
            "a table".to_owned()
        }
        other if other.starts_with("variant ") || other.contains("enum ") => "a name".to_owned(),
        _ => expected,
    }
}

fn found(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(flag) => format!("`{flag}`"),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number:?}"),
        Unexpected::Str(text) => format!("the string \"{text}\""),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::UnknownKey { key, .. } => write!(f, "unknown key `{}`", self.child(key)),
            Kind::UnknownName { name, .. } => write!(f, "\"{name}\" is not known"),
            Kind::MissingKey { key } => write!(f, "missing key `{}`", self.child(key)),
            Kind::WrongType { found, expected } => {
                write!(f, "found {found}, expected {expected}")
            }
            Kind::Other { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Other {
            message: message.to_string(),
        })
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::WrongType {
            found: found(&unexpected),
            expected: plain(expected),
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownName {
            name: variant.to_owned(),
            valid: expected,
        })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey {
            key: field.to_owned(),
            valid: expected,
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::MissingKey { key: field })
    }
}
